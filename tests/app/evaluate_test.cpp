// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks and the distance to the float model: against golden/evaluation row by row, over an interruption, at all three levels.
#include "core/runtime/file.h"
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }
fs::path tiny_stories() { return shared() / "data" / "models" / "TinyStories-656K"; }
std::string evaluation_text() { return (sample() / "texts" / "evaluation.txt").string(); }

nlohmann::json golden()
{
    std::ifstream file(shared() / "golden" / "evaluation" / "TinyStories-656K.json");
    return nlohmann::json::parse(file);
}

void expect_row(const nlohmann::json& row, const nlohmann::json& expected, const std::string& task, std::size_t i, double& worst)
{
    const bool pair = expected.is_array();  // [good, bad, correct]
    const auto& scores = pair ? expected : expected["logprob"];
    for (std::size_t c = 0; c < row["logprob"].size(); ++c) {
        const double difference = std::abs(row["logprob"][c].get<double>() - scores[c].get<double>());
        worst = std::max(worst, difference);
        EXPECT_LE(difference, 1e-3) << task << " " << i;
    }
    if (pair) {
        EXPECT_EQ(row["predicted"] == 0, expected[2] == 1) << task << " " << i;
        return;
    }
    EXPECT_EQ(row["label"], expected["label"]) << task << " " << i;
    EXPECT_EQ(row["predicted"], expected["predicted"]) << task << " " << i;
    if (expected["gap_norm"].get<double>() > 1e-4) { EXPECT_EQ(row["predicted_norm"], expected["predicted_norm"]) << task << " " << i; }
}

