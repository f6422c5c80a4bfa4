// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/weight_statistics.h"

#include "core/recipe/preview.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

TEST(WeightStatistics, DescribeTheMaterializedWeight)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    for (const std::string name : {"llama", "gpt2", "phi3", "stablelm-parallel"}) {
        const Model model = open_model(test::shared() / "golden" / "models" / name);
        Recipe recipe;
        for (const LegalPair& pair : legal_pairs(model)) recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::vector<float>(static_cast<std::size_t>(pair.channels), 3))});
        for (const Recipe* used : {static_cast<const Recipe*>(nullptr), static_cast<const Recipe*>(&recipe)}) {
            for (const Site& site : model.sites->sites()) {
                if (site.kind != SiteKind::weight) continue;
                const MaterializedWeight weight = materialize(model, used, site.id);
                const SiteStatistics s = weight_statistics(model, used, site.id, {5, 0}, control);
                const auto cols = static_cast<std::size_t>(site.channels), rows = weight.weight.size() / cols;
                ASSERT_EQ(s.count, weight.weight.size()) << name << site.name;
                ASSERT_EQ(s.channel_max.size(), cols);
                ASSERT_EQ(s.position_abs_max.size(), rows);
                double sum = 0, squares = 0;
                for (std::size_t c = 0; c < cols; ++c) {
                    float low = weight.weight[c], high = low;
                    for (std::size_t r = 0; r < rows; ++r) {
                        const float w = weight.weight[r * cols + c];
                        low = std::min(low, w);
                        high = std::max(high, w);
                        sum += w;
                        squares += static_cast<double>(w) * w;
                    }
                    EXPECT_EQ(s.channel_min[c], low);
                    EXPECT_EQ(s.channel_max[c], high);
                    EXPECT_EQ(s.channel_abs_max[c], std::max(std::fabs(low), std::fabs(high)));
                }
                for (std::size_t r = 0; r < rows; ++r) {
                    float most = 0;
                    for (std::size_t c = 0; c < cols; ++c) most = std::max(most, std::fabs(weight.weight[r * cols + c]));
                    EXPECT_EQ(s.position_abs_max[r], most);
                }
                const double n = static_cast<double>(s.count), mean = sum / n;
                EXPECT_NEAR(s.mean, mean, 1e-9 + 1e-9 * std::fabs(mean));
                EXPECT_NEAR(s.sigma, std::sqrt(std::max(0.0, squares / n - mean * mean)), 1e-6 * (1 + s.sigma));
                ASSERT_EQ(s.reservoir_rows, std::min<std::int64_t>(5, static_cast<std::int64_t>(rows)));
                const auto kept = reservoir_values(s);
                for (std::size_t i = 0; i < kept.size(); ++i) {
                    const float w = weight.weight[s.reservoir_tokens[i / cols] * cols + i % cols];
                    EXPECT_NEAR(kept[i], w, 1e-3f * std::fabs(w) + 1e-7f);
                }
            }
        }
    }
}

TEST(WeightStatistics, CanBeCancelledAndRefuseActivations)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(test::shared() / "golden" / "models" / "llama");
    Control control;
    EXPECT_THROW(static_cast<void>(weight_statistics(model, nullptr, model.sites->find("norm.output"), {}, control)), Error);
    control.request_cancel();
    EXPECT_THROW(static_cast<void>(weight_statistics(model, nullptr, model.sites->find("lm_head.weight"), {}, control)), Cancelled);
}

}  // namespace
}  // namespace bitwright
