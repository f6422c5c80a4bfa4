// SPDX-License-Identifier: GPL-3.0-or-later
// What Bitwright mode reaches on golden/mobilequant's windows: three seeds per setting, simulated and integer level, a domain it never saw. Seeds spread by
// 0.05 (W8A8) to 0.3 (W4A8) at equal divergence; the bounds hold the mean.
#include "core/numerics/numerics.h"

#include "core/exchange/package_export.h"
#include "core/runtime/engine.h"
#include "core/runtime/scoring.h"
#include "tests/numerics/authors_run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace bitwright {
namespace {

TokenWindows part(const TokenWindows& windows, std::int64_t first, std::int64_t count)
{
    TokenWindows out = windows;
    out.count = count;
    out.ids.assign(windows.ids.begin() + first * windows.length, windows.ids.begin() + (first + count) * windows.length);
    return out;
}

double perplexity(const Model& model, const Recipe* recipe, const TokenWindows& windows)
{
    EvaluateOptions options;
    options.level = recipe ? Level::simulated : Level::floating;
    double nll = 0, tokens = 0;
    for (const WindowScore& score : load_numerics().evaluate(model, recipe, windows, options, Control())) {
        nll += score.nll_sum;
        tokens += static_cast<double>(score.tokens);
    }
    return std::exp(nll / tokens);
}

double integer_perplexity(const Model& model, const Recipe& recipe, const TokenWindows& windows)
{
    const auto file = test::scratch("bitwright-mode-package") / "package.safetensors";
    (void)export_package(model, recipe, file, {}, Control());
    Engine engine(Package::open(file), {2});
    double nll = 0, tokens = 0;
    for (std::int64_t w = 0; w < windows.count; ++w) {
        const auto scores = score_window(engine, {windows.window(w), static_cast<std::size_t>(windows.length)}, 1, Control());
        nll += std::accumulate(scores.begin(), scores.end(), 0.0);
        tokens += static_cast<double>(scores.size());
    }
    return std::exp(nll / tokens);
}

struct Setting {
    bool outliers;
    int bits;
    bool symmetric;
    double reached;  ///< mean perplexity of three seeds, with a margin of chance
};

class SlowBitwrightMode : public ::testing::TestWithParam<Setting> {};

TEST_P(SlowBitwrightMode, PerplexityOnTheAuthorsWindows)
{
    BITWRIGHT_NEEDS_SHARED();
    const Setting& setting = GetParam();
    MethodRequest request;
    request.model = test::tiny_stories(setting.outliers);
    const TokenWindows calibration = test::golden_windows("calib"), stories = test::golden_windows("eval_tinystories", 64), wiki = test::golden_windows("eval_wikitext2", 32);
    request.calibration = part(calibration, 0, 112);
    request.holdout = part(calibration, 112, 8);
    request.method = "mobilequant";
    request.weight_bits = setting.bits;
    request.symmetric_weights = setting.symmetric;
    const double plain = perplexity(request.model, nullptr, stories), plain_wiki = perplexity(request.model, nullptr, wiki);
    double sum = 0;
    for (request.seed = 0; request.seed < 3; ++request.seed) {
        Control control;
        const MethodOutcome outcome = load_numerics().run(request, control);
        const double got = perplexity(request.model, &outcome.recipe, stories), far = perplexity(request.model, &outcome.recipe, wiki);
        const double integer = integer_perplexity(request.model, outcome.recipe, stories);
        std::printf("%s W%dA8%s seed %d: %.2f simulated, %.2f integer, WikiText-2 %.1f (float %.2f, %.1f), held-out KL %.5f, %.1f CPU s\n", setting.outliers ? "tso" : "ts",
                    setting.bits, setting.symmetric ? "-sym" : "", static_cast<int>(request.seed), got, integer, far, plain, plain_wiki, *outcome.holdout_loss_after,
                    outcome.cpu_seconds);
        sum += got;
        EXPECT_LT(far, 1.01 * plain_wiki);
        EXPECT_LT(std::abs(integer - got), std::max(0.1, (got - plain) / 4));
    }
    EXPECT_LT(sum / 3, setting.reached);
}

INSTANTIATE_TEST_SUITE_P(Settings, SlowBitwrightMode,
                         ::testing::Values(Setting{false, 8, false, 42.1}, Setting{true, 8, false, 42.1}, Setting{false, 4, false, 43.0}, Setting{true, 4, false, 43.1},
                                           Setting{false, 4, true, 43.3}));

}  // namespace
}  // namespace bitwright