/// All thirteen tasks, their first `rows` rows.
void expect_golden_tasks(std::size_t rows)
{
    const auto expected = golden();
    const auto w = (scratch("golden-tasks") / "w.bitwright").string(), data = (shared() / "data" / "tasks").string();
    const auto ended = run_cli({"evaluate", tiny_stories().string(), "--level", "float", "--tasks", data + "," + data + "/blimp", "--rows", std::to_string(rows), "-w", w, "--json", "--per-row"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto tasks = ended.json()["tasks"];
    ASSERT_EQ(tasks.size(), expected["multiple_choice"].size() + expected["blimp"].size());
    for (const auto& task : tasks) {
        const auto name = task["task"].get<std::string>();
        const auto& reference = expected["multiple_choice"].contains(name) ? expected["multiple_choice"][name] : expected["blimp"][name];
        ASSERT_EQ(task["per_row"].size(), rows) << name;
        double worst = 0;
        for (std::size_t i = 0; i < rows; ++i) expect_row(task["per_row"][i], reference["per_row"][i], name, i, worst);
        std::printf("%s: %zu rows, acc %.4f, largest difference of a log-probability %.1e\n", name.c_str(), rows, task["acc"].get<double>(), worst);
        EXPECT_LE(task["acc_interval"][0].get<double>(), task["acc"].get<double>());
        EXPECT_GE(task["acc_interval"][1].get<double>(), task["acc"].get<double>());
        if (rows < 200) continue;
        EXPECT_DOUBLE_EQ(task["acc"].get<double>(), reference["acc"].get<double>()) << name;
        if (reference.contains("acc_norm")) { EXPECT_DOUBLE_EQ(task["acc_norm"].get<double>(), reference["acc_norm"].get<double>()) << name; }
    }
    const auto listed = run_cli({"runs", "list", "--evaluations", "-w", w, "--json"}).json()["tasks"];
    EXPECT_EQ(listed.size(), tasks.size());
}

TEST(Tasks, EqualTheReferenceRowByRow)
{
    BITWRIGHT_NEEDS_SHARED();
    expect_golden_tasks(20);
}

TEST(SlowTasks, AllRowsEqualTheReference)
{
    BITWRIGHT_NEEDS_SHARED();
    expect_golden_tasks(200);
}

/// A small task over the sample's own words.
fs::path small_task(const fs::path& folder, int rows)
{
    std::ofstream file(folder / "small.jsonl");
    for (int i = 0; i < rows; ++i)
        file << nlohmann::json{{"question", "What did the girl see, number " + std::to_string(i) + "?"}, {"choices", {"a big dog", "the sun and the moon", "nothing"}}, {"label", i % 3}}.dump() << "\n";
    return folder / "small.jsonl";
}

TEST(Tasks, AKilledOneGoesOnAndTheAnswersAreTheSame)
{
    const auto folder = scratch("killed-task");
    const auto task = small_task(folder, 120).string();
    const auto arguments = [&](const char* name) { return Arguments{"evaluate", sample().string(), "--level", "float", "--tasks", task, "-w", (folder / name).string(), "--json", "--per-row"}; };
    {
        Running running(arguments("killed.bitwright"));
        for (int i = 0; i < 600 && !running.over(); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            const auto jobs = fs::exists(folder / "killed.bitwright") ? run_cli({"jobs", "list", "-w", (folder / "killed.bitwright").string(), "--json"}).json() : nlohmann::json();
            if (jobs.is_object() && !jobs["jobs"].empty() && jobs["jobs"][0]["done"].is_number()) break;
        }
        running.signal(SIGKILL);
        (void)running.wait();
    }
    const auto resumed = run_cli(arguments("killed.bitwright")), whole = run_cli(arguments("whole.bitwright"));
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_EQ(resumed.json()["tasks"][0]["per_row"], whole.json()["tasks"][0]["per_row"]) << "the same bits";
    const auto again = run_cli(arguments("whole.bitwright")).json();
    EXPECT_EQ(again["tasks"][0]["score"], whole.json()["tasks"][0]["score"]) << "what is known is not scored again";
}

TEST(Tasks, AFaultNamesFileLineAndField)
{
    const auto folder = scratch("bad-task");
    const auto fails = [&](const std::string& content, const std::string& words) {
        std::ofstream(folder / "bad.jsonl") << content;
        const auto ended = run_cli({"evaluate", sample().string(), "--level", "float", "--tasks", (folder / "bad.jsonl").string(), "-w", (folder / "w.bitwright").string()});
        EXPECT_EQ(ended.code, 3) << content;
        EXPECT_NE(ended.err.find(words), std::string::npos) << ended.err;
    };
    const std::string good = R"({"question": "q", "choices": ["a", "b"], "label": 0})"
                             "\n";
    fails("", "holds no rows");
    fails(good + "{", "line 2");
    fails(good + "[]", "line 2: is no JSON object");
    fails(good + R"({"choices": ["a", "b"], "label": 0})", "line 2: question");
    fails(good + R"({"question": "q", "choices": ["a"], "label": 0})", "line 2: choices");
    fails(good + R"({"question": "q", "choices": ["a", 7], "label": 0})", "line 2: choices");
    fails(good + R"({"question": "q", "choices": ["a", "b"], "label": 2})", "line 2: label: is no number of a choice; write 0 to 1");
    fails(good + R"({"sentence_good": "a b", "sentence_bad": "b a"})", "line 2: is a pair in a file of choices");
    fails("\xff\n", "not UTF-8");
    EXPECT_EQ(run_cli({"evaluate", sample().string(), "--level", "float", "-w", (folder / "w.bitwright").string()}).code, 2);
    EXPECT_EQ(run_cli({"evaluate", sample().string(), "--level", "float", "--tasks", (folder / "absent.jsonl").string(), "-w", (folder / "w.bitwright").string()}).code, 3);
    EXPECT_EQ(run_cli({"evaluate", sample().string(), "--level", "float", "--text", evaluation_text(), "--length", "32", "--metrics", "kl", "-w", (folder / "w.bitwright").string()}).code, 2)
        << "the float model against itself";
}

class Levels : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        folder = scratch("levels");
        const auto made = [&](const char* bits, const char* name) {
            const auto ended = run_cli({"quantize", sample().string(), "--text", (sample() / "texts" / "calibration.txt").string(), "--samples", "4", "--length", "64", "--seed", "1", "--method", "rtn",
                                        "--weights", bits, "--activations", "8", "--name", name, "-w", w()});
            ASSERT_EQ(ended.code, 0) << ended.err;
        };
        made("8", "w8");
        made("4", "w4");
    }
    static std::string w() { return (folder / "w.bitwright").string(); }
    static nlohmann::json evaluated(const std::string& recipe, const std::string& level, const Arguments& more = {})
    {
        Arguments arguments{"evaluate", sample().string(), "--level", level, "--text", evaluation_text(), "--length", "48", "--windows", "8", "-w", w(), "--json"};
        if (!recipe.empty()) arguments.insert(arguments.end(), {"--recipe", recipe, "--metrics", "kl,top1,divergence"});
        arguments.insert(arguments.end(), more.begin(), more.end());
        const auto ended = run_cli(arguments);
        EXPECT_EQ(ended.code, 0) << ended.err;
        return ended.json();
    }
    static inline fs::path folder;
};

