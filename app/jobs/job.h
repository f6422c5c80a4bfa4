// SPDX-License-Identifier: GPL-3.0-or-later
// What every job has around it: the workspace, the cancel token, progress that also keeps the job row alive, and the end of that row however the job ends.
// Threading: a job runs on one thread; cancelling (Control) from any.
#pragma once

#include "core/runtime/control.h"
#include "core/workspace/jobs.h"

#include <chrono>
#include <functional>
#include <string>

namespace bitwright {

struct RunnerLog;

/// Passes progress to the screen and to whoever listens (the job row).
class ProgressRelay {
public:
    explicit ProgressRelay(std::function<void(const Progress&)> screen = {}) : screen_(std::move(screen)) {}
    void operator()(const Progress& progress)
    {
        if (screen_) screen_(progress);
        if (listener_) listener_(progress);
    }
    void listen(std::function<void(const Progress&)> listener) { listener_ = std::move(listener); }

private:
    std::function<void(const Progress&)> screen_, listener_;
};

/// The surroundings of all jobs of one command.
struct JobEnvironment {
    Workspace& workspace;
    Control& control;
    ProgressRelay& progress;
    std::string command;          ///< JSON: {"argv": [...], "folder": "..."}, what jobs resume repeats
    bool fresh = false;           ///< do not continue an interrupted job
    bool reuse_finished = false;  ///< a finished job's result is good enough (loop)
    std::function<void(const JobRow& job)> on_begin{};  ///< a row began
    std::function<void(const RunnerLog& so_far)> on_log{};  ///< a phone told more about the run under way
};

/// One row of `jobs` while its work runs: taken over or new; progress keeps it alive.
class ActiveJob {
public:
    ActiveJob(JobEnvironment& environment, const std::string& kind, const std::string& key);
    ~ActiveJob();
    ActiveJob(const ActiveJob&) = delete;
    ActiveJob& operator=(const ActiveJob&) = delete;

    [[nodiscard]] const JobRow& row() const noexcept { return row_; }
    [[nodiscard]] bool resumed() const noexcept { return resumed_; }

private:
    JobEnvironment& environment_;
    JobRow row_;
    bool resumed_ = false;
    std::chrono::steady_clock::time_point last_beat_{};
};

/// Runs `work(job)`, which ends the row as done together with storing its result. What it throws ends the row as cancelled or failed, and goes on.
template <typename Work>
auto run_job(JobEnvironment& environment, const std::string& kind, const std::string& key, Work work)
{
    ActiveJob job(environment, kind, key);
    try {
        return work(job);
    } catch (const Cancelled&) {
        // asked to pause and to stop: what can be continued later is kept
        end_job(environment.workspace, job.row().id, environment.control.pause_requested() ? JobState::paused : JobState::cancelled, {});
        throw;
    } catch (const Error& error) {
        const Error kept = error;  // storing why may fail for the same reason (disk full): the first reason counts, and the row shows as interrupted
        try {
            end_job(environment.workspace, job.row().id, JobState::failed, {}, kept.what());
        } catch (const Error&) {
        }
        throw kept;
    }
}

}  // namespace bitwright
