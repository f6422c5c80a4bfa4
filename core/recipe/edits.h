// SPDX-License-Identifier: GPL-3.0-or-later
// Decisions changed by hand: `recipe set REF --site PATTERN KEY=VALUE …`, and what the desk's controls do.
// Threading: pure function.
#pragma once

#include "core/recipe/recipe.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitwright {

using Assignments = std::vector<std::pair<std::string, std::string>>;

/// "bits=4" → {"bits", "4"}. Throws Error (usage) without '='.
[[nodiscard]] std::pair<std::string, std::string> parse_assignment(std::string_view text);

/// `recipe` with every site that matches `pattern` changed, made "by hand" with the old one as parent. Keys:
///   kind         uniform | float
///   bits         2 … 16
///   symmetric    true | false
///   granularity  tensor | row | channel | head | token | group:N
///   dynamic      true | false
///   integer_group_scales  true | false
///   min, max     one number for every slice; or N comma-separated numbers, one per slice
///   scale, offset  the same; they win over min and max
/// A learned scale and offset become min and max before bits or symmetry change. A weight whose slices change gets the min and max of its new slices under the
/// recipe's transforms; an activation then needs min and max given. Throws Error (usage) for an unknown key or value, Error (bad_input) naming the site when
/// the result would not be legal, or when nothing matches.
[[nodiscard]] Recipe edit_sites(const Recipe& recipe, const Model& model, std::string_view pattern, const Assignments& assignments);

}  // namespace bitwright
