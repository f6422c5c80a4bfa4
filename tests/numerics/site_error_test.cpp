// SPDX-License-Identifier: GPL-3.0-or-later
// The compute lane's figures against the torch-free ones over a reservoir that keeps every token.
#include "core/numerics/numerics.h"
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

TokenWindows some_windows(const Model& model, std::int64_t count, std::int64_t length)
{
    TokenWindows windows;
    windows.count = count;
    windows.length = length;
    Random random(4);
    for (std::int64_t i = 0; i < count * length; ++i) windows.ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(model.architecture().vocab))));
    return windows;
}

Recipe recipe_of(const Model& model, const Statistics& statistics)
{
    Recipe recipe = base_recipe(model, {4, 6}, Semantics::bitwright);
    set_ranges(recipe, model, statistics, {RangeKind::percentile, 99});
    return recipe;
}

class SiteErrors : public ::testing::TestWithParam<const char*> {};

TEST_P(SiteErrors, EqualTheReservoirOfEveryToken)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    Numerics& numerics = load_numerics();
    const Model model = open_model(test::shared() / "golden" / "models" / GetParam());
    const TokenWindows windows = some_windows(model, 3, 10);
    CalibrateOptions options;
    options.reservoir_rows = 1000;
    const Statistics statistics = numerics.calibrate(model, nullptr, windows, options, control);
    Recipe recipe = recipe_of(model, statistics);
    Scheme channels = recipe.sites.at("layers.1.mlp.down_proj.input").scheme;
    channels.granularity = Granularity::channel;
    recipe.sites.at("layers.1.mlp.down_proj.input").scheme = channels;
    const Site& down = (*model.sites)[model.sites->find("layers.1.mlp.down_proj.input")];
    recipe.sites.at(down.name).range = activation_range(*statistics.find(down.name), down, channels, Semantics::bitwright, {});

    std::vector<SiteId> sites;
    for (const Site& site : model.sites->sites()) sites.push_back(site.id);
    const auto errors = numerics.site_errors(model, recipe, sites, windows, control);
    ASSERT_EQ(errors.size(), sites.size());
    int outputs = 0;
    for (std::size_t i = 0; i < errors.size(); ++i) {
        const SiteError& error = errors[i];
        const Site& site = (*model.sites)[sites[i]];
        const auto& [scheme, range] = recipe.sites.at(site.name);
        ASSERT_EQ(error.site, site.id);
        if (site.kind == SiteKind::activation) {
            const SiteStatistics* seen = statistics.find(site.name);
            if (!seen) continue;
            const SitePreview preview = preview_activation(*seen, site, scheme, range, Semantics::bitwright);
            ASSERT_TRUE(error.figures.sqnr_db) << site.name;
            EXPECT_EQ(error.figures.sqnr_db->from, Provenance::windows);
            if (site.role == SiteRole::qk_output || site.role == SiteRole::pv_input) {
                EXPECT_NEAR(error.figures.sqnr_db->value, preview.sqnr_db->value, 0.5) << site.name;  // the reservoir has one key per query
                continue;
            }
            if (preview.reservoir_sqnr_db->value < 60) {
                EXPECT_NEAR(error.figures.sqnr_db->value, preview.reservoir_sqnr_db->value, 0.05) << site.name;
            }
            EXPECT_NEAR(error.figures.cosine->value, preview.cosine->value, 1e-3) << site.name;
            const double few = 3.0 / static_cast<double>(seen->count);  // f16 moves a value over an edge
            if (scheme.bits <= 8) {
                EXPECT_NEAR(error.figures.saturation()->value, preview.saturation()->value, few) << site.name;
                EXPECT_NEAR(error.figures.zeros->value, preview.zeros->value, few + 1e-2) << site.name;
            }
        } else {
            EXPECT_EQ(error.figures.sqnr_db->from, Provenance::values) << site.name;
        }
        ASSERT_EQ(error.outputs.alone.has_value(), has_output_error(model, site.id)) << site.name;
        if (!error.outputs.alone) continue;
        ++outputs;
        const SiteStatistics& input = *statistics.find((*model.sites)[output_error_input(model, site.id)].name);
        const OutputErrors kept = output_error_over_reservoir(model, recipe, site.id, input, scheme, range, control);
        const double rounding = 1e-3;  // f16 rows and float sums, relative to the outputs
        EXPECT_NEAR(error.outputs.alone->relative, kept.alone->relative, 0.02 * kept.alone->relative + rounding) << site.name;
        ASSERT_EQ(error.outputs.both.has_value(), kept.both.has_value()) << site.name;
        EXPECT_NEAR(error.outputs.both->relative, kept.both->relative, 0.02 * kept.both->relative + rounding) << site.name;
        EXPECT_EQ(error.outputs.alone->rows, 30);
        EXPECT_EQ(error.outputs.alone->outputs, kept.alone->outputs);
    }
    EXPECT_GT(outputs, 10);
}
INSTANTIATE_TEST_SUITE_P(Layouts, SiteErrors, ::testing::Values("llama-gqa-tied", "opt-post-norm", "olmo2", "stablelm-parallel", "gemma2"));

