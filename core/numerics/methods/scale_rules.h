// SPDX-License-Identifier: GPL-3.0-or-later
// Equivalent scale pairs in closed form, each with a rule of its own: how much of the difficulty moves, up→down first, sign flips, v→o by kv channel, q and k
// balanced. Ingredients of any method. Internal to bitwright_numerics, without LibTorch.
// Invariant: the float function stays (transforms.h says which pairs a model allows; others are left out).
// Threading: pure functions.
#pragma once

#include "core/numerics/methods/method.h"
#include "core/recipe/transforms.h"

#include <string>

namespace bitwright {

/// How the scale of a channel follows from the activation's largest absolute value a and the weights' w.
struct ScaleRule {
    enum class Kind : std::uint8_t {
        none,
        migrate,   ///< a^α / w^(1−α) (SmoothQuant, mobilequant §3); α = `strength`
        outliers,  ///< max(1, a / (k·median a)): only channels beyond k medians; k = `strength`. Leaves 4-bit weights the difficulty they have
    };
    Kind kind = Kind::none;
    double strength = 0;
};
/// Reads "none", "alpha:0.75" (0 to 1) or "outliers:2" (above 1). Throws Error (usage).
[[nodiscard]] ScaleRule read_scale_rule(MethodOptions& options, const std::string& key, const std::string& fallback);

struct ScaleRules {
    ScaleRule up_down, norm_qkv, norm_mlp, v_o;
    bool q_k = true;         ///< sqrt(largest q / largest k) after RoPE, one per RoPE pair and kv head
    bool sign_flips = true;  ///< up→down: negative scales where a channel's larger extreme is negative; asymmetric grids then lose less
};

/// Appends the pairs, layer by layer, up→down first (then the gate's and up's columns are not distorted by rows of up that are large on purpose).
/// @param statistics of the model under the recipe's present transforms. Throws Error (bad_input) where a site a rule needs was not seen.
void add_scale_pairs(Recipe& recipe, const Model& model, const Statistics& statistics, const ScaleRules& rules, const Control& control);

}  // namespace bitwright
