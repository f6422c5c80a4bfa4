// SPDX-License-Identifier: GPL-3.0-or-later
// Groups of a recipe's sites, and the recipe that quantizes only them or all but them: what sensitivity and bit allocation probe.
// Invariant: scale pairs stay in every such recipe (they change no function); clips and fixed codes go with their site.
// Threading: pure functions.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

enum class SiteGrouping : std::uint8_t { site, kind, layer, linear };
[[nodiscard]] std::string_view name_of(SiteGrouping grouping) noexcept;
[[nodiscard]] std::optional<SiteGrouping> site_grouping_named(std::string_view name) noexcept;

struct SiteGroup {
    std::string name;           ///< site: its name; kind: "layers.*.mlp.down_proj.input"; layer: "layers.3" (outside layers: "model"); linear: "layers.3.mlp.down_proj"
    std::vector<SiteId> sites;  ///< ascending
};

/// The sites that a recipe quantizes at a placement (`full`: also the integer-only ones), in groups, in the catalogue's order.
[[nodiscard]] std::vector<SiteGroup> site_groups(const Model& model, const Recipe& recipe, SiteGrouping grouping, bool full);

/// The recipe with only these sites quantized.
[[nodiscard]] Recipe only_sites(const Recipe& recipe, const Model& model, const std::vector<SiteId>& sites);
/// The recipe with all but these.
[[nodiscard]] Recipe without_sites(const Recipe& recipe, const Model& model, const std::vector<SiteId>& sites);

/// Hash of what a recipe computes: recipe_hash() of its decisions and transforms, without who made it and from what.
[[nodiscard]] std::string decisions_hash(const Recipe& recipe);

}  // namespace bitwright
