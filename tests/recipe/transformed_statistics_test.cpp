// SPDX-License-Identifier: GPL-3.0-or-later
// Calibrating again with the recipe gives what the algebra says; needs the forward (loaded at run time).
#include "core/recipe/transformed_statistics.h"

#include "core/numerics/numerics.h"
#include "core/recipe/linear_inputs.h"
#include "core/recipe/preview.h"
#include "core/recipe/transforms.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <set>

namespace bitwright {
namespace {

Recipe every_pair(const Model& model)
{
    Random random(7);
    Recipe recipe;
    recipe.architecture = architecture_fingerprint(model.architecture());
    for (int repeat = 0; repeat < 2; ++repeat) {
        for (const LegalPair& pair : legal_pairs(model)) {
            std::vector<float> s(static_cast<std::size_t>(pair.channels));
            for (float& value : s) value = static_cast<float>((0.25 + 3 * random.uniform()) * (pair.positive_only || random.uniform() < 0.7 ? 1 : -1));
            if (pair.tied_rope_pairs) {
                for (std::int64_t c = 0; c < pair.channels; ++c) {
                    if (c % pair.head_dim < pair.rope_dims / 2) s[static_cast<std::size_t>(c + pair.rope_dims / 2)] = s[static_cast<std::size_t>(c)];
                }
            }
            recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::move(s))});
        }
    }
    return recipe;
}

TokenWindows some_windows(const Model& model)
{
    TokenWindows windows;
    windows.count = 2;
    windows.length = 12;
    Random random(1);
    for (int i = 0; i < 24; ++i) windows.ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(model.architecture().vocab))));
    return windows;
}

TEST(TransformedStatistics, EqualACalibrationWithTheRecipe)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    for (const std::string name : {"llama-bias", "llama-gqa-tied", "opt", "stablelm-parallel", "phi3", "qwen3"}) {
        const Model model = open_model(test::shared() / "golden" / "models" / name);
        const Recipe recipe = every_pair(model);
        CalibrateOptions options;
        const TokenWindows windows = some_windows(model);
        const Statistics plain = load_numerics().calibrate(model, nullptr, windows, options, control), again = load_numerics().calibrate(model, &recipe, windows, options, control);
        std::set<std::string> changed;
        for (const SiteStatistics& after : transformed_sites(model, recipe, plain)) {
            changed.insert(after.site);
            const SiteStatistics& truth = *again.find(after.site);
            float most = 0;
            for (const float value : truth.channel_abs_max) most = std::max(most, value);
            for (std::size_t c = 0; c < truth.channel_max.size(); ++c) {
                EXPECT_NEAR(after.channel_min[c], truth.channel_min[c], 2e-5f * most) << name << " " << after.site << " " << c;
                EXPECT_NEAR(after.channel_max[c], truth.channel_max[c], 2e-5f * most) << name << " " << after.site << " " << c;
                EXPECT_NEAR(after.channel_abs_max[c], truth.channel_abs_max[c], 2e-5f * most);
            }
            EXPECT_NEAR(after.min, truth.min, 2e-5f * most);
            EXPECT_NEAR(after.max, truth.max, 2e-5f * most);
            ASSERT_EQ(after.reservoir_rows, truth.reservoir_rows);
            EXPECT_EQ(after.reservoir_tokens, truth.reservoir_tokens);
            const auto mine = reservoir_values(after), theirs = reservoir_values(truth);
            for (std::size_t i = 0; i < mine.size(); ++i) EXPECT_NEAR(mine[i], theirs[i], 2e-3f * std::fabs(theirs[i]) + 2e-4f * most) << name << " " << after.site;
        }
        EXPECT_FALSE(changed.empty());
        for (const SiteStatistics& before : plain.sites) {  // and nothing else changes
            if (changed.contains(before.site)) continue;
            const SiteStatistics& truth = *again.find(before.site);
            const float most = std::max(std::fabs(before.min), std::fabs(before.max));
            for (std::size_t c = 0; c < truth.channel_max.size(); ++c) EXPECT_NEAR(before.channel_abs_max[c], truth.channel_abs_max[c], 3e-4f * most) << name << " " << before.site;
        }
    }
}

}  // namespace
}  // namespace bitwright
