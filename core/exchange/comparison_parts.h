// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a comparison: accuracies of tasks with their intervals, differences row by row to what a row is set against, definitions. Internal to exchange.
// Threading: as Workspace.
#pragma once

#include "core/exchange/report.h"
#include "core/workspace/task_scores.h"

#include <vector>

namespace bitwright {

/// Of the same thing on the same rows only the newest. `scores`: newest first.
[[nodiscard]] std::vector<TaskScoreRow> newest_scores(const std::vector<TaskScoreRow>& scores);
[[nodiscard]] TaskFigure task_figure(const Workspace& workspace, const TaskScoreRow& score);
/// Fills difference and difference_norm of every row whose reference (reference_of) answered the same rows of a task.
void add_task_differences(const Workspace& workspace, Report& report);

/// Term and text, as every comparison explains its columns.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> comparison_definitions();

/// 1 and 0 per row: whether each answer was right; `norm`: per byte.
[[nodiscard]] std::vector<double> answers_of(const TaskScoreRow& score, bool norm);

}  // namespace bitwright
