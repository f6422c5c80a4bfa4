// SPDX-License-Identifier: GPL-3.0-or-later
// Sensitivity, bits under a budget, range convergence, exchange with other tools: through the command line.
#include "core/runtime/file.h"
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }

class Insight : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        folder = scratch("insight");
        const auto ended = run_cli({"quantize", sample().string(), "--text", text(), "--samples", "10", "--length", "24", "--seed", "1", "--method", "rtn", "--weights", "8", "--activations", "8", "--name", "rtn", "-w", w()});
        ASSERT_EQ(ended.code, 0) << ended.err;
    }
    static std::string text() { return (sample() / "texts" / "calibration.txt").string(); }
    static std::string w() { return (folder / "w.bitwright").string(); }
    static Arguments tokens() { return {"--text", text(), "--samples", "2", "--length", "24", "--seed", "5", "-w", w(), "--json"}; }
    static Arguments with(Arguments first, const Arguments& more)
    {
        first.insert(first.end(), more.begin(), more.end());
        return first;
    }
    static nlohmann::json json(const Arguments& arguments)
    {
        const auto ended = run_cli(arguments);
        EXPECT_EQ(ended.code, 0) << ended.err;
        return ended.json();
    }
    static inline fs::path folder;
};

TEST_F(Insight, SensitivityGoesOnAfterAKillAndFindsTheSame)
{
    const auto arguments = with({"sensitivity", "rtn", "--by", "kind"}, tokens());
    {
        Running running(arguments);
        for (int i = 0; i < 1500 && !running.over(); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            const auto jobs = run_cli({"jobs", "list", "-w", w(), "--json"}).json();
            if (jobs.is_object() && jobs["jobs"][0]["stage"] == "sensitivity") break;  // some groups are done
        }
        running.signal(SIGKILL);
        (void)running.wait();
    }
    const auto resumed = json(arguments);
    const auto groups = resumed["groups"];
    EXPECT_LT(resumed["computed"].get<std::size_t>(), 2 * groups.size() + 1) << "what the killed run found is not computed again";
    EXPECT_GT(resumed["whole_kl"].get<double>(), 0);
    std::set<std::string> names;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        names.insert(groups[i]["group"]);
        if (i > 0) { EXPECT_LE(groups[i]["alone_kl"].get<double>(), groups[i - 1]["alone_kl"].get<double>()) << "the largest first"; }
        EXPECT_NEAR(groups[i]["relief_kl"].get<double>(), resumed["whole_kl"].get<double>() - groups[i]["without_kl"].get<double>(), 1e-12);
    }
    EXPECT_EQ(names.size(), groups.size());
    EXPECT_TRUE(names.contains("layers.*.mlp.down_proj.input"));
    const auto again = json(arguments);
    EXPECT_EQ(again["computed"], 0);
    EXPECT_EQ(again["groups"], groups) << "to the bit";
}

TEST_F(Insight, AnEditComputesOnlyWhatItChanges)
{
    const auto arguments = [&](const std::string& recipe) { return with({"sensitivity", recipe, "--by", "layer"}, tokens()); };
    const auto before = json(arguments("rtn"));
    const auto edited = json({"recipe", "set", "rtn", "--site", "layers.0.mlp.down_proj.weight", "bits=4", "granularity=row", "--name", "edited", "-w", w(), "--json"});
    const auto after = json(arguments(edited["recipe"]));
    const auto of = [](const nlohmann::json& found, const std::string& name) {
        for (const auto& group : found["groups"])
            if (group["group"] == name) return group["alone_kl"].get<double>();
        return -1.0;
    };
    EXPECT_GT(of(after, "layers.0"), of(before, "layers.0"));
    EXPECT_EQ(of(after, "layers.1"), of(before, "layers.1"));
    // the whole, layer 0 alone, and all but each other layer: the others alone, and all but layer 0, are known
    EXPECT_EQ(after["computed"].get<std::size_t>(), 1 + 1 + after["groups"].size() - 1);
}

TEST_F(Insight, ThePrescreenNeedsNoText)
{
    const auto found = json({"sensitivity", "rtn", "--by", "linear", "--prescreen", "-w", w(), "--json"})["groups"];
    ASSERT_FALSE(found.empty());
    double last = 1e300;
    for (const auto& group : found) {
        if (group["kurtosis"].is_null()) continue;
        EXPECT_LE(group["kurtosis"].get<double>(), last);
        last = group["kurtosis"].get<double>();
    }
    const auto top = json(with({"sensitivity", "rtn", "--by", "linear", "--top", "2"}, tokens()))["groups"];
    EXPECT_EQ(top.size(), found.size());
    EXPECT_EQ(std::ranges::count_if(top, [](const auto& group) { return group["alone_kl"].is_number(); }), 2);
}

