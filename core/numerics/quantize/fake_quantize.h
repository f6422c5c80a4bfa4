// SPDX-License-Identifier: GPL-3.0-or-later
// Differentiable fake quantization (mobilequant §1.5, §4.2): values and straight-through gradients, one pass each way, float32 and (for tests) float64.
// Internal to bitwright_numerics (LibTorch in the signatures). The custom autograd functions behind these calls live in fake_quantize.cpp (activations) and
// weight_quantize.cpp (weights).
// Invariants: results do not depend on the number of threads; a backward pass needs only the input again where the grid is learned (codes are recomputed),
// else only a bit per value (the clip mask).
// Threading: pure functions.
#pragma once

#include "core/recipe/scheme.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace bitwright {

/// Smallest and largest code: 0 … 2^b−1, or −2^(b−1) … 2^(b−1)−1 when symmetric.
struct CodeLimits {
    std::int64_t min = 0, max = 255;
};
[[nodiscard]] CodeLimits code_limits(int bits, bool symmetric) noexcept;

/// x̂ = (clamp(round(x/s) + o, min, max) − o)·s with one grid (scale and offset of one element), or one per row of a matrix (as many elements as rows;
/// x is [rows, n]). Gradients to x, scale and offset; none is scaled; a code on the end of the grid counts as inside.
/// @pre x, scale and offset have the same floating dtype.
[[nodiscard]] at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& offset, CodeLimits limits);

/// The grid of a clipped weight: what decides it besides the clipping factors.
struct WeightGrid {
    int bits = 8;
    bool symmetric = false;
    bool per_row = false;  ///< one grid per output row, else one for the tensor
    Semantics semantics = Semantics::authors;  ///< `bitwright`: the range is widened to contain 0 first, no scale floor (as grid_of)
    bool log_factors = false;  ///< a factor f keeps e^f of an extreme instead of σ(f): 0 is exactly no clipping
};

/// Scales of an equivalent transform on one weight, all optional (undefined: 1): W'[r, c] = W[r, c]·columns[c] ÷ rows[r] (× if multiply_rows).
/// A norm's weight is a vector: rows holds one scale per element.
struct WeightScales {
    at::Tensor columns, rows;
    bool multiply_rows = false;
};

/// W' as above.  [rows, cols] or [n]
[[nodiscard]] at::Tensor scale_weight(const at::Tensor& weight, const WeightScales& scales);

/// Equivalent transform, learned clipping and fake quantization of a weight in one function (mobilequant §4.1, §4.2):
///   max' = σ(upper)·max W', min' = σ(lower)·min W' (per tensor or row; e^f instead of σ(f) where the grid says so), scale and offset from these, Ŵ = fake quantization of W'.
/// Gradients to weight, scales and factors; through max' and min' to the one largest and smallest element; none through the rounded offset or a floored scale.
/// @param upper, lower one element, or one per row. @param weight [rows, cols] or [n]
[[nodiscard]] at::Tensor clip_and_fake_quantize(const at::Tensor& weight, const WeightScales& scales, const at::Tensor& upper, const at::Tensor& lower,
                                                const WeightGrid& grid);

/// The bounds max' and min' of clip_and_fake_quantize, one per slice, and the grid they give.
struct ClipBounds {
    at::Tensor min, max, scale, offset;
};
[[nodiscard]] ClipBounds clip_bounds(const at::Tensor& weight, const WeightScales& scales, const at::Tensor& upper, const at::Tensor& lower, const WeightGrid& grid);

}  // namespace bitwright
