// SPDX-License-Identifier: GPL-3.0-or-later
// Which equivalent transforms a model allows, as data, and the one function that applies a recipe to a weight.
// Threading: pure functions over immutable inputs.
#pragma once

#include "core/recipe/grid.h"
#include "core/recipe/recipe.h"

namespace bitwright {

/// A legal scale pair: the producer's output channels ÷ s, every consumer's input channels × s.
/// norm→linear only if nothing else reads the norm; linear→linear only through identity, a gate product, or ReLU (positive scales); none where no producer exists.
/// v→o with grouped-query attention is tied: s per kv channel, repeated over the query group (`repeat`). q↔k: q rows ÷ s, k rows × s, tied within RoPE pairs.
struct LegalPair {
    std::string pair;                    ///< "norm_qkv", "norm_mlp", "up_down", "v_o", "q_k"
    std::int64_t layer = 0;
    SiteId producer = no_site;           ///< weight site (norm weight or linear)
    std::vector<SiteId> consumers;       ///< weight sites whose columns are scaled (q_k: rows of k)
    SiteId activation = no_site;         ///< whose per-channel absolute maximum says how hard it is (the consumers' input)
    std::int64_t channels = 0;
    std::int64_t repeat = 1;             ///< consumers' channel = each s repeated over the query group
    bool positive_only = false;
    bool tied_rope_pairs = false;
};
[[nodiscard]] std::vector<LegalPair> legal_pairs(const Model& model);

/// Weight and bias of one weight site after the recipe's transforms (scale pairs, clips), in float; codes are de-quantized.
/// [rows, cols] row-major, or a vector. A producer's bias is divided too.
struct MaterializedWeight {
    Shape shape;
    std::vector<float> weight;
    std::vector<float> bias;  ///< empty: none
};

/// The one function (checkpoint, recipe, site) → transformed weight: simulation, package and exports all use it. `recipe` null: the plain weight.
/// Computed in float, scale pairs in the recipe's order: W[:,c]·s[c] and W[r,:]/s[r], exactly as mobilequant §3 says.
[[nodiscard]] MaterializedWeight materialize(const Model& model, const Recipe* recipe, SiteId weight_site);

/// The integer codes of a weight on its grid(s): materialize, then quantize (row-major int16) and the grids used, one per slice.
struct QuantizedWeight {
    Shape shape;
    std::vector<std::int16_t> codes;
    std::vector<Grid> grids;  ///< tensor: 1; row: rows; group: rows × groups
    std::vector<float> bias;
};
/// Throws Error (bad_input) when the recipe has no uniform scheme for this site.
[[nodiscard]] QuantizedWeight quantize_weight(const Model& model, const Recipe& recipe, SiteId weight_site);

}  // namespace bitwright
