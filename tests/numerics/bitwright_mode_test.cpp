// SPDX-License-Identifier: GPL-3.0-or-later
// Bitwright mode (--method mobilequant) and GPTQ alone through the public interface: every family, what the optimizer saw is what the recipe gives, pausing,
// killing, cancelling.
#include "core/numerics/numerics.h"

#include "core/numerics/method_list.h"
#include "core/recipe/transforms.h"
#include "tests/numerics/authors_run.h"
#include "tests/numerics/golden_models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

/// Mean KL(float ‖ simulated) per token, from logits alone.
double divergence(const Model& model, const Recipe& recipe, const TokenWindows& windows)
{
    const Control control;
    Recipe plain;
    plain.semantics = recipe.semantics;
    double sum = 0;
    for (std::int64_t w = 0; w < windows.count; ++w) {
        const std::vector<std::int32_t> ids(windows.window(w), windows.window(w) + windows.length);
        const Tensor float_logits = load_numerics().forward(model, &plain, Level::floating, Placement::paper, ids, control).logits;
        const Tensor logits = load_numerics().forward(model, &recipe, Level::simulated, Placement::paper, ids, control).logits;
        const auto wanted = float_logits.as<float>(), given = logits.as<float>();
        const std::size_t n = wanted.size() / ids.size();
        for (std::size_t row = 0; row < ids.size(); ++row) {
            double zt = 0, zs = 0, product = 0;
            const float *t = wanted.data() + row * n, *s = given.data() + row * n;
            const auto top_t = static_cast<double>(*std::max_element(t, t + n)), top_s = static_cast<double>(*std::max_element(s, s + n));
            for (std::size_t i = 0; i < n; ++i) {
                const double a = static_cast<double>(t[i]) - top_t, b = static_cast<double>(s[i]) - top_s;
                zt += std::exp(a);
                zs += std::exp(b);
                product += std::exp(a) * (a - b);
            }
            sum += product / zt - std::log(zt) + std::log(zs);
        }
    }
    return sum / static_cast<double>(windows.count * windows.length);
}

TEST(BitwrightMode, TheListOfMethodsIsWhatRuns)
{
    MethodRequest request;
    request.model = open_model(test::golden_models() / test::golden_model_names().front());
    request.calibration = test::odd_windows(request.model, 2, 8);
    for (const MethodInfo& method : method_list()) {
        request.method = method.name;
        const MethodForecast forecast = load_numerics().forecast(request);
        EXPECT_EQ(forecast.steps > 0, method.optimizes) << method.name;
        for (const std::string_view preset : method.presets) {
            MethodRequest with = request;
            with.options["preset"] = preset;
            EXPECT_NO_THROW((void)load_numerics().forecast(with)) << preset;
        }
    }
}

class BitwrightModeOn : public ::testing::TestWithParam<std::string> {};

