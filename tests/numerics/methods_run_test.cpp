// SPDX-License-Identifier: GPL-3.0-or-later
// Whole runs of methods through the public interface: options, resuming, stopping; SlowMethods: the perplexities of golden/mobilequant's table.
#include "core/numerics/method_list.h"
#include "core/numerics/numerics.h"

#include "core/runtime/safetensors.h"
#include "tests/numerics/authors_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

MethodRequest request_for(const std::string& method, int weight_bits, std::int64_t windows, bool outliers = false)
{
    MethodRequest request;
    request.model = test::tiny_stories(outliers);
    request.calibration = test::golden_windows("calib", windows);
    request.method = method;
    request.weight_bits = weight_bits;
    request.options["semantics"] = "authors";
    return request;
}

MethodRequest short_run(std::int64_t steps)
{
    MethodRequest request = request_for("mobilequant-paper", 8, 2);
    request.calibration = test::short_windows(2, 64);
    request.options["steps"] = std::to_string(steps);
    return request;
}

std::string message_of(const MethodRequest& request, ErrorKind kind)
{
    Control control;
    try {
        (void)load_numerics().run(request, control);
    } catch (const Error& e) {
        EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(kind)) << e.what();
        return e.what();
    }
    ADD_FAILURE() << "no error";
    return "";
}

void expect_same(const MethodOutcome& a, const MethodOutcome& b)
{
    EXPECT_EQ(recipe_hash(a.recipe), recipe_hash(b.recipe));
    ASSERT_EQ(a.log.size(), b.log.size());
    for (std::size_t i = 0; i < a.log.size(); ++i) {
        EXPECT_EQ(a.log[i].loss, b.log[i].loss) << i;
        EXPECT_EQ(a.log[i].gradient_norm, b.log[i].gradient_norm) << i;
    }
}

std::vector<std::string> files_in(const fs::path& folder)
{
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
}

TEST(MethodRuns, WrongRequestsAreUsageErrors)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(1);
    request.method = "magic";
    EXPECT_NE(message_of(request, ErrorKind::usage).find(method_names()), std::string::npos);
    request = short_run(1);
    request.options["lr_lett"] = "1";
    const std::string unknown = message_of(request, ErrorKind::usage);
    EXPECT_NE(unknown.find("lr_lett"), std::string::npos);
    EXPECT_NE(unknown.find("lr_let=0.001"), std::string::npos) << unknown;
    request = short_run(1);
    request.options["alpha"] = "much";
    EXPECT_NE(message_of(request, ErrorKind::usage).find("alpha=much"), std::string::npos);
    request = short_run(1);
    request.options["preset"] = "w8a8-llama";
    EXPECT_NE(message_of(request, ErrorKind::usage).find("w4a8-sym-gemma"), std::string::npos);
    EXPECT_THROW((void)load_numerics().forecast(request), Error);
}

TEST(MethodRuns, StatisticsSeenUnderOtherSemanticsAreNotUsed)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(0);
    request.method = "rtn";
    request.options.erase("steps");
    Control control;
    const std::string wanted = recipe_hash(load_numerics().run(request, control).recipe);
    for (const Semantics semantics : {Semantics::bitwright, Semantics::authors}) {
        CalibrateOptions options;
        options.semantics = semantics;
        const Statistics seen = load_numerics().calibrate(request.model, nullptr, request.calibration, options, control);
        request.statistics = &seen;
        EXPECT_EQ(recipe_hash(load_numerics().run(request, control).recipe), wanted);
    }
}

TEST(MethodRuns, ForecastCountsWeightsAndLayers)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(1);
    request.options["recompute"] = "off";
    const MethodForecast whole = load_numerics().forecast(request);
    EXPECT_TRUE(whole.fits);
    EXPECT_GT(whole.peak_bytes, 4ULL * 656'000);
    request.options["recompute"] = "on";
    EXPECT_LT(load_numerics().forecast(request).peak_bytes, whole.peak_bytes);
}

TEST(MethodRuns, EveryStepIsLoggedAndTheRecipeIsWhole)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(3);
    request.holdout = request.calibration;
    std::vector<double> reported;
    Control control([&](const Progress& p) {
        if (p.has_value) reported.push_back(p.value);
    });
    const MethodOutcome outcome = load_numerics().run(request, control);
    EXPECT_EQ(outcome.state, MethodState::done);
    ASSERT_EQ(outcome.log.size(), 3U);
    EXPECT_EQ(outcome.log[2].sample, 0);
    EXPECT_EQ(reported.size(), 3U);
    EXPECT_GT(outcome.seconds_per_step, 0);
    EXPECT_TRUE(outcome.holdout_loss_before && outcome.holdout_loss_after);
    EXPECT_NO_THROW(validate(outcome.recipe, request.model));
    EXPECT_EQ(outcome.recipe.sites.size(), request.model.sites->sites().size());
    for (const auto& [name, decision] : outcome.recipe.sites) EXPECT_TRUE(decision.range.min || decision.range.scale) << name;
    EXPECT_EQ(outcome.recipe.made_by.steps, 3);
}

