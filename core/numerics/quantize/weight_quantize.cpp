// SPDX-License-Identifier: GPL-3.0-or-later
// Weights: equivalent transform, learned clipping and fake quantization in one or two sweeps over the rows, and back.
#include "core/numerics/quantize/fake_quantize.h"

#include "core/numerics/quantize/kernels.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

namespace bitwright {

using at::Tensor;
using quantize::GridOf;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

template <typename Body>
auto by_type(const Tensor& x, Body body)
{
    if (x.scalar_type() == at::kDouble) return body(double{});
    TORCH_CHECK(x.scalar_type() == at::kFloat, "fake quantization of a tensor of type ", x.scalar_type());
    return body(float{});
}

template <typename T>
const T* data_or_null(const Tensor& t)
{
    return t.defined() && t.numel() > 0 ? t.const_data_ptr<T>() : nullptr;
}

// The rows of W'. A vector is one row, with a scale of its own for each element where `rows` are given.
template <typename T>
struct ScaledRows {
    const T *weight, *columns, *rows;
    bool multiply, vector;
    std::int64_t count, length;

    ScaledRows(const Tensor& w, const WeightScales& scales)
        : weight(w.const_data_ptr<T>()), columns(data_or_null<T>(scales.columns)), rows(data_or_null<T>(scales.rows)), multiply(scales.multiply_rows),
          vector(w.dim() == 1), count(vector ? 1 : w.size(0)), length(vector ? w.size(0) : w.size(1))
    {
    }
    [[nodiscard]] bool changed() const { return columns || rows; }
    [[nodiscard]] T factor(std::int64_t r) const { return !rows || vector ? T(1) : multiply ? rows[r] : T(1) / rows[r]; }
    /// Row r into `space`, or where it lies when there is nothing to scale.
    const T* row(std::int64_t r, T* space) const
    {
        const T* w = weight + r * length;
        if (!changed()) return w;
        if (vector && rows) {
            for (std::int64_t c = 0; c < length; ++c) {
                const T v = columns ? w[c] * columns[c] : w[c];
                space[c] = multiply ? v * rows[c] : v / rows[c];
            }
        } else {
            quantize::scale_run(w, columns, space, length, rows ? rows[r] : T(1), rows && !multiply);
        }
        return space;
    }
};

// Calls body(first row, last row + 1, task) for groups of rows of a fixed size.
constexpr std::int64_t rows_per_task = 128;
template <typename Body>
void for_rows(std::int64_t rows, Body body)
{
    at::parallel_for(0, (rows + rows_per_task - 1) / rows_per_task, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) body(task * rows_per_task, std::min(rows, (task + 1) * rows_per_task), task);
    });
}

// Everything the clipping decides about one slice.
template <typename T>
struct Slice {
    quantize::Extremes<T> extremes;  // of W', places counted from the slice's first value
    T keep_max, keep_min;            // σ(upper), σ(lower)
    T max, min;                      // max', min', widened to 0 where asked
    bool max_counts, min_counts;     // false where widening took the bound over
    bool floored;                    // the scale sits on a limit: no gradient
    GridOf<T> grid;
};

// grid_of() of core/recipe, in T and with what its gradient needs.
template <typename T>
Slice<T> slice_of(const quantize::Extremes<T>& extremes, T keep_max, T keep_min, const WeightGrid& grid)
{
    Slice<T> s;
    s.extremes = extremes;
    s.keep_max = keep_max;
    s.keep_min = keep_min;
    s.max = s.keep_max * s.extremes.max;
    s.min = s.keep_min * s.extremes.min;
    const bool authors = grid.semantics == Semantics::authors;
    s.max_counts = authors || !(s.max < 0);
    s.min_counts = authors || !(s.min > 0);
    if (!s.max_counts) s.max = 0;
    if (!s.min_counts) s.min = 0;
    const CodeLimits limits = code_limits(grid.bits, grid.symmetric);
    const T top = static_cast<T>(limits.max);
    const T scale = (grid.symmetric ? std::max(std::abs(s.max), std::abs(s.min)) : s.max - s.min) / top;
    s.floored = authors ? scale < T(1e-5) || scale > T(1e6) : !(scale >= T(1e-30));
    s.grid.scale = authors ? std::clamp(scale, T(1e-5), T(1e6)) : s.floored ? T(1e-5) : scale;
    s.grid.offset = grid.symmetric ? T(0) : -std::nearbyint(s.min / s.grid.scale) + T(0);
    if (!authors && !grid.symmetric) s.grid.offset = std::clamp(s.grid.offset, T(0), top);
    s.grid.qmin = static_cast<T>(limits.min);
    s.grid.qmax = top;
    return s;
}

