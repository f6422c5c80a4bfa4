// SPDX-License-Identifier: GPL-3.0-or-later
// What people say about results: tags, a note, put away. A result is a run ("run:7"), an evaluation ("evaluation:3") or a task's score ("task:2"). And the results as SQL, to take along.
// All functions throw Error (bad_input) for a reference that is no result, or is not in the workspace.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <optional>
#include <string>
#include <vector>

namespace bitwright {

void tag_result(Workspace& workspace, const Reference& result, const std::vector<std::string>& tags);
void note_result(Workspace& workspace, const Reference& result, const std::optional<std::string>& note);
/// Archived results are left out of lists and comparisons, and not taken for finished work.
void archive_results(Workspace& workspace, const std::vector<Reference>& results, bool archived);

/// One SELECT over the workspace file that gives these results, in this order, with the figures and what they were measured on.
[[nodiscard]] std::string results_query(const std::vector<Reference>& results);

}  // namespace bitwright
