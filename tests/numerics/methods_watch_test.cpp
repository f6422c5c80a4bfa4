// SPDX-License-Identifier: GPL-3.0-or-later
// What a running method tells step by step, and what a paused one leaves: a recipe to evaluate, to look at and to start another run from.
#include "core/numerics/numerics.h"

#include "tests/numerics/authors_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

namespace bitwright {
namespace {

MethodRequest short_run(std::int64_t steps, std::int64_t windows = 2, int weight_bits = 8)
{
    MethodRequest request;
    request.model = test::tiny_stories();
    request.calibration = test::short_windows(windows, 64);
    request.method = "mobilequant-paper";
    request.weight_bits = weight_bits;
    request.options = {{"semantics", "authors"}, {"steps", std::to_string(steps)}};
    return request;
}

TEST(MethodWatching, EveryStepTellsLossesRatesTimeAndDrift)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(6);
    request.holdout = request.calibration;
    std::vector<MethodProgress> told;
    request.watch = {[&](const MethodProgress& progress) { told.push_back(progress); }, 4, 2};
    Control control;
    const MethodOutcome outcome = load_numerics().run(request, control);
    ASSERT_EQ(told.size(), 6U);
    for (std::size_t i = 0; i < told.size(); ++i) {
        const MethodProgress& at = told[i];
        EXPECT_EQ(at.record.step, static_cast<std::int64_t>(i));
        EXPECT_EQ(at.record.loss, outcome.log[i].loss);
        EXPECT_EQ(at.record.holdout_loss.has_value(), i % 2 == 1) << i;
        EXPECT_GT(at.record.lr_let, 0);
        EXPECT_GT(at.record.seconds, 0);
        ASSERT_TRUE(at.remaining_seconds);
        EXPECT_EQ(*at.remaining_seconds > 0, i < 5);
        EXPECT_EQ(at.drift.empty(), i != 3 && i != 5) << i;
    }
    EXPECT_EQ(told.back().steps, 6);
    EXPECT_EQ(outcome.holdout_loss_after, told.back().record.holdout_loss);
    double lowest = *outcome.holdout_loss_before;
    std::int64_t step = -1;
    for (const StepRecord& record : outcome.log)
        if (record.holdout_loss && *record.holdout_loss < lowest) {
            lowest = *record.holdout_loss;
            step = record.step;
        }
    EXPECT_EQ(outcome.best_step, step);
    EXPECT_EQ(told.back().best_holdout_loss, lowest);

    // 2 layers of 3 pairs, 9 weights (norms included), 20 activations: one number each
    const auto& drift = told.back().drift;
    const auto count = [&](Drift::What what) { return std::count_if(drift.begin(), drift.end(), [&](const Drift& d) { return d.what == what; }); };
    EXPECT_EQ(count(Drift::What::scale_pair), 6);
    EXPECT_EQ(count(Drift::What::weight_clip), 18);
    EXPECT_EQ(count(Drift::What::activation_range), 40);
    // what it says is what the recipe shows: the learned pair after the smoothing
    for (const Transform& transform : outcome.recipe.transforms) {
        const auto* pair = std::get_if<ScalePair>(&transform);
        if (!pair || pair->pair != "up_down" || pair->layer != 1) continue;
        double moved = 0;
        for (const float s : *pair->scale) moved = std::max(moved, std::abs(std::log2(static_cast<double>(s))));
        if (&transform - outcome.recipe.transforms.data() < 6) continue;
        const auto told_drift = std::find_if(drift.begin(), drift.end(), [](const Drift& d) { return d.name == "layers.1.up_down"; });
        ASSERT_NE(told_drift, drift.end());
        EXPECT_NEAR(told_drift->log2_ratio, moved, 1e-12);
        EXPECT_GT(moved, 0);
    }
}

TEST(MethodWatching, ChangesNothing)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(4);
    Control control;
    const std::string plain = recipe_hash(load_numerics().run(request, control).recipe);
    request.holdout = request.calibration;
    request.watch = {[](const MethodProgress&) {}, 1, 1};
    EXPECT_EQ(recipe_hash(load_numerics().run(request, control).recipe), plain);
}

