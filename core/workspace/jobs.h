// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs: work under way or done, so that a killed one shows as interrupted and the same command continues it.
// Invariants: one job with a key runs at a time; an evaluation's scored windows are rows (its checkpoint), other checkpoints are files in the data folder.
// Threading: as Workspace.
#pragma once

#include "core/runtime/agreement.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitwright {

/// interrupted: the row says running, but its process is gone (same boot, same start tick) or, on another computer, silent for a minute.
enum class JobState : std::uint8_t { running, paused, interrupted, done, failed, cancelled };
[[nodiscard]] const char* name_of(JobState state) noexcept;

struct JobRow {
    std::int64_t id = 0;
    std::string kind, key, args;  ///< args: JSON
    JobState state = JobState::running;
    std::optional<std::string> checkpoint, finish, stage, result, message;
    std::int64_t process = 0;
    std::string start, heartbeat;
    std::optional<std::int64_t> progress_done, progress_total;
};

/// Takes over the newest interrupted or paused job with this key, or starts a new one (`fresh`: always a new one; the old one becomes cancelled and its
/// checkpoint goes). Throws Error (failed) when a living process runs it. `resumed` says which it was.
[[nodiscard]] JobRow begin_job(Workspace& workspace, const std::string& kind, const std::string& key, const std::string& args, bool fresh, bool& resumed);
/// Where the job's checkpoint file lies; the data folder is made. The name is in the row before the file exists.
[[nodiscard]] std::filesystem::path checkpoint_path(Workspace& workspace, const JobRow& job);
void beat(Workspace& workspace, std::int64_t job, const std::string& stage, std::int64_t done, std::int64_t total);
/// `state` done, failed or cancelled: the checkpoint (file or scored windows) goes. paused: it stays.
void end_job(Workspace& workspace, std::int64_t job, JobState state, const std::optional<std::string>& result, const std::optional<std::string>& message = {});

[[nodiscard]] JobRow get_job(const Workspace& workspace, std::int64_t id);
/// Newest first.
[[nodiscard]] std::vector<JobRow> list_jobs(const Workspace& workspace);
/// The newest finished job with this key, if it is done.
[[nodiscard]] std::optional<JobRow> find_done_job(const Workspace& workspace, const std::string& key);
/// Asks a running job's process to stop (SIGINT), or marks an interrupted one cancelled and removes its checkpoint. Throws Error (bad_input) when it is over.
void cancel_job(Workspace& workspace, std::int64_t id);

struct ScoredWindow {
    double nll = 0;
    std::int64_t tokens = 0;
    std::optional<Agreement> agreement{};  ///< with the float model; absent: not asked for
};
/// Appends scores of the windows from `first` on, in one transaction.
void put_scored_windows(Workspace& workspace, std::int64_t job, std::int64_t first, std::span<const ScoredWindow> scores);
/// The windows scored so far, from 0 without a gap.
[[nodiscard]] std::vector<ScoredWindow> scored_windows(const Workspace& workspace, std::int64_t job);

}  // namespace bitwright
