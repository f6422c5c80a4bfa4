// SPDX-License-Identifier: GPL-3.0-or-later
// Error per layer of a recipe with a workspace around it. Threading: one job at a time.
#pragma once

#include "app/jobs/evaluation_windows.h"
#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/recipe/recipe.h"
#include "core/workspace/results.h"

namespace bitwright {

/// On the first `windows` windows, placement paper; computed once (again when the environment says fresh) and stored. `recipe_row`: id in the workspace.
std::vector<LayerErrorRow> store_layer_errors(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe, std::int64_t recipe_row,
                                              ScoringWindows scoring, std::int64_t windows);

}  // namespace bitwright
