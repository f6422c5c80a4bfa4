// SPDX-License-Identifier: GPL-3.0-or-later
// Perplexity at one of three levels with a workspace around it: windows are stored as they are scored, so an interrupted evaluation goes on where it was.
// Threading: one job at a time.
#pragma once

#include "app/jobs/evaluation_windows.h"
#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/numerics/numerics.h"
#include "core/runtime/engine.h"
#include "core/workspace/recipes.h"
#include "core/workspace/results.h"
#include "core/workspace/runs.h"

namespace bitwright {

struct EvaluateOutcome {
    EvaluationRow row;  ///< with window NLL
    bool resumed = false, reused = false;
};

/// At the float level, or with `recipe` at the simulated level. `recipe_row`: id of the recipe in the workspace. `against_float`: also KL to the float model,
/// agreement and first diverging token.
[[nodiscard]] EvaluateOutcome evaluate_model(JobEnvironment& environment, OpenedModel& model, const Recipe* recipe, std::optional<std::int64_t> recipe_row,
                                             Placement placement, const ScoringWindows& scoring, bool against_float = false);
/// At the integer level, by running the package on `threads` threads; against `float_model` where one is given.
[[nodiscard]] EvaluateOutcome evaluate_package(JobEnvironment& environment, std::shared_ptr<const Package> package, int threads, const ScoringWindows& scoring,
                                               const Model* float_model = nullptr);

}  // namespace bitwright
