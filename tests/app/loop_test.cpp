// SPDX-License-Identifier: GPL-3.0-or-later
// The whole loop as a user runs it, and what a killed one loses.
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }

Arguments loop_arguments(const fs::path& folder, const Arguments& more)
{
    Arguments arguments{"loop",
                        sample().string(),
                        "--text",
                        (sample() / "texts" / "calibration.txt").string(),
                        "--samples",
                        "2",
                        "--length",
                        "48",
                        "--seed",
                        "1",
                        "--eval",
                        (sample() / "texts" / "evaluation.txt").string(),
                        "--eval-windows",
                        "2",
                        "--threads",
                        "2",
                        "-w",
                        (folder / "w.bitwright").string(),
                        "--report",
                        (folder / "report.html").string(),
                        "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// Perplexities by row; what must be equal whether or not the loop was interrupted.
nlohmann::json perplexities(const Ended& ended)
{
    nlohmann::json values;
    for (const auto& row : ended.json()["rows"]) values[row["name"].get<std::string>() + " " + row["level"].get<std::string>()] = row["perplexity_token"];
    return values;
}

TEST(LoopCommand, WalksFromTheModelToTheReportAndTheParts)
{
    const auto folder = scratch("loop");
    const auto ended = run_cli(loop_arguments(folder, {"--method", "rtn", "--bits", "W8A8"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto object = ended.json();
    ASSERT_EQ(object["rows"].size(), 3U) << object.dump(1);
    EXPECT_EQ(object["rows"][0]["level"], "float");
    EXPECT_EQ(object["rows"][1]["level"], "simulated");
    EXPECT_EQ(object["rows"][2]["level"], "integer");
    EXPECT_EQ(object["rows"][1]["bits"], "W8A8");
    for (const auto& row : object["rows"]) EXPECT_GT(row["perplexity_token"], 1);
    EXPECT_GT(object["rows"][2]["decode_tokens_per_s"], 0);
    EXPECT_TRUE(object["rows"][1]["decode_tokens_per_s"].is_null()) << "not measured is null, not 0";
    std::ifstream report(folder / "report.html");
    const std::string html(std::istreambuf_iterator<char>(report), {});
    EXPECT_NE(html.find("<svg"), std::string::npos);
    EXPECT_EQ(html.find("http://"), html.find("http://www.w3.org")) << "asks the network for nothing";

    // the parts, on what the loop left
    const auto w = (folder / "w.bitwright").string();
    const auto shown = run_cli({"recipe", "show", "rtn-w8a8", "-w", w, "--json"}).json();
    EXPECT_EQ(shown["recipe"], "recipe:1");
    EXPECT_EQ(shown["method"], "rtn");
    const auto edited = run_cli({"recipe", "set", "rtn-w8a8", "--site", "layers.0.mlp.down_proj.input", "min=-1", "max=1", "-w", w, "--json"});
    ASSERT_EQ(edited.code, 0) << edited.err;
    EXPECT_EQ(edited.json()["parent"], "recipe:1");
    EXPECT_EQ(edited.json()["revision"], 2);
    EXPECT_FALSE(run_cli({"recipe", "diff", "recipe:1", "recipe:2", "-w", w, "--json"}).json()["differences"].empty());
    EXPECT_EQ(run_cli({"recipe", "log", "-w", w, "--json"}).json()["recipes"].size(), 2U);
    EXPECT_EQ(run_cli({"recipe", "set", "recipe:1", "--site", "nothing.*", "bits=4", "-w", w}).code, 3);

    // which recipe is open, as the desk has it
    const auto walked = [&](Arguments arguments) {
        arguments.insert(arguments.begin(), "recipe");
        arguments.insert(arguments.end(), {"-w", w, "--json"});
        return run_cli(arguments);
    };
    EXPECT_EQ(walked({"open", "recipe:1"}).json()["undo"], 1) << "the newest was open";
    EXPECT_EQ(walked({"open", "recipe:2"}).json()["undo"], 2);
    EXPECT_EQ(walked({"undo"}).json()["recipe"], "recipe:1");
    EXPECT_EQ(walked({"redo"}).json()["recipe"], "recipe:2");
    const auto end = walked({"redo"});
    EXPECT_EQ(end.code, 3);
    EXPECT_NE(end.err.find("nothing to redo"), std::string::npos) << end.err;
    EXPECT_EQ(walked({"undo"}).json()["redo"], 1);
    EXPECT_EQ(walked({"open", "recipe:1"}).json()["redo"], 1) << "it is open already";

    const auto package = (folder / "p.safetensors").string();
    const auto exported = run_cli({"export", "--recipe", "recipe:1", "--format", "package", "--out", package, "-w", w, "--json"});
    ASSERT_EQ(exported.code, 0) << exported.err;
    const auto integer = run_cli({"evaluate", package, "--level", "integer", "--text", (sample() / "texts" / "evaluation.txt").string(), "--length", "48",
                                  "--windows", "2", "-w", w, "--json"});
    ASSERT_EQ(integer.code, 0) << integer.err;
    EXPECT_EQ(integer.json()["perplexity_token"], object["rows"][2]["perplexity_token"]);
    EXPECT_EQ(run_cli({"generate", package, "--prompt", "Once upon", "--tokens", "3", "--json"}).code, 0);
    const auto measured = run_cli({"measure", "--package", package, "--device", "local", "--prompt-tokens", "8", "--generate", "4", "--repeats", "2",
                                   "--threads", "1", "-w", w, "--json"});
    ASSERT_EQ(measured.code, 0) << measured.err;
    EXPECT_GT(measured.json()["prefill_tokens_per_s"], 0);
    EXPECT_EQ(measured.json()["samples"]["decode_tokens_per_s"].size(), 2U);
    EXPECT_EQ(run_cli({"runs", "tag", measured.json()["run"], "quick", "-w", w, "--json"}).json()["tags"], (std::vector<std::string>{"quick"}));

    const auto file = (folder / "r.safetensors").string();
    ASSERT_EQ(run_cli({"export", "--recipe", "recipe:1", "--format", "recipe", "--out", file, "-w", w}).code, 0);
    const auto other = (folder / "other.bitwright").string();
    const auto imported = run_cli({"import", file, "--format", "recipe", "--model", sample().string(), "-w", other, "--json"});
    ASSERT_EQ(imported.code, 0) << imported.err;
    EXPECT_EQ(imported.json()["hash"], shown["hash"]);
    EXPECT_EQ(run_cli({"evaluate", sample().string(), "--recipe", "rtn-w8a8", "--level", "float", "--ids", "x.safetensors:y", "-w", w}).code, 2);
}

TEST(LoopCommand, AKilledLoopGoesOnAndGivesTheSame)
{
    const auto more = Arguments{"--method", "rtn", "--method", "smoothquant-edge", "--bits", "W8A8"};
    const auto whole = scratch("loop-whole"), killed = scratch("loop-killed");
    const auto expected = run_cli(loop_arguments(whole, more));
    ASSERT_EQ(expected.code, 0) << expected.err;
    for (const int wait : {1500, 2500}) {
        Running running(loop_arguments(killed, more));
        std::this_thread::sleep_for(std::chrono::milliseconds(wait));
        running.signal(SIGKILL);
        (void)running.wait();
    }
    const auto ended = run_cli(loop_arguments(killed, more));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(perplexities(ended), perplexities(expected));
}

TEST(LoopCommand, AblationsAreOneTable)
{
    const auto folder = scratch("ablate");
    auto arguments = loop_arguments(folder, {"--bits", "W4A8", "--steps", "4"});
    arguments.front() = "ablate";
    std::erase_if(arguments, [&, last = std::string()](const std::string& argument) mutable {
        const bool threads = argument == "--threads" || last == "--threads";
        last = argument;
        return threads;
    });
    const auto ended = run_cli(arguments);
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto rows = ended.json()["rows"];
    ASSERT_EQ(rows.size(), 11U) << ended.json().dump(1);  // float, two starts, five end to end, three by blocks
    std::map<std::string, double> perplexity;
    for (const auto& row : rows) {
        EXPECT_EQ(row["level"], row["name"] == "float" ? "float" : "simulated");
        EXPECT_TRUE(perplexity.emplace(row["name"], row["perplexity_token"]).second) << row["name"];
    }
    std::set<double> different;
    for (const char* arm : {"start", "let", "lwc", "ranges", "let-lwc", "let-lwc-ranges", "blocks-let-lwc", "blocks-let-lwc-ranges", "omniquant-static"})
        EXPECT_TRUE(different.insert(perplexity.at(std::string(arm) + "-w4a8")).second) << arm;
}

// Ten kills at random moments of a loop with every method: each repetition goes on, and the end is what an uninterrupted loop gives, to the bit.
TEST(SlowLoop, TenKillsLoseNothing)
{
    const auto more = Arguments{"--steps", "40", "--bits", "W4A8"};
    const auto whole = scratch("slow-whole"), killed = scratch("slow-killed");
    const auto start = std::chrono::steady_clock::now();
    const auto expected = run_cli(loop_arguments(whole, more));
    ASSERT_EQ(expected.code, 0) << expected.err;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
    std::mt19937 random(7);
    for (int i = 0; i < 10; ++i) {
        Running running(loop_arguments(killed, more));
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % static_cast<unsigned>(milliseconds / 3)));
        running.signal(SIGKILL);
        (void)running.wait();
        const auto left = killed / "w.bitwright";
        if (!fs::exists(left)) continue;
        EXPECT_EQ(run_cli({"jobs", "list", "-w", left.string()}).code, 0) << "the workspace opens after every kill";
    }
    const auto ended = run_cli(loop_arguments(killed, more));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(perplexities(ended), perplexities(expected));
    for (const auto& job : run_cli({"jobs", "list", "-w", (killed / "w.bitwright").string(), "--json"}).json()["jobs"])
        EXPECT_EQ(job["state"], "done") << job.dump();
    for (const auto& entry : fs::directory_iterator((killed / "w.bitwright").string() + ".data"))
        EXPECT_TRUE(entry.path().filename().string().starts_with("package-")) << entry.path() << " was left behind";
}

}  // namespace
}  // namespace bitwright::test
