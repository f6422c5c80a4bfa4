// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/output_error.h"

#include "core/recipe/linear_inputs.h"
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/row_products.h"
#include "core/recipe/transforms.h"
#include "core/recipe/weight_rows.h"
#include "core/runtime/error.h"
#include "tests/recipe/synthetic_site.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

Model golden_model(const std::string& name) { return open_model(test::shared() / "golden" / "models" / name); }

SiteStatistics made_up(const Model& model, SiteId id, std::int64_t rows)
{
    const Site& site = (*model.sites)[id];
    auto made = test::synthetic_site(4 * rows, site.channels, 1, rows, 5);
    made.statistics.site = site.name;
    return made.statistics;
}

TEST(RowProducts, EqualADoubleProduct)
{
    Random random(1);
    for (const std::size_t rows : {1u, 5u, 16u, 17u, 64u}) {
        for (const std::size_t cols : {1u, 7u, 511u, 1030u}) {
            for (const std::size_t outputs : {1u, 3u, 4u, 9u}) {
                std::vector<float> x(rows * cols), w(outputs * cols);
                for (float& value : x) value = static_cast<float>(test::normal(random));
                for (float& value : w) value = static_cast<float>(test::normal(random));
                const auto y = row_products(x, w, cols);
                ASSERT_EQ(y.size(), outputs * rows);
                for (std::size_t n = 0; n < outputs; ++n) {
                    for (std::size_t r = 0; r < rows; ++r) {
                        double sum = 0;
                        for (std::size_t k = 0; k < cols; ++k) sum += static_cast<double>(x[r * cols + k]) * w[n * cols + k];
                        EXPECT_NEAR(y[n * rows + r], sum, 2e-5 * std::sqrt(static_cast<double>(cols)) + 1e-6);
                    }
                }
            }
        }
    }
}

TEST(LinearInputs, FollowTheLayout)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto input = [](const std::string& model_name, const std::string& weight) {
        const Model model = golden_model(model_name);
        const SiteId id = input_of_linear(model, model.sites->find(weight));
        return id == no_site ? std::string() : (*model.sites)[id].name;
    };
    EXPECT_EQ(input("llama", "layers.1.self_attn.k_proj.weight"), "layers.1.input_layernorm.output");
    EXPECT_EQ(input("llama", "layers.1.self_attn.o_proj.weight"), "layers.1.self_attn.pv.output");
    EXPECT_EQ(input("llama", "layers.1.mlp.up_proj.weight"), "layers.1.post_attention_layernorm.output");
    EXPECT_EQ(input("llama", "layers.1.mlp.down_proj.weight"), "layers.1.mlp.down_proj.input");
    EXPECT_EQ(input("llama", "lm_head.weight"), "norm.output");
    EXPECT_EQ(input("llama", "embed_tokens.weight"), "");
    EXPECT_EQ(input("stablelm-parallel", "layers.0.mlp.up_proj.weight"), "layers.0.input_layernorm.output");
    EXPECT_EQ(input("olmo2", "layers.0.self_attn.q_proj.weight"), "residual_embedding");
    EXPECT_EQ(input("olmo2", "layers.1.self_attn.q_proj.weight"), "layers.0.residual_mlp");
    EXPECT_EQ(input("olmo2", "layers.1.mlp.up_proj.weight"), "layers.1.residual_attention");
    EXPECT_EQ(input("opt-post-norm", "layers.1.self_attn.q_proj.weight"), "layers.0.post_attention_layernorm.output");
    EXPECT_EQ(input("opt-post-norm", "layers.1.mlp.up_proj.weight"), "layers.1.input_layernorm.output");
    const Model model = golden_model("llama");
    EXPECT_EQ(linears_reading(model, model.sites->find("layers.0.input_layernorm.output")).size(), 3u);
    EXPECT_TRUE(linears_reading(model, model.sites->find("layers.0.self_attn.qk.input")).empty());
}

