// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges by what comes out (SeqMSE, as AIMET calls it): layer by layer, each weight slice takes the clip with the least output error of its linear on the
// inputs it will meet, then each activation range the candidate with the least error of the layer's output. An ingredient of any closed form.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: by its own measure nothing gets worse: the ranges a recipe comes with are candidates, too. 16-bit ranges and fixed codes stay as they are.
// Threading: as the method that calls them.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/methods/recipe_steps.h"
#include "core/recipe/transforms.h"

#include <ATen/core/Tensor.h>

namespace bitwright {

struct RangeSearch {
    enum class Candidates : std::uint8_t {
        rules,  ///< min–max, percentiles 99.9 and 99.99, mse (weights: min–max, mse)
        clips,  ///< these, and min and max shrunk together (weights: then either alone) to i/clips, i = 1 … clips
    };
    Candidates candidates = Candidates::clips;
    bool weights = true, activations = true;
    bool attention_scores = true;  ///< weights of q and k, too (AWQ leaves them alone: what they err in grows in the softmax)
    std::int64_t clips = 20;
    std::int64_t windows = 8, slice = 128;  ///< of the calibration, cut into slices
};

/// The range whose grids leave the least Σ over outputs of (w − ŵ) H (w − ŵ)ᵀ, slice by slice (groups: their own block of H alone); per input channel: `start`.
/// @param hessian [cols, cols] double, Σ x̂ᵀx̂ of the linear's inputs @param start one pair per slice
[[nodiscard]] Range least_output_error(const MaterializedWeight& weight, const at::Tensor& hessian, const Scheme& scheme, Semantics semantics, const Range& start,
                                       const RangeSearch& search, const Control& control = Control());

/// Replaces the ranges of layers' linears and of their static activations of at most 8 bits per tensor. @param recipe with a range at every site
/// @param statistics of the model under the recipe's transforms
void search_ranges(Recipe& recipe, const Model& model, const Statistics& statistics, const TokenWindows& calibration, const RangeSearch& search, const Control& control);


/// What range= asks for: a rule, or a search with its options search_windows and search_clips.
struct RangeChoice {
    CommonOptions common;
    RangeSearch search;
};
[[nodiscard]] RangeChoice read_range_choice(MethodOptions& options, const MethodRequest& request, const std::string& range = "minmax");
/// Ranges of every site of the recipe as it stands, as chosen. @return the statistics they are taken from
Statistics choose_ranges(MethodContext& context, Recipe& recipe, const RangeChoice& choice);

}  // namespace bitwright
