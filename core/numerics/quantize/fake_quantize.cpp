// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/fake_quantize.h"

#include "core/numerics/quantize/kernels.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitwright {

using at::Tensor;
using quantize::GridOf;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

CodeLimits code_limits(int bits, bool symmetric) noexcept
{
    const std::int64_t codes = std::int64_t{1} << bits;
    return symmetric ? CodeLimits{-codes / 2, codes / 2 - 1} : CodeLimits{0, codes - 1};
}

namespace {

constexpr std::int64_t block = 16384;  // values per task: sums are taken per block, then in order

template <typename Body>
auto by_type(const Tensor& x, Body body)
{
    if (x.scalar_type() == at::kDouble) return body(double{});
    TORCH_CHECK(x.scalar_type() == at::kFloat, "fake quantization of a tensor of type ", x.scalar_type());
    return body(float{});
}

// Runs of one grid: `count` runs of `length` values, run i on grid i (or all on grid 0).
struct Runs {
    std::int64_t count, length;
};

Runs runs_of(const Tensor& x, const Tensor& scale)
{
    if (scale.numel() == 1) return {1, x.numel()};
    TORCH_CHECK(x.numel() % scale.numel() == 0, "fake quantization: ", scale.numel(), " grids for ", x.numel(), " values");
    return {scale.numel(), x.numel() / scale.numel()};
}

// Values in memory order: any dense layout for one grid, rows otherwise.
Tensor in_order(const Tensor& x, bool one_grid) { return one_grid && x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

// A tensor of the same values in exactly the strides of `like`.
Tensor in_order_of(const Tensor& x, const Tensor& like)
{
    if (x.strides() == like.strides()) return x;
    return at::empty_like(like).copy_(x);
}

template <typename T>
GridOf<T> grid_at(const Tensor& scale, const Tensor& offset, std::int64_t i, CodeLimits limits)
{
    return {scale.const_data_ptr<T>()[i], offset.const_data_ptr<T>()[i], static_cast<T>(limits.min), static_cast<T>(limits.max)};
}

// Calls body(run, first value, number of values) over all runs in blocks.
template <typename Body>
void for_blocks(const Runs& runs, Body body)
{
    const std::int64_t per_run = (runs.length + block - 1) / block;
    at::parallel_for(0, runs.count * per_run, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t from = (i % per_run) * block;
            body(i, i / per_run, (i / per_run) * runs.length + from, std::min(block, runs.length - from));
        }
    });
}

class FakeQuantize : public Function<FakeQuantize> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& given, const Tensor& scale, const Tensor& offset, std::int64_t min, std::int64_t max)
    {
        const CodeLimits limits{min, max};
        const Tensor x = in_order(given, scale.numel() == 1);
        Tensor out = at::empty_like(x);
        by_type(x, [&](auto zero) {
            using T = decltype(zero);
            const T* in = x.const_data_ptr<T>();
            T* to = out.mutable_data_ptr<T>();
            for_blocks(runs_of(x, scale), [&](std::int64_t, std::int64_t run, std::int64_t from, std::int64_t n) {
                quantize::forward_run(in + from, to + from, n, grid_at<T>(scale, offset, run, limits));
            });
        });
        context->save_for_backward({x, scale, offset});
        context->saved_data["min"] = min;
        context->saved_data["max"] = max;
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        const Tensor &x = saved[0], &scale = saved[1], &offset = saved[2];
        const CodeLimits limits{context->saved_data["min"].toInt(), context->saved_data["max"].toInt()};
        const Tensor grad = in_order_of(grads[0], x);
        Tensor grad_x = at::empty_like(x), grad_scale = at::zeros_like(scale), grad_offset = at::zeros_like(offset);
        const Runs runs = runs_of(x, scale);
        const std::int64_t per_run = (runs.length + block - 1) / block;
        std::vector<double> to_scale(static_cast<std::size_t>(runs.count * per_run)), to_offset(to_scale.size());
        by_type(x, [&](auto zero) {
            using T = decltype(zero);
            const T *in = x.const_data_ptr<T>(), *from_above = grad.const_data_ptr<T>();
            T* to = grad_x.mutable_data_ptr<T>();
            for_blocks(runs, [&](std::int64_t i, std::int64_t run, std::int64_t from, std::int64_t n) {
                const auto at = static_cast<std::size_t>(i);
                quantize::backward_run(in + from, from_above + from, to + from, n, grid_at<T>(scale, offset, run, limits), to_scale[at], to_offset[at]);
            });
            for (std::int64_t run = 0; run < runs.count; ++run) {
                double s = 0, o = 0;
                for (std::int64_t i = run * per_run; i < (run + 1) * per_run; ++i) {
                    s += to_scale[static_cast<std::size_t>(i)];
                    o += to_offset[static_cast<std::size_t>(i)];
                }
                grad_scale.mutable_data_ptr<T>()[run] = static_cast<T>(s);
                grad_offset.mutable_data_ptr<T>()[run] = static_cast<T>(o);
            }
        });
        return {grad_x, grad_scale, grad_offset, Tensor(), Tensor()};
    }
};