TEST(MaterializeRows, AreRowsOfTheWholeWeight)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const std::string name : {"llama", "llama-gqa-tied", "phi3", "gpt2", "gpt-neox", "falcon-new"}) {
        const Model model = golden_model(name);
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        for (const LegalPair& pair : legal_pairs(model)) {
            std::vector<float> s(static_cast<std::size_t>(pair.channels));
            for (std::size_t c = 0; c < s.size(); ++c) s[c] = 0.5f + 0.01f * static_cast<float>(c);
            recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::move(s))});
        }
        const std::string down = "layers.1.mlp.down_proj.weight", up = "layers.1.mlp.up_proj.weight";
        for (const std::string& clipped : {down, up}) {
            const Site& site = (*model.sites)[model.sites->find(clipped)];
            recipe.sites.at(clipped).scheme.granularity = Granularity::row;
            std::vector<float> low, high;
            for (std::int64_t r = 0; r < site.rows; ++r) {
                low.push_back(-0.01f * static_cast<float>(r % 5 + 1));
                high.push_back(0.02f * static_cast<float>(r % 3 + 1));
            }
            recipe.sites.at(clipped).range = {numbers(low), numbers(high), {}, {}, ""};
            recipe.transforms.emplace_back(Clip{clipped, numbers(low), numbers(high)});
        }
        const QuantizedWeight fixed = quantize_weight(model, recipe, model.sites->find(down));
        recipe.transforms.emplace_back(Codes{down, std::make_shared<const std::vector<std::int16_t>>(fixed.codes)});
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight) continue;
            const MaterializedWeight whole = materialize(model, &recipe, site.id);
            const auto rows = choose_rows(site.rows, 7, 3);
            const auto part = materialize_rows(model, &recipe, site.id, rows);
            const auto cols = static_cast<std::size_t>(site.channels);
            ASSERT_EQ(part.size(), rows.size() * cols) << name << " " << site.name;
            for (std::size_t i = 0; i < part.size(); ++i) {
                ASSERT_EQ(part[i], whole.weight[static_cast<std::size_t>(rows[i / cols]) * cols + i % cols]) << name << " " << site.name;
            }
        }
    }
}

TEST(ChooseRows, IsARandomSampleWithoutRepetition)
{
    std::vector<int> hits(20);
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        const auto rows = choose_rows(20, 5, seed);
        ASSERT_EQ(rows.size(), 5u);
        for (std::size_t i = 0; i < 5; ++i) {
            ++hits[static_cast<std::size_t>(rows[i])];
            ASSERT_TRUE(i == 0 || rows[i] > rows[i - 1]);
        }
    }
    for (const int n : hits) EXPECT_NEAR(n, 500, 100);
    EXPECT_EQ(choose_rows(3, 10, 0), (std::vector<std::int64_t>{0, 1, 2}));
}

/// ‖ŷ − y‖ / ‖y‖ by the definition, in double, over all reservoir rows and outputs.
struct Truth {
    double alone = 0, both = 0;
};
Truth truth_of(const Model& model, const Recipe& recipe, SiteId id, const SiteStatistics& input, const SiteDecision& decision)
{
    const Site& site = (*model.sites)[id];
    const bool is_weight = site.kind == SiteKind::weight;
    const Site& read = (*model.sites)[is_weight ? input_of_linear(model, id) : id];
    const auto x = reservoir_values(input);
    const SiteDecision& of_x = is_weight ? recipe.sites.at(read.name) : decision;
    const Grid grid = grid_of(of_x.range, 0, of_x.scheme, recipe.semantics);
    const auto cols = static_cast<std::size_t>(read.channels), rows = x.size() / cols;
    double alone = 0, both = 0, signal = 0;
    for (const SiteId linear : is_weight ? std::vector{id} : linears_reading(model, id)) {
        const SiteDecision& of_w = is_weight ? decision : recipe.sites.at((*model.sites)[linear].name);
        const auto w = materialize(model, &recipe, linear);
        const auto grids = weight_grids(of_w, w.shape, w.weight, recipe.semantics);
        for (std::size_t n = 0; n < w.weight.size() / cols; ++n) {
            for (std::size_t r = 0; r < rows; ++r) {
                double y = 0, one = 0, two = 0;
                for (std::size_t k = 0; k < cols; ++k) {
                    const std::size_t i = n * cols + k, slice = grids.size() == 1 ? 0 : grids.size() == w.weight.size() / cols ? n : i * grids.size() / w.weight.size();
                    const double xv = x[r * cols + k], wv = w.weight[i], xq = fake_quantize(x[r * cols + k], grid), wq = fake_quantize(w.weight[i], grids[slice]);
                    y += xv * wv;
                    one += is_weight ? xv * wq : xq * wv;
                    two += xq * wq;
                }
                signal += y * y;
                alone += (one - y) * (one - y);
                both += (two - y) * (two - y);
            }
        }
    }
    return {std::sqrt(alone / signal), std::sqrt(both / signal)};
}

