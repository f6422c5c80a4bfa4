// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/edits.h"

#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitwright {
namespace {

struct Bench {
    Model model = open_model(test::shared() / "golden" / "models" / "llama");
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    Bench()
    {
        for (auto& [name, decision] : recipe.sites) {
            if ((*model.sites)[model.sites->find(name)].kind == SiteKind::activation) decision.range = {numbers({-1}), numbers({3}), {}, {}, "min-max"};
        }
    }
    Recipe edit(const std::string& pattern, const Assignments& assignments) const { return edit_sites(recipe, model, pattern, assignments); }
    std::string fault(const std::string& pattern, const Assignments& assignments) const
    {
        try {
            static_cast<void>(edit(pattern, assignments));
        } catch (const Error& error) {
            return error.what();
        }
        return "none";
    }
};

TEST(Edits, ChangeWhatMatchesAndNothingElse)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    const Recipe edited = bench.edit("layers.*.mlp.down_proj.input", {{"bits", "4"}, {"max", "2.5"}, {"symmetric", "true"}});
    EXPECT_EQ(edited.parent, recipe_hash(bench.recipe));
    EXPECT_EQ(edited.made_by.method, "by hand");
    EXPECT_EQ(nlohmann::json::parse(edited.made_by.options).at("max"), "2.5");
    validate(edited, bench.model);
    const std::vector<std::string> expected{"method: none → by hand", "options: none → " + edited.made_by.options,
                                            "layers.0-1.mlp.down_proj.input: 8 bit asymmetric per tensor → 4 bit symmetric per tensor, max 3 → 2.5"};
    EXPECT_EQ(diff_in_words(bench.recipe, edited), expected);
    EXPECT_EQ(edited.sites.at("layers.1.mlp.down_proj.input").range.source, "by hand");
}

TEST(Edits, WeightsGetTheRangesOfTheirNewSlices)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    const std::string name = "layers.0.self_attn.q_proj.weight";
    const Recipe rows = bench.edit(name, {{"granularity", "row"}, {"bits", "4"}});
    validate(rows, bench.model);
    ASSERT_EQ(rows.sites.at(name).range.min->size(), 48u);
    const auto weight = materialize(bench.model, nullptr, bench.model.sites->find(name));
    EXPECT_EQ(rows.sites.at(name).range.max->at(5), *std::max_element(weight.weight.begin() + 5 * 48, weight.weight.begin() + 6 * 48));
    const Recipe groups = edit_sites(rows, bench.model, name, {{"granularity", "group:16"}, {"integer_group_scales", "true"}});
    EXPECT_EQ(groups.sites.at(name).range.min->size(), 48u * 3);
    EXPECT_EQ(in_words(edit_sites(groups, bench.model, name, {{"granularity", "tensor"}}).sites.at(name).scheme), "4 bit asymmetric per tensor");
    const Recipe off = bench.edit(name, {{"kind", "float"}});
    EXPECT_EQ(off.sites.at(name).scheme.kind, SchemeKind::floating);
    EXPECT_FALSE(off.sites.at(name).range.min);
}

// Codes that a method fixed are codes of their grid: another grid rounds the weight anew, the same one keeps them.
TEST(Edits, AnotherGridForgetsTheCodesOfTheGridBefore)
{
    BITWRIGHT_NEEDS_SHARED();
    Bench bench;
    const std::string name = "layers.0.self_attn.q_proj.weight", other = "layers.1.self_attn.q_proj.weight";
    for (const auto& site : {name, other}) {
        bench.recipe = bench.edit(site, {{"bits", "8"}});  // with a range of its own, as methods leave it
        const auto codes = quantize_weight(bench.model, bench.recipe, bench.model.sites->find(site)).codes;
        bench.recipe.transforms.push_back(Codes{site, std::make_shared<const std::vector<std::int16_t>>(codes)});
    }
    const Recipe wide = bench.edit(name, {{"min", "-2"}, {"max", "2"}});
    EXPECT_FALSE(fixes_codes(wide, name));
    EXPECT_TRUE(fixes_codes(wide, other));
    EXPECT_TRUE(fixes_codes(bench.edit("layers.0.mlp.down_proj.input", {{"max", "2"}}), name));
    const Recipe same = edit_sites(wide, bench.model, other, {{"bits", "8"}});
    EXPECT_TRUE(fixes_codes(same, other)) << "nothing was changed";
}