TEST_F(Levels, KlAndAgreementOrderRecipesAndNeverMoveThePerplexity)
{
    const auto w8 = evaluated("w8", "simulated"), w4 = evaluated("w4", "simulated"), integer = evaluated("w8", "integer");
    EXPECT_GT(w8["kl_token"].get<double>(), 0);
    EXPECT_LT(w8["kl_token"].get<double>(), w4["kl_token"].get<double>() / 4);
    EXPECT_GT(w8["top1_agreement"].get<double>(), w4["top1_agreement"].get<double>());
    EXPECT_LT(w8["kl_interval"][0].get<double>(), w8["kl_token"].get<double>());
    EXPECT_EQ(w4["first_divergence"].size(), 8U);
    EXPECT_GT(w4["windows_diverged"], 0);
    for (const auto& token : w4["first_divergence"])
        EXPECT_TRUE(token.is_null() || (token >= 1 && token < 48));
    EXPECT_GT(integer["kl_token"].get<double>(), 0);
    EXPECT_LT(integer["kl_token"].get<double>(), w4["kl_token"].get<double>());
    const auto plain = run_cli({"evaluate", sample().string(), "--level", "simulated", "--recipe", "w8", "--text", evaluation_text(), "--length", "48", "--windows", "8", "-w", w(), "--json"}).json();
    EXPECT_EQ(plain["window_nll"], w8["window_nll"]) << "to the bit";
    EXPECT_FALSE(plain.contains("kl_token")) << "only what was asked for";
}

TEST_F(Levels, TextsStandSideBySide)
{
    const auto generated = [&](const std::string& recipe) {
        const auto ended = run_cli({"generate", sample().string(), "--prompt", "Once upon a time", "--tokens", "12", "--ignore-eos", "--recipe", recipe, "-w", w(), "--json"});
        EXPECT_EQ(ended.code, 0) << ended.err;
        return ended.json();
    };
    const auto w4 = generated("w4");
    EXPECT_EQ(w4["float"]["ids"], run_cli({"generate", sample().string(), "--prompt", "Once upon a time", "--tokens", "12", "--ignore-eos", "--json"}).json()["ids"]);
    const auto& a = w4["float"]["ids"];
    const auto& b = w4["recipe"]["ids"];
    std::size_t same = 0;
    while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
    EXPECT_EQ(w4["first_difference"].is_null() ? a.size() : w4["first_difference"].get<std::size_t>(), same);
    EXPECT_EQ(run_cli({"generate", sample().string(), "--prompt", "x", "--tokens", "2", "--recipe", "w4"}).code, 2) << "which workspace";
    EXPECT_GT(w4["recipe"]["prompt_tokens_per_s"], 0);
    EXPECT_GT(w4["recipe"]["generated_tokens_per_s"], 0);
}

