// SPDX-License-Identifier: GPL-3.0-or-later
// The fused parts that work row by row: residual addition, norms, rotation into heads.
#include "core/numerics/quantize/fused_parts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/rsqrt.h>

#include <cmath>

namespace bitwright {
namespace {

using namespace fused;

constexpr std::int64_t values_per_task = 32768;
std::int64_t rows_per_task(std::int64_t width) { return std::max<std::int64_t>(1, values_per_task / width); }

// --- residual ----------------------------------------------------------------------------------------------------------------------------------------

Tensor sum_of(const Tensor& residual, const Tensor& branch, const Loop& q)
{
    Tensor out = at::empty_like(residual);
    const float *a = residual.const_data_ptr<float>(), *b = branch.const_data_ptr<float>();
    float* to = out.mutable_data_ptr<float>();
    in_tasks(out.numel(), values_per_task / 8, [&](std::int64_t first, std::int64_t last, std::int64_t) {
        q.forward(b + first, to + first, last - first);
        quantize::add_run(a + first, to + first, to + first, last - first);
    });
    return out;
}

class AddQuantized : public Function<AddQuantized> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& residual, const Tensor& branch, const Tensor& scale, const Tensor& offset, CodeLimits limits)
    {
        context->save_for_backward({branch, scale, offset});
        context->saved_data["limits"] = std::vector<std::int64_t>{limits.min, limits.max};
        return sum_of(residual, branch, Loop(scale, offset, limits));
    }
    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        const auto limits = context->saved_data["limits"].toIntVector();
        const Loop q(saved[1], saved[2], {limits[0], limits[1]});
        const Tensor grad = grads[0].contiguous();
        Tensor to_branch = at::empty_like(saved[0]);
        const std::int64_t n = grad.numel();
        Sums sums((n + values_per_task - 1) / values_per_task, 1);
        in_tasks(n, values_per_task, [&](std::int64_t first, std::int64_t last, std::int64_t task) {
            q.backward(saved[0].const_data_ptr<float>() + first, grad.const_data_ptr<float>() + first, to_branch.mutable_data_ptr<float>() + first, last - first,
                       sums.of(task, 0));
        });
        const auto [to_scale, to_offset] = sums.gradients(0, saved[1], saved[2]);
        return {grads[0], to_branch, to_scale, to_offset, Tensor()};
    }
};

// --- norms -------------------------------------------------------------------------------------------------------------------------------------------

struct NormShape {
    std::int64_t rows, width;
    RowNorm kind;
    float root;  ///< √width
    explicit NormShape(const Tensor& x, RowNorm k) : rows(x.numel() / x.size(-1)), width(x.size(-1)), kind(k), root(static_cast<float>(std::sqrt(static_cast<double>(x.size(-1))))) {}
};

// The statistic of each row, by LibTorch: its sums depend on the processor, and codes on them. [rows]
Tensor row_statistic(const Tensor& quantized, RowNorm kind, double eps)
{
    if (kind == RowNorm::length) return at::linalg_vector_norm(quantized, 2, {-1}, true).clamp_min(1e-12);
    return at::rsqrt(quantized.square().mean(-1, true) + eps);
}

Tensor input_of(const Tensor& x, const Loop& input)
{
    if (!input.active) return x;
    Tensor out = at::empty_like(x);
    in_tasks(x.numel(), values_per_task, [&](std::int64_t first, std::int64_t last, std::int64_t) {
        input.forward(x.const_data_ptr<float>() + first, out.mutable_data_ptr<float>() + first, last - first);
    });
    return out;
}

