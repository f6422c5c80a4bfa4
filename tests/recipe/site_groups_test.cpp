// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/site_groups.h"

#include "core/recipe/placement.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace bitwright {
namespace {

struct Grouped {
    Model model = open_model(test::golden() / "models" / "llama-gqa-tied");
    Recipe recipe = base_recipe(model, {8, 8}, Semantics::bitwright);
};

TEST(SiteGroups, EveryGroupingHoldsEachQuantizedSiteOnce)
{
    const Grouped g;
    for (const bool full : {false, true}) {
        std::size_t expected = 0;
        for (const Site& site : g.model.sites->sites())
            expected += (full ? site.levels.full : site.levels.simulated) && g.recipe.sites.contains(site.name) && g.recipe.sites.at(site.name).scheme.kind == SchemeKind::uniform;
        for (const auto grouping : {SiteGrouping::site, SiteGrouping::kind, SiteGrouping::layer, SiteGrouping::linear}) {
            std::multiset<SiteId> seen;
            for (const auto& group : site_groups(g.model, g.recipe, grouping, full)) seen.insert(group.sites.begin(), group.sites.end());
            EXPECT_EQ(seen.size(), expected) << name_of(grouping);
            EXPECT_EQ(std::set<SiteId>(seen.begin(), seen.end()).size(), expected) << name_of(grouping);
        }
    }
    const auto kinds = site_groups(g.model, g.recipe, SiteGrouping::kind, false);
    const auto down = std::ranges::find(kinds, "layers.*.mlp.down_proj.input", &SiteGroup::name);
    ASSERT_NE(down, kinds.end());
    EXPECT_EQ(static_cast<std::int64_t>(down->sites.size()), g.model.architecture().layers);
    const auto linears = site_groups(g.model, g.recipe, SiteGrouping::linear, false);
    EXPECT_NE(std::ranges::find(linears, "layers.1.mlp.down_proj", &SiteGroup::name), linears.end());
    EXPECT_EQ(site_grouping_named("layer"), SiteGrouping::layer);
    EXPECT_FALSE(site_grouping_named("channel"));
}

TEST(SiteGroups, OnlyAndWithoutSplitARecipe)
{
    Grouped g;
    const auto site = g.model.sites->find("layers.0.mlp.down_proj.weight");
    const auto& name = (*g.model.sites)[site].name;
    g.recipe.transforms.emplace_back(ScalePair{"up_down", 0, numbers(std::vector<float>(static_cast<std::size_t>((*g.model.sites)[site].channels), 2.0F))});
    g.recipe.transforms.emplace_back(Clip{name, numbers({-1}), numbers({1})});
    const auto only = only_sites(g.recipe, g.model, {site}), without = without_sites(g.recipe, g.model, {site});
    EXPECT_EQ(only.sites.size(), 1U);
    EXPECT_EQ(only.transforms.size(), 2U) << "its clip comes along";
    EXPECT_EQ(without.sites.size(), g.recipe.sites.size() - 1);
    EXPECT_EQ(without.transforms.size(), 1U) << "a float weight is not clipped; the scale pair changes no function and stays";
    EXPECT_FALSE(without.sites.contains(name));
}

TEST(SiteGroups, TheHashOfDecisionsForgetsWhoMadeThem)
{
    Grouped g;
    const auto hash = decisions_hash(g.recipe);
    g.recipe.made_by.method = "by hand";
    g.recipe.parent = std::string(64, 'a');
    g.recipe.sites.begin()->second.range.source = "elsewhere";
    EXPECT_EQ(decisions_hash(g.recipe), hash);
    g.recipe.sites.begin()->second.scheme.bits = 5;
    EXPECT_NE(decisions_hash(g.recipe), hash);
}

}  // namespace
}  // namespace bitwright