TEST(MethodRuns, PausedAndResumedEqualsUninterrupted)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path folder = test::scratch("pause");
    MethodRequest request = short_run(6);
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);

    request.checkpoint_path = folder / "run.safetensors";
    Control* pausing = nullptr;
    Control control([&](const Progress& p) {
        if (p.has_value && p.done == 3) pausing->request_pause();
    });
    pausing = &control;
    const MethodOutcome paused = load_numerics().run(request, control);
    EXPECT_EQ(paused.state, MethodState::paused);
    EXPECT_EQ(paused.steps, 3);
    EXPECT_EQ(recipe_hash(load_recipe(request.checkpoint_path)), recipe_hash(paused.recipe));  // a checkpoint is a recipe

    request.resume_from = request.checkpoint_path;
    Control again;
    expect_same(load_numerics().run(request, again), whole);
    EXPECT_EQ(files_in(folder), std::vector<std::string>{"run.safetensors"});

    request.options["lr_let"] = "0.5";
    EXPECT_NE(message_of(request, ErrorKind::bad_input).find("another run"), std::string::npos);
}

TEST(MethodRuns, APauseWithinALaterLayerChangesNothing)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(10);
    request.method = "omniquant-edge";
    request.weight_bits = 4;  // whose rates fall
    request.options["learn"] = "let,lwc,ranges";
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);
    request.checkpoint_path = test::scratch("blocks") / "run.safetensors";
    Control pausing;
    request.watch.on_step = [&](const MethodProgress& progress) {
        if (progress.record.step == 6) pausing.request_pause();  // of layer 1
    };
    ASSERT_EQ(load_numerics().run(request, pausing).state, MethodState::paused);
    request.resume_from = request.checkpoint_path;
    request.watch = {};
    Control again;
    expect_same(load_numerics().run(request, again), whole);
    EXPECT_GT(whole.log[5].lr_let, whole.log[4].lr_let);  // a schedule per layer

    request.resume_from.clear();
    request.options["learn"] = "let,scales";
    EXPECT_NE(message_of(request, ErrorKind::usage).find("let, lwc and ranges"), std::string::npos);
}

TEST(MethodRuns, KilledAndResumedEqualsUninterrupted)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path folder = test::scratch("kill");
    MethodRequest request = short_run(7);
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);
    request.checkpoint_path = folder / "run.safetensors";
    request.checkpoint_every_steps = 2;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Control control([](const Progress& p) {
            if (p.has_value && p.done == 5) (void)::raise(SIGKILL);
        });
        (void)load_numerics().run(request, control);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    request.resume_from = request.checkpoint_path;
    std::int64_t first = 0;
    Control control([&](const Progress& p) {
        if (p.has_value && first == 0) first = p.done;
    });
    const MethodOutcome resumed = load_numerics().run(request, control);
    EXPECT_EQ(first, 5);  // steps 1 to 4 were kept
    expect_same(resumed, whole);
}

TEST(MethodRuns, CancelLeavesWhatWasThere)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path folder = test::scratch("cancel");
    MethodRequest request = short_run(50);
    request.checkpoint_path = folder / "run.safetensors";
    request.checkpoint_every_steps = 2;
    Control* stopping = nullptr;
    Control control([&](const Progress& p) {
        if (p.has_value && p.done == 5) stopping->request_cancel();
    });
    stopping = &control;
    EXPECT_THROW((void)load_numerics().run(request, control), Cancelled);
    EXPECT_EQ(files_in(folder), std::vector<std::string>{"run.safetensors"});
}

TEST(MethodRuns, LossThatIsNotFiniteNamesTheStep)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(3);
    Recipe start = test::authors_recipe(request.model, "ts_sqe", 8);
    start.sites.at("layers.1.mlp.down_proj.output").range = {numbers({0}), numbers({1}), numbers({3e38F}), numbers({70000}), "by hand"};
    request.from = start;
    const std::string message = message_of(request, ErrorKind::failed);
    EXPECT_NE(message.find("step 0"), std::string::npos) << message;
    EXPECT_NE(message.find("lr_let"), std::string::npos) << message;
}