TEST_F(Insight, AllocationStaysWithinItsBudgetAndKeepsEveryTrial)
{
    const auto arguments = with({"allocate", "rtn", "--like-uniform", "4", "--by", "kind", "--range", "minmax", "--tries", "10", "--name", "allocated"}, tokens());
    const auto found = json(arguments);
    const auto budget = found["budget_bytes"].get<std::int64_t>();
    const nlohmann::json *uniform = nullptr, *chosen = nullptr;
    for (const auto& trial : found["trials"]) {
        if (trial["words"] == "uniform W4") uniform = &trial;
        if (trial["chosen"] == true) chosen = &trial;
        EXPECT_EQ(json({"recipe", "show", trial["recipe"], "-w", w(), "--json"})["recipe"], trial["recipe"]) << "every one is kept";
        for (const auto& other : found["trials"]) {
            const bool better = other["bytes"] <= trial["bytes"] && other["kl_token"] < trial["kl_token"];
            EXPECT_FALSE(trial["front"] == true && better) << trial["words"] << " is on the front but " << other["words"] << " beats it";
        }
    }
    ASSERT_TRUE(uniform && chosen);
    EXPECT_EQ((*uniform)["bytes"], budget);
    EXPECT_LE((*chosen)["bytes"].get<std::int64_t>(), budget);
    EXPECT_LE((*chosen)["kl_token"].get<double>(), (*uniform)["kl_token"].get<double>()) << "uniform is one of those tried";
    EXPECT_EQ(json({"recipe", "show", "allocated", "-w", w(), "--json"})["recipe"], (*chosen)["recipe"]);
    EXPECT_EQ(json(arguments)["computed"], 0);
    const auto impossible = run_cli(with({"allocate", "rtn", "--bytes", "1000"}, tokens()));
    EXPECT_EQ(impossible.code, 3);
    EXPECT_NE(impossible.err.find("the smallest has"), std::string::npos) << impossible.err;
    EXPECT_EQ(run_cli(with({"allocate", "rtn"}, tokens())).code, 2) << "without a budget";
}

TEST_F(Insight, ConvergenceEndsWhereTheCalibrationEnded)
{
    const auto found = json({"convergence", "calibration:1", "-w", w(), "--json"});
    const auto statistics = json({"statistics", "calibration:1", "-w", w(), "--json"})["sites"];
    ASSERT_EQ(found["sites"].size(), statistics.size());
    EXPECT_EQ(found["enough"].get<std::size_t>() + found["not_yet"].get<std::size_t>(), statistics.size());
    double last = 1e300;
    for (const auto& site : found["sites"]) {
        const auto seen = std::ranges::find_if(statistics, [&](const auto& one) { return one["site"] == site["site"]; });
        ASSERT_NE(seen, statistics.end());
        EXPECT_FLOAT_EQ(site["min"].get<float>(), (*seen)["min"].get<float>()) << site["site"];
        EXPECT_FLOAT_EQ(site["max"].get<float>(), (*seen)["max"].get<float>()) << site["site"];
        EXPECT_LE(site["growth"].get<double>(), last);
        last = site["growth"].get<double>();
        EXPECT_EQ(site["verdict"] == "enough", last <= 0.02) << "of ten windows";
        for (std::size_t i = 1; i < site["curve"].size(); ++i) EXPECT_GE(site["curve"][i]["max"].get<double>(), site["curve"][i - 1]["max"].get<double>() - 1e-9);
    }
}

TEST_F(Insight, EncodingsAndRangesGoOutAndComeBack)
{
    const auto file = [&](const char* name) { return (folder / name).string(); };
    for (const char* format : {"aimet", "aimet-1.0"}) {
        const auto out = json({"export", "--recipe", "rtn", "--format", format, "--out", file("rtn.encodings"), "-w", w(), "--json"});
        EXPECT_GT(out["parameters"].get<int>(), 10);
        const auto in = json({"import", file("rtn.encodings"), "--format", "aimet", "--model", sample().string(), "--name", std::string("back-") + format, "-w", w(), "--json"});
        EXPECT_EQ(in["sites"].get<int>(), out["parameters"].get<int>() + out["activations"].get<int>());
        EXPECT_TRUE(in["unknown"].empty());
        const Arguments on{"--level", "simulated", "--text", (sample() / "texts" / "evaluation.txt").string(), "--length", "24", "--windows", "2", "-w", w(), "--json"};
        EXPECT_EQ(json(with({"evaluate", sample().string(), "--recipe", std::string("back-") + format}, on))["nll_sum"], json(with({"evaluate", sample().string(), "--recipe", "rtn"}, on))["nll_sum"])
            << "the same grids compute the same, to the bit";
    }
    write_text(folder / "theirs.json", R"({"layers.0.mlp.down_proj.input": {"min": -7.5, "max": 7.25}})");
    const auto in = json({"import", file("theirs.json"), "--format", "ranges", "--recipe", "rtn", "--model", sample().string(), "--name", "theirs", "-w", w(), "--json"});
    EXPECT_EQ(in["ranges"], 1);
    const auto shown = run_cli({"recipe", "show", "theirs", "-w", w()}).out;
    EXPECT_NE(shown.find("theirs.json"), std::string::npos) << "the range says where it came from";
    const auto bad = run_cli({"import", file("theirs.json"), "--format", "aimet", "--model", sample().string(), "-w", w()});
    EXPECT_EQ(bad.code, 3);
    EXPECT_NE(bad.err.find("theirs.json"), std::string::npos) << bad.err;
}

TEST_F(Insight, CheckNamesWhatAnNpuDoesNotTakeAndMendsIt)
{
    const auto four = json({"recipe", "set", "rtn", "--site", "layers.*.mlp.down_proj.weight", "bits=4", "granularity=row", "symmetric=false", "--name", "four", "-w", w(), "--json"});
    const auto count = [](const nlohmann::json& found) { return std::ranges::count_if(found["lints"], [](const auto& lint) { return lint["rule"] == "not on NPU"; }); };
    EXPECT_EQ(count(json({"recipe", "check", "four", "-w", w(), "--json"})), 0);
    const auto found = json({"recipe", "check", "four", "--npu", "qnn-htp-v73", "--fix", "--name", "mended", "-w", w(), "--json"});
    EXPECT_GT(count(found), 0);
    EXPECT_LT(count(json({"recipe", "check", "mended", "--npu", "qnn-htp-v73", "-w", w(), "--json"})), count(found));
    EXPECT_EQ(run_cli({"recipe", "check", "four", "--npu", "abacus", "-w", w()}).code, 3);
}

}  // namespace
}  // namespace bitwright::test