// --- weights ---------------------------------------------------------------------------------------------------------------------------------------

// A weight seen as a matrix; a vector is a column, so that `rows` scales each element.
struct Matrix {
    std::int64_t rows, cols;
    explicit Matrix(const Tensor& w) : rows(w.size(0)), cols(w.dim() == 1 ? 1 : w.size(1)) {}
};

template <typename T>
const T* data_or_null(const Tensor& t)
{
    return t.defined() && t.numel() > 0 ? t.const_data_ptr<T>() : nullptr;
}

// W' of all rows into `out`.
template <typename T>
void scale_rows(const Tensor& weight, const WeightScales& scales, T* out)
{
    const Matrix m(weight);
    const T *w = weight.const_data_ptr<T>(), *columns = data_or_null<T>(scales.columns), *rows = data_or_null<T>(scales.rows);
    if (!columns && !rows) {
        std::copy(w, w + weight.numel(), out);
        return;
    }
    at::parallel_for(0, m.rows, std::max<std::int64_t>(1, block / m.cols), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r)
            quantize::scale_run(w + r * m.cols, columns, out + r * m.cols, m.cols, rows ? rows[r] : T(1), rows && !scales.multiply_rows);
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
Slice<T> slice_of(const T* values, std::int64_t n, T keep_max, T keep_min, const WeightGrid& grid)
{
    Slice<T> s;
    s.extremes = quantize::extremes_of(values, n);
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

// The slices of W' (already scaled), one per row or one.
template <typename T>
std::vector<Slice<T>> slices_of(const T* scaled, const Matrix& m, const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
{
    const std::int64_t count = grid.per_row ? m.rows : 1, length = grid.per_row ? m.cols : m.rows * m.cols;
    TORCH_CHECK(upper.numel() == count && lower.numel() == count, "clipping factors: ", upper.numel(), " and ", lower.numel(), " for ", count, " slices");
    std::vector<Slice<T>> slices(static_cast<std::size_t>(count));
    const Tensor keep_max = at::sigmoid(upper), keep_min = at::sigmoid(lower);  // LibTorch's, to the bit: a range one ulp off moves codes
    const T *u = keep_max.const_data_ptr<T>(), *l = keep_min.const_data_ptr<T>();
    for (std::int64_t i = 0; i < count; ++i) slices[static_cast<std::size_t>(i)] = slice_of(scaled + i * length, length, u[i], l[i], grid);
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

class ClipAndFakeQuantize : public Function<ClipAndFakeQuantize> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& weight, const Tensor& columns, const Tensor& rows, const Tensor& upper, const Tensor& lower,
                          bool multiply_rows, std::int64_t bits, bool symmetric, bool per_row, bool authors)
    {
        const WeightGrid grid{static_cast<int>(bits), symmetric, per_row, authors ? Semantics::authors : Semantics::bitwright};
        const Matrix m(weight);
        Tensor out = at::empty_like(weight);
        by_type(weight, [&](auto zero) {
            using T = decltype(zero);
            T* values = out.mutable_data_ptr<T>();
            scale_rows(weight, {columns, rows, multiply_rows}, values);
            const auto slices = slices_of(values, m, upper, lower, grid);
            at::parallel_for(0, m.rows, std::max<std::int64_t>(1, block / m.cols), [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t r = begin; r < end; ++r)
                    quantize::forward_run(values + r * m.cols, values + r * m.cols, m.cols, slices[static_cast<std::size_t>(per_row ? r : 0)].grid);
            });
        });
        context->save_for_backward({weight, columns, rows, upper, lower});
        auto& data = context->saved_data;
        data["multiply_rows"] = multiply_rows;
        data["bits"] = bits;
        data["symmetric"] = symmetric;
        data["per_row"] = per_row;
        data["authors"] = authors;
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        auto& data = context->saved_data;
        const WeightGrid grid{static_cast<int>(data["bits"].toInt()), data["symmetric"].toBool(), data["per_row"].toBool(),
                              data["authors"].toBool() ? Semantics::authors : Semantics::bitwright};
        variable_list out(10);
        by_type(saved[0], [&](auto zero) {
            backward_as<decltype(zero)>(saved, grads[0].contiguous(), data["multiply_rows"].toBool(), grid, context->needs_input_grad(0), out);
        });
        return out;
    }

private:
    template <typename T>
    static void backward_as(const variable_list& saved, const Tensor& grad, bool multiply_rows, const WeightGrid& grid, bool weight_wanted, variable_list& out)
    {
        const Tensor &weight = saved[0], &columns = saved[1], &rows = saved[2], &upper = saved[3], &lower = saved[4];
        const Matrix m(weight);
        Tensor scaled_weight = at::empty_like(weight), grad_weight = at::empty_like(weight);
        T *scaled = scaled_weight.mutable_data_ptr<T>(), *g = grad_weight.mutable_data_ptr<T>();
        scale_rows(weight, {columns, rows, multiply_rows}, scaled);
        const auto slices = slices_of(scaled, m, upper, lower, grid);

        // through the codes: grad_weight becomes ∂/∂W', each row's share of its slice's scale
        std::vector<double> row_to_scale(static_cast<std::size_t>(m.rows));
        at::parallel_for(0, m.rows, std::max<std::int64_t>(1, block / m.cols), [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t r = begin; r < end; ++r) {
                double ignored = 0;
                quantize::backward_run(scaled + r * m.cols, grad.const_data_ptr<T>() + r * m.cols, g + r * m.cols, m.cols,
                                       slices[static_cast<std::size_t>(grid.per_row ? r : 0)].grid, row_to_scale[static_cast<std::size_t>(r)], ignored);
            }
        });
        // through the bounds: factors, and the one largest and smallest element
        out[3] = at::zeros_like(upper);
        out[4] = at::zeros_like(lower);
        const std::int64_t length = grid.per_row ? m.cols : m.rows * m.cols;
        for (std::size_t i = 0; i < slices.size(); ++i) {
            const Slice<T>& s = slices[i];
            double grad_scale = 0, grad_max = 0, grad_min = 0;
            if (grid.per_row) {
                grad_scale = row_to_scale[i];
            } else {
                for (const double share : row_to_scale) grad_scale += share;
            }
            through_scale(s, grid.symmetric, grad_scale, grad_max, grad_min);
            const double up = static_cast<double>(s.keep_max), low = static_cast<double>(s.keep_min);
            out[3].mutable_data_ptr<T>()[i] = static_cast<T>(grad_max * static_cast<double>(s.extremes.max) * up * (1 - up));
            out[4].mutable_data_ptr<T>()[i] = static_cast<T>(grad_min * static_cast<double>(s.extremes.min) * low * (1 - low));
            T* slice = g + static_cast<std::int64_t>(i) * length;
            slice[s.extremes.at_max] += static_cast<T>(grad_max * up);
            slice[s.extremes.at_min] += static_cast<T>(grad_min * low);
        }
        // through the scales
        const T *w = weight.const_data_ptr<T>(), *by_column = data_or_null<T>(columns), *by_row = data_or_null<T>(rows);
        std::vector<double> to_columns(by_column ? static_cast<std::size_t>(m.cols) : 0);
        if (by_row) out[2] = at::zeros_like(rows);
        for (std::int64_t r = 0; r < m.rows; ++r) {
            T* row = g + r * m.cols;
            const T* row_weight = w + r * m.cols;
            const T factor = !by_row ? T(1) : multiply_rows ? by_row[r] : T(1) / by_row[r];
            if (by_row) {
                double sum = 0;  // ÷: −Σ g·W'/s;  ×: Σ g·W'/s
                for (std::int64_t c = 0; c < m.cols; ++c) sum += static_cast<double>(row[c]) * static_cast<double>(scaled[r * m.cols + c]);
                out[2].mutable_data_ptr<T>()[r] = static_cast<T>((multiply_rows ? sum : -sum) / static_cast<double>(by_row[r]));
            }
            for (std::size_t c = 0; c < to_columns.size(); ++c) to_columns[c] += static_cast<double>(row[c] * row_weight[c] * factor);
            if (weight_wanted && (by_row || by_column))
                for (std::int64_t c = 0; c < m.cols; ++c) row[c] *= factor * (by_column ? by_column[c] : T(1));
        }
        if (by_column) {
            out[1] = at::zeros_like(columns);
            std::transform(to_columns.begin(), to_columns.end(), out[1].mutable_data_ptr<T>(), [](double v) { return static_cast<T>(v); });
        }
        if (weight_wanted) out[0] = grad_weight;
    }
};