Tensor norm_forward(const Tensor& x, const Tensor& weight, RowNorm kind, double eps, const Loop& input, const Loop& output, Tensor& statistic)
{
    const NormShape shape(x, kind);
    const Tensor quantized = input_of(x, input);
    statistic = row_statistic(quantized, kind, eps);
    Tensor out = at::empty_like(x);
    const float *s = statistic.const_data_ptr<float>(), *w = weight.const_data_ptr<float>();
    in_tasks(shape.rows, rows_per_task(shape.width), [&](std::int64_t first, std::int64_t last, std::int64_t) {
        for (std::int64_t r = first; r < last; ++r) {
            float* to = out.mutable_data_ptr<float>() + r * shape.width;
            quantize::norm_run(quantized.const_data_ptr<float>() + r * shape.width, w, to, shape.width, s[r], kind == RowNorm::length ? shape.root : 0.F);
            output.forward(to, to, shape.width);
        }
    });
    return out;
}

class Normed : public Function<Normed> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& in_scale, const Tensor& in_offset,
                          const Tensor& out_scale, const Tensor& out_offset, std::int64_t kind, double eps, std::array<CodeLimits, 2> limits)
    {
        Tensor statistic;
        Tensor out = norm_forward(x, weight, static_cast<RowNorm>(kind), eps, Loop(in_scale, in_offset, limits[0]), Loop(out_scale, out_offset, limits[1]), statistic);
        context->save_for_backward({x, weight, in_scale, in_offset, out_scale, out_offset, statistic});
        context->saved_data["kind"] = kind;
        context->saved_data["limits"] = std::vector<std::int64_t>{limits[0].min, limits[0].max, limits[1].min, limits[1].max};
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        const Tensor &x = saved[0], &weight = saved[1], &statistic = saved[6];
        const auto limits = context->saved_data["limits"].toIntVector();
        const Loop input(saved[2], saved[3], {limits[0], limits[1]}), output(saved[4], saved[5], {limits[2], limits[3]});
        const NormShape shape(x, static_cast<RowNorm>(context->saved_data["kind"].toInt()));
        const Tensor grad = grads[0].contiguous();
        Tensor grad_x = at::empty_like(x);
        const std::int64_t n = shape.width, step = rows_per_task(n), tasks = (shape.rows + step - 1) / step;
        Sums sums(tasks, 2);
        std::vector<double> to_weight(static_cast<std::size_t>(tasks * n));
        const float *s = statistic.const_data_ptr<float>(), *w = weight.const_data_ptr<float>();
        in_tasks(shape.rows, step, [&](std::int64_t first, std::int64_t last, std::int64_t task) {
            const auto width = static_cast<std::size_t>(n);
            std::vector<float> quantized(width), unit(width), y(width), g(width), weights(width);
            double* task_weights = to_weight.data() + static_cast<std::size_t>(task) * width;
            const auto flush = [&] {
                for (std::size_t c = 0; c < width; ++c) task_weights[c] += static_cast<double>(weights[c]);
                std::fill(weights.begin(), weights.end(), 0.F);
            };
            for (std::int64_t r = first; r < last; ++r) {
                const float* row = x.const_data_ptr<float>() + r * n;
                float* to = grad_x.mutable_data_ptr<float>() + r * n;
                input.forward(row, quantized.data(), n);
                const bool length = shape.kind == RowNorm::length;
                quantize::norm_run(quantized.data(), static_cast<const float*>(nullptr), unit.data(), n, s[r], length ? shape.root : 0.F);
                quantize::multiply_run(unit.data(), w, y.data(), n);
                output.backward(y.data(), grad.const_data_ptr<float>() + r * n, g.data(), n, sums.of(task, 1));
                quantize::add_products_run<float>(g.data(), unit.data(), 1.F, weights.data(), n);
                if ((r - first) % 16 == 15) flush();
                quantize::multiply_run(g.data(), w, g.data(), n);
                // u = a·x with a = √n/‖x‖ or 1/√(mean x² + eps):  ∂x = a·(g − u·Σ g·u / n)
                const double a = length ? static_cast<double>(shape.root) / static_cast<double>(s[r]) : static_cast<double>(s[r]);
                const double share = quantize::dot_run(g.data(), unit.data(), n) / static_cast<double>(n);
                quantize::project_run(g.data(), unit.data(), to, n, static_cast<float>(a), static_cast<float>(share));
                input.backward(row, to, to, n, sums.of(task, 0));
            }
            flush();
        });
        Tensor grad_weight = at::empty_like(weight);
        for (std::int64_t c = 0; c < n; ++c) {
            double sum = 0;
            for (std::int64_t task = 0; task < tasks; ++task) sum += to_weight[static_cast<std::size_t>(task * n + c)];
            grad_weight.mutable_data_ptr<float>()[c] = static_cast<float>(sum);
        }
        const auto [in_scale, in_offset] = sums.gradients(0, saved[2], saved[3]);
        const auto [out_scale, out_offset] = sums.gradients(1, saved[4], saved[5]);
        return {grad_x, grad_weight, in_scale, in_offset, out_scale, out_offset, Tensor(), Tensor(), Tensor()};
    }
};

