// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/journal.h"

#include "core/numerics/methods/resources.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <tuple>

namespace bitwright {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t recent_steps = 32;

}  // namespace

Journal::Journal(const MethodRequest& request, const Control& control, std::int64_t steps, std::vector<StepRecord>& log)
    : request_(request), control_(control), steps_(steps), log_(log)
{
}

void Journal::replay() const
{
    if (!request_.watch.on_step) return;
    for (const StepRecord& record : log_) request_.watch.on_step({.record = record, .steps = steps_});
}

void Journal::add(const StepRecord& record, const std::function<std::vector<Drift>()>& drift)
{
    log_.push_back(record);
    recent_.push_back(record.seconds);
    if (recent_.size() > recent_steps) recent_.pop_front();
    const std::int64_t done = record.step + 1;
    control_.report({"optimizing", done, steps_, true, record.loss});
    if (!request_.watch.on_step) return;
    MethodProgress progress;
    progress.record = record;
    progress.steps = steps_;
    const std::int64_t left = steps_ - done, every = request_.watch.holdout_every_steps;
    // the middle one of the last steps: one step that was held up predicts nothing
    std::vector<double> sorted(recent_.begin(), recent_.end());
    std::sort(sorted.begin(), sorted.end());
    progress.remaining_seconds = static_cast<double>(left) * sorted[sorted.size() / 2];
    if (left > 0 && holdout_seconds_) *progress.remaining_seconds += *holdout_seconds_ * static_cast<double>(every > 0 ? (left + every - 1) / every : 1);
    std::tie(progress.best_step, progress.best_holdout_loss) = best();
    const std::int64_t drift_every = request_.watch.drift_every_steps;
    if (drift_every > 0 && (left == 0 || done % drift_every == 0)) progress.drift = drift();
    request_.watch.on_step(progress);
}

std::optional<double> Journal::timed(const std::function<std::optional<double>()>& holdout_loss)
{
    const auto began = Clock::now();
    const auto loss = holdout_loss();
    if (loss) holdout_seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
    return loss;
}

bool Journal::wants_holdout(std::int64_t done) const
{
    const std::int64_t every = request_.watch.holdout_every_steps;
    return done == steps_ || (every > 0 && done % every == 0);
}

std::pair<std::optional<std::int64_t>, std::optional<double>> Journal::best() const
{
    std::optional<std::int64_t> step;
    std::optional<double> loss = loss_before;
    if (loss) step = -1;
    for (const StepRecord& record : log_)
        if (record.holdout_loss && (!loss || *record.holdout_loss < *loss)) {
            loss = record.holdout_loss;
            step = record.step;
        }
    return {step, loss};
}

MethodOutcome Journal::outcome(MethodState state, Recipe recipe, double cpu_seconds, double step_seconds) const
{
    MethodOutcome out;
    out.state = state;
    out.recipe = std::move(recipe);
    out.steps = std::ssize(log_);
    out.cpu_seconds = cpu_seconds;
    out.seconds_per_step = out.steps > 0 ? step_seconds / static_cast<double>(out.steps) : std::numeric_limits<double>::quiet_NaN();
    out.peak_rss_bytes = peak_rss_bytes();
    out.log = log_;
    out.holdout_loss_before = loss_before;
    out.best_step = best().first;
    return out;
}

}  // namespace bitwright
