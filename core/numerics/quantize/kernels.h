// SPDX-License-Identifier: GPL-3.0-or-later
// The loops of fake quantization: one pass forward, one pass backward over a run of values on one grid (mobilequant §1.5), float and double.
// No LibTorch and no threads in here; fake_quantize.cpp splits tensors into runs of fixed length, so that sums do not depend on the number of threads.
// Built for AVX-512, AVX2 and the baseline, chosen at run time; all three give the same bits, sums included (sixteen partial sums on every path, no
// fused multiply-add). The order of operations is the formula's: x / s, round half to even, + o, clamp, − o, × s.
#pragma once

#include "core/numerics/quantize/kernel_paths.h"

#include <cstdint>
#include <utility>

namespace bitwright::quantize {

/// One grid and its codes, in the arithmetic type.
template <typename T>
struct GridOf {
    T scale, offset, qmin, qmax;
};

/// out[i] = (clamp(round(x[i]/s) + o, qmin, qmax) − o)·s. `x` and `out` may be the same.
template <typename T>
void forward_run(const T* x, T* out, std::int64_t n, const GridOf<T>& grid);

/// The same, and bit i%8 of inside[i/8] says whether the code of x[i] is inside [qmin, qmax] (its ends count as inside).
template <typename T>
void forward_run(const T* x, T* out, std::uint8_t* inside, std::int64_t n, const GridOf<T>& grid);

/// grad_x[i] = grad[i] where bit i of `inside` is set, else 0. `grad_x` may be `grad`.
template <typename T>
void masked_run(const T* grad, const std::uint8_t* inside, T* grad_x, std::int64_t n);

/// grad_x[i] = grad[i] where the code is inside [qmin, qmax], else 0; adds the run's share to the two sums:
/// ∂/∂s = round(x/s) − x/s inside, qmin − o below, qmax − o above; ∂/∂o = −s outside. `grad_x` may be `grad`.
template <typename T>
void backward_run(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& grid, double& grad_scale, double& grad_offset);

/// out[c] = row[c]·columns[c], then ÷ or × `factor`; columns null: 1. The equivalent transform of one row of a weight (mobilequant §4.1).
template <typename T>
void scale_run(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide);

/// sums[c] += (grad[c]·row[c])·factor.
template <typename T>
void add_products_run(const T* grad, const T* row, T factor, T* sums, std::int64_t n);

/// Σ a[i]·b[i].
template <typename T>
[[nodiscard]] double dot_run(const T* a, const T* b, std::int64_t n);

/// out[i] = (clamp(round(latent[i]), qmin, qmax) − o)·s: weights between codes, given in codes.
void latent_run(const float* latent, float* out, std::int64_t n, const GridOf<float>& grid);
/// gradient[i] = grad[i]·s where the latent is at most half a code outside [qmin, qmax], else 0: straight through the rounding.
void latent_backward_run(const float* latent, const float* grad, float* gradient, std::int64_t n, const GridOf<float>& grid);

/// Smallest and largest value of a run and where they first occur.
template <typename T>
struct Extremes {
    T min, max;
    std::int64_t at_min, at_max;
};
template <typename T>
[[nodiscard]] Extremes<T> extremes_of(const T* x, std::int64_t n);
/// Smallest and largest value alone.
template <typename T>
[[nodiscard]] std::pair<T, T> bounds_of(const T* x, std::int64_t n);

}  // namespace bitwright::quantize
