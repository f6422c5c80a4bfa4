// SPDX-License-Identifier: GPL-3.0-or-later
// GPTQ (Frantar et al. 2023, arXiv 2210.17323) on fixed grids and quantized inputs: H = Σ x̂ x̂ᵀ with x̂ as it comes out of the already quantized layers below,
// so it fits static activations. An ingredient: the codes go into the recipe, the latent values to whoever learns the rounding further.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Threading: as the method that calls it.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/methods/method.h"
#include "core/recipe/transforms.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

namespace bitwright {

struct GptqOptions {
    std::int64_t windows = 32;     ///< how many of the calibration are read
    std::int64_t slice = 128;      ///< tokens per sequence: windows are cut, attention gets cheaper
    double damping = 0.003;        ///< share of the mean diagonal added to H
    bool activation_order = true;  ///< columns by falling diagonal of H (act-order); grids stay with their columns, also in groups
    int shrink_steps = 0;          ///< > 0: also tries grids shrunk by 4 % steps and keeps per grid slice of rows what leaves the least error after compensation
};
/// Reads gptq_windows, gptq_damping, gptq_order=activation|natural, gptq_grids=fixed|search.
[[nodiscard]] GptqOptions read_gptq_options(MethodOptions& options, const std::string& grids, std::int64_t windows);

/// A weight on its grid, and between the codes.
struct FixedWeight {
    std::vector<std::int16_t> codes;  ///< row-major
    std::vector<float> latents;       ///< the value each weight had at its turn, in codes (w/scale + offset), at most 0.49 outside the grid
    std::vector<double> row_errors;   ///< (w − ŵ) H (w − ŵ)ᵀ per row, damping included
};
/// @param weight [rows, cols] row-major @param hessian [cols, cols] double @param grids as weight_grids() gives them for `scheme`
[[nodiscard]] FixedWeight gptq(std::span<const float> weight, const at::Tensor& hessian, const Scheme& scheme, std::span<const Grid> grids, const GptqOptions& options);

/// Quantizes all linears of all layers that have a uniform static scheme and a known input, layer by layer, one capture pass per layer. The recipe gets their
/// grids (exact) and their codes. Weights that have codes already stay.
/// @return latents by site
std::map<SiteId, std::vector<float>> add_gptq(Recipe& recipe, const Model& model, const TokenWindows& windows, const GptqOptions& options, const Control& control);

}  // namespace bitwright
