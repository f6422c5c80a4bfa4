// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/gptq.h"

#include "core/numerics/methods/layer_walk.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "core/recipe/slices.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::int64_t block = 128;  // columns whose updates stay in cache; the rest of the row is updated once per block

// Column c of row r is on grid [r·rows + c/group] (tensor: one; channel: per column).
struct GridPlace {
    std::int64_t per_row = 0, columns_per_grid = 1;
    [[nodiscard]] std::size_t operator()(std::int64_t row, std::int64_t column) const noexcept
    {
        return static_cast<std::size_t>(row * per_row + column / columns_per_grid);
    }
};

GridPlace place_of(const Scheme& scheme, std::int64_t cols)
{
    switch (scheme.granularity) {
        case Granularity::tensor: return {0, cols};
        case Granularity::channel: return {0, 1};
        case Granularity::group: return {cols / scheme.group_size, scheme.group_size};
        default: return {1, cols};
    }
}

// Columns in the order of treatment, and the upper Cholesky factor of the damped inverse in that order.
struct Factor {
    std::vector<std::int64_t> order;
    at::Tensor upper;  // double [n, n]
};

at::Tensor with_damping(const at::Tensor& hessian, double damping)
{
    const double mean = hessian.diagonal().mean().item<double>();
    return hessian + at::eye(hessian.size(0), at::kDouble) * (mean > 0 ? damping * mean : 1.0);  // an input that is always 0 decides nothing
}

Factor factor_of(const at::Tensor& hessian, const GptqOptions& options)
{
    const std::int64_t n = hessian.size(0);
    const at::Tensor diagonal = hessian.diagonal();
    const at::Tensor order = options.activation_order ? at::argsort(diagonal, /*stable=*/true, 0, /*descending=*/true) : at::arange(n, at::kLong);
    const at::Tensor damped = with_damping(hessian, options.damping).index_select(0, order).index_select(1, order);
    Factor out;
    out.upper = at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(damped)), /*upper=*/true).contiguous();
    out.order.assign(order.const_data_ptr<std::int64_t>(), order.const_data_ptr<std::int64_t>() + n);
    return out;
}

FixedWeight solve(std::span<const float> weight, const Factor& factor, const Scheme& scheme, std::span<const Grid> grids)
{
    const auto n = std::ssize(factor.order), rows = std::ssize(weight) / n;
    const GridPlace place = place_of(scheme, n);
    FixedWeight out{std::vector<std::int16_t>(weight.size()), std::vector<float>(weight.size()), std::vector<double>(static_cast<std::size_t>(rows))};
    at::Tensor work = at::empty({rows, n}, at::kDouble), errors = at::empty({rows, block}, at::kDouble);
    double *w = work.mutable_data_ptr<double>(), *e = errors.mutable_data_ptr<double>();
    const double* u = factor.upper.const_data_ptr<double>();
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t i = 0; i < n; ++i) w[r * n + i] = static_cast<double>(weight[static_cast<std::size_t>(r * n + factor.order[static_cast<std::size_t>(i)])]);
    for (std::int64_t from = 0; from < n; from += block) {
        const std::int64_t to = std::min(n, from + block);
        at::parallel_for(0, rows, 8, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t r = begin; r < end; ++r) {
                double *row = w + r * n, *error = e + r * block;
                for (std::int64_t i = from; i < to; ++i) {
                    const std::int64_t column = factor.order[static_cast<std::size_t>(i)];
                    const Grid& grid = grids[place(r, column)];
                    const auto at = static_cast<std::size_t>(r * n + column);
                    const float code = code_of(static_cast<float>(row[i]), grid);
                    const double scale = static_cast<double>(grid.scale), offset = static_cast<double>(grid.offset);
                    out.codes[at] = static_cast<std::int16_t>(round_half_even(code));
                    out.latents[at] = static_cast<float>(std::clamp(row[i] / scale + offset, static_cast<double>(grid.qmin) - 0.49, static_cast<double>(grid.qmax) + 0.49));
                    const double left = (row[i] - (static_cast<double>(code) - offset) * scale) / u[i * n + i];
                    error[i - from] = left;
                    out.row_errors[static_cast<std::size_t>(r)] += left * left;
                    const double* factors = u + i * n;
                    for (std::int64_t j = i + 1; j < to; ++j) row[j] -= left * factors[j];
                }
            }
        });
        if (to < n) work.narrow(1, to, n - to).sub_(at::matmul(errors.narrow(1, 0, to - from), factor.upper.narrow(0, from, to - from).narrow(1, to, n - to)));
    }
    return out;
}

Range scaled(const Range& range, float by)
{
    const auto times = [&](const Numbers& values) {
        std::vector<float> out = *values;
        for (float& v : out) v *= by;
        return numbers(std::move(out));
    };
    return {times(range.min), times(range.max), nullptr, nullptr, range.source};
}

Range exact(const std::vector<Grid>& grids, const Scheme& scheme, std::string source)
{
    std::vector<float> min(grids.size()), max(grids.size()), scale(grids.size()), offset(grids.size());
    for (std::size_t i = 0; i < grids.size(); ++i) {
        range_of(grids[i], scheme.symmetric, min[i], max[i]);
        scale[i] = grids[i].scale;
        offset[i] = grids[i].offset;
    }
    return {numbers(std::move(min)), numbers(std::move(max)), numbers(std::move(scale)), numbers(std::move(offset)), std::move(source)};
}

