// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges by output error (best, SeqMSE), AWQ and dynamic SmoothQuant: each against its definition in plain double loops, their properties on every family, and
// their order on TinyStories.
#include "core/exchange/package_export.h"
#include "core/numerics/methods/awq.h"
#include "core/numerics/methods/range_search.h"
#include "core/recipe/slices.h"
#include "core/runtime/random.h"

#include "tests/numerics/authors_run.h"
#include "tests/numerics/golden_models.h"
#include "tests/numerics/method_figures.h"
#include "tests/numerics/torch_support.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

std::vector<float> noise(std::size_t n, std::uint64_t seed)
{
    Random random(seed);
    std::vector<float> out(n);
    for (float& v : out) v = static_cast<float>(random.uniform() + random.uniform() + random.uniform() - 1.5);
    return out;
}

struct Problem {
    MaterializedWeight weight{{4, 8}, noise(32, 5), {}};
    std::vector<float> inputs = noise(8 * 50, 6);  // [50, 8]
    Problem()
    {
        for (std::size_t r = 0; r < 4; ++r) weight.weight[r * 8 + 3] = 6;          // an outlier …
        for (std::size_t t = 0; t < 50; ++t) inputs[t * 8 + 3] *= 0.01F;           // … that hardly any input meets
    }
    [[nodiscard]] at::Tensor x() const { return at::tensor(inputs).view({50, 8}); }
    [[nodiscard]] at::Tensor hessian() const { return at::matmul(x().to(at::kDouble).t(), x().to(at::kDouble)); }

    /// Σ over tokens of ((w − ŵ)·x)² of a row, in double.
    [[nodiscard]] double error(std::size_t row, float low, float high, const Scheme& scheme) const
    {
        const Grid grid = grid_of(low, high, scheme, Semantics::bitwright);
        double sum = 0;
        for (std::size_t t = 0; t < 50; ++t) {
            double y = 0;
            for (std::size_t c = 0; c < 8; ++c) {
                const float w = weight.weight[row * 8 + c];
                y += (static_cast<double>(w) - static_cast<double>(fake_quantize(w, grid))) * static_cast<double>(inputs[t * 8 + c]);
            }
            sum += y * y;
        }
        return sum;
    }
};

TEST(RangeSearch, NoTriedClipOfARowLeavesLess)
{
    const Problem problem;
    for (const bool symmetric : {true, false}) {
        const Scheme scheme{.bits = 4, .symmetric = symmetric, .granularity = Granularity::row};
        const Range start = slice_extremes(Slices(scheme, problem.weight.shape), problem.weight.weight);
        const RangeSearch search{.clips = 10};
        const Range found = least_output_error(problem.weight, problem.hessian(), scheme, Semantics::bitwright, start, search);
        ASSERT_EQ(found.min->size(), 4U);
        for (std::size_t row = 0; row < 4; ++row) {
            const double got = problem.error(row, (*found.min)[row], (*found.max)[row], scheme);
            for (int i = 1; i <= 10; ++i) {
                const float share = static_cast<float>(i) / 10;
                EXPECT_LE(got, problem.error(row, (*start.min)[row] * share, (*start.max)[row] * share, scheme) * (1 + 1e-5)) << row << " " << i;
            }
            // without inputs the same search would keep the outlier: SeqMSE does not
            EXPECT_LT((*found.max)[row], 5) << row;
            EXPECT_LT(got, 0.5 * problem.error(row, (*start.min)[row], (*start.max)[row], scheme)) << row;
        }
    }
}

