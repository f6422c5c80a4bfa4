// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/lints.h"

#include "core/recipe/placement.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

/// A model with statistics made by hand for the sites a test looks at.
struct Observed {
    Model model = open_model(test::golden() / "models" / "llama-gqa-tied");
    Recipe recipe = base_recipe(model, {8, 8}, Semantics::bitwright);
    Statistics statistics;

    void see(const std::string& site, float min, float max)
    {
        SiteStatistics s;
        s.site = site;
        s.count = 1000, s.tokens = 100;
        s.min = min, s.max = max;
        s.sigma = (max - min) / 6;
        const auto channels = static_cast<std::size_t>((*model.sites)[model.sites->find(site)].channels);
        s.channel_min.assign(channels, min);
        s.channel_max.assign(channels, max);
        s.channel_abs_max.assign(channels, std::max(std::abs(min), std::abs(max)));
        s.histogram = {-64, 64, std::vector<std::uint64_t>(128, 8)};
        statistics.sites.push_back(std::move(s));
    }
    void set(const std::string& site, float min, float max, const std::string& source = "min-max") { recipe.sites.at(site).range = {numbers({min}), numbers({max}), {}, {}, source}; }
    [[nodiscard]] std::vector<Lint> of(LintRule rule) const
    {
        std::vector<Lint> found;
        for (auto& lint : find_lints(model, recipe, statistics))
            if (lint.rule == rule) found.push_back(std::move(lint));
        return found;
    }
};

TEST(RecipeLints, DeadChannelsAndEmptyRanges)
{
    Observed o;
    const std::string site = "layers.0.mlp.down_proj.input";
    o.see(site, -2, 2);
    o.statistics.sites.front().channel_abs_max[3] = 0;
    o.set(site, 0, 0);
    const auto dead = o.of(LintRule::dead_channels), empty = o.of(LintRule::empty_range);
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0].evidence[0].value, 1);
    ASSERT_EQ(empty.size(), 1U);
    const auto mended = edit_sites(o.recipe, o.model, empty[0].pattern, empty[0].edit);
    EXPECT_EQ(mended.sites.at(site).range.min->front(), -2);
    o.recipe = mended;
    EXPECT_TRUE(o.of(LintRule::empty_range).empty());
}

TEST(RecipeLints, OneRangeForTheCacheOfAllLayers)
{
    Observed o;
    const std::string first = "layers.0.self_attn.qk.input2", second = "layers.1.self_attn.qk.input2";
    ASSERT_EQ(o.model.architecture().layers, 2);
    o.see(first, -1, 1);
    o.see(second, -8, 8);
    o.set(first, -8, 8, "AIMET 0.6.1");
    o.set(second, -8, 8, "AIMET 0.6.1");
    const auto found = o.of(LintRule::kv_range);
    ASSERT_EQ(found.size(), 1U) << "the layer that fills it is not named";
    EXPECT_EQ(found[0].pattern, first);
    EXPECT_NEAR(*found[0].gain_db, 18.06, 0.01);
    o.recipe = edit_sites(o.recipe, o.model, found[0].pattern, found[0].edit);
    EXPECT_TRUE(o.of(LintRule::kv_range).empty());
}

TEST(RecipeLints, AMaskInsideTheRangeMakesLogitsCoarse)
{
    Observed o;
    const std::string site = "layers.1.self_attn.qk.output";
    o.see(site, -30, 30);
    o.recipe.sites.at(site).scheme.bits = 16;
    o.set(site, -40000, 30, "AIMET 0.6.1");
    const auto found = o.of(LintRule::coarse_logits);
    ASSERT_EQ(found.size(), 1U);
    o.recipe = edit_sites(o.recipe, o.model, found[0].pattern, found[0].edit);
    EXPECT_TRUE(o.of(LintRule::coarse_logits).empty());
}

TEST(RecipeLints, ARangeFromBeforeTheTransformsIsStale)
{
    Observed o;
    const std::string site = "layers.0.mlp.down_proj.input";
    o.see(site, -4, 4);
    o.set(site, -4, 4);
    EXPECT_TRUE(o.of(LintRule::stale_range).empty());
    const auto channels = static_cast<std::size_t>((*o.model.sites)[o.model.sites->find(site)].channels);
    o.recipe.transforms.emplace_back(ScalePair{"up_down", 0, numbers(std::vector<float>(channels, 4.0F))});
    const auto found = o.of(LintRule::stale_range);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].edit, (Assignments{{"range", "minmax"}}));
    o.set(site, -1, 1);
    EXPECT_TRUE(o.of(LintRule::stale_range).empty()) << "the range of what is there now";
    o.set(site, -4, 4, "by hand");
    EXPECT_TRUE(o.of(LintRule::stale_range).empty()) << "somebody wanted it";
}

TEST(RecipeLints, WindowsBeyondTheContextAndTheAuthorsFloor)
{
    Observed o;
    o.statistics.length = o.model.architecture().max_positions + 1;
    const auto found = o.of(LintRule::long_calibration);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].site, no_site);
    o.statistics.length = o.model.architecture().max_positions;
    EXPECT_TRUE(o.of(LintRule::long_calibration).empty());

    const std::string site = "layers.0.input_layernorm.input";
    o.recipe.sites.at(site).scheme.bits = 16;
    o.set(site, -0.1F, 0.1F);
    EXPECT_TRUE(o.of(LintRule::scale_floor).empty());
    o.recipe.semantics = Semantics::authors;
    EXPECT_EQ(o.of(LintRule::scale_floor).size(), 1U);
}

}  // namespace
}  // namespace bitwright