// A few steps of every stage; the recipe's divergence is the one the optimizer kept.
TEST_P(BitwrightModeOn, TheRecipeIsWhatTheOptimizerSaw)
{
    Control control;
    MethodRequest request;
    request.model = open_model(test::golden_models() / GetParam());
    request.calibration = test::odd_windows(request.model, 4, 16);
    request.holdout = test::odd_windows(request.model, 2, 16, 1000);
    for (const auto& [bits, symmetric, semantics, method] :
         {std::tuple{8, false, "bitwright", "mobilequant"}, {4, false, "bitwright", "mobilequant"}, {4, true, "authors", "mobilequant"}, {4, false, "bitwright", "gptq"}}) {
        const std::string what = GetParam() + " " + method + " W" + std::to_string(bits) + " " + semantics;
        request.method = method;
        request.weight_bits = bits;
        request.symmetric_weights = symmetric;
        request.options = {{"semantics", semantics}};
        if (std::string(method) == "mobilequant") request.options.insert({{"steps", "3"}, {"slice", "8"}, {"batch", "2"}, {"transform_steps", bits == 8 ? "3" : "2"}});
        const MethodOutcome outcome = load_numerics().run(request, control);
        EXPECT_NO_THROW(validate(outcome.recipe, request.model)) << what;
        for (const Placement placement : {Placement::paper, Placement::full}) {
            const EvaluateOptions simulated{Level::simulated, placement, {}, 0};
            EXPECT_TRUE(std::isfinite(load_numerics().evaluate(request.model, &outcome.recipe, *request.holdout, simulated, control).at(0).nll_sum)) << what;
        }
        if (std::string(method) == "gptq") continue;
        ASSERT_EQ(outcome.log.size(), bits == 8 ? 3U : 5U) << what;
        ASSERT_TRUE(outcome.holdout_loss_before && outcome.holdout_loss_after) << what;
        const double got = divergence(request.model, outcome.recipe, *request.holdout);
        EXPECT_NEAR(got, *outcome.holdout_loss_after, 0.02 * *outcome.holdout_loss_after + 1e-6) << what;
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, BitwrightModeOn, ::testing::ValuesIn(test::golden_model_names()), [](const auto& model) { return test::test_name(model.param); });

MethodRequest short_run(int bits, const std::string& steps, const std::string& transform_steps)
{
    MethodRequest request;
    request.model = test::tiny_stories();
    request.calibration = test::short_windows(4, 64);
    request.holdout = request.calibration;
    request.method = "mobilequant";
    request.weight_bits = bits;
    request.seed = 3;
    request.options = {{"steps", steps}, {"transform_steps", transform_steps}, {"slice", "32"}, {"batch", "2"}, {"average", "0.9"}, {"checks", "2"}};
    return request;
}

std::string message_of(const MethodRequest& request)
{
    Control control;
    try {
        (void)load_numerics().run(request, control);
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

TEST(BitwrightMode, WrongOptionsSayWhatIsAllowed)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(4, "1", "0");
    request.options["up_down"] = "much";
    EXPECT_NE(message_of(request).find("alpha:A (0 to 1)"), std::string::npos);
    request = short_run(4, "1", "0");
    request.options["gptq"] = "off";
    EXPECT_NE(message_of(request).find("rounding=off"), std::string::npos);
    request = short_run(4, "1", "0");
    request.options["preset"] = "w8a8-tinyllama";
    EXPECT_NE(message_of(request).find("quick, thorough, long"), std::string::npos);
}

// Killed in the first stage, and in the second one: the run that goes on ends with the same recipe.
TEST(BitwrightMode, PausedKilledAndResumedEqualsUninterrupted)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path folder = test::scratch("bitwright-mode");
    MethodRequest request = short_run(4, "6", "5");
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);
    ASSERT_EQ(whole.log.size(), 11U);
    request.checkpoint_path = folder / "run.safetensors";
    request.checkpoint_every_steps = 2;
    for (const std::int64_t dies_at : {4, 9}) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            Control control([&](const Progress& p) {
                if (p.has_value && p.done == dies_at + 1) (void)::raise(SIGKILL);
            });
            (void)load_numerics().run(request, control);
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        request.resume_from = request.checkpoint_path;
        EXPECT_NO_THROW(validate(load_recipe(request.checkpoint_path), request.model));
    }
    Control* pausing = nullptr;
    std::int64_t first = 0;
    Control control([&](const Progress& p) {
        if (!p.has_value) return;
        if (first == 0) first = p.done;
        if (p.done == 10) pausing->request_pause();
    });
    pausing = &control;
    EXPECT_EQ(load_numerics().run(request, control).state, MethodState::paused);
    EXPECT_EQ(first, 9);  // the last checkpoint was after step 8
    Control again;
    const MethodOutcome resumed = load_numerics().run(request, again);
    EXPECT_EQ(recipe_hash(resumed.recipe), recipe_hash(whole.recipe));
    ASSERT_EQ(resumed.log.size(), whole.log.size());
    for (std::size_t i = 0; i < whole.log.size(); ++i) {
        EXPECT_EQ(resumed.log[i].loss, whole.log[i].loss) << i;
        EXPECT_EQ(resumed.log[i].holdout_loss, whole.log[i].holdout_loss) << i;
    }
    EXPECT_EQ(resumed.holdout_loss_after, whole.holdout_loss_after);
}

