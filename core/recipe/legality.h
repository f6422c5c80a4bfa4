// SPDX-License-Identifier: GPL-3.0-or-later
// Which scheme a site can have and how many numbers its range needs: one definition for validate(), edits and importers.
// Threading: pure functions.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/scheme.h"

#include <string>

namespace bitwright {

/// Why `site` cannot have `scheme`, as a clause ("weights are not quantized per token; use …"), or "" when it can.
[[nodiscard]] std::string scheme_fault(const Model& model, const Site& site, const Scheme& scheme);

/// How many (min, max) pairs a range needs: weights by their slices; activations 1, or one per channel or head.
/// Precondition: scheme_fault() is "".
[[nodiscard]] std::size_t range_size(const Model& model, const Site& site, const Scheme& scheme);

/// Why a static range does not fit (wrong length, min > max, scale ≤ 0, not finite), or "". An empty range of a weight fits (min and max of its slices).
[[nodiscard]] std::string range_fault(const Model& model, const Site& site, const Scheme& scheme, const Range& range);

}  // namespace bitwright