// Each in a process of its own: the peak is a process's.
TEST(MethodForecasts, AreWithinAFifthOfTheMeasuredPeak)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const auto& [method, recompute, length] : {std::tuple{"mobilequant-paper", "off", 512}, {"mobilequant-paper", "on", 1024}, {"rtn", "", 512}}) {
        const auto file = test::scratch("forecast") / "ratio";
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            MethodRequest request;
            request.model = test::tiny_stories();
            request.calibration = {2, length, std::vector<std::int32_t>(static_cast<std::size_t>(2 * length)), ""};
            for (std::size_t i = 0; i < request.calibration.ids.size(); ++i) request.calibration.ids[i] = static_cast<std::int32_t>((7 + 13 * i + i * i) % 2048);
            request.method = method;
            if (*recompute) request.options = {{"steps", "2"}, {"recompute", recompute}};
            Control control;
            const double forecast = static_cast<double>(load_numerics().forecast(request).peak_bytes);
            std::ofstream(file) << forecast << ' ' << load_numerics().run(request, control).peak_rss_bytes;
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        double forecast = 0, measured = 0;
        std::ifstream(file) >> forecast >> measured;
        const double ratio = forecast / measured;
        EXPECT_GT(ratio, 0.8) << method << " " << recompute << " " << length;
        EXPECT_LT(ratio, 1.2) << method << " " << recompute << " " << length;
        std::printf("%s %s %d: forecast %.0f MiB, measured %.0f MiB, %.2f\n", method, recompute, length, forecast / 1048576, measured / 1048576, ratio);
    }
}

TEST(PausedMethod, KeepsItsHeldOutLossesAndGoesOnToTheSameEnd)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(6);
    request.holdout = request.calibration;
    request.watch.holdout_every_steps = 2;
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);
    request.checkpoint_path = test::scratch("watch") / "run.safetensors";
    Control pausing;
    request.watch.on_step = [&](const MethodProgress& progress) {
        if (progress.record.step == 3) pausing.request_pause();
    };
    ASSERT_EQ(load_numerics().run(request, pausing).state, MethodState::paused);
    request.resume_from = request.checkpoint_path;
    Control again;
    const MethodOutcome resumed = load_numerics().run(request, again);
    EXPECT_EQ(recipe_hash(resumed.recipe), recipe_hash(whole.recipe));
    ASSERT_EQ(resumed.log.size(), whole.log.size());
    for (std::size_t i = 0; i < whole.log.size(); ++i) EXPECT_EQ(resumed.log[i].holdout_loss, whole.log[i].holdout_loss) << i;
    EXPECT_EQ(resumed.best_step, whole.best_step);
}

// A run that starts from a paused one goes on where that stood: same float model, same clips (not clipped twice), same ranges.
TEST(PausedMethod, CanBeEvaluatedAndForked)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const int bits : {8, 4}) {
        MethodRequest request = short_run(12, 1, bits);
        Control plain;
        const MethodOutcome whole = load_numerics().run(request, plain);
        request.checkpoint_path = test::scratch("fork") / "run.safetensors";
        Control pausing;
        request.watch.on_step = [&](const MethodProgress& progress) {
            if (progress.record.step == 5) pausing.request_pause();
        };
        ASSERT_EQ(load_numerics().run(request, pausing).state, MethodState::paused);

        const Recipe paused = load_recipe(request.checkpoint_path);
        EXPECT_NO_THROW(validate(paused, request.model));
        EXPECT_EQ(paused.made_by.steps, 6);
        EXPECT_FALSE(diff_in_words(whole.recipe, paused).empty());
        EvaluateOptions simulated;
        simulated.level = Level::simulated;
        EXPECT_TRUE(std::isfinite(load_numerics().evaluate(request.model, &paused, request.calibration, simulated, plain).at(0).nll_sum));

        MethodRequest fork = short_run(1, 1, bits);
        fork.from = paused;
        fork.options.insert({{"lr_let", "0"}, {"lr_lwc", "0"}, {"lr_lrl", "0"}});
        const MethodOutcome standing = load_numerics().run(fork, plain);
        EXPECT_NEAR(standing.log[0].loss, whole.log[6].loss, 2e-3 * whole.log[6].loss) << bits;  // single codes flip: σ⁻¹(σ(u)) differs in the last bit
        EXPECT_EQ(standing.recipe.parent, recipe_hash(paused));
        const auto clips = [](const Recipe& recipe) {
            return std::count_if(recipe.transforms.begin(), recipe.transforms.end(), [](const Transform& t) { return std::holds_alternative<Clip>(t); });
        };
        EXPECT_EQ(clips(standing.recipe), clips(paused));

        fork.options = {{"semantics", "authors"}, {"steps", "6"}, {"lr_let", "0.0005"}};
        const MethodOutcome other = load_numerics().run(fork, plain);
        EXPECT_LT(other.log.back().loss, whole.log[0].loss) << bits;
        EXPECT_NO_THROW(validate(other.recipe, request.model));
    }
}

}  // namespace
}  // namespace bitwright
