// SPDX-License-Identifier: GPL-3.0-or-later
// Some rows of a weight under a recipe's transforms, without reading the others: what estimates, statistics and previews of big weights work on.
// Invariants: the values are those rows of materialize(), to the bit.
// Threading: pure functions over immutable inputs.
#pragma once

#include "core/recipe/recipe.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitwright {

/// `wanted` of `rows` row numbers, ascending, without repetition: the same for the same seed everywhere. All of them when `wanted` ≥ `rows`.
[[nodiscard]] std::vector<std::int64_t> choose_rows(std::int64_t rows, std::int64_t wanted, std::uint64_t seed);

/// Whether the checkpoint stores the weight's rows together and no fixed codes need the range of all of it, so that some rows can be had without the others.
[[nodiscard]] bool reads_some_rows(const Model& model, const Recipe* recipe, SiteId weight_site);

/// Rows of a weight site (a vector is one row), row-major [rows.size(), cols]. `recipe` null: the plain weight. Reads only these rows where reads_some_rows(),
/// everything otherwise.
/// Throws as materialize(). Precondition: rows lie within the weight.
[[nodiscard]] std::vector<float> materialize_rows(const Model& model, const Recipe* recipe, SiteId weight_site, std::span<const std::int64_t> rows);

}  // namespace bitwright
