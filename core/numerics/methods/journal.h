// SPDX-License-Identifier: GPL-3.0-or-later
// What an optimizing method tells while it runs: the log of its steps, the best held-out loss so far, the time that is left. Internal to bitwright_numerics,
// without LibTorch.
// Invariant: watching changes no result.
// Threading: belongs to the thread that runs the method.
#pragma once

#include "core/numerics/numerics.h"

#include <deque>
#include <functional>

namespace bitwright {

class Journal {
public:
    /// The arguments must outlive this; `log` is the run's own and grows here.
    Journal(const MethodRequest& request, const Control& control, std::int64_t steps, std::vector<StepRecord>& log);

    /// Tells a watcher the steps before this process (a resumed run shows its curve from the beginning).
    void replay() const;
    /// A step is over. `drift` is asked only when somebody wants to know.
    void add(const StepRecord& record, const std::function<std::vector<Drift>()>& drift);
    /// Runs a held-out loss and learns how long one takes.
    [[nodiscard]] std::optional<double> timed(const std::function<std::optional<double>()>& holdout_loss);
    /// Whether a watcher wants the held-out loss after `done` steps.
    [[nodiscard]] bool wants_holdout(std::int64_t done) const;
    /// The step with the lowest held-out loss of all that were computed, and that loss; −1: the start.
    [[nodiscard]] std::pair<std::optional<std::int64_t>, std::optional<double>> best() const;

    /// What an optimizing method gives back. @param cpu_seconds of the whole run @param step_seconds of its steps
    [[nodiscard]] MethodOutcome outcome(MethodState state, Recipe recipe, double cpu_seconds, double step_seconds) const;

    std::optional<double> loss_before;  ///< held-out loss at the start, once known

private:
    const MethodRequest& request_;
    const Control& control_;
    std::int64_t steps_;
    std::vector<StepRecord>& log_;
    std::deque<double> recent_;  ///< seconds of the last steps of this process
    std::optional<double> holdout_seconds_;
};

}  // namespace bitwright
