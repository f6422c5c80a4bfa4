// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/scored_progress.h"

#include <algorithm>
#include <cmath>

namespace bitwright {

ScoredProgress::ScoredProgress(JobEnvironment& environment, const ActiveJob& job, std::string stage, std::int64_t total)
    : environment_(environment), job_(job), stage_(std::move(stage)), total_(total), scores_(scored_windows(environment.workspace, job.row().id)), stored_(scores_.size())
{
}

void ScoredProgress::add(const ScoredWindow& score)
{
    scores_.push_back(score);
    nll_ += score.nll, tokens_ += score.tokens;
    environment_.progress({stage_, done(), total_, stage_ == "windows", std::exp(nll_ / static_cast<double>(std::max<std::int64_t>(1, tokens_)))});
    if (std::chrono::steady_clock::now() - last_ > std::chrono::seconds(1)) store();
}

void ScoredProgress::store()
{
    put_scored_windows(environment_.workspace, job_.row().id, static_cast<std::int64_t>(stored_), std::span(scores_).subspan(stored_));
    stored_ = scores_.size();
    last_ = std::chrono::steady_clock::now();
}

}  // namespace bitwright
