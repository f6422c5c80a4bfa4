// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/fake_quantize.h"

#include "core/numerics/quantize/kernels.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
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
    [[nodiscard]] std::int64_t mask_bytes() const { return (length + 7) / 8; }
    [[nodiscard]] std::int64_t mask_byte(std::int64_t run, std::int64_t value) const { return run * mask_bytes() + (value - run * length) / 8; }
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

// Values of all runs; `inside` null where no clip mask is wanted, else (length + 7)/8 bytes per run.
Tensor quantized(const Tensor& x, const Tensor& scale, const Tensor& offset, CodeLimits limits, std::uint8_t* inside = nullptr)
{
    Tensor out = at::empty_like(x);
    by_type(x, [&](auto zero) {
        using T = decltype(zero);
        const T* in = x.const_data_ptr<T>();
        T* to = out.mutable_data_ptr<T>();
        const Runs runs = runs_of(x, scale);
        for_blocks(runs, [&](std::int64_t, std::int64_t run, std::int64_t from, std::int64_t n) {
            const GridOf<T> grid = grid_at<T>(scale, offset, run, limits);
            if (inside) quantize::forward_run(in + from, to + from, inside + runs.mask_byte(run, from), n, grid);
            else quantize::forward_run(in + from, to + from, n, grid);
        });
    });
    return out;
}

// A learned grid needs the input again (which its producer has just made; no copy is kept), a fixed one only which codes were clipped.
class FakeQuantize : public Function<FakeQuantize> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& given, const Tensor& scale, const Tensor& offset, std::int64_t min, std::int64_t max)
    {
        const CodeLimits limits{min, max};
        const Tensor x = in_order(given, scale.numel() == 1);
        const bool learned = scale.requires_grad() || offset.requires_grad();
        context->saved_data["learned"] = learned;
        if (!learned) {
            const Runs runs = runs_of(x, scale);
            Tensor inside = at::empty({runs.count * runs.mask_bytes()}, at::kByte);
            Tensor out = quantized(x, scale, offset, limits, inside.mutable_data_ptr<std::uint8_t>());
            context->save_for_backward({inside, scale});
            context->saved_data["strides"] = x.strides();
            return out;
        }
        context->save_for_backward({x, scale, offset});
        context->saved_data["min"] = min;
        context->saved_data["max"] = max;
        return quantized(x, scale, offset, limits);
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        if (!context->saved_data["learned"].toBool()) return {through_mask(context, grads[0]), Tensor(), Tensor(), Tensor(), Tensor()};
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

private:
    static Tensor through_mask(AutogradContext* context, const Tensor& given)
    {
        const auto saved = context->get_saved_variables();
        const std::uint8_t* inside = saved[0].const_data_ptr<std::uint8_t>();
        const auto strides = context->saved_data["strides"].toIntVector();
        const bool in_place = given.strides() == at::IntArrayRef(strides);
        const Tensor grad = in_place ? given : at::empty_strided(given.sizes(), strides, given.options()).copy_(given);
        Tensor grad_x = in_place ? at::empty_like(grad) : grad;
        by_type(grad, [&](auto zero) {
            using T = decltype(zero);
            const T* from_above = grad.const_data_ptr<T>();
            T* to = grad_x.mutable_data_ptr<T>();
            const Runs runs = runs_of(grad, saved[1]);
            for_blocks(runs, [&](std::int64_t, std::int64_t run, std::int64_t from, std::int64_t n) {
                quantize::masked_run(from_above + from, inside + runs.mask_byte(run, from), to + from, n);
            });
        });
        return grad_x;
    }
};

}  // namespace

Tensor fake_quantize(const Tensor& x, const Tensor& scale, const Tensor& offset, CodeLimits limits)
{
    const bool recorded = c10::GradMode::is_enabled() && (x.requires_grad() || scale.requires_grad() || offset.requires_grad());
    if (!recorded) return quantized(in_order(x, scale.numel() == 1), scale.contiguous(), offset.contiguous(), limits);
    return FakeQuantize::apply(x, scale.contiguous(), offset.contiguous(), limits.min, limits.max);
}

}  // namespace bitwright