TEST(Edits, LearnedGridsBecomeRangesWhenBitsChange)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    const std::string name = "layers.0.mlp.act.output";
    const Recipe learned = bench.edit(name, {{"scale", "0.02"}, {"offset", "117.5"}});
    EXPECT_EQ(learned.sites.at(name).range.scale->front(), 0.02f);
    const Recipe wider = edit_sites(learned, bench.model, name, {{"bits", "12"}});
    EXPECT_FALSE(wider.sites.at(name).range.scale);
    EXPECT_FLOAT_EQ(wider.sites.at(name).range.min->front(), -117.5f * 0.02f);
    EXPECT_FLOAT_EQ(wider.sites.at(name).range.max->front(), (255 - 117.5f) * 0.02f);
    EXPECT_FALSE(edit_sites(learned, bench.model, name, {{"max", "1"}, {"min", "-1"}}).sites.at(name).range.scale);
}

TEST(Edits, SayWhyNot)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    EXPECT_EQ(bench.fault("*", {}), "nothing to set; give KEY=VALUE, for example bits=8");
    EXPECT_EQ(bench.fault("*", {{"bit", "8"}}).find("\"bit\" is no key; known are kind, bits"), 0u);
    EXPECT_EQ(bench.fault("*", {{"bits", "x"}}), "bits=x: use a number");
    EXPECT_EQ(bench.fault("*", {{"symmetric", "8"}}), "symmetric=8: use true or false");
    EXPECT_EQ(bench.fault("*", {{"granularity", "group"}}), "granularity=group: use tensor, row, channel, head, token or group:N");
    EXPECT_NE(bench.fault("layers.7.*", {{"bits", "8"}}).find("matches no site"), std::string::npos);
    const std::string input = "layers.0.mlp.down_proj.input";
    EXPECT_EQ(bench.fault(input, {{"bits", "1"}}), "recipe: " + input + ": 1 bits are outside 2 … 16");
    EXPECT_EQ(bench.fault(input, {{"granularity", "row"}}),
              "recipe: " + input + ": an activation is quantized per tensor, channel, head or token, not per row");
    EXPECT_EQ(bench.fault(input, {{"granularity", "channel"}}), "recipe: " + input + ": has no range; calibrate, or set min and max");
    EXPECT_EQ(bench.fault(input, {{"min", "7"}}), "recipe: " + input + ": min is above max");
    EXPECT_EQ(bench.fault(input, {{"min", "-1,-2"}}), "recipe: " + input + ": min has 2 numbers where the scheme needs 1");
    EXPECT_EQ(bench.fault("norm.weight", {{"granularity", "row"}}), "recipe: norm.weight: a norm weight is quantized per tensor; use granularity=tensor");
    EXPECT_EQ(bench.fault(input, {{"scale", "-1"}}), "recipe: " + input + ": its scale is not positive");
    EXPECT_THROW(static_cast<void>(parse_assignment("bits")), Error);
    EXPECT_EQ(parse_assignment("max=a=b").second, "a=b");
}

TEST(Edits, ARangeByRuleComesFromWhatWasObserved)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    const Site& site = (*bench.model.sites)[bench.model.sites->find("layers.1.mlp.down_proj.input")];
    SiteStatistics seen;
    seen.site = site.name;
    seen.count = static_cast<std::uint64_t>(site.channels);
    seen.min = -2;
    seen.max = 7;
    seen.channel_min.assign(static_cast<std::size_t>(site.channels), -0.5F);
    seen.channel_max.assign(static_cast<std::size_t>(site.channels), 1.5F);
    const Observed observed = [&](const Site& asked) { return asked.name == site.name ? &seen : nullptr; };
    const std::vector sites{site.id};
    const auto tensor = edit_sites(bench.recipe, bench.model, sites, {{"range", "minmax"}}, observed).sites.at(site.name);
    EXPECT_EQ(tensor.range.max->front(), 7);
    EXPECT_EQ(tensor.range.source, "min-max");
    const auto channels = edit_sites(bench.recipe, bench.model, sites, {{"granularity", "channel"}}, observed).sites.at(site.name);
    EXPECT_EQ(channels.range.max->size(), static_cast<std::size_t>(site.channels));
    EXPECT_EQ(channels.range.max->back(), 1.5F);
    EXPECT_NE(bench.fault(site.name, {{"range", "minmax"}}).find("was not observed"), std::string::npos);
}

TEST(Edits, APatternNamesTheSitesAndNoOthers)
{
    BITWRIGHT_NEEDS_SHARED();
    const Bench bench;
    const auto& catalogue = *bench.model.sites;
    for (const char* pattern : {"layers.1.mlp.down_proj.input", "layers.*.mlp.{up,down}_proj.weight", "{lm_head.weight,layers.0.mlp.down_proj.input}", "*"}) {
        const auto sites = catalogue.match(pattern);
        EXPECT_EQ(catalogue.match(site_pattern(catalogue, sites)), sites) << site_pattern(catalogue, sites);
    }
    EXPECT_EQ(site_pattern(catalogue, catalogue.match("layers.*.mlp.down_proj.input")), "layers.{0,1}.mlp.down_proj.input");
}

}  // namespace
}  // namespace bitwright