TEST_F(Levels, TextsAreDrawnFromASeed)
{
    const auto drawn = [&](const char* seed) {
        const auto ended = run_cli({"generate", sample().string(), "--prompt", "Once upon a time", "--tokens", "12", "--ignore-eos", "--temperature", "1", "--top-k", "50", "--top-p", "0.95", "--seed", seed, "--recipe", "w8", "-w", w(), "--json"});
        EXPECT_EQ(ended.code, 0) << ended.err;
        return ended.json();
    };
    const auto once = drawn("3");
    EXPECT_EQ(once["float"]["ids"], drawn("3")["float"]["ids"]);
    EXPECT_NE(once["float"]["ids"], drawn("4")["float"]["ids"]);
    const auto refused = run_cli({"generate", sample().string(), "--prompt", "x", "--tokens", "2", "--top-p", "0"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("top-p"), std::string::npos) << refused.err;
}

TEST_F(Levels, SpeedIsPredictedFromWhatBenchPrints)
{
    const auto rates = folder / "rates.json";
    const auto predicted = [&](const char* recipe) { return run_cli({"predict", sample().string(), "--recipe", recipe, "--rates", rates.string(), "-w", w(), "--json"}); };
    write_text(rates, R"({"isa": "x", "gemm_w8a8_gop_s": 400, "gemm_w4a8_of_w8a8": 0.9, "gemm_w4a8_g32_of_w8a8": 0.8, "sweep_gb_s_w8": 30})");
    const auto w8 = predicted("w8"), w4 = predicted("w4");
    ASSERT_EQ(w8.code, 0) << w8.err;
    EXPECT_GT(w4.json()["decode_tokens_per_s"], w8.json()["decode_tokens_per_s"]) << "half the bytes";
    EXPECT_EQ(w8.json()["layers"].size(), 5U);
    EXPECT_EQ(w8.json()["layers"][4]["layer"], "lm_head");
    write_text(rates, R"({"isa": "x", "gemm_w8a8_gop_s": 400})");
    EXPECT_EQ(predicted("w8").code, 3);
}

TEST_F(Levels, ComparisonsSetRecipesAgainstEachOtherRowByRow)
{
    const auto task = small_task(folder, 24).string();
    (void)evaluated("", "float", {"--tasks", task});
    for (const char* recipe : {"w8", "w4"})
        for (const char* level : {"simulated", "integer"}) (void)evaluated(recipe, level, {"--tasks", task});
    const auto compared = run_cli({"compare", "--baseline", "w8", "--report", (folder / "report.html").string(), "-w", w(), "--json"});
    ASSERT_EQ(compared.code, 0) << compared.err;
    int differences = 0;
    const auto rows = compared.json()["rows"];
    for (const auto& row : rows) {
        ASSERT_EQ(row["tasks"].size(), 1U) << row["name"];
        const auto& score = row["tasks"][0];
        EXPECT_EQ(score["rows"], 24);
        if (row["name"] == "w8") continue;
        if (row["name"] == "float") continue;  // set against w8 as well, at the simulated level
        EXPECT_TRUE(score["delta_acc_interval"].is_array());
        EXPECT_LE(score["delta_acc_interval"][0], score["delta_acc"]);
        EXPECT_TRUE(row["delta_kl_interval"].is_array()) << row["level"];
        EXPECT_GT(row["delta_kl_interval"][0].get<double>(), 0) << "W4 is further from float than W8, and 8 windows show it";
        ++differences;
    }
    EXPECT_EQ(differences, 2) << "W4 at two levels";
    std::ifstream file(folder / "report.html");
    const std::string html(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(html.find("accuracy, 24 rows"), std::string::npos);
    EXPECT_NE(html.find("KL to float"), std::string::npos);
    EXPECT_NE(html.find("no detectable difference"), std::string::npos) << "24 rows tell no two of these apart";
}

}  // namespace
}  // namespace bitwright::test
