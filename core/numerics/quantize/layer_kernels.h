// SPDX-License-Identifier: GPL-3.0-or-later
// The loops of the fused layer parts besides fake quantization itself (fused.h), float32. As in kernels.h: three instruction sets, the same bits.
#pragma once

#include "core/numerics/quantize/kernel_paths.h"

#include <cstdint>

namespace bitwright::quantize {

/// out = a + b, out = a·b. `out` may be either.
void add_run(const float* a, const float* b, float* out, std::int64_t n);
void multiply_run(const float* a, const float* b, float* out, std::int64_t n);
/// out = x / statistic · root (· w), or x · statistic (· w) where root is 0; w may be null.
void norm_run(const float* x, const float* w, float* out, std::int64_t n, float statistic, float root);
/// out = a·(g − u·share).
void project_run(const float* g, const float* u, float* out, std::int64_t n, float a, float share);
/// out = a·s + b·σ·(1 − σ): the gradient of g·σ̂(g) where a came to the product, s is σ̂, b came to σ.
void sigmoid_gate_run(const float* a, const float* s, const float* b, const float* sigma, float* out, std::int64_t n);
/// g = p·(g − Σ p·g)·scale.
void softmax_backward_run(const float* p, float* g, std::int64_t n, float scale);
/// Rotates a row of heads in place: halves (low, high) of `half` each by the angles; back: by their negatives.
void rotate_run(float* row, std::int64_t heads, std::int64_t dims, const float* cos, const float* sin, std::int64_t half, bool back);

}  // namespace bitwright::quantize
