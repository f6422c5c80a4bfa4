// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/lints.h"

#include "core/recipe/placement.h"
#include "core/recipe/preview.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transforms.h"
#include "tests/recipe/synthetic_site.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

constexpr auto down = "layers.1.mlp.down_proj.input";

struct Linted {
    Model model = open_model(test::shared() / "golden" / "models" / "llama");
    Recipe recipe = base_recipe(model, {8, 8}, Semantics::bitwright);
    Statistics statistics;

    /// Statistics and range for the one site the test looks at; the others have none.
    void observe(std::int64_t outliers)
    {
        auto made = test::synthetic_site(200, (*model.sites)[model.sites->find(down)].channels, outliers, 64, 3);
        made.statistics.site = down;
        statistics.sites = {made.statistics};
        set(made.statistics.min, made.statistics.max);
    }
    void set(float min, float max) { recipe.sites.at(down).range = {numbers({min}), numbers({max}), {}, {}, "by hand"}; }
    std::vector<Lint> of(LintRule rule) const
    {
        std::vector<Lint> found;
        for (Lint& lint : find_lints(model, recipe, statistics)) {
            if (lint.rule == rule) found.push_back(std::move(lint));
        }
        return found;
    }
    double sqnr(const Recipe& of) const
    {
        const auto& [scheme, range] = of.sites.at(down);
        return preview_activation(statistics.sites.front(), (*model.sites)[model.sites->find(down)], scheme, range, Semantics::bitwright).sqnr_db->value;
    }
    /// The edit does what its gain says.
    void expect_gain(const Lint& lint) const
    {
        const Recipe edited = edit_sites(recipe, model, lint.pattern, lint.edit);
        EXPECT_NEAR(sqnr(edited) - sqnr(recipe), lint.gain_db.value(), 1e-6);
    }
};

TEST(Lints, SaturationOnlyWhereAWiderRangeHelps)
{
    BITWRIGHT_NEEDS_SHARED();
    Linted l;
    l.observe(0);
    EXPECT_TRUE(l.of(LintRule::saturation).empty());
    l.set(-1, 1);
    const auto found = l.of(LintRule::saturation);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_GT(*found[0].gain_db, 5);
    EXPECT_GT(found[0].evidence[0].value, 1);
    l.expect_gain(found[0]);
}

TEST(Lints, WastedRangeAndZeros)
{
    BITWRIGHT_NEEDS_SHARED();
    Linted l;
    l.observe(0);
    l.set(-40, 40);
    const auto wasted = l.of(LintRule::wasted_range);
    ASSERT_EQ(wasted.size(), 1u);
    EXPECT_NEAR(wasted[0].evidence[0].value, 80 / (l.statistics.sites[0].max - l.statistics.sites[0].min), 0.01);
    EXPECT_GT(*wasted[0].gain_db, 10);
    l.expect_gain(wasted[0]);
    EXPECT_TRUE(l.of(LintRule::zeros).empty());
    l.set(-1000, 1000);
    const auto zeros = l.of(LintRule::zeros);
    ASSERT_EQ(zeros.size(), 1u);
    EXPECT_EQ(zeros[0].edit, (Assignments{{"bits", "16"}}));
    l.expect_gain(zeros[0]);
}

TEST(Lints, OffendersUntilTheirPairIsUsed)
{
    BITWRIGHT_NEEDS_SHARED();
    Linted l;
    l.observe(0);
    EXPECT_TRUE(l.of(LintRule::offenders).empty());
    l.observe(2);
    const auto found = l.of(LintRule::offenders);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].evidence[0].value, 2);
    EXPECT_NE(found[0].advice.find("up_down of layer 1"), std::string::npos);
    EXPECT_FALSE(found[0].gain_db);
    const auto pair = legal_pair(l.model, "up_down", 1);
    std::vector<float> s(static_cast<std::size_t>(pair->channels), 1);
    s[0] = s[1] = 30;
    l.recipe.transforms.emplace_back(ScalePair{"up_down", 1, numbers(s)});
    EXPECT_TRUE(l.of(LintRule::offenders).empty());
    const auto after = l.of(LintRule::wasted_range);  // the old range is too wide for what the pair leaves
    ASSERT_EQ(after.size(), 1u);
    EXPECT_TRUE(l.of(LintRule::scale_explosion).empty());
    s[3] = 2000;
    l.recipe.transforms.emplace_back(ScalePair{"up_down", 0, numbers(s)});
    ASSERT_EQ(l.of(LintRule::scale_explosion).size(), 1u);
    EXPECT_EQ(l.of(LintRule::scale_explosion)[0].evidence[1].value, 2000);
}

TEST(Lints, AsymmetricWithoutNeedAndWeightsPerTensor)
{
    BITWRIGHT_NEEDS_SHARED();
    Linted l;
    l.observe(0);
    l.set(-4, 4.2f);
    const auto found = l.of(LintRule::asymmetric);
    ASSERT_EQ(found.size(), 1u);
    l.expect_gain(found[0]);
    l.set(-1, 4);
    EXPECT_TRUE(l.of(LintRule::asymmetric).empty());
    EXPECT_TRUE(l.of(LintRule::weight_tensor).empty());
    l.recipe.sites.at("layers.0.mlp.up_proj.weight").scheme.bits = 4;
    const auto tensor = l.of(LintRule::weight_tensor);
    ASSERT_EQ(tensor.size(), 1u);
    EXPECT_EQ(tensor[0].pattern, "layers.0.mlp.up_proj.weight");
    l.recipe = edit_sites(l.recipe, l.model, tensor[0].pattern, tensor[0].edit);
    EXPECT_TRUE(l.of(LintRule::weight_tensor).empty());
}

}  // namespace
}  // namespace bitwright