TEST(OutputError, OverTheReservoirEqualsTheDefinition)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    for (const std::string name : {"llama-gqa-tied", "gpt2", "stablelm-parallel"}) {
        const Model model = golden_model(name);
        Recipe recipe = base_recipe(model, {4, 8}, Semantics::bitwright);
        for (const LegalPair& pair : legal_pairs(model)) recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::vector<float>(static_cast<std::size_t>(pair.channels), 1.5f))});
        for (auto& [site, decision] : recipe.sites) {
            if ((*model.sites)[model.sites->find(site)].kind == SiteKind::activation) decision.range = {numbers({-20}), numbers({25}), {}, {}, ""};
        }
        for (const std::string site_name : {"layers.0.input_layernorm.output", "layers.1.mlp.down_proj.input", "layers.0.self_attn.v_proj.weight", "layers.1.mlp.down_proj.weight"}) {
            const SiteId id = model.sites->find(site_name);
            const SiteStatistics input = made_up(model, output_error_input(model, id), 20);
            for (const bool given : {true, false}) {
                SiteDecision decision = recipe.sites.at(site_name);
                decision.scheme.bits = 4;
                if ((*model.sites)[id].kind == SiteKind::weight) {
                    const auto w = materialize(model, &recipe, id);
                    if (given) decision.range = weight_range(w.weight, w.shape, decision.scheme, Semantics::bitwright, {RangeKind::mse, 100});
                } else {
                    decision.range = {numbers({-3}), numbers({given ? 40.0f : 4.0f}), {}, {}, ""};
                }
                const Truth truth = truth_of(model, recipe, id, input, decision);
                const OutputErrors exact = output_error_over_reservoir(model, recipe, id, input, decision.scheme, decision.range, control);
                EXPECT_NEAR(exact.alone->relative, truth.alone, 1e-4 * truth.alone) << name << " " << site_name;
                EXPECT_NEAR(exact.both->relative, truth.both, 1e-4 * truth.both) << name << " " << site_name;
                EXPECT_EQ(exact.alone->spread, 0);
                EXPECT_NEAR(exact.alone->sqnr_db, -20 * std::log10(truth.alone), 1e-2);

                const OutputErrorEstimate all(model, recipe, id, input, {1000, 100000, 0}, control);  // nothing left out
                const OutputErrors same = all.estimate(decision.scheme, decision.range);
                EXPECT_NEAR(same.alone->relative, truth.alone, 1e-4 * truth.alone);
                EXPECT_NEAR(same.both->relative, truth.both, 1e-4 * truth.both);
                EXPECT_EQ(same.alone->spread, 0);
            }
        }
    }
}

TEST(OutputError, EstimatesLieWithinTheirSpread)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    const Model model = golden_model("llama");
    Recipe recipe = base_recipe(model, {4, 8}, Semantics::bitwright);
    const SiteId id = model.sites->find("layers.0.mlp.down_proj.input");
    const SiteStatistics input = made_up(model, id, 64);
    Scheme scheme;
    scheme.bits = 6;
    const Range range{numbers({-40}), numbers({40}), {}, {}, ""};
    const double truth = output_error_over_reservoir(model, recipe, id, input, scheme, range, control).alone->relative;
    int within_one = 0, within_three = 0;
    constexpr int tries = 100;
    for (std::uint64_t seed = 0; seed < tries; ++seed) {
        const OutputError guess = *OutputErrorEstimate(model, recipe, id, input, {16, 12, seed}, control).estimate(scheme, range).alone;
        EXPECT_EQ(guess.rows, 16);
        EXPECT_EQ(guess.outputs, 12);
        EXPECT_GT(guess.spread, 0);
        within_one += std::fabs(guess.relative - truth) <= guess.spread;
        within_three += std::fabs(guess.relative - truth) <= 3 * guess.spread;
    }
    EXPECT_GT(within_one, tries / 2);
    EXPECT_GT(within_three, tries * 95 / 100);
}

TEST(OutputError, SaysWhatItCannotMeasure)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    const Model model = golden_model("llama");
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    const auto id = [&](const char* name) { return model.sites->find(name); };
    EXPECT_FALSE(has_output_error(model, id("layers.0.self_attn.qk.input")));
    EXPECT_FALSE(has_output_error(model, id("embed_tokens.weight")));
    EXPECT_TRUE(has_output_error(model, id("layers.0.self_attn.o_proj.weight")));
    SiteStatistics input = made_up(model, id("layers.0.mlp.down_proj.input"), 4);
    EXPECT_THROW(OutputErrorEstimate(model, recipe, id("layers.0.self_attn.qk.input"), input, {}, control), Error);
    EXPECT_THROW(OutputErrorEstimate(model, recipe, id("layers.1.mlp.down_proj.input"), input, {}, control), Error);  // another site's statistics
    const OutputErrorEstimate estimate(model, recipe, id("layers.0.mlp.down_proj.input"), input, {}, control);
    Scheme off;
    off.kind = SchemeKind::floating;
    EXPECT_FALSE(estimate.estimate(off, {}).alone);
    EXPECT_THROW(static_cast<void>(estimate.estimate({}, {})), Error);
    Recipe nothing;
    const OutputErrorEstimate alone(model, nothing, id("layers.0.mlp.down_proj.input"), input, {}, control);
    const OutputErrors errors = alone.estimate({}, {numbers({-1}), numbers({1}), {}, {}, ""});
    EXPECT_TRUE(errors.alone);
    EXPECT_FALSE(errors.both);
    input.reservoir_rows = 0;
    input.reservoir.clear();
    EXPECT_THROW(OutputErrorEstimate(model, recipe, id("layers.0.mlp.down_proj.input"), input, {}, control), Error);
}

}  // namespace
}  // namespace bitwright
