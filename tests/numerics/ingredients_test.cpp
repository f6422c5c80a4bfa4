// SPDX-License-Identifier: GPL-3.0-or-later
// The ingredients of Bitwright mode, each against its definition: GPTQ by elimination, scale rules that leave the function, gradients of relative parameters,
// the divergence of two rows of logits.
#include "core/numerics/methods/gptq.h"
#include "core/numerics/methods/scale_rules.h"
#include "core/numerics/methods/tunable.h"
#include "core/numerics/quantize/divergence.h"
#include "core/recipe/placement.h"
#include "core/recipe/slices.h"
#include "core/runtime/random.h"

#include "tests/numerics/golden_models.h"
#include "tests/numerics/torch_support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace bitwright {
namespace {

std::vector<float> noise(std::size_t n, std::uint64_t seed, float size = 1)
{
    Random random(seed);
    std::vector<float> out(n);
    for (float& v : out) v = size * static_cast<float>(random.uniform() + random.uniform() + random.uniform() - 1.5);
    return out;
}

// --- GPTQ ----------------------------------------------------------------------------------------------------------------------------------------------

using Matrix = std::vector<std::vector<double>>;

Matrix inverse(Matrix a)
{
    const std::size_t n = a.size();
    Matrix b(n, std::vector<double>(n));
    for (std::size_t i = 0; i < n; ++i) b[i][i] = 1;
    for (std::size_t p = 0; p < n; ++p) {
        std::size_t best = p;
        for (std::size_t i = p; i < n; ++i)
            if (std::abs(a[i][p]) > std::abs(a[best][p])) best = i;
        std::swap(a[p], a[best]);
        std::swap(b[p], b[best]);
        const double pivot = a[p][p];
        for (std::size_t c = 0; c < n; ++c) a[p][c] /= pivot, b[p][c] /= pivot;
        for (std::size_t i = 0; i < n; ++i) {
            const double times = a[i][p];
            if (i == p) continue;
            for (std::size_t c = 0; c < n; ++c) a[i][c] -= times * a[p][c], b[i][c] -= times * b[p][c];
        }
    }
    return b;
}

struct Problem {
    std::int64_t rows = 5, cols = 12;
    std::vector<float> weight = noise(60, 3);
    Matrix h;
    at::Tensor hessian = at::zeros({12, 12}, at::kDouble);
    Problem() : h(12, std::vector<double>(12))
    {
        const std::vector<float> x = noise(40 * 12, 5);
        for (std::size_t t = 0; t < 40; ++t)
            for (std::size_t i = 0; i < 12; ++i)
                for (std::size_t j = 0; j < 12; ++j)
                    h[i][j] += static_cast<double>(x[t * 12 + i] * (i == 4 ? 3.0F : 1.0F)) * static_cast<double>(x[t * 12 + j] * (j == 4 ? 3.0F : 1.0F));
        for (std::int64_t i = 0; i < 12; ++i)
            for (std::int64_t j = 0; j < 12; ++j) hessian[i][j] = h[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
    }
    [[nodiscard]] Matrix damped(double share) const
    {
        Matrix out = h;
        double mean = 0;
        for (std::size_t i = 0; i < 12; ++i) mean += h[i][i] / 12;
        for (std::size_t i = 0; i < 12; ++i) out[i][i] += share * mean;
        return out;
    }
};

// Optimal brain quantization in a given order by its definition: fix a weight, move the others by −(w − q)/[H⁻¹]ᵢᵢ·H⁻¹ᵢ, drop the column and invert again.
std::vector<double> by_elimination(std::vector<double> w, const Matrix& h, const std::vector<std::size_t>& order, const std::function<Grid(std::size_t)>& grid, std::vector<double>& codes)
{
    std::vector<std::size_t> left = order;
    std::vector<double> latent(w.size());
    codes.assign(w.size(), 0);
    while (!left.empty()) {
        Matrix part;
        for (const std::size_t i : left) {
            part.emplace_back();
            for (const std::size_t j : left) part.back().push_back(h[i][j]);
        }
        const Matrix inv = inverse(part);
        const std::size_t at = left.front();
        const Grid g = grid(at);
        latent[at] = w[at];
        codes[at] = std::clamp(std::nearbyint(w[at] / static_cast<double>(g.scale)) + static_cast<double>(g.offset), static_cast<double>(g.qmin), static_cast<double>(g.qmax));
        const double error = w[at] - (codes[at] - static_cast<double>(g.offset)) * static_cast<double>(g.scale);
        for (std::size_t k = 1; k < left.size(); ++k) w[left[k]] -= error / inv[0][0] * inv[0][k];
        left.erase(left.begin());
    }
    return latent;
}

TEST(Gptq, EqualsOptimalBrainQuantizationByElimination)
{
    const Problem problem;
    for (const bool activation_order : {true, false})
        for (const auto& [granularity, group] : {std::pair{Granularity::row, 0}, {Granularity::tensor, 0}, {Granularity::group, 4}})
            for (const bool symmetric : {false, true}) {
                Scheme scheme;
                scheme.bits = 3;
                scheme.symmetric = symmetric;
                scheme.granularity = granularity;
                scheme.group_size = group;
                const Shape shape{problem.rows, problem.cols};
                const std::vector<Grid> grids = weight_grids({scheme, {}}, shape, problem.weight, Semantics::bitwright);
                GptqOptions options;
                options.activation_order = activation_order;
                const FixedWeight got = gptq(problem.weight, problem.hessian, scheme, grids, options);
                std::vector<std::size_t> order(12);
                std::iota(order.begin(), order.end(), std::size_t{0});
                if (activation_order) std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return problem.h[a][a] > problem.h[b][b]; });
                const Matrix damped = problem.damped(options.damping);
                for (std::size_t r = 0; r < 5; ++r) {
                    const auto grid = [&](std::size_t c) { return grids[granularity == Granularity::tensor ? 0 : granularity == Granularity::row ? r : r * 3 + c / 4]; };
                    std::vector<double> codes, w(problem.weight.begin() + static_cast<std::ptrdiff_t>(r * 12), problem.weight.begin() + static_cast<std::ptrdiff_t>(r * 12 + 12));
                    const std::vector<double> latent = by_elimination(w, damped, order, grid, codes);
                    double quadratic = 0;
                    std::vector<double> off(12);
                    for (std::size_t c = 0; c < 12; ++c) {
                        const Grid g = grid(c);
                        const double scale = static_cast<double>(g.scale), offset = static_cast<double>(g.offset);
                        EXPECT_EQ(got.codes[r * 12 + c], codes[c]) << r << " " << c;
                        EXPECT_NEAR(static_cast<double>(got.latents[r * 12 + c]),
                                    std::clamp(latent[c] / scale + offset, static_cast<double>(g.qmin) - 0.49, static_cast<double>(g.qmax) + 0.49), 1e-4);
                        off[c] = w[c] - (codes[c] - offset) * scale;
                    }
                    for (std::size_t i = 0; i < 12; ++i)
                        for (std::size_t j = 0; j < 12; ++j) quadratic += off[i] * damped[i][j] * off[j];
                    EXPECT_NEAR(got.row_errors[r], quadratic, 1e-5 * quadratic);
                }
            }
}

