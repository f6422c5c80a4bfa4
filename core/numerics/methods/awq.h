// SPDX-License-Identifier: GPL-3.0-or-later
// AWQ (Lin et al. 2024, arXiv 2306.00978) under static activations: input channels with large activations get finer weight grids by an equivalent scale
// s = mean|x|^a, a by a grid on the output error of the linears that read it, their inputs quantized as the recipe says. Internal to bitwright_numerics
// (LibTorch in the signatures).
// Threading: as the method that calls it.
#pragma once

#include "core/numerics/methods/method.h"
#include "core/recipe/transforms.h"

#include <ATen/core/Tensor.h>

namespace bitwright {

/// One linear that reads the input: its weight [out, in] as the recipe has it, and how it will be quantized (grids from its own min and max).
struct ScaledReader {
    at::Tensor weight;
    Scheme scheme;
};
/// Σ over readers ‖x Wᵀ − Q(x ÷ s) Q(W · s)ᵀ‖² in double. @param x [tokens, in] @param scales [in] @param input how x ÷ s is quantized; nothing: float
[[nodiscard]] double scaled_output_error(const at::Tensor& x, const std::vector<ScaledReader>& readers, const at::Tensor& scales, const Scheme* input, Semantics semantics);
/// mean|x|^a per scale, divided by √(largest · smallest), so that the scales lie around 1; channels that are always 0 get 1. @param mean per scale
[[nodiscard]] std::vector<float> awq_scales(const std::vector<float>& mean, double exponent);

struct AwqOptions {
    std::int64_t grid = 20;                 ///< exponents i / grid, i = 0 … grid − 1
    std::int64_t windows = 8, slice = 128;  ///< of the calibration
};
/// Appends the scale pairs, layer by layer, up→down first. A pair whose best exponent is 0 is left out: its scales are 1.
void add_awq(Recipe& recipe, const Model& model, const TokenWindows& calibration, const AwqOptions& options, const Control& control);

}  // namespace bitwright
