// SPDX-License-Identifier: GPL-3.0-or-later
// Sites in the words of people who know transformers: "down_proj input", "layer 3". One place, so that every page says the same.
// Threading: pure functions.
#pragma once

#include "core/architecture/site.h"

#include <QString>

#include <vector>

namespace bitwright::views {

/// "down_proj input", "qkv input", "residual after attention", "q_proj weight".
[[nodiscard]] QString role_title(SiteRole role);
/// "Layer 3 · down_proj input"; at model level the role alone.
[[nodiscard]] QString site_title(const Site& site);
/// "layer 3", or "model".
[[nodiscard]] QString layer_title(const Site& site);

/// All sites of one role, from the first layer to the last.
struct SiteGroup {
    SiteRole role{};
    SiteKind kind = SiteKind::activation;
    std::vector<SiteId> sites;
};
/// Every role that the model has: what linears read first, other activations in the order of the graph, then weights.
[[nodiscard]] std::vector<SiteGroup> site_groups(const SiteCatalogue& catalogue);
/// A glob for `recipe set --site` that matches exactly the sites of the group.
[[nodiscard]] QString group_pattern(const SiteCatalogue& catalogue, const SiteGroup& group);

}  // namespace bitwright::views