TEST(SiteErrorsOf, OneSiteAreTheSameAsAmongAll)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    const Model model = open_model(test::shared() / "golden" / "models" / "llama");
    const TokenWindows windows = some_windows(model, 2, 9);
    const Statistics statistics = load_numerics().calibrate(model, nullptr, windows, {}, control);
    Recipe recipe = recipe_of(model, statistics);
    std::vector<SiteId> all;
    for (const Site& site : model.sites->sites()) all.push_back(site.id);
    const auto errors = load_numerics().site_errors(model, recipe, all, windows, control);
    const SiteId down = model.sites->find("layers.0.mlp.down_proj.input");
    const auto one = load_numerics().site_errors(model, recipe, {down}, windows, control);
    ASSERT_EQ(one.size(), 1u);
    // asked for all sites, attention is explicit instead of fused: the same up to rounding
    EXPECT_NEAR(one[0].outputs.alone->relative, errors[static_cast<std::size_t>(down)].outputs.alone->relative, 1e-5);
    EXPECT_NEAR(one[0].figures.sqnr_db->value, errors[static_cast<std::size_t>(down)].figures.sqnr_db->value, 1e-3);
    recipe.sites.at("layers.0.mlp.down_proj.input").scheme.kind = SchemeKind::floating;
    const auto off = load_numerics().site_errors(model, recipe, {down}, windows, control);
    EXPECT_FALSE(off[0].figures.sqnr_db || off[0].outputs.alone);
    Control cancelled;
    cancelled.request_cancel();
    EXPECT_THROW(static_cast<void>(load_numerics().site_errors(model, recipe, {down}, windows, cancelled)), Cancelled);
}

TEST(OutputErrorOnTinyStories, EstimatesLieWithinTheirSpread)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    Numerics& numerics = load_numerics();
    const Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K-outliers");
    TokenWindows windows = load_windows((test::shared() / "golden" / "mobilequant" / "windows.safetensors").string() + ":calib", model.architecture().vocab);
    windows.count = 2;
    windows.ids.resize(static_cast<std::size_t>(windows.count * windows.length));
    const Statistics statistics = numerics.calibrate(model, nullptr, windows, {}, control);
    Recipe recipe = base_recipe(model, {4, 8}, Semantics::bitwright);
    set_ranges(recipe, model, statistics, {});
    int within_one = 0, tries = 0;
    for (const std::string name : {"layers.0.input_layernorm.output", "layers.1.mlp.down_proj.input", "layers.0.self_attn.pv.output", "layers.1.post_attention_layernorm.output", "layers.0.mlp.down_proj.weight"}) {
        const SiteId id = model.sites->find(name);
        const SiteStatistics& input = *statistics.find((*model.sites)[output_error_input(model, id)].name);
        const auto& [scheme, range] = recipe.sites.at(name);
        const OutputErrors exact = output_error_over_reservoir(model, recipe, id, input, scheme, range, control);
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            const OutputErrors guess = OutputErrorEstimate(model, recipe, id, input, {16, 64, seed}, control).estimate(scheme, range);
            EXPECT_NEAR(guess.alone->relative, exact.alone->relative, 4 * guess.alone->spread + 1e-6) << name;
            EXPECT_NEAR(guess.both->relative, exact.both->relative, 4 * guess.both->spread + 1e-6) << name;
            within_one += std::fabs(guess.alone->relative - exact.alone->relative) <= guess.alone->spread;
            ++tries;
        }
    }
    EXPECT_GT(within_one, tries / 2);
}

TEST(ChannelTokens, AreTheLargestOfTheirChannel)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    const Model model = open_model(test::shared() / "golden" / "models" / "llama-gqa-tied");
    const TokenWindows windows = some_windows(model, 3, 10);
    CalibrateOptions options;
    options.reservoir_rows = 1000;
    const Statistics statistics = load_numerics().calibrate(model, nullptr, windows, options, control);
    for (const std::string name : {"layers.1.mlp.down_proj.input", "layers.0.self_attn.qk.input2", "layers.1.self_attn.qk.output", "residual_embedding", "norm.output", "lm_head.output"}) {
        const SiteId id = model.sites->find(name);
        const SiteStatistics& seen = *statistics.find(name);
        for (const std::int64_t channel : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}}) {
            const auto found = load_numerics().channel_tokens(model, nullptr, id, channel, windows, 7, control);
            ASSERT_EQ(found.size(), 7u) << name;
            const float most = channel >= 0 ? seen.channel_abs_max[static_cast<std::size_t>(channel)] : std::max(std::fabs(seen.min), std::fabs(seen.max));
            EXPECT_NEAR(std::fabs(found[0].value), most, 1e-5f * most) << name;  // attention is explicit where a tap looks inside
            for (std::size_t i = 0; i < found.size(); ++i) {
                const TokenValue& token = found[i];
                EXPECT_EQ(token.token, windows.window(token.window)[token.position]);
                EXPECT_LE(std::fabs(token.value), std::fabs(found[i == 0 ? 0 : i - 1].value));
                EXPECT_TRUE(channel < 0 || token.channel == channel);
                EXPECT_LE(std::fabs(token.value), seen.position_abs_max[static_cast<std::size_t>(token.position)] * 1.00001f) << name;
                if (name == "layers.1.self_attn.qk.output") continue;
                const auto row = static_cast<std::size_t>(token.window * windows.length + token.position);
                const float kept = reservoir_values(seen)[row * seen.channel_max.size() + static_cast<std::size_t>(token.channel)];
                EXPECT_NEAR(token.value, kept, 1e-3f * std::fabs(kept) + 1e-6f) << name;
            }
        }
    }
    EXPECT_EQ(load_numerics().channel_tokens(model, nullptr, model.sites->find("norm.output"), 0, windows, 1000, control).size(), 30u);
    EXPECT_THROW(static_cast<void>(load_numerics().channel_tokens(model, nullptr, model.sites->find("norm.weight"), 0, windows, 5, control)), Error);
    EXPECT_THROW(static_cast<void>(load_numerics().channel_tokens(model, nullptr, model.sites->find("norm.output"), 100000, windows, 5, control)), Error);
}

}  // namespace
}  // namespace bitwright
