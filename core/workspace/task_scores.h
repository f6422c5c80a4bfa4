// SPDX-License-Identifier: GPL-3.0-or-later
// Scores of tasks (multiple choice, minimal pairs) with the outcome of every row, so that two recipes can be set against each other row by row.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// One row of a task: log-probabilities of its choices, and which was taken.
struct TaskOutcome {
    std::vector<double> log_probabilities;  ///< per choice; of a pair: good, bad
    std::int32_t label = 0, predicted = 0;
    std::int32_t predicted_norm = 0;        ///< by log-probability per UTF-8 byte; of a pair: = predicted
    [[nodiscard]] bool correct() const noexcept { return predicted == label; }
    [[nodiscard]] bool correct_norm() const noexcept { return predicted_norm == label; }
};

struct TaskScoreRow {
    std::int64_t id = 0;
    std::string task, kind;                ///< "ARC-Easy"; "choice", "pair"
    std::string level;                     ///< "float", "simulated", "integer"
    std::optional<std::string> placement;  ///< simulated only
    std::optional<std::int64_t> model, recipe, package;
    std::int64_t conditions = 0;
    std::string definition, row_hash, created;
    std::int64_t rows = 0, correct = 0;
    std::optional<std::int64_t> correct_norm;  ///< absent for pairs
    std::vector<std::string> tags;             ///< these three: marks.h changes them
    std::optional<std::string> note;
    bool archived = false;
    std::vector<TaskOutcome> outcomes;  ///< read back by get_task_score only
};
/// Stores the score with its outcomes (which give rows, correct and correct_norm), and ends `job` as done with it, in one transaction. @return id
std::int64_t put_task_score(Workspace& workspace, const TaskScoreRow& row, std::optional<std::int64_t> job);
/// Throws Error (bad_input) when absent.
[[nodiscard]] TaskScoreRow get_task_score(const Workspace& workspace, std::int64_t id);
/// Newest first, without outcomes; archived ones only when asked.
[[nodiscard]] std::vector<TaskScoreRow> list_task_scores(const Workspace& workspace, bool archived = false);
/// The newest score of the same thing on the same rows under the same definition that is not archived.
[[nodiscard]] std::optional<TaskScoreRow> find_task_score(const Workspace& workspace, const TaskScoreRow& like);

}  // namespace bitwright
