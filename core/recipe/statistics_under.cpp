// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/statistics_under.h"

#include "core/recipe/rotations.h"
#include "core/recipe/transformed_statistics.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/statistics/calibration.h"

namespace bitwright {

StatisticsUnder::StatisticsUnder(const Model& model, const Recipe& recipe, std::shared_ptr<const Statistics> observed) : observed_(std::move(observed))
{
    if (!observed_) return;
    if (const auto rules = semantics_of(*observed_); rules != recipe.semantics) {
        caveat_ = "observed under \"" + std::string(name_of(rules)) + "\" semantics, the recipe follows \"" + std::string(name_of(recipe.semantics)) + "\"";
        for (const Site& site : model.sites->sites())
            if (!holds_under(rules, recipe.semantics, site)) otherwise_.insert(site.name);
    }
    const std::string hash = transforms_hash(recipe.transforms);
    if (observed_->transforms == hash) return;
    for (const Transform& transform : recipe.transforms) {
        const ScalePair* turned = rotation_in(transform);
        const auto rotation = turned ? legal_rotation(model, turned->pair, turned->layer) : std::nullopt;
        if (!rotation) continue;
        for (const SiteId id : rotation->activations) otherwise_.insert((*model.sites)[id].name);  // not known from channels
    }
    if (!observed_->transforms.empty()) throw bad_input("calibration", "", "observed another recipe's transforms; choose a calibration of the plain model");
    for (auto& site : transformed_sites(model, recipe, *observed_)) changed_.emplace(site.site, std::move(site));
}

const SiteStatistics* StatisticsUnder::find(std::string_view site) const noexcept
{
    if (otherwise_.contains(site)) return nullptr;
    if (const auto changed = changed_.find(site); changed != changed_.end()) return &changed->second;
    return observed_ ? observed_->find(site) : nullptr;
}

bool holds_under(Semantics observed, Semantics recipe, const Site& site) noexcept
{
    return observed == recipe || (site.role != SiteRole::qk_output && site.role != SiteRole::pv_input);
}

}  // namespace bitwright