// --- heads -------------------------------------------------------------------------------------------------------------------------------------------

struct HeadShape {
    std::int64_t batch, tokens, heads, dims, half;
    HeadShape(const Tensor& x, std::int64_t h, const Tensor& cos) : batch(x.size(0)), tokens(x.size(1)), heads(h), dims(x.size(2) / h), half(cos.numel() > 0 ? cos.size(1) : 0) {}
    [[nodiscard]] std::int64_t width() const { return heads * dims; }
    // value (row, head): row r of [B·T] in [B, heads, T, dims]
    [[nodiscard]] std::int64_t at(std::int64_t r, std::int64_t h) const { return ((r / tokens * heads + h) * tokens + r % tokens) * dims; }
};

Tensor heads_forward(const Tensor& x, const HeadShape& shape, const Tensor& cos, const Tensor& sin, const Loop& before, const Loop& after)
{
    Tensor out = at::empty({shape.batch, shape.heads, shape.tokens, shape.dims}, x.options());
    in_tasks(shape.batch * shape.tokens, rows_per_task(shape.width()), [&](std::int64_t first, std::int64_t last, std::int64_t) {
        std::vector<float> row(static_cast<std::size_t>(shape.width()));
        for (std::int64_t r = first; r < last; ++r) {
            before.forward(x.const_data_ptr<float>() + r * shape.width(), row.data(), shape.width());
            if (shape.half) {
                const std::int64_t at = r % shape.tokens * shape.half;
                quantize::rotate_run(row.data(), shape.heads, shape.dims, cos.const_data_ptr<float>() + at, sin.const_data_ptr<float>() + at, shape.half, false);
            }
            after.forward(row.data(), row.data(), shape.width());
            for (std::int64_t h = 0; h < shape.heads; ++h) std::copy_n(row.data() + h * shape.dims, shape.dims, out.mutable_data_ptr<float>() + shape.at(r, h));
        }
    });
    return out;
}

