// SPDX-License-Identifier: GPL-3.0-or-later
// Sensitivity with a workspace around it: which sites of a recipe cost the most, each group quantized alone and all but it. Every probe is stored when it is
// done, so an interrupted run goes on, and an edit of one site computes only what it changes.
// Threading: one job at a time.
#pragma once

#include "app/jobs/probe.h"
#include "core/recipe/site_groups.h"

namespace bitwright {

struct SensitivityRequest {
    const Recipe* recipe = nullptr;
    std::int64_t recipe_row = 0;
    TokenWindows windows;
    Placement placement = Placement::paper;
    SiteGrouping grouping = SiteGrouping::site;
    std::optional<std::int64_t> top;          ///< probe only the groups with the largest kurtosis
    const Statistics* statistics = nullptr;   ///< kurtosis of activations; null: of weights only
};
struct SensitivityOutcome {
    Sensitivity found;
    std::int64_t computed = 0;  ///< probes; the others were known
    bool resumed = false;
};
[[nodiscard]] SensitivityOutcome measure_sensitivity(JobEnvironment& environment, OpenedModel& model, const SensitivityRequest& request);

/// The pre-screen, which needs no data: per group the largest kurtosis of its tensors, weights under the recipe's transforms, activations where `statistics` know
/// them (msModelSlim; heavy tails lose most to one grid). Largest first; only the fields group, sites and kurtosis are filled.
[[nodiscard]] std::vector<SensitivityRow> prescreen(const Model& model, const Recipe& recipe, const std::vector<SiteGroup>& groups, const Statistics* statistics, const Control& control);

}  // namespace bitwright
