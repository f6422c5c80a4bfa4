// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs in words: one sentence for the bottom line, what a job's result names, and how a job of an earlier session is repeated.
// Threading: pure functions.
#pragma once

#include "core/workspace/jobs.h"
#include "core/workspace/workspace.h"
#include "views/desk/job_queue.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace bitwright::views {

/// "running", "paused", "cancelled" …
[[nodiscard]] QString phase_words(JobPhase phase);
/// Where a job is, in words: "step 412/1 024", "reading the model 12 %", "connecting". A stage without words of its own shows as it is.
[[nodiscard]] QString stage_words(const Job& job);
/// "step 412/1 024 · loss 1.66 · 3 min left"; parts that are not known are left out.
[[nodiscard]] QString progress_words(const Job& job);
/// "recipe:14", "calibration:3" … in the order in which the command printed them, each once.
[[nodiscard]] std::vector<Reference> references_in(const nlohmann::ordered_json& result);

/// An unfinished job of the workspace as a Job: paused, with what its row knows. `number` is −row, so it never meets a job of the session.
[[nodiscard]] Job stored_job(const JobRow& row);
/// Its command's arguments as they would be in any folder: without --fresh and --json, existing relative paths made absolute.
[[nodiscard]] QStringList stored_arguments(const JobRow& row);
/// The workspace file that a command works on (-w), absolute; "": it names none.
[[nodiscard]] QString workspace_of(const QStringList& arguments);
/// Whether what a job made lies in `open`, the workspace that is open now ("": none). Numbers of recipes and runs mean nothing in another one.
[[nodiscard]] bool made_in(const Job& job, const QString& open);
/// "Quantize · mobilequant-paper", from the arguments of a command.
[[nodiscard]] QString title_of(const QStringList& arguments);

}  // namespace bitwright::views
