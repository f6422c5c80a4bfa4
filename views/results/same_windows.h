// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluating something else on exactly what an evaluation was scored on, so that the two may be compared.
// Threading: reads the workspace; interactive lane.
#pragma once

#include "core/workspace/results.h"

#include <QStringList>

#include <optional>

namespace bitwright::views {

/// "--text", FILE, "--length", L, …, "--windows", N: the options of `evaluate` that give this evaluation's windows again. Absent: ids were given from a file
/// whose place is not kept.
[[nodiscard]] std::optional<QStringList> same_windows(const Workspace& workspace, const EvaluationRow& evaluation);
/// Of the newest evaluation of this model that can be repeated; float ones first. Absent: evaluated on nothing yet.
[[nodiscard]] std::optional<QStringList> usual_windows(const Workspace& workspace, std::int64_t model);
/// `evaluate` of a recipe at a level on `windows`, or on the usual ones of its model. Throws Error (bad_input) when the model was evaluated on nothing yet.
[[nodiscard]] QStringList evaluate_command(const Workspace& workspace, const QString& folder, std::int64_t recipe, const QString& level, std::optional<QStringList> windows = {});

}  // namespace bitwright::views
