// SPDX-License-Identifier: GPL-3.0-or-later
// Conversions of integer semantics §2, tables against double, and what the package export refuses.
#include "core/exchange/integer_tables.h"
#include "core/recipe/placement.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/exchange/float_reference.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright::test {
namespace {

class IntegerGridsTest : public testing::Test {
protected:
    Model model = open_model(golden_models() / "llama-gqa-tied");
    Recipe recipe = base_recipe(model, {}, Semantics::authors);

    void set(const char* site, float low, float high) { recipe.sites.at(site).range = {numbers({low}), numbers({high}), nullptr, nullptr, "by hand"}; }
    [[nodiscard]] std::string fault(const std::string& site)
    {
        try {
            (void)export_package(model, recipe, scratch("fault") / "x.safetensors", {}, Control());
            return "exported " + site;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
    }
};

TEST_F(IntegerGridsTest, UnsignedCodesBecomeSigned)
{
    set("layers.0.input_layernorm.output", -1.0f, 1.55f);
    IntegerGrids grids(model, recipe);
    const IntegerGrid grid = grids.activation(SiteRole::attention_norm_output, 0);
    EXPECT_EQ(grid.bits, 8);
    EXPECT_NEAR(grid.scale, 0.01, 1e-8);
    EXPECT_EQ(grid.zero_point, 100 - 128);
    EXPECT_TRUE(grids.conversions().empty());
}

TEST_F(IntegerGridsTest, ARangeWithoutZeroIsWidenedAndSaidSo)
{
    set("layers.0.input_layernorm.output", 1.0f, 2.55f);
    IntegerGrids grids(model, recipe);
    const IntegerGrid grid = grids.activation(SiteRole::attention_norm_output, 0);
    EXPECT_NEAR(grid.scale, 0.01, 1e-4);
    EXPECT_EQ(grid.zero_point, -128);
    ASSERT_EQ(grids.conversions().size(), 1U);
    EXPECT_EQ(grids.conversions()[0].site, "layers.0.input_layernorm.output");
    EXPECT_NE(grids.conversions()[0].what.find("widened to contain 0"), std::string::npos);
}

TEST_F(IntegerGridsTest, LearnedFractionalOffsetsAreRounded)
{
    recipe.sites.at("layers.0.input_layernorm.output").range = {nullptr, nullptr, numbers({0.02f}), numbers({37.4f}), "learned"};
    IntegerGrids grids(model, recipe);
    EXPECT_EQ(grids.activation(SiteRole::attention_norm_output, 0).zero_point, 37 - 128);
    ASSERT_EQ(grids.conversions().size(), 1U);
    EXPECT_NE(grids.conversions()[0].what.find("rounded to 37"), std::string::npos);
}

TEST_F(IntegerGridsTest, SixteenBitsBecomeSymmetric)
{
    set("layers.0.self_attn.o_proj.output", -1.0f, 3.0f);
    IntegerGrids grids(model, recipe);
    const IntegerGrid grid = grids.activation(SiteRole::o_output, 0);
    EXPECT_EQ(grid.bits, 16);
    EXPECT_EQ(grid.zero_point, 0);
    EXPECT_NEAR(grid.scale, 3.0 / 32767, 1e-9);
    ASSERT_EQ(grids.conversions().size(), 1U);
    EXPECT_NE(grids.conversions()[0].what.find("made symmetric"), std::string::npos);
}

TEST_F(IntegerGridsTest, WeightCodesAreTheSimulations)
{
    for (const bool symmetric : {false, true})
        for (const int bits : {8, 4}) {
            recipe = base_recipe(model, {.weight_bits = bits, .symmetric_weights = symmetric}, Semantics::bitwright);
            IntegerGrids grids(model, recipe);
            for (const SiteRole role : {SiteRole::q_weight, SiteRole::down_weight, SiteRole::lm_head_weight}) {
                const std::int64_t layer = role == SiteRole::lm_head_weight ? -1 : 1;
                const QuantizedWeight simulated = quantize_weight(model, recipe, grids.site(role, layer).id);
                const IntegerWeight integer = grids.weight(role, layer);
                const std::size_t per_slice = simulated.codes.size() / simulated.grids.size();
                for (std::size_t i = 0; i < simulated.codes.size(); ++i) {
                    const Grid& grid = simulated.grids[i / per_slice];
                    const auto row = static_cast<std::int64_t>(i) / integer.cols;
                    ASSERT_EQ(integer.codes[i] - integer.zero_point(row, 0), simulated.codes[i] - static_cast<int>(grid.offset));
                    ASSERT_EQ(integer.row_scale(row), grid.scale);
                }
            }
        }
}

TEST_F(IntegerGridsTest, EveryRefusalNamesTheSite)
{
    recipe = observed_recipe(model, {{1, 2, 3, 4, 5}}, 8, 8);
    const Recipe good = recipe;
    const std::string site = "layers.1.self_attn.pv.output";
    EXPECT_EQ(fault(site), "exported " + site);
    recipe.sites.erase(site);
    EXPECT_NE(fault(site).find(site), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at(site).range = {};
    EXPECT_NE(fault(site).find(site), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at(site).scheme.kind = SchemeKind::log2;
    EXPECT_NE(fault(site).find(site), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at(site).scheme.dynamic = true;
    recipe.sites.at(site).scheme.granularity = Granularity::token;
    EXPECT_NE(fault(site).find(site), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at("layers.1.self_attn.qk.input2").scheme.bits = 16;
    EXPECT_NE(fault(site).find("layers.1.self_attn.qk.input2"), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at("layers.1.mlp.down_proj.weight").scheme.bits = 16;
    EXPECT_NE(fault(site).find("layers.1.mlp.down_proj.weight"), std::string::npos) << fault(site);
    recipe = good;
    recipe.sites.at("layers.1.mlp.down_proj.weight").scheme.granularity = Granularity::channel;
    EXPECT_NE(fault(site).find("layers.1.mlp.down_proj.weight"), std::string::npos) << fault(site);
    EXPECT_TRUE(std::filesystem::is_empty(scratch("fault")));
}

TEST_F(IntegerGridsTest, TheSameInputGivesTheSameBytes)
{
    recipe = observed_recipe(model, {{1, 2, 3, 4, 5}}, 4, 8);
    const auto folder = scratch("same");
    for (const char* name : {"a", "b"}) (void)export_package(model, recipe, folder / name, {}, Control());
    EXPECT_EQ(read_text(folder / "a"), read_text(folder / "b"));
}

TEST_F(IntegerGridsTest, ACancelledExportLeavesNothing)
{
    recipe = observed_recipe(model, {{1, 2, 3, 4, 5}}, 8, 8);
    Control control;
    control.request_cancel();
    const auto folder = scratch("cancelled");
    EXPECT_THROW((void)export_package(model, recipe, folder / "x", {}, control), Cancelled);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(IntegerTables, ActivationsWithinOneCodeOverTheWholeDomain)
{
    for (const Activation kind : {Activation::silu, Activation::gelu, Activation::gelu_tanh, Activation::relu})
        for (const double reach : {0.5, 8.0, 32.0}) {
            double worst = 0;
            for (const bool wide : {false, true}) {
                const IntegerGrid input{wide ? 16 : 8, wide ? 0 : 37, wide ? reach / 32768 : reach / 128};
                const IntegerGrid output = activation_output_grid(kind, input);
                const auto exact = wide ? std::vector<std::int16_t>() : exact_activation_table(kind, input, output);
                const auto fine = wide ? fine_activation_table(kind, input, output) : std::vector<std::int32_t>();
                std::vector<std::int16_t> x, y;
                for (std::int32_t code = input.low(); code <= input.high(); ++code) x.push_back(static_cast<std::int16_t>(code));
                y.resize(x.size());
                activate({exact, fine, output}, x, y);
                for (std::size_t i = 0; i < x.size(); ++i)
                    worst = std::max(worst, std::fabs(y[i] - activation_value(kind, (x[i] - input.zero_point) * input.scale) / output.scale));
            }
            EXPECT_LE(worst, 1) << static_cast<int>(kind) << " on ±" << reach;
        }
}

TEST(IntegerTables, RopeIsExactAtZeroAndNearElsewhere)
{
    bitwright::Rope rope;
    rope.dims = 8;
    const RopeTables tables = rope_tables(rope, 100);
    const auto frequencies = rope.inverse_frequencies(100);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(tables.cosine[i], 16384);
        EXPECT_EQ(tables.sine[i], 0);
        EXPECT_NEAR(tables.cosine[99 * 4 + i], 16384 * std::cos(99 * frequencies[i]), 0.5001);
    }
    rope.attention_factor = 2;
    EXPECT_THROW((void)rope_tables(rope, 4), Error);
}

}  // namespace
}  // namespace bitwright::test
