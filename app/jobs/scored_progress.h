// SPDX-License-Identifier: GPL-3.0-or-later
// Scored windows or sequences on their way into the workspace: kept together for a second, so that storing costs nothing beside scoring.
// Threading: belongs to the job's thread.
#pragma once

#include "app/jobs/job.h"

#include <vector>

namespace bitwright {

class ScoredProgress {
public:
    /// Goes on after what the job stored before. `stage`: "windows", or the name of a task.
    ScoredProgress(JobEnvironment& environment, const ActiveJob& job, std::string stage, std::int64_t total);

    [[nodiscard]] std::int64_t done() const { return static_cast<std::int64_t>(scores_.size()); }
    void add(const ScoredWindow& score);
    /// In order, resumed or not: the same bits.
    [[nodiscard]] const std::vector<ScoredWindow>& scores() const noexcept { return scores_; }

private:
    void store();

    JobEnvironment& environment_;
    const ActiveJob& job_;
    std::string stage_;
    std::int64_t total_;
    std::vector<ScoredWindow> scores_;
    std::size_t stored_;
    double nll_ = 0;
    std::int64_t tokens_ = 0;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace bitwright
