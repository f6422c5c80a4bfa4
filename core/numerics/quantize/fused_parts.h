// SPDX-License-Identifier: GPL-3.0-or-later
// What the fused parts share: quantizers as they are in a loop, and the sums of their gradients. Internal to core/numerics/quantize.
#pragma once

#include "core/numerics/quantize/fused.h"
#include "core/numerics/quantize/kernels.h"
#include "core/numerics/quantize/layer_kernels.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bitwright::fused {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// An autograd function takes defined tensors only: an inactive quantizer is an empty one.
inline Tensor given(const Tensor& t) { return t.defined() ? t.contiguous() : at::empty({0}); }

/// One quantizer in a loop over values.
struct Loop {
    bool active = false;
    quantize::GridOf<float> grid{};

    Loop(const Tensor& scale, const Tensor& offset, const CodeLimits& limits) : active(scale.numel() > 0)
    {
        if (active) grid = {*scale.const_data_ptr<float>(), *offset.const_data_ptr<float>(), static_cast<float>(limits.min), static_cast<float>(limits.max)};
    }
    void forward(const float* x, float* out, std::int64_t n) const
    {
        if (active) quantize::forward_run(x, out, n, grid);
        else if (x != out) std::copy_n(x, n, out);
    }
    /// @param sums of the gradients of scale and offset
    void backward(const float* x, const float* grad, float* grad_x, std::int64_t n, double* sums) const
    {
        if (active) quantize::backward_run(x, grad, grad_x, n, grid, sums[0], sums[1]);
        else if (grad != grad_x) std::copy_n(grad, n, grad_x);
    }
};

/// Sums per task, added in the order of the tasks.
class Sums {
public:
    Sums(std::int64_t tasks, std::size_t quantizers) : width_(2 * quantizers), values_(static_cast<std::size_t>(tasks) * width_) {}
    double* of(std::int64_t task, std::size_t quantizer) { return values_.data() + static_cast<std::size_t>(task) * width_ + 2 * quantizer; }
    /// Gradients of scale and offset; undefined for an inactive quantizer.
    std::pair<Tensor, Tensor> gradients(std::size_t quantizer, const Tensor& scale, const Tensor& offset) const
    {
        if (scale.numel() == 0) return {};
        double s = 0, o = 0;
        for (std::size_t at = 2 * quantizer; at < values_.size(); at += width_) {
            s += values_[at];
            o += values_[at + 1];
        }
        Tensor to_scale = at::empty_like(scale), to_offset = at::empty_like(offset);
        *to_scale.mutable_data_ptr<float>() = static_cast<float>(s);
        *to_offset.mutable_data_ptr<float>() = static_cast<float>(o);
        return {to_scale, to_offset};
    }

private:
    std::size_t width_;
    std::vector<double> values_;
};

/// Whether a backward pass can come.
template <typename... Tensors>
bool recorded(const Tensors&... tensors)
{
    return c10::GradMode::is_enabled() && ((tensors.defined() && tensors.requires_grad()) || ...);
}

/// Calls body(first, last + 1, task) for tasks of `step` of `count` things.
template <typename Body>
void in_tasks(std::int64_t count, std::int64_t step, Body body)
{
    at::parallel_for(0, (count + step - 1) / step, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) body(task * step, std::min(count, (task + 1) * step), task);
    });
}

}  // namespace bitwright::fused