TEST(MethodRuns, RecomputedLayersGiveTheSameRun)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(4);
    request.options["recompute"] = "off";
    Control control;
    const MethodOutcome whole = load_numerics().run(request, control);
    request.options["recompute"] = "on";
    const MethodOutcome again = load_numerics().run(request, control);
    for (std::size_t i = 0; i < whole.log.size(); ++i) EXPECT_EQ(whole.log[i].loss, again.log[i].loss);
    for (const auto& [name, decision] : whole.recipe.sites) {
        if (decision.range.scale) {
            EXPECT_EQ(*decision.range.scale, *again.recipe.sites.at(name).range.scale) << name;
        }
    }
}

// --- the table of mobilequant-measured §2 --------------------------------------------------------------------------------------------------------------

double perplexity(const Model& model, const Recipe* recipe)
{
    EvaluateOptions options;
    options.level = recipe ? Level::simulated : Level::floating;
    double nll = 0;
    std::int64_t tokens = 0;
    for (const WindowScore& score : load_numerics().evaluate(model, recipe, test::golden_windows("eval_tinystories", 64), options, Control())) {
        nll += score.nll_sum;
        tokens += score.tokens;
    }
    return std::exp(nll / static_cast<double>(tokens));
}

struct TableRow {
    bool outliers;
    const char* method;
    double w8a8, w4a8;
};

class SlowMethods : public ::testing::TestWithParam<TableRow> {};

TEST_P(SlowMethods, PerplexityWithinOnePercentOfTheAuthors)
{
    BITWRIGHT_NEEDS_SHARED();
    const TableRow& row = GetParam();
    for (const auto& [bits, authors] : {std::pair{8, row.w8a8}, {4, row.w4a8}}) {
        MethodRequest request = request_for(row.method, bits, 128, row.outliers);
        if (request.method == "mobilequant-paper") request.options["steps"] = "256";
        Control control;
        const MethodOutcome outcome = load_numerics().run(request, control);
        const double got = perplexity(request.model, &outcome.recipe);
        std::printf("%s %s W%dA8: %.2f (authors %.2f), %.3f CPU s per step, %.1f CPU s\n", row.outliers ? "tso" : "ts", row.method, bits, got, authors,
                    outcome.seconds_per_step, outcome.cpu_seconds);
        EXPECT_NEAR(got, authors, 0.01 * authors) << row.method << " " << bits;
        if (outcome.log.size() < 200 || row.outliers) continue;
        // epoch means of the loss: single steps differ between correct implementations
        std::ifstream in(test::mobilequant_golden() / ("e2e_ts_w" + std::to_string(bits) + "a8_first200.csv"));
        std::string line;
        std::getline(in, line);
        double ours = 0, theirs = 0;
        for (std::size_t step = 0; step < 200; ++step) {
            std::getline(in, line);
            const auto last = line.rfind(','), before = line.rfind(',', last - 1);
            theirs += std::stod(line.substr(before + 1));
            ours += outcome.log[step].loss;
            if (step == 127 || step == 199) {
                EXPECT_NEAR(ours, theirs, 0.02 * theirs) << "steps up to " << step;
                ours = theirs = 0;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Table, SlowMethods,
                         ::testing::Values(TableRow{false, "rtn", 42.68, 47.29}, TableRow{false, "smoothquant-static", 42.67, 46.23},
                                           TableRow{false, "smoothquant-edge", 42.58, 45.84}, TableRow{false, "mobilequant-paper", 42.26, 45.65},
                                           TableRow{true, "rtn", 2320.94, 2341.94}, TableRow{true, "smoothquant-static", 329.58, 349.68},
                                           TableRow{true, "smoothquant-edge", 42.64, 45.88}, TableRow{true, "mobilequant-paper", 42.31, 45.18}));

TEST(SlowSmoothing, EdgeScalesOfOurOwnCalibrationEqualTheAuthors)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const bool outliers : {false, true}) {
        Control control;
        const MethodOutcome outcome = load_numerics().run(request_for("smoothquant-edge", 8, 128, outliers), control);
        const SafetensorsFile wanted(test::mobilequant_golden() / (outliers ? "smoothquant_edge_scales_tso.safetensors" : "smoothquant_edge_scales_ts.safetensors"));
        for (const Transform& transform : outcome.recipe.transforms) {
            const auto& pair = std::get<ScalePair>(transform);
            const std::string theirs = pair.pair == "norm_qkv" ? "qkv" : pair.pair == "norm_mlp" ? "fc1" : "fc2";
            const auto scale = wanted.tensor(std::to_string(pair.layer) + "." + theirs).as<float>();
            ASSERT_EQ(scale.size(), pair.scale->size());
            for (std::size_t c = 0; c < scale.size(); ++c) EXPECT_NEAR((*pair.scale)[c], scale[c], 1e-6 * scale[c]) << pair.pair << pair.layer << " " << c;
        }
    }
}

}  // namespace
}  // namespace bitwright