// Columns in blocks: more columns than one block holds give what one pass over all of them gives, and never more error than plain rounding.
TEST(Gptq, BlocksOfColumnsChangeNothing)
{
    const std::int64_t n = 200, rows = 6;
    const std::vector<float> weight = noise(static_cast<std::size_t>(rows * n), 11);
    const std::vector<float> values = noise(static_cast<std::size_t>(300 * n), 12);
    const at::Tensor x = at::tensor(at::ArrayRef<float>(values)).view({300, n}).to(at::kDouble), hessian = at::matmul(x.t(), x);
    Scheme scheme;
    scheme.bits = 4;
    scheme.granularity = Granularity::row;
    const std::vector<Grid> grids = weight_grids({scheme, {}}, {rows, n}, weight, Semantics::bitwright);
    const FixedWeight got = gptq(weight, hessian, scheme, grids, {});
    const at::Tensor w = at::tensor(at::ArrayRef<float>(weight)).view({rows, n}).to(at::kDouble), damped = hessian + at::eye(n, at::kDouble) * (GptqOptions{}.damping * hessian.diagonal().mean().item<double>());
    for (std::int64_t r = 0; r < rows; ++r) {
        const Grid& g = grids[static_cast<std::size_t>(r)];
        at::Tensor error = at::empty({n}, at::kDouble), plain = at::empty({n}, at::kDouble);
        for (std::int64_t c = 0; c < n; ++c) {
            const auto at = static_cast<std::size_t>(r * n + c);
            error[c] = w[r][c].item<double>() - static_cast<double>((static_cast<float>(got.codes[at]) - g.offset) * g.scale);
            plain[c] = w[r][c].item<double>() - static_cast<double>(fake_quantize(weight[at], g));
        }
        const double quadratic = at::matmul(error, at::matmul(damped, error)).item<double>();
        EXPECT_NEAR(got.row_errors[static_cast<std::size_t>(r)], quadratic, 1e-6 * quadratic);
        EXPECT_LT(quadratic, at::matmul(plain, at::matmul(damped, plain)).item<double>());
    }
}

