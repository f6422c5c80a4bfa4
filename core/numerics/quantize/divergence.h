// SPDX-License-Identifier: GPL-3.0-or-later
// Kullback–Leibler divergence of two rows of logits and its gradient, in one pass over cached rows. No LibTorch and no threads in here.
// Exponentials by a polynomial (relative error below 2e-7), built for AVX2 with FMA and for the baseline, chosen at run time.
// Threading: pure functions.
#pragma once

#include <cstdint>

namespace bitwright::quantize {

/// Σ over rows of KL(softmax(wanted) ‖ softmax(given)), in nats.
/// @param gradient null, or ∂/∂given of the sum, times `factor`; may be `given`. @param wanted, given, gradient row-major [rows, classes]
[[nodiscard]] double kl_divergence(const float* wanted, const float* given, float* gradient, std::int64_t rows, std::int64_t classes, float factor);

}  // namespace bitwright::quantize