// An autograd function takes defined tensors only: absent scales are empty ones.
Tensor dense(const Tensor& t, const Tensor& like) { return t.defined() ? t.contiguous() : at::empty({0}, like.options()); }

}  // namespace

Tensor fake_quantize(const Tensor& x, const Tensor& scale, const Tensor& offset, CodeLimits limits)
{
    return FakeQuantize::apply(x, scale.contiguous(), offset.contiguous(), limits.min, limits.max);
}

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
                                      scales.multiply_rows, static_cast<std::int64_t>(grid.bits), grid.symmetric, grid.per_row, grid.semantics == Semantics::authors);
}

ClipBounds clip_bounds(const Tensor& weight, const WeightScales& scales, const Tensor& upper, const Tensor& lower, const WeightGrid& grid)
{
    const Tensor w = weight.detach().contiguous();
    const WeightScales fixed{dense(scales.columns, w).detach(), dense(scales.rows, w).detach(), scales.multiply_rows};
    ClipBounds bounds{at::zeros_like(upper.detach()), at::zeros_like(upper.detach()), at::zeros_like(upper.detach()), at::zeros_like(upper.detach())};
    by_type(w, [&](auto zero) {
        using T = decltype(zero);
        Tensor scaled = at::empty_like(w);
        scale_rows(w, fixed, scaled.mutable_data_ptr<T>());
        const auto slices = slices_of(scaled.const_data_ptr<T>(), Matrix(w), upper.detach(), lower.detach(), grid);
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