TEST(RangeSearch, OneGridPerTensorTakesTheSumAndGroupsTheirOwnBlock)
{
    const Problem problem;
    const Scheme whole{.bits = 4, .symmetric = true};
    const Range start = slice_extremes(Slices(whole, problem.weight.shape), problem.weight.weight);
    const Range found = least_output_error(problem.weight, problem.hessian(), whole, Semantics::bitwright, start, {.clips = 10});
    const auto total = [&](float low, float high) {
        double sum = 0;
        for (std::size_t row = 0; row < 4; ++row) sum += problem.error(row, low, high, whole);
        return sum;
    };
    for (int i = 1; i <= 10; ++i) EXPECT_LE(total(found.min->at(0), found.max->at(0)), total(start.min->at(0) * static_cast<float>(i) / 10, start.max->at(0) * static_cast<float>(i) / 10) * (1 + 1e-5));

    const Scheme groups{.bits = 4, .symmetric = true, .granularity = Granularity::group, .group_size = 4};
    const Range grouped = least_output_error(problem.weight, problem.hessian(), groups, Semantics::bitwright, slice_extremes(Slices(groups, problem.weight.shape), problem.weight.weight), {.clips = 10});
    // the second group of each row as a problem of its own
    MaterializedWeight half{{4, 4}, {}, {}};
    for (std::size_t r = 0; r < 4; ++r) half.weight.insert(half.weight.end(), problem.weight.weight.begin() + static_cast<std::ptrdiff_t>(r * 8 + 4), problem.weight.weight.begin() + static_cast<std::ptrdiff_t>(r * 8 + 8));
    const Scheme rows{.bits = 4, .symmetric = true, .granularity = Granularity::row};
    const Range alone = least_output_error(half, problem.hessian().narrow(0, 4, 4).narrow(1, 4, 4), rows, Semantics::bitwright, slice_extremes(Slices(rows, half.shape), half.weight), {.clips = 10});
    for (std::size_t r = 0; r < 4; ++r) EXPECT_FLOAT_EQ(grouped.max->at(2 * r + 1), alone.max->at(r)) << r;
}

TEST(Awq, TheErrorOfAScaleIsTheDefinitions)
{
    const Problem problem;
    const Scheme rows{.bits = 4, .granularity = Granularity::row}, tensor{.bits = 8};
    const std::vector<float> scales = awq_scales({0.1F, 0.2F, 0.4F, 0.8F, 1.6F, 0.1F, 0.0F, 0.3F}, 0.5);
    EXPECT_EQ(scales[6], 1);
    EXPECT_NEAR(scales[4] / scales[0], 4, 1e-5);  // (1.6 / 0.1)^0.5
    EXPECT_NEAR(scales[0] * scales[4], 1, 1e-5);  // around 1
    float low = 0, high = 0;
    std::vector<float> scaled(problem.inputs.size());
    for (std::size_t i = 0; i < scaled.size(); ++i) {
        scaled[i] = problem.inputs[i] / scales[i % 8];
        low = std::min(low, scaled[i]), high = std::max(high, scaled[i]);
    }
    const Grid input = grid_of(low, high, tensor, Semantics::bitwright);
    double wanted = 0;
    for (std::size_t r = 0; r < 4; ++r) {
        std::vector<float> w(8);
        for (std::size_t c = 0; c < 8; ++c) w[c] = problem.weight.weight[r * 8 + c] * scales[c];
        const Grid grid = grid_of(*std::min_element(w.begin(), w.end()), *std::max_element(w.begin(), w.end()), rows, Semantics::bitwright);
        for (std::size_t t = 0; t < 50; ++t) {
            double left = 0;
            for (std::size_t c = 0; c < 8; ++c)
                left += static_cast<double>(problem.inputs[t * 8 + c]) * static_cast<double>(problem.weight.weight[r * 8 + c]) -
                        static_cast<double>(fake_quantize(scaled[t * 8 + c], input)) * static_cast<double>(fake_quantize(w[c], grid));
            wanted += left * left;
        }
    }
    const std::vector<ScaledReader> readers{{at::tensor(problem.weight.weight).view({4, 8}), rows}};
    EXPECT_NEAR(scaled_output_error(problem.x(), readers, at::tensor(scales), &tensor, Semantics::bitwright), wanted, 1e-4 * wanted);
}

/// Σ over windows of the mean squared error of the first layer's output: both models read the same embedding.
double first_layer_error(const Model& model, const Recipe& recipe, const TokenWindows& windows)
{
    const Control control;
    Recipe plain;
    plain.semantics = recipe.semantics;
    double sum = 0;
    for (std::int64_t w = 0; w < windows.count; ++w) {
        const std::vector<std::int32_t> ids(windows.window(w), windows.window(w) + windows.length);
        const Tensor wanted = load_numerics().forward(model, &plain, Level::floating, Placement::paper, ids, control).hidden.at(1);
        const Tensor given = load_numerics().forward(model, &recipe, Level::simulated, Placement::paper, ids, control).hidden.at(1);
        const auto a = wanted.as<float>(), b = given.as<float>();
        for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    }
    return sum;
}

class RangeMethodsOn : public ::testing::TestWithParam<std::string> {};