// --- divergence ------------------------------------------------------------------------------------------------------------------------------------------

double plain_divergence(const std::vector<double>& t, const std::vector<double>& s)
{
    double zt = 0, zs = 0, sum = 0;
    for (std::size_t i = 0; i < t.size(); ++i) zt += std::exp(t[i]), zs += std::exp(s[i]);
    for (std::size_t i = 0; i < t.size(); ++i) sum += std::exp(t[i]) / zt * (t[i] - std::log(zt) - s[i] + std::log(zs));
    return sum;
}

TEST(Divergence, EqualsItsDefinitionAndItsGradientFiniteDifferences)
{
    for (const std::int64_t classes : {1, 7, 64, 1001})
        for (const float size : {0.1F, 4.0F, 30.0F}) {
            const auto n = static_cast<std::size_t>(classes);
            const std::vector<float> wanted = noise(3 * n, 21, size), moved = noise(3 * n, 22, 0.3F);
            std::vector<float> given = wanted, gradient(3 * n);
            for (std::size_t i = 0; i < given.size(); ++i) given[i] += moved[i] + 100;  // a common shift is nothing
            const double got = quantize::kl_divergence(wanted.data(), given.data(), gradient.data(), 3, classes, 0.5F);
            double sum = 0;
            for (std::size_t r = 0; r < 3; ++r) {
                const std::vector<double> t(wanted.begin() + static_cast<std::ptrdiff_t>(r * n), wanted.begin() + static_cast<std::ptrdiff_t>((r + 1) * n));
                std::vector<double> s;
                for (std::size_t i = 0; i < n; ++i) s.push_back(static_cast<double>(given[r * n + i]) - 100);
                sum += plain_divergence(t, s);
                for (std::size_t i = 0; i < n; i += 1 + n / 5) {
                    std::vector<double> up = s, down = s;
                    up[i] += 1e-4;
                    down[i] -= 1e-4;
                    EXPECT_NEAR(static_cast<double>(gradient[r * n + i]), 0.5 * (plain_divergence(t, up) - plain_divergence(t, down)) / 2e-4, 2e-5);
                }
            }
            EXPECT_NEAR(got, sum, 2e-5 + 1e-4 * sum) << classes << " " << size;
            EXPECT_EQ(quantize::kl_divergence(wanted.data(), given.data(), nullptr, 3, classes, 1), got);
        }
}

// --- scale rules -----------------------------------------------------------------------------------------------------------------------------------------

MethodOptions options_of(const std::map<std::string, std::string>& given)
{
    static MethodRequest request;
    request.method = "test";
    request.options = given;
    return MethodOptions(request);
}

TEST(ScaleRules, AreReadAndRefused)
{
    MethodOptions options = options_of({{"a", "alpha:0.75"}, {"b", "outliers:2"}, {"c", "alpha:1.5"}, {"d", "outliers:1"}, {"e", "much"}});
    EXPECT_EQ(read_scale_rule(options, "a", "none").strength, 0.75);
    EXPECT_EQ(read_scale_rule(options, "b", "none").kind, ScaleRule::Kind::outliers);
    EXPECT_EQ(read_scale_rule(options, "z", "none").kind, ScaleRule::Kind::none);
    for (const char* key : {"c", "d", "e"}) EXPECT_THROW((void)read_scale_rule(options, key, "none"), Error) << key;
}

