// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/site_groups.h"

#include <algorithm>
#include <array>
#include <set>

namespace bitwright {
namespace {

constexpr std::array<std::string_view, 4> grouping_names{"site", "kind", "layer", "linear"};

std::string group_of(const Site& site, SiteGrouping grouping)
{
    switch (grouping) {
        case SiteGrouping::site: return site.name;
        case SiteGrouping::kind: return site.layer < 0 ? site.name : "layers.*" + site.name.substr(7 + std::to_string(site.layer).size());
        case SiteGrouping::layer: return site.layer < 0 ? "model" : "layers." + std::to_string(site.layer);
        case SiteGrouping::linear: return site.name.substr(0, site.name.rfind('.'));
    }
    return site.name;
}

/// The site a transform belongs to alone; "" for scale pairs.
const std::string& owner_of(const Transform& transform)
{
    static const std::string none;
    if (const auto* clip = std::get_if<Clip>(&transform)) return clip->site;
    if (const auto* codes = std::get_if<Codes>(&transform)) return codes->site;
    return none;
}

template <typename Keep>
Recipe keeping(const Recipe& recipe, Keep keep)
{
    Recipe kept = recipe;
    std::erase_if(kept.sites, [&](const auto& entry) { return !keep(entry.first); });
    std::erase_if(kept.transforms, [&](const Transform& transform) { return !owner_of(transform).empty() && !keep(owner_of(transform)); });
    return kept;
}

std::set<std::string> names_of(const Model& model, const std::vector<SiteId>& sites)
{
    std::set<std::string> names;
    for (const SiteId id : sites) names.insert((*model.sites)[id].name);
    return names;
}

}  // namespace

std::string_view name_of(SiteGrouping grouping) noexcept { return grouping_names[static_cast<std::size_t>(grouping)]; }

std::optional<SiteGrouping> site_grouping_named(std::string_view name) noexcept
{
    const auto found = std::ranges::find(grouping_names, name);
    return found == grouping_names.end() ? std::nullopt : std::optional(static_cast<SiteGrouping>(found - grouping_names.begin()));
}

std::vector<SiteGroup> site_groups(const Model& model, const Recipe& recipe, SiteGrouping grouping, bool full)
{
    std::vector<SiteGroup> groups;
    for (const Site& site : model.sites->sites()) {
        const auto decision = recipe.sites.find(site.name);
        if (!(full ? site.levels.full : site.levels.simulated) || decision == recipe.sites.end() || decision->second.scheme.kind == SchemeKind::floating) continue;
        const auto name = group_of(site, grouping);
        auto group = std::ranges::find(groups, name, &SiteGroup::name);
        if (group == groups.end()) group = groups.insert(groups.end(), SiteGroup{name, {}});
        group->sites.push_back(site.id);
    }
    return groups;
}

Recipe only_sites(const Recipe& recipe, const Model& model, const std::vector<SiteId>& sites)
{
    return keeping(recipe, [names = names_of(model, sites)](const std::string& site) { return names.contains(site); });
}

Recipe without_sites(const Recipe& recipe, const Model& model, const std::vector<SiteId>& sites)
{
    return keeping(recipe, [names = names_of(model, sites)](const std::string& site) { return !names.contains(site); });
}

std::string decisions_hash(const Recipe& recipe)
{
    Recipe plain = recipe;
    plain.parent.clear();
    plain.made_by = {};
    for (auto& [name, decision] : plain.sites) decision.range.source.clear();
    return recipe_hash(plain);
}

}  // namespace bitwright