TEST_P(RangeMethodsOn, SearchedActivationRangesLeaveALayerLessError)
{
    Control control;
    MethodRequest request;
    request.model = open_model(test::golden_models() / GetParam());
    request.calibration = test::odd_windows(request.model);
    request.weight_bits = 8;
    request.activation_bits = 6;
    Recipe recipe = base_recipe(request.model, {.weight_bits = 8, .activation_bits = 6}, Semantics::bitwright);
    const Statistics seen = load_numerics().calibrate(request.model, nullptr, request.calibration, {}, control);
    set_ranges(recipe, request.model, seen, {}, control);
    for (const auto candidates : {RangeSearch::Candidates::rules, RangeSearch::Candidates::clips}) {
        Recipe searched = recipe;
        search_ranges(searched, request.model, seen, request.calibration, {.candidates = candidates, .weights = false, .clips = 5}, control);
        EXPECT_NO_THROW(validate(searched, request.model));
        EXPECT_LE(first_layer_error(request.model, searched, request.calibration), first_layer_error(request.model, recipe, request.calibration) * (1 + 1e-5));
        for (const auto& [name, decision] : searched.sites) {
            const Site& site = (*request.model.sites)[request.model.sites->find(name)];
            if (site.shares != no_site && decision.range.min) {
                EXPECT_EQ(*decision.range.max, *searched.sites.at((*request.model.sites)[site.shares].name).range.max) << name;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, RangeMethodsOn, ::testing::ValuesIn(test::golden_model_names()), [](const auto& model) { return test::test_name(model.param); });

TEST(DynamicSmoothQuant, IsAReferenceAndSaysSoWhereItStops)
{
    Control control;
    MethodRequest request;
    request.model = open_model(test::golden_models() / "llama");
    request.calibration = test::odd_windows(request.model);
    request.method = "smoothquant-dynamic";
    const Recipe recipe = load_numerics().run(request, control).recipe;
    const Scheme token{.symmetric = true, .granularity = Granularity::token, .dynamic = true};
    EXPECT_EQ(recipe.sites.at("layers.0.input_layernorm.output").scheme, token);
    EXPECT_EQ(recipe.sites.at("layers.0.self_attn.qk.input").scheme, token);
    EXPECT_EQ(recipe.sites.at("layers.0.mlp.down_proj.input").scheme, token);
    EXPECT_EQ(recipe.sites.at("layers.0.mlp.gate_proj.output").scheme.kind, SchemeKind::floating);
    EXPECT_EQ(recipe.sites.at("norm.output").scheme.kind, SchemeKind::floating);
    for (const Transform& transform : recipe.transforms) EXPECT_TRUE(std::get<ScalePair>(transform).pair.starts_with("norm_"));
    try {
        (void)export_package(request.model, recipe, ::testing::TempDir() + "dynamic", {}, control);
        FAIL() << "exported";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("is float"), std::string::npos) << error.what();
    }
}

TEST(SlowRangeMethods, OrderOnTinyStories)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const bool outliers : {false, true}) {
        const Model model = test::tiny_stories(outliers);
        std::map<std::string, double> figure;
        for (const auto& [name, method, bits, range] : {std::tuple{"w4 minmax", "rtn", 4, "minmax"}, {"w4 mse", "rtn", 4, "mse"}, {"w4 best", "rtn", 4, "best"}, {"w4 seqmse", "seqmse", 4, "seqmse"},
                                                        {"w4 awq", "awq", 4, "mse"}, {"w8 minmax", "rtn", 8, "minmax"}, {"w8 mse", "rtn", 8, "mse"}, {"w8 best", "rtn", 8, "best"},
                                                        {"w8 dynamic", "smoothquant-dynamic", 8, "minmax"}}) {
            const auto [recipe, cpu] = test::quantized(model, method, bits, {{"range", range}});
            figure[name] = test::perplexity(model, recipe, "eval_tinystories", 64);
            std::printf("%s %s: %.2f, %.1f CPU s\n", outliers ? "tso" : "ts", name, figure[name], cpu);
        }
        if (outliers) {
            EXPECT_LT(figure["w4 awq"], 0.1 * figure["w4 minmax"]);  // scales follow the outlier channels of norms and up
            continue;
        }
        EXPECT_LT(figure["w4 mse"], figure["w4 minmax"]);
        EXPECT_LT(figure["w4 best"], figure["w4 mse"]);
        EXPECT_LT(figure["w4 seqmse"], figure["w4 best"]);
        EXPECT_LT(figure["w4 awq"], figure["w4 mse"]);
        EXPECT_LT(figure["w8 mse"], figure["w8 minmax"]);
        EXPECT_LT(figure["w8 best"], figure["w8 minmax"]);
        EXPECT_LT(figure["w8 dynamic"], figure["w8 mse"]);
    }
}

}  // namespace
}  // namespace bitwright
