// SPDX-License-Identifier: GPL-3.0-or-later
// Which equivalent transforms a model allows, as data, and the one function that applies a recipe to a weight.
// Threading: pure functions over immutable inputs.
#pragma once

#include "core/recipe/grid.h"
#include "core/recipe/recipe.h"

#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace bitwright {

/// A legal scale pair: the producer's output channels ÷ s, every consumer's input channels × s.
/// norm→linear only if nothing else reads the norm; linear→linear only through identity, a gate product, or ReLU (positive scales); none where no producer
/// exists. v→o with grouped-query attention is tied: s per kv channel, repeated over the query group (`repeat`). q↔k: q rows ÷ s, k rows × s, tied within RoPE
/// pairs.
struct LegalPair {
    std::string pair;  ///< "norm_qkv", "norm_mlp", "up_down", "v_o", "q_k"
    std::int64_t layer = 0;
    SiteId producer = no_site;      ///< weight site (norm weight or linear)
    std::vector<SiteId> consumers;  ///< weight sites whose columns are scaled (q_k: rows of k)
    SiteId activation = no_site;    ///< whose per-channel absolute maximum says how hard it is (the consumers' input)
    std::int64_t channels = 0;
    std::int64_t repeat = 1;  ///< consumers' channel = each s repeated over the query group
    bool positive_only = false;
    bool tied_rope_pairs = false;
    std::int64_t rope_dims = 0;  ///< tied_rope_pairs: in every head s[i] = s[i + rope_dims/2] for i < rope_dims/2; the other channels are free
    std::int64_t head_dim = 0;   ///< v_o and q_k: channels = kv heads × head_dim
};
/// Every legal pair, layer by layer in the order norm_qkv, norm_mlp, v_o, up_down, q_k (mobilequant §4.1).
/// q_k with grouped queries: the producer's (q's) rows are each s repeated over the query group; k's rows take s as it is.
[[nodiscard]] std::vector<LegalPair> legal_pairs(const Model& model);
/// One of them, or nullopt where this model has no such pair.
[[nodiscard]] std::optional<LegalPair> legal_pair(const Model& model, std::string_view pair, std::int64_t layer);
/// Index into s for row `channel` of the side that repeats (o's columns, q's rows).
[[nodiscard]] inline std::int64_t tied_index(const LegalPair& pair, std::int64_t channel) noexcept
{
    return pair.repeat == 1 ? channel : channel / (pair.head_dim * pair.repeat) * pair.head_dim + channel % pair.head_dim;
}

/// Weight and bias of one weight site after the recipe's transforms (scale pairs, clips), in float; codes are de-quantized.
/// [rows, cols] row-major, or a vector. A producer's bias is divided too.
struct MaterializedWeight {
    Shape shape;
    std::vector<float> weight;
    std::vector<float> bias;  ///< empty: none
};

/// The one function (checkpoint, recipe, site) → transformed weight: simulation, package and exports all use it. `recipe` null: the plain weight.
/// Computed in float, scale pairs in the recipe's order: W[:,c]·s[c] and W[r,:]/s[r], exactly as mobilequant §3 says.
/// Throws Error (bad_input) when a transform does not fit this model.
[[nodiscard]] MaterializedWeight materialize(const Model& model, const Recipe* recipe, SiteId weight_site);

/// Grids of every slice of a weight: the recipe's range where it has one, else min and max of the slices of `weight`, the materialized values.
/// 16-bit asymmetric grids are shifted by −32768 (codes and offset alike: the same real values), so that every code fits int16.
[[nodiscard]] std::vector<Grid> weight_grids(const SiteDecision& decision, const Shape& shape, std::span<const float> weight, Semantics semantics);

/// The integer codes of a weight on its grid(s): materialize, then quantize (row-major int16) and the grids used, one per slice; real = (code − offset)·scale.
/// Grids as weight_grids() gives them.
struct QuantizedWeight {
    Shape shape;
    std::vector<std::int16_t> codes;
    std::vector<Grid> grids;  ///< tensor: 1; row: rows; group: rows × groups; channel: columns
    std::vector<float> bias;
};
/// Throws Error (bad_input) when the recipe has no uniform scheme for this site.
[[nodiscard]] QuantizedWeight quantize_weight(const Model& model, const Recipe& recipe, SiteId weight_site);

/// Whether the recipe fixes the codes of this weight (Codes), so that its grid alone does not say what it becomes.
[[nodiscard]] bool fixes_codes(const Recipe& recipe, std::string_view weight_site);
/// Forgets the fixed codes of the weights that `of` accepts: they are rounded to their grids again.
void forget_codes(Recipe& recipe, const std::function<bool(const std::string& weight_site)>& of);

/// What a calibration with these transforms is known by (whatever else a recipe decides changes no float tensor): "" for none.
[[nodiscard]] std::string transforms_hash(const std::vector<Transform>& transforms);

}  // namespace bitwright