std::vector<float> values_of(const FixedWeight& fixed, const Scheme& scheme, std::span<const Grid> grids, std::int64_t cols)
{
    const GridPlace place = place_of(scheme, cols);
    std::vector<float> out(fixed.codes.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const Grid& grid = grids[place(static_cast<std::int64_t>(i) / cols, static_cast<std::int64_t>(i) % cols)];
        out[i] = (static_cast<float>(fixed.codes[i]) - grid.offset) * grid.scale;
    }
    return out;
}

// With grids as they are, or the best of several sizes: per row where a grid belongs to a row.
FixedWeight with_best_grids(const MaterializedWeight& weight, const Factor& factor, SiteDecision& decision, Semantics semantics, const GptqOptions& options)
{
    const Scheme& scheme = decision.scheme;
    std::vector<Grid> grids = weight_grids(decision, weight.shape, weight.weight, semantics);
    FixedWeight best = solve(weight.weight, factor, scheme, grids);
    const Slices slices(scheme, weight.shape);
    const Range start = decision.range.min ? decision.range : slice_extremes(slices, weight.weight);
    const std::int64_t cols = weight.shape[1], rows = weight.shape[0];
    const auto grids_per_row = slices.of_rows() ? slices.count() / static_cast<std::size_t>(rows) : 0;
    for (int step = -2; step <= options.shrink_steps && options.shrink_steps > 0; ++step) {
        if (step == 0) continue;
        const SiteDecision tried{scheme, scaled(start, 1 - 0.04F * static_cast<float>(step))};
        const std::vector<Grid> other = weight_grids(tried, weight.shape, weight.weight, semantics);
        const FixedWeight fixed = solve(weight.weight, factor, scheme, other);
        double now = 0, before = 0;
        for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
            now += fixed.row_errors[r];
            before += best.row_errors[r];
            if (grids_per_row == 0 || fixed.row_errors[r] >= best.row_errors[r]) continue;
            std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(r * grids_per_row), grids_per_row, grids.begin() + static_cast<std::ptrdiff_t>(r * grids_per_row));
            std::copy_n(fixed.codes.begin() + static_cast<std::ptrdiff_t>(r) * cols, cols, best.codes.begin() + static_cast<std::ptrdiff_t>(r) * cols);
            std::copy_n(fixed.latents.begin() + static_cast<std::ptrdiff_t>(r) * cols, cols, best.latents.begin() + static_cast<std::ptrdiff_t>(r) * cols);
            best.row_errors[r] = fixed.row_errors[r];
        }
        if (grids_per_row == 0 && now < before) {
            best = fixed;
            grids = other;
        }
    }
    decision.range = exact(grids, scheme, options.shrink_steps > 0 ? "gptq" : decision.range.source);
    return best;
}

}  // namespace

GptqOptions read_gptq_options(MethodOptions& options, const std::string& grids, std::int64_t windows)
{
    GptqOptions read;
    read.windows = options.integer("gptq_windows", windows, 1, 1'000'000);
    read.damping = options.number("gptq_damping", read.damping, 1e-6, 1);
    read.activation_order = options.word("gptq_order", "activation", {"activation", "natural"}) == "activation";
    read.shrink_steps = options.word("gptq_grids", grids, {"fixed", "search"}) == "search" ? 8 : 0;
    return read;
}

FixedWeight gptq(std::span<const float> weight, const at::Tensor& hessian, const Scheme& scheme, std::span<const Grid> grids, const GptqOptions& options)
{
    return solve(weight, factor_of(hessian, options), scheme, grids);
}

std::map<SiteId, std::vector<float>> add_gptq(Recipe& recipe, const Model& model, const TokenWindows& calibration, const GptqOptions& options, const Control& control)
{
    const c10::NoGradGuard no_grad;
    const Recipe start = recipe;
    SimulateTap simulated(model, start, Placement::paper);
    CaptureTap tap(simulated);
    LayerWalk walk(model, start, simulated, cut(calibration, options.windows, options.slice), control);
    std::map<SiteId, std::vector<float>> latents;
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        control.report({"GPTQ", layer, model.architecture().layers});
        walk.enter(layer);
        const std::vector<LinearInput> linears = open_linears(model, start, layer);
        tap.hessians.clear();
        for (const LinearInput& linear : linears) tap.hessians[linear.input];
        (void)walk.outputs(tap);
        std::map<SiteId, Factor> factors;
        for (const auto& [site, hessian] : tap.hessians)
            if (hessian.defined()) factors.emplace(site, factor_of(hessian, options));
        for (const auto& [site, input] : linears) {
            control.check();
            const auto factor = factors.find(input);
            if (factor == factors.end()) continue;
            SiteDecision& decision = recipe.sites.at(site->name);
            const MaterializedWeight weight = materialize(model, &start, site->id);
            FixedWeight fixed = with_best_grids(weight, factor->second, decision, start.semantics, options);
            const std::vector<Grid> grids = weight_grids(decision, weight.shape, weight.weight, start.semantics);
            std::vector<float> values = values_of(fixed, decision.scheme, grids, weight.shape[1]);
            walk.replace(site->weight_role, at::from_blob(values.data(), weight.shape, at::kFloat).clone());
            recipe.transforms.emplace_back(Codes{site->name, std::make_shared<const std::vector<std::int16_t>>(std::move(fixed.codes))});
            latents[site->id] = std::move(fixed.latents);
        }
        tap.hessians.clear();
        walk.advance(tap);
    }
    return latents;
}

}  // namespace bitwright
