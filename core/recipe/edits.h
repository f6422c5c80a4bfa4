// SPDX-License-Identifier: GPL-3.0-or-later
// Decisions changed by hand: `recipe set REF --site PATTERN KEY=VALUE …`, and what the desk's controls do.
// Threading: pure functions.
#pragma once

#include "core/recipe/recipe.h"
#include "core/statistics/statistics.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitwright {

using Assignments = std::vector<std::pair<std::string, std::string>>;

/// What was observed at a site under the recipe's transforms; null: nothing.
using Observed = std::function<const SiteStatistics*(const Site& site)>;

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
///   range        minmax | percentile:P | mse: min and max by that rule (range_rules.h); activations need `observed`, floating and dynamic sites are left alone
/// A learned scale and offset become min and max before bits or symmetry change. A weight whose slices change gets the min and max of its new slices under the
/// recipe's transforms; an activation then gets those observed, or needs min and max given. Throws Error (usage) for an unknown key or value, Error (bad_input)
/// naming the site when the result would not be legal, or when nothing matches.
[[nodiscard]] Recipe edit_sites(const Recipe& recipe, const Model& model, std::string_view pattern, const Assignments& assignments, const Observed& observed = {});
/// The same for these sites.
[[nodiscard]] Recipe edit_sites(const Recipe& recipe, const Model& model, std::span<const SiteId> sites, const Assignments& assignments, const Observed& observed = {});

/// A glob that matches these sites and no others: "layers.{0,1}.mlp.down_proj.input", else "{name,name}". Precondition: not empty.
[[nodiscard]] std::string site_pattern(const SiteCatalogue& catalogue, std::span<const SiteId> sites);

}  // namespace bitwright
