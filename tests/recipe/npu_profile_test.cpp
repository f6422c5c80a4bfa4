// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/npu_profile.h"

#include "core/recipe/lints.h"
#include "core/recipe/placement.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bitwright {
namespace {

constexpr auto down = "layers.1.mlp.down_proj.weight";

struct OnNpu {
    Model model = open_model(test::golden() / "models" / "llama-gqa-tied");
    Recipe recipe = base_recipe(model, {8, 8}, Semantics::bitwright);
    NpuProfile htp = find_npu_profile("qnn-htp-v73");
    [[nodiscard]] const Site& site(const char* name) const { return (*model.sites)[model.sites->find(name)]; }
    [[nodiscard]] std::string fault(const char* name, const Scheme& scheme) const { return npu_fault(htp, model, recipe, site(name), scheme); }
};

TEST(NpuProfiles, ThoseBuiltInAreRead)
{
    ASSERT_GE(npu_profiles().size(), 2U);
    for (const auto& profile : npu_profiles()) {
        EXPECT_FALSE(profile.takes.empty());
        EXPECT_EQ(find_npu_profile(profile.name).title, profile.title);
    }
    try {
        (void)find_npu_profile("abacus");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("qnn-htp-v73"), std::string::npos) << error.what();
    }
}

TEST(NpuProfiles, ACombinationCountsWithTheBitsItReads)
{
    OnNpu npu;
    Scheme four{.bits = 4, .symmetric = true, .granularity = Granularity::row};
    EXPECT_EQ(npu.fault(down, four), "") << "MobileQuant's W4A8";
    four.symmetric = false;
    const auto asymmetric = npu.fault(down, four);
    EXPECT_NE(asymmetric.find("qnn-htp-v73"), std::string::npos);
    EXPECT_NE(asymmetric.find("symmetric"), std::string::npos) << asymmetric;
    EXPECT_NE(asymmetric.find("MobileQuant, device/"), std::string::npos) << "the reason says where it was read: " << asymmetric;
    const Scheme eight{.bits = 8, .granularity = Granularity::tensor};
    EXPECT_EQ(npu.fault(down, eight), "");
    npu.recipe.sites.at("layers.1.mlp.down_proj.input").scheme.bits = 16;
    EXPECT_NE(npu.fault(down, eight), "") << "asymmetric 8 bits per tensor behind a 16-bit input";
    EXPECT_EQ(npu.fault(down, {.bits = 8, .symmetric = true, .granularity = Granularity::row}), "");
    EXPECT_NE(npu.fault(down, {.bits = 5, .granularity = Granularity::row}), "");
    EXPECT_NE(npu.fault("layers.0.mlp.down_proj.input", {.bits = 8, .granularity = Granularity::token, .dynamic = true}), "");
    Scheme off;
    off.kind = SchemeKind::floating;
    EXPECT_NE(npu.fault(down, off), "");
    const auto v69 = find_npu_profile("qnn-htp-v69");
    EXPECT_NE(npu_fault(v69, npu.model, npu.recipe, npu.site("layers.0.self_attn.qk.input2"), {.bits = 16}), "") << "its cache has 8 bits";
}

TEST(NpuProfiles, LintsMendWhatDoesNotRun)
{
    OnNpu npu;
    auto& scheme = npu.recipe.sites.at(down).scheme;
    scheme = {.bits = 4, .granularity = Granularity::row};
    const Statistics nothing;
    const auto lints = find_lints(npu.model, npu.recipe, nothing, &npu.htp);
    const auto found = std::ranges::find_if(lints, [](const Lint& lint) { return lint.rule == LintRule::not_on_npu && lint.pattern == down; });
    ASSERT_NE(found, lints.end());
    EXPECT_EQ(found->edit, (Assignments{{"symmetric", "true"}}));
    npu.recipe = edit_sites(npu.recipe, npu.model, found->pattern, found->edit);
    const auto after = find_lints(npu.model, npu.recipe, nothing, &npu.htp);
    EXPECT_TRUE(std::ranges::none_of(after, [](const Lint& lint) { return lint.rule == LintRule::not_on_npu && lint.pattern == down; }));
    const auto any = find_lints(npu.model, npu.recipe, nothing);
    EXPECT_TRUE(std::ranges::none_of(any, [](const Lint& lint) { return lint.rule == LintRule::not_on_npu; }));
}

TEST(NpuProfiles, FaultsNameTheField)
{
    const auto fails = [](const std::string& text, const std::string& field) {
        try {
            (void)parse_npu_profile(text, "x.json");
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("x.json: " + field), std::string::npos) << error.what();
        }
    };
    const auto with = [](const std::string& takes) { return R"({"format": 1, "name": "n", "title": "t", "dynamic": false, "float": false, "takes": [)" + takes + "]}"; };
    EXPECT_EQ(parse_npu_profile(with(R"({"op": "linear", "weights": 8, "granularity": ["row"], "source": "s"})"), "x.json").takes.size(), 1U);
    fails(with(""), "takes");
    fails(with(R"({"op": "sine", "weights": 8, "granularity": ["row"], "source": "s"})"), "takes[0].op");
    fails(with(R"({"op": "linear", "weights": 64, "granularity": ["row"], "source": "s"})"), "takes[0].weights");
    fails(with(R"({"op": "linear", "weights": 8, "granularity": ["column"], "source": "s"})"), "takes[0].granularity");
    fails(with(R"({"op": "linear", "weights": 8, "granularity": ["row"]})"), "takes[0].source");
    fails(with(R"({"op": "kv", "granularity": ["tensor"], "source": "s"})"), "takes[0].activations");
    fails(with(R"({"op": "linear", "weights": 8, "granularity": ["row"], "source": "s", "speed": 3})"), "takes[0].speed");
    fails(R"({"format": 2})", "format");
}

}  // namespace
}  // namespace bitwright
