// SPDX-License-Identifier: GPL-3.0-or-later
// A task at one of three levels with a workspace around it: sequences are stored as they are scored, so an interrupted task goes on where it was.
// Threading: one job at a time.
#pragma once

#include "app/jobs/evaluation_tasks.h"
#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/numerics/numerics.h"
#include "core/runtime/engine.h"
#include "core/workspace/task_scores.h"

namespace bitwright {

struct TaskScoreOutcome {
    TaskScoreRow row;  ///< with outcomes
    bool resumed = false, reused = false;
};

/// At the float level, or with `recipe` at the simulated level. `recipe_row`: id of the recipe in the workspace.
[[nodiscard]] TaskScoreOutcome score_task(JobEnvironment& environment, OpenedModel& model, const Recipe* recipe, std::optional<std::int64_t> recipe_row, Placement placement,
                                          const EvaluationTask& task);
/// At the integer level, by running the package on `threads` threads.
[[nodiscard]] TaskScoreOutcome score_task(JobEnvironment& environment, std::shared_ptr<const Package> package, int threads, const EvaluationTask& task);

}  // namespace bitwright
