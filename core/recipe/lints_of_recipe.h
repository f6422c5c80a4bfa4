// SPDX-License-Identifier: GPL-3.0-or-later
// Lints that look at a recipe as a whole, or at what an NPU takes; those of one site's grid are in lints.cpp. Internal to recipe.
// Threading: pure functions.
#pragma once

#include "core/recipe/lints.h"

#include <unordered_map>

namespace bitwright {

/// What was observed under the recipe's transforms, by site name.
using ObservedSites = std::unordered_map<std::string_view, const SiteStatistics*>;

/// stale_range, kv_range, coarse_logits, scale_floor, dead_channels, empty_range, long_calibration. `plain`: what was observed without the transforms; empty where
/// the calibration was made after them.
void find_recipe_lints(const Model& model, const Recipe& recipe, const Statistics& statistics, const ObservedSites& seen, const ObservedSites& plain, std::vector<Lint>& found);
/// not_on_npu.
void find_npu_lints(const Model& model, const Recipe& recipe, const NpuProfile& npu, std::vector<Lint>& found);

}  // namespace bitwright