// σ(factor) or e^factor, LibTorch's to the bit: a range one ulp off moves codes.
struct Kept {
    Tensor max, min;
    Kept(const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
        : max(grid.log_factors ? at::exp(upper) : at::sigmoid(upper)), min(grid.log_factors ? at::exp(lower) : at::sigmoid(lower))
    {
    }
};

// The slices of W', one per row or one, and Ŵ if `out` is not null: one sweep per row grid, two where one grid spans all rows.
template <typename T>
std::vector<Slice<T>> sweep(const ScaledRows<T>& scaled, const Tensor& upper, const Tensor& lower, const WeightGrid& grid, T* out)
{
    const std::int64_t count = grid.per_row ? scaled.count : 1, length = scaled.length;
    TORCH_CHECK(upper.numel() == count && lower.numel() == count, "clipping factors: ", upper.numel(), " and ", lower.numel(), " for ", count, " slices");
    const Kept kept(upper, lower, grid);
    const T *u = kept.max.const_data_ptr<T>(), *l = kept.min.const_data_ptr<T>();
    std::vector<Slice<T>> slices(static_cast<std::size_t>(count));
    std::vector<std::pair<T, T>> bounds(grid.per_row ? 0 : static_cast<std::size_t>(scaled.count));
    for_rows(scaled.count, [&](std::int64_t first, std::int64_t last, std::int64_t) {
        std::vector<T> space(static_cast<std::size_t>(length));
        for (std::int64_t r = first; r < last; ++r) {
            T* to = out && grid.per_row ? out + r * length : space.data();
            const T* row = scaled.row(r, to);
            if (!grid.per_row) {
                bounds[static_cast<std::size_t>(r)] = quantize::bounds_of(row, length);
                continue;
            }
            Slice<T>& slice = slices[static_cast<std::size_t>(r)] = slice_of(quantize::extremes_of(row, length), u[r], l[r], grid);
            if (out) quantize::forward_run(row, to, length, slice.grid);
        }
    });
    if (grid.per_row) return slices;
    // the first row that has the extreme, and where in it
    std::int64_t lowest = 0, highest = 0;
    for (std::int64_t r = 1; r < scaled.count; ++r) {
        if (bounds[static_cast<std::size_t>(r)].first < bounds[static_cast<std::size_t>(lowest)].first) lowest = r;
        if (bounds[static_cast<std::size_t>(r)].second > bounds[static_cast<std::size_t>(highest)].second) highest = r;
    }
    std::vector<T> space(static_cast<std::size_t>(length));
    const auto low = quantize::extremes_of(scaled.row(lowest, space.data()), length), high = quantize::extremes_of(scaled.row(highest, space.data()), length);
    slices[0] = slice_of<T>({low.min, high.max, lowest * length + low.at_min, highest * length + high.at_max}, u[0], l[0], grid);
    if (!out) return slices;
    for_rows(scaled.count, [&](std::int64_t first, std::int64_t last, std::int64_t) {
        for (std::int64_t r = first; r < last; ++r) quantize::forward_run(scaled.row(r, out + r * length), out + r * length, length, slices[0].grid);
    });
    return slices;
}

// Gradient of max' and min' from that of the scale.
template <typename T>
void through_scale(const Slice<T>& s, bool symmetric, double grad_scale, double& grad_max, double& grad_min)
{
    grad_max = grad_min = 0;
    if (s.floored) return;
    const double g = grad_scale / static_cast<double>(s.grid.qmax);
    if (!symmetric) {
        grad_max = g;
        grad_min = -g;
    } else {
        const T high = std::abs(s.max), low = std::abs(s.min);
        const double share = high == low ? 0.5 : 1.0;  // as maximum() splits a tie
        if (high >= low) grad_max = share * (s.max < 0 ? -g : g);
        if (low >= high) grad_min = share * (s.min < 0 ? -g : g);
    }
    if (!s.max_counts) grad_max = 0;
    if (!s.min_counts) grad_min = 0;
}

// What is kept besides the arguments: value and place of each slice's extremes.
template <typename T>
std::pair<Tensor, Tensor> kept_extremes(const std::vector<Slice<T>>& slices, const Tensor& like)
{
    const auto count = static_cast<std::int64_t>(slices.size());
    Tensor values = at::empty({count, 2}, like.options()), places = at::empty({count, 2}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto& e = slices[static_cast<std::size_t>(i)].extremes;
        values.mutable_data_ptr<T>()[2 * i] = e.min;
        values.mutable_data_ptr<T>()[2 * i + 1] = e.max;
        places.mutable_data_ptr<std::int64_t>()[2 * i] = e.at_min;
        places.mutable_data_ptr<std::int64_t>()[2 * i + 1] = e.at_max;
    }
    return {values, places};
}

template <typename T>
std::vector<Slice<T>> slices_from(const Tensor& values, const Tensor& places, const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
{
    const Kept kept(upper, lower, grid);
    std::vector<Slice<T>> slices;
    for (std::int64_t i = 0; i < values.size(0); ++i) {
        const T* v = values.const_data_ptr<T>() + 2 * i;
        const std::int64_t* at = places.const_data_ptr<std::int64_t>() + 2 * i;
        slices.push_back(slice_of<T>({v[0], v[1], at[0], at[1]}, kept.max.const_data_ptr<T>()[i], kept.min.const_data_ptr<T>()[i], grid));
    }
    return slices;
}

class ClipAndFakeQuantize : public Function<ClipAndFakeQuantize> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& weight, const Tensor& columns, const Tensor& rows, const Tensor& upper, const Tensor& lower,
                          bool multiply_rows, std::int64_t bits, bool symmetric, bool per_row, bool authors, bool log_factors)
    {
        const WeightGrid grid{static_cast<int>(bits), symmetric, per_row, authors ? Semantics::authors : Semantics::bitwright, log_factors};
        Tensor out = at::empty_like(weight);
        by_type(weight, [&](auto zero) {
            using T = decltype(zero);
            const auto slices = sweep(ScaledRows<T>(weight, {columns, rows, multiply_rows}), upper, lower, grid, out.mutable_data_ptr<T>());
            const auto [values, places] = kept_extremes(slices, weight);
            context->save_for_backward({weight, columns, rows, upper, lower, values, places});
        });
        auto& data = context->saved_data;
        data["multiply_rows"] = multiply_rows;
        data["bits"] = bits;
        data["symmetric"] = symmetric;
        data["per_row"] = per_row;
        data["authors"] = authors;
        data["log_factors"] = log_factors;
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        auto& data = context->saved_data;
        const WeightGrid grid{static_cast<int>(data["bits"].toInt()), data["symmetric"].toBool(), data["per_row"].toBool(),
                              data["authors"].toBool() ? Semantics::authors : Semantics::bitwright, data["log_factors"].toBool()};
        variable_list out(11);
        by_type(saved[0], [&](auto zero) {
            backward_as<decltype(zero)>(saved, grads[0].contiguous(), data["multiply_rows"].toBool(), grid, context->needs_input_grad(0), out);
        });
        return out;
    }

private:
    // One sweep over W and the gradient: codes, columns and rows while a row is in cache; then what goes through the bounds to single elements.
    template <typename T>
    static void backward_as(const variable_list& saved, const Tensor& grad, bool multiply_rows, const WeightGrid& grid, bool weight_wanted, variable_list& out)
    {
        const Tensor &weight = saved[0], &columns = saved[1], &rows = saved[2], &upper = saved[3], &lower = saved[4];
        const ScaledRows<T> scaled(weight, {columns, rows, multiply_rows});
        const std::int64_t length = scaled.length;
        const auto slices = slices_from<T>(saved[5], saved[6], upper, lower, grid);
        if (weight_wanted) out[0] = at::empty_like(weight);
        const bool by_column = scaled.columns, by_row = scaled.rows && !scaled.vector, by_element = scaled.rows && scaled.vector;
        if (scaled.columns) out[1] = at::zeros_like(columns);
        if (scaled.rows) out[2] = at::zeros_like(rows);

        constexpr std::int64_t rows_in_float = 16;  // column sums of so many rows before they go on in double
        const std::int64_t tasks = (scaled.count + rows_per_task - 1) / rows_per_task;
        std::vector<double> to_scale(static_cast<std::size_t>(scaled.count)), to_rows(by_row ? to_scale.size() : 0);
        std::vector<double> to_columns(by_column ? static_cast<std::size_t>(tasks * length) : 0);
        for_rows(scaled.count, [&](std::int64_t first, std::int64_t last, std::int64_t task) {
            std::vector<T> space(static_cast<std::size_t>(length)), inside(space.size()), sums(by_column ? space.size() : 0);
            double* task_columns = to_columns.data() + (by_column ? task * length : 0);
            const auto flush = [&] {
                for (std::size_t c = 0; c < sums.size(); ++c) task_columns[c] += static_cast<double>(sums[c]);
                std::fill(sums.begin(), sums.end(), T(0));
            };
            for (std::int64_t r = first; r < last; ++r) {
                const auto at = static_cast<std::size_t>(r);
                const T *row = scaled.row(r, space.data()), factor = scaled.factor(r);
                double ignored = 0;
                quantize::backward_run(row, grad.const_data_ptr<T>() + r * length, inside.data(), length, slices[grid.per_row ? at : 0].grid, to_scale[at], ignored);
                if (by_row) to_rows[at] = quantize::dot_run<T>(inside.data(), row, length);
                if (by_element) {
                    for (std::int64_t c = 0; c < length; ++c) out[2].mutable_data_ptr<T>()[c] = inside[static_cast<std::size_t>(c)] * row[c];
                }
                if (by_column) {
                    quantize::add_products_run(inside.data(), scaled.weight + r * length, factor, sums.data(), length);
                    if ((r - first) % rows_in_float == rows_in_float - 1) flush();
                }
                if (!weight_wanted) continue;
                T* to = out[0].mutable_data_ptr<T>() + r * length;
                quantize::scale_run(inside.data(), scaled.columns, to, length, factor, false);
                if (by_element)
                    for (std::int64_t c = 0; c < length; ++c) to[c] = multiply_rows ? to[c] * scaled.rows[c] : to[c] / scaled.rows[c];
            }
            flush();
        });
        for (std::int64_t task = 1; task < tasks && by_column; ++task)
            for (std::int64_t c = 0; c < length; ++c) to_columns[static_cast<std::size_t>(c)] += to_columns[static_cast<std::size_t>(task * length + c)];

        out[3] = at::zeros_like(upper);
        out[4] = at::zeros_like(lower);
        for (std::size_t i = 0; i < slices.size(); ++i) {
            const Slice<T>& s = slices[i];
            double grad_scale = 0, grad_max = 0, grad_min = 0;
            if (grid.per_row) {
                grad_scale = to_scale[i];
            } else {
                for (const double share : to_scale) grad_scale += share;
            }
            through_scale(s, grid.symmetric, grad_scale, grad_max, grad_min);
            const double up = static_cast<double>(s.keep_max), low = static_cast<double>(s.keep_min);
            const auto slope = [&](double kept) { return grid.log_factors ? kept : kept * (1 - kept); };
            out[3].mutable_data_ptr<T>()[i] = static_cast<T>(grad_max * static_cast<double>(s.extremes.max) * slope(up));
            out[4].mutable_data_ptr<T>()[i] = static_cast<T>(grad_min * static_cast<double>(s.extremes.min) * slope(low));
            const std::int64_t begin = grid.per_row ? static_cast<std::int64_t>(i) * length : 0;
            for (const auto& [place, value, g] : {std::tuple{begin + s.extremes.at_max, s.extremes.max, grad_max * up},
                                                  std::tuple{begin + s.extremes.at_min, s.extremes.min, grad_min * low}}) {
                const std::int64_t r = place / length, c = place % length;
                const double factor = static_cast<double>(scaled.factor(r));
                if (by_column) to_columns[static_cast<std::size_t>(c)] += g * static_cast<double>(scaled.weight[place]) * factor;
                if (by_row) to_rows[static_cast<std::size_t>(r)] += g * static_cast<double>(value);
                if (by_element) out[2].mutable_data_ptr<T>()[c] += static_cast<T>(g * static_cast<double>(value));
                if (weight_wanted) {
                    const double element = !by_element ? 1 : static_cast<double>(multiply_rows ? scaled.rows[c] : T(1) / scaled.rows[c]);
                    out[0].mutable_data_ptr<T>()[place] += static_cast<T>(g * factor * element * (by_column ? static_cast<double>(scaled.columns[c]) : 1));
                }
            }
        }
        // ÷: −Σ g·W'/s;  ×: Σ g·W'/s
        const double sign = multiply_rows ? 1 : -1;
        for (std::size_t r = 0; r < to_rows.size(); ++r) out[2].mutable_data_ptr<T>()[r] = static_cast<T>(sign * to_rows[r] / static_cast<double>(scaled.rows[r]));
        if (by_element)
            for (std::int64_t c = 0; c < length; ++c) out[2].mutable_data_ptr<T>()[c] *= static_cast<T>(sign) / scaled.rows[c];
        if (by_column) std::transform(to_columns.begin(), to_columns.begin() + length, out[1].mutable_data_ptr<T>(), [](double v) { return static_cast<T>(v); });
    }
};

