// SPDX-License-Identifier: GPL-3.0-or-later
// Which rotations a model allows, where they reach, and what they do to a weight (QuaRot, arXiv 2404.00456; SpinQuant, arXiv 2405.16406): R1 on the residual
// stream, R2 on the heads of v and o. Both fold into weights; nothing remains at run time.
// In memory a rotation is a ScalePair whose `pair` is a place of a rotation and whose `scale` is the matrix (rotation_in tells them apart); in files it is a
// kind of its own.
// Invariant: an orthogonal Q at a legal place leaves the float function, where R1 finds every norm weight 1 (fold_norms() makes them so): an RMS norm without
// weights commutes with Q, a layer norm does not.
// Threading: pure functions.
#pragma once

#include "core/recipe/recipe.h"
#include "core/recipe/transforms.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct LegalRotation {
    std::string place;       ///< "rotate_residual" (R1, of the whole model) or "rotate_heads" (R2, of one layer)
    std::int64_t layer = -1;
    std::int64_t size = 0;   ///< Q is [size, size]
    std::vector<SiteId> columns;      ///< weights W[…, in] that read what is rotated: W ← W·Q in every run of `size` columns
    std::vector<SiteId> rows;         ///< weights that write it: W ← Qᵀ·W, bias ← Qᵀ·bias, in every run of `size` rows
    std::vector<SiteId> activations;  ///< what the statistics of the model before it say nothing about
};
/// The transform as a rotation; null for every other one.
[[nodiscard]] const ScalePair* rotation_in(const Transform& transform) noexcept;
[[nodiscard]] bool is_rotation(const ScalePair& transform) noexcept;

/// Why the model has no such rotation, as the end of a sentence; "" where it has.
[[nodiscard]] std::string rotation_obstacle(const Model& model, std::string_view place);
/// nullopt where this model has none.
[[nodiscard]] std::optional<LegalRotation> legal_rotation(const Model& model, std::string_view place, std::int64_t layer);

/// Appends scale pairs that make every norm weight 1 under the transforms before, the final norm's included: R1 is legal behind them.
/// Throws Error (bad_input) where a weight is 0 (its channel could not come back) or the model has no R1.
void fold_norms(Recipe& recipe, const Model& model);

/// Random Hadamard matrix: Sylvester's of the largest power of two that divides `size`, Kronecker a random orthogonal matrix of the rest, with random signs.
/// [size, size] row-major, orthogonal.
[[nodiscard]] std::vector<float> random_hadamard(std::int64_t size, std::uint64_t seed);

/// The rotation's effect on one weight site; nothing where it does not reach.
void rotate(MaterializedWeight& weight, SiteId site, const LegalRotation& rotation, const Numbers& matrix);
/// Whether it mixes the site's rows, so that no part of them can be had alone.
[[nodiscard]] bool mixes_rows(const LegalRotation& rotation, SiteId site) noexcept;
/// What is wrong with the matrix, as the end of a sentence; "" for nothing. Orthogonality is looked for in neighbouring rows.
[[nodiscard]] std::string rotation_fault(const LegalRotation& rotation, const Numbers& matrix);

}  // namespace bitwright
