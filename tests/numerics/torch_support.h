// SPDX-License-Identifier: GPL-3.0-or-later
// Reading reference tensors into LibTorch, and comparing.
#pragma once

#include "core/runtime/safetensors.h"

#include <ATen/ATen.h>

#include <string>

namespace bitwright::test {

/// A tensor of a safetensors file as an owning ATen tensor of the file's type (integers as int64).
inline at::Tensor read_tensor(const SafetensorsFile& file, const std::string& name)
{
    const TensorView view = file.tensor(name);
    if (view.dtype == Dtype::f64) return at::tensor(view.as<double>().empty() ? at::ArrayRef<double>() : at::ArrayRef<double>(view.as<double>().data(), view.as<double>().size()), at::kDouble).view(view.shape);
    if (view.dtype == Dtype::f32 || view.dtype == Dtype::f16 || view.dtype == Dtype::bf16) {
        at::Tensor out = at::empty(view.shape, at::kFloat);
        to_float(view, {out.mutable_data_ptr<float>(), static_cast<std::size_t>(out.numel())});
        return out;
    }
    const auto values = to_int64(view);
    return at::tensor(at::ArrayRef<std::int64_t>(values.data(), values.size()), at::kLong).view(view.shape);
}

/// Largest |a − b|, in double.
inline double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(); }

/// Largest |a − b| over the largest |b|.
inline double relative_difference(const at::Tensor& a, const at::Tensor& b)
{
    const double size = b.abs().max().item<double>();
    return largest_difference(a, b) / (size > 0 ? size : 1.0);
}

}  // namespace bitwright::test