class RotatedHeads : public Function<RotatedHeads> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& cos, const Tensor& sin, const Tensor& before_scale, const Tensor& before_offset,
                          const Tensor& after_scale, const Tensor& after_offset, std::int64_t heads, std::array<CodeLimits, 2> limits)
    {
        context->save_for_backward({x, cos, sin, before_scale, before_offset, after_scale, after_offset});
        context->saved_data["limits"] = std::vector<std::int64_t>{limits[0].min, limits[0].max, limits[1].min, limits[1].max, heads};
        return heads_forward(x, HeadShape(x, heads, cos), cos, sin, Loop(before_scale, before_offset, limits[0]), Loop(after_scale, after_offset, limits[1]));
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        const Tensor &x = saved[0], &cos = saved[1], &sin = saved[2];
        const auto limits = context->saved_data["limits"].toIntVector();
        const Loop before(saved[3], saved[4], {limits[0], limits[1]}), after(saved[5], saved[6], {limits[2], limits[3]});
        const HeadShape shape(x, limits[4], cos);
        const Tensor grad = grads[0].contiguous();
        Tensor grad_x = at::empty_like(x);
        const std::int64_t n = shape.width(), step = rows_per_task(n), rows = shape.batch * shape.tokens;
        Sums sums((rows + step - 1) / step, 2);
        in_tasks(rows, step, [&](std::int64_t first, std::int64_t last, std::int64_t task) {
            std::vector<float> row(static_cast<std::size_t>(n)), g(row.size());
            for (std::int64_t r = first; r < last; ++r) {
                const float* from = x.const_data_ptr<float>() + r * n;
                const std::int64_t at = r % shape.tokens * shape.half;
                const float *c = cos.const_data_ptr<float>() + at, *s = sin.const_data_ptr<float>() + at;
                for (std::int64_t h = 0; h < shape.heads; ++h) std::copy_n(grad.const_data_ptr<float>() + shape.at(r, h), shape.dims, g.data() + h * shape.dims);
                before.forward(from, row.data(), n);
                if (shape.half) quantize::rotate_run(row.data(), shape.heads, shape.dims, c, s, shape.half, false);
                after.backward(row.data(), g.data(), g.data(), n, sums.of(task, 1));
                if (shape.half) quantize::rotate_run(g.data(), shape.heads, shape.dims, c, s, shape.half, true);
                before.backward(from, g.data(), grad_x.mutable_data_ptr<float>() + r * n, n, sums.of(task, 0));
            }
        });
        const auto [before_scale, before_offset] = sums.gradients(0, saved[3], saved[4]);
        const auto [after_scale, after_offset] = sums.gradients(1, saved[5], saved[6]);
        return {grad_x, Tensor(), Tensor(), before_scale, before_offset, after_scale, after_offset, Tensor(), Tensor()};
    }
};

}  // namespace

Tensor add_quantized(const Tensor& residual, const Tensor& branch, const Quantizer& q)
{
    const Tensor a = residual.contiguous(), b = branch.contiguous(), scale = given(q.scale), offset = given(q.offset);
    if (!recorded(a, b, scale, offset)) return sum_of(a, b, Loop(scale, offset, q.limits));
    return AddQuantized::apply(a, b, scale, offset, q.limits);
}

Tensor normed(const Tensor& x, const Tensor& weight, RowNorm kind, double eps, const Quantizer& input, const Quantizer& output)
{
    const Tensor values = x.contiguous(), w = weight.contiguous(), in_scale = given(input.scale), in_offset = given(input.offset), out_scale = given(output.scale),
                 out_offset = given(output.offset);
    if (!recorded(values, w, in_scale, in_offset, out_scale, out_offset)) {
        Tensor statistic;
        return norm_forward(values, w, kind, eps, Loop(in_scale, in_offset, input.limits), Loop(out_scale, out_offset, output.limits), statistic);
    }
    return Normed::apply(values, w, in_scale, in_offset, out_scale, out_offset, static_cast<std::int64_t>(kind), eps, std::array{input.limits, output.limits});
}

Tensor rotated_heads(const Tensor& x, std::int64_t heads, const Tensor& cos, const Tensor& sin, const Quantizer& before, const Quantizer& after)
{
    const Tensor values = x.contiguous(), c = given(cos), s = given(sin), before_scale = given(before.scale), before_offset = given(before.offset),
                 after_scale = given(after.scale), after_offset = given(after.offset);
    if (!recorded(values, before_scale, before_offset, after_scale, after_offset))
        return heads_forward(values, HeadShape(values, heads, c), c, s, Loop(before_scale, before_offset, before.limits), Loop(after_scale, after_offset, after.limits));
    return RotatedHeads::apply(values, c, s, before_scale, before_offset, after_scale, after_offset, heads, std::array{before.limits, after.limits});
}

}  // namespace bitwright
