// SPDX-License-Identifier: GPL-3.0-or-later
// Which site gets how many bits before anything is tuned: mobilequant §1.4's table, what integer semantics §1 adds, and the bits of families
// the paper has not (q/k norms, post-norms, learned positions). Data, one row per role.
// Threading: pure functions.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <optional>

namespace bitwright {

struct PlacementOptions {
    int weight_bits = 8, activation_bits = 8;
    bool symmetric_weights = false;
    /// Kind, granularity and group of the layers' linears where the method's default is not wanted; bits and symmetry stay with the two fields above
    /// (symmetric if either says so). Default: per tensor from 8 bits up, but down_proj per output row; below 8 bits per output row.
    std::optional<Scheme> weight_scheme;
    bool softmax_input_8bit = false;   ///< qk.output at activation_bits instead of 16
    bool softmax_output_8bit = false;  ///< probabilities at activation_bits instead of 16
};

/// Scheme of a site by its role. The family's post-norm layouts need base_recipe(), which knows the architecture.
[[nodiscard]] Scheme scheme_for(const Site& site, const PlacementOptions& options);

/// True for the linears inside decoder layers, whose bits `weight_bits` says.
[[nodiscard]] bool is_layer_linear(SiteRole role) noexcept;

/// A fresh recipe with a decision for every site of the model, ranges still empty (range_rules.h fills them), no transforms.
/// A norm whose output is also the residual stream (norm after the residual add, BLOOM's residual from the norm) writes 16 bits.
[[nodiscard]] Recipe base_recipe(const Model& model, const PlacementOptions& options, Semantics semantics);

}  // namespace bitwright