class ScaleRulesOn : public ::testing::TestWithParam<std::string> {};

TEST_P(ScaleRulesOn, LeaveTheFloatFunctionAndBalanceQAndK)
{
    const Model model = open_model(test::golden_models() / GetParam());
    const TokenWindows windows = test::odd_windows(model);
    const Control control;
    Numerics& numerics = load_numerics();
    const double before = numerics.evaluate(model, nullptr, windows, {}, control).at(0).nll_sum;
    for (const ScaleRule rule : {ScaleRule{ScaleRule::Kind::migrate, 0.75}, ScaleRule{ScaleRule::Kind::outliers, 1.5}}) {
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        const Statistics seen = numerics.calibrate(model, nullptr, windows, {}, control);
        add_scale_pairs(recipe, model, seen, {rule, rule, rule, rule, true, true}, control);
        EXPECT_EQ(recipe.transforms.size(), legal_pairs(model).size());
        EXPECT_NEAR(numerics.evaluate(model, &recipe, windows, {}, control).at(0).nll_sum, before, 2e-4 * before);
        const Statistics after = numerics.calibrate(model, &recipe, windows, {}, control);
        for (const Transform& transform : recipe.transforms) {
            const auto& pair = std::get<ScalePair>(transform);
            const std::string layer = "layers." + std::to_string(pair.layer);
            if (pair.pair == "q_k") {
                const auto &q = after.find(layer + ".self_attn.qk.input")->channel_abs_max, &k = after.find(layer + ".self_attn.qk.input2")->channel_abs_max;
                const float largest_q = *std::max_element(q.begin(), q.end()), largest_k = *std::max_element(k.begin(), k.end());
                EXPECT_LT(largest_q / largest_k, 30) << GetParam();
            }
            if (pair.pair == "up_down" && model.architecture().gated_mlp) {
                const SiteStatistics& down = *after.find(layer + ".mlp.down_proj.input");
                for (std::size_t c = 0; c < down.channel_max.size(); ++c) EXPECT_GE(down.channel_max[c], -down.channel_min[c] * 0.999F) << c;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, ScaleRulesOn, ::testing::ValuesIn(test::golden_model_names()), [](const auto& model) { return test::test_name(model.param); });

// --- gradients of relative parameters ----------------------------------------------------------------------------------------------------------------------

// A recipe with every weight in float: then a pair's effect on each weight is smooth.
class TunableOn : public ::testing::TestWithParam<std::string> {};

TEST_P(TunableOn, GradientsOfScalePairsAreFiniteDifferences)
{
    const Model model = open_model(test::golden_models() / GetParam());
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    recipe.sites.clear();
    TunableModel twin(model, recipe, {.transforms = true}, {});
    const auto linear = [&](bool with_gradients) {
        at::Tensor sum = at::zeros({}, at::kDouble);
        std::uint64_t seed = 100;
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight || site.layer < 0) continue;
            for (const at::Tensor& w : {twin.weight(site.weight_role, site.layer), twin.bias(site.weight_role, site.layer)}) {
                if (!w.defined()) continue;
                const std::vector<float> slope = noise(static_cast<std::size_t>(w.numel()), ++seed);
                sum = sum + (w.reshape({-1}).to(at::kDouble) * at::tensor(at::ArrayRef<float>(slope)).to(at::kDouble)).sum();
            }
        }
        if (with_gradients && sum.requires_grad()) sum.backward();
        return sum.item<double>();
    };
    EXPECT_EQ(twin.parameters().size(), legal_pairs(model).size());
    for (TunableParameter& parameter : twin.parameters())
        for (std::size_t i = 0; i < parameter.value.size(); ++i) parameter.value[i] = 0.02F * static_cast<float>(i % 5) - 0.03F;
    twin.refresh();
    (void)linear(true);
    twin.collect();
    for (TunableParameter& parameter : twin.parameters()) {
        for (std::size_t i = 0; i < parameter.value.size(); i += 1 + parameter.value.size() / 3) {
            const float at = parameter.value[i];
            const auto moved = [&](float by) {
                parameter.value[i] = at + by;
                twin.refresh();
                return linear(false);
            };
            const double wanted = (moved(0.01F) - moved(-0.01F)) / static_cast<double>((at + 0.01F) - (at - 0.01F));
            parameter.value[i] = at;
            EXPECT_NEAR(static_cast<double>(parameter.gradient[i]), wanted, 1e-3 * std::abs(wanted) + 2e-4) << parameter.name << " " << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, TunableOn, ::testing::ValuesIn(test::golden_model_names()), [](const auto& model) { return test::test_name(model.param); });

// Values that clip move with the grid's ends alone, which is smooth in the scale; latents pass their gradient in units of a code.
TEST(Tunable, GradientsOfRangesAndLatents)
{
    const Model model = open_model(test::golden_models() / test::golden_model_names().front());
    PlacementOptions placement;
    placement.weight_bits = 4;
    Recipe recipe = base_recipe(model, placement, Semantics::bitwright);
    for (auto& [name, decision] : recipe.sites) {
        const Site& site = (*model.sites)[model.sites->find(name)];
        if (site.kind == SiteKind::activation) decision.range = {numbers({-0.5F}), numbers({1.0F}), nullptr, nullptr, "by hand"};
    }
    Latents latents;
    const Site* linear = nullptr;
    for (const Site& site : model.sites->sites())
        if (!linear && site.layer == 0 && is_layer_linear(site.role)) linear = &site;
    ASSERT_NE(linear, nullptr);
    const Shape shape = model.description->shape(linear->weight_role, 0);
    std::vector<float>& latent = latents[linear->id] = noise(static_cast<std::size_t>(element_count(shape)), 7, 6);
    for (float& v : latent) v += 7.5F;  // some beyond either end
    TunableModel twin(model, recipe, {.ranges = true}, latents);

    const Site* place = nullptr;
    for (const Site& site : model.sites->sites())
        if (!place && site.kind == SiteKind::activation && site.layer == 0 && site.role == SiteRole::down_input) place = &site;
    ASSERT_NE(place, nullptr);
    const at::Tensor x = at::tensor({-3.0F, -1.0F, 2.0F, 5.0F}).view({1, 1, 4}), slope = at::tensor({0.7F, -0.2F, 0.9F, 0.4F}).view({1, 1, 4});
    const auto ranged = [&](bool with_gradients) {
        const at::Tensor sum = (twin.activation(*place, x) * slope).sum();
        if (with_gradients) sum.backward();
        return sum.item<double>();
    };
    (void)ranged(true);
    const at::Tensor weight = twin.weight(linear->weight_role, 0);
    const at::Tensor weight_slope = at::tensor(at::ArrayRef<float>(noise(latent.size(), 9))).view(shape);
    (weight * weight_slope).sum().backward();
    twin.collect();
    for (TunableParameter& parameter : twin.parameters()) {
        if (parameter.name == place->name + ".scale") {
            const auto moved = [&](float by) {
                parameter.value[0] = by;
                twin.refresh();
                return ranged(false);
            };
            EXPECT_NEAR(static_cast<double>(parameter.gradient[0]), (moved(0.01F) - moved(-0.01F)) / 0.02, 1e-3);
            parameter.value[0] = 0;
            twin.refresh();
        }
        if (parameter.name != linear->name + ".latent") continue;
        const std::vector<Grid> grids = weight_grids(recipe.sites.at(linear->name), shape, materialize(model, &recipe, linear->id).weight, recipe.semantics);
        const std::int64_t cols = shape[1];
        std::int64_t outside = 0;
        for (std::size_t i = 0; i < latent.size(); ++i) {
            const Grid& grid = grids[i / static_cast<std::size_t>(cols)];
            const bool clips = latent[i] < -0.5F || latent[i] > 15.5F;
            outside += clips;
            EXPECT_EQ(parameter.gradient[i], clips ? 0 : weight_slope.reshape({-1})[static_cast<std::int64_t>(i)].item<float>() * grid.scale);
            EXPECT_EQ(weight.reshape({-1})[static_cast<std::int64_t>(i)].item<float>(), (std::clamp(std::nearbyint(latent[i]), 0.0F, 15.0F) - grid.offset) * grid.scale);
        }
        EXPECT_GT(outside, 0);
    }
}

}  // namespace
}  // namespace bitwright