TEST(BitwrightMode, CancelLeavesNothingHalfDone)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(4, "50", "0");
    Control* stopping = nullptr;
    Control control([&](const Progress& p) {
        if (p.has_value && p.done == 5) stopping->request_cancel();
    });
    stopping = &control;
    EXPECT_THROW((void)load_numerics().run(request, control), Cancelled);
}

TEST(BitwrightMode, KeepsTheBestStepAndStopsEarly)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(8, "8", "8");
    request.options["lr_transforms"] = "1";  // far too much: the start stays the best
    request.options["gptq"] = "off";
    request.options["checks"] = "8";
    request.options["patience"] = "3";
    request.options["average"] = "0";
    Control control;
    const MethodOutcome outcome = load_numerics().run(request, control);
    EXPECT_EQ(outcome.best_step, -1);
    EXPECT_EQ(outcome.log.size(), 3U);
    EXPECT_EQ(outcome.holdout_loss_after, outcome.holdout_loss_before);
}

TEST(BitwrightMode, WithoutHeldOutTextWindowsAreKeptBack)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(8, "2", "2");
    request.holdout.reset();
    request.calibration = test::short_windows(16, 64);
    Control control;
    const MethodOutcome outcome = load_numerics().run(request, control);
    EXPECT_TRUE(outcome.holdout_loss_before && outcome.holdout_loss_after);
    EXPECT_NE(outcome.recipe.made_by.options.find("\"holdout_windows\":\"2\""), std::string::npos) << outcome.recipe.made_by.options;
}

// A fork begins where the run stood: its loss before the first step is the one the recipe has.
TEST(BitwrightMode, GoesOnFromItsOwnRecipe)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const int bits : {4, 8}) {
        MethodRequest request = short_run(bits, "4", bits == 4 ? "0" : "4");
        if (bits == 8) request.options["gptq"] = "off";  // whose codes come after the steps
        Control control;
        const MethodOutcome first = load_numerics().run(request, control);
        ASSERT_TRUE(first.holdout_loss_after);
        request.from = first.recipe;
        const MethodOutcome fork = load_numerics().run(request, control);
        ASSERT_TRUE(fork.holdout_loss_before);
        EXPECT_NEAR(*fork.holdout_loss_before, *first.holdout_loss_after, 1e-4 * *first.holdout_loss_after) << bits;
        EXPECT_EQ(fork.log.size(), 4U);
        EXPECT_LE(*fork.holdout_loss_after, *fork.holdout_loss_before) << "the best step is kept, the start being one";
        EXPECT_EQ(fork.recipe.parent, recipe_hash(first.recipe));
    }
}

// Codes belong to the grids of their recipe: what starts from its transforms rounds anew.
TEST(BitwrightMode, OtherMethodsTakeItsTransformsWithoutItsCodes)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request = short_run(4, "2", "0");
    Control control;
    const Recipe learned = load_numerics().run(request, control).recipe;
    MethodRequest rounded = request;
    rounded.method = "rtn";
    rounded.options.clear();
    rounded.from = learned;
    const Recipe recipe = load_numerics().run(rounded, control).recipe;
    const auto pairs = [](const Recipe& of) { return std::ranges::count_if(of.transforms, [](const Transform& transform) { return std::holds_alternative<ScalePair>(transform); }); };
    EXPECT_EQ(pairs(recipe), pairs(learned));
    EXPECT_TRUE(std::ranges::none_of(recipe.transforms, [](const Transform& transform) { return std::holds_alternative<Codes>(transform); }));
}

// The same figures from codes and grids as the package has them: what is exported is what was learned.
TEST(BitwrightMode, CodesOfTheRecipeAreTheCodesOfThePackage)
{
    BITWRIGHT_NEEDS_SHARED();
    const MethodRequest request = short_run(4, "2", "0");
    Control control;
    const Recipe recipe = load_numerics().run(request, control).recipe;
    std::int64_t weights = 0;
    for (const Transform& transform : recipe.transforms) {
        const auto* codes = std::get_if<Codes>(&transform);
        if (!codes) continue;
        ++weights;
        EXPECT_EQ(quantize_weight(request.model, recipe, request.model.sites->find(codes->site)).codes, *codes->codes) << codes->site;
    }
    EXPECT_EQ(weights, 14);
}

}  // namespace
}  // namespace bitwright