// An autograd function takes defined tensors only: absent scales are empty ones.
Tensor dense(const Tensor& t, const Tensor& like) { return t.defined() ? t.contiguous() : at::empty({0}, like.options()); }

}  // namespace

Tensor scale_weight(const Tensor& weight, const WeightScales& scales)
{
    Tensor w = weight;
    if (scales.columns.defined()) w = w * scales.columns;
    if (!scales.rows.defined()) return w;
    const Tensor rows = w.dim() == 1 ? scales.rows : scales.rows.unsqueeze(1);
    return scales.multiply_rows ? w * rows : w / rows;
}

Tensor clip_and_fake_quantize(const Tensor& weight, const WeightScales& scales, const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
{
    return ClipAndFakeQuantize::apply(weight.contiguous(), dense(scales.columns, weight), dense(scales.rows, weight), upper.contiguous(), lower.contiguous(),
                                      scales.multiply_rows, static_cast<std::int64_t>(grid.bits), grid.symmetric, grid.per_row, grid.semantics == Semantics::authors,
                                      grid.log_factors);
}

ClipBounds clip_bounds(const Tensor& weight, const WeightScales& scales, const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
{
    const Tensor w = weight.detach().contiguous();
    const WeightScales fixed{dense(scales.columns, w).detach(), dense(scales.rows, w).detach(), scales.multiply_rows};
    ClipBounds bounds{at::zeros_like(upper.detach()), at::zeros_like(upper.detach()), at::zeros_like(upper.detach()), at::zeros_like(upper.detach())};
    by_type(w, [&](auto zero) {
        using T = decltype(zero);
        const auto slices = sweep<T>(ScaledRows<T>(w, fixed), upper.detach(), lower.detach(), grid, nullptr);
        for (std::size_t i = 0; i < slices.size(); ++i) {
            bounds.min.mutable_data_ptr<T>()[i] = slices[i].min;
            bounds.max.mutable_data_ptr<T>()[i] = slices[i].max;
            bounds.scale.mutable_data_ptr<T>()[i] = slices[i].grid.scale;
            bounds.offset.mutable_data_ptr<T>()[i] = slices[i].grid.offset;
        }
    });
    return bounds;
}

}  // namespace bitwright
