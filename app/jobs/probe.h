// SPDX-License-Identifier: GPL-3.0-or-later
// Probes recipes of one model on one set of windows against the float model: each set of decisions is computed once in a workspace and found again after, so
// that whoever probes goes on where it was interrupted.
// Threading: belongs to the job's thread.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/checkpoint/token_windows.h"
#include "core/numerics/numerics.h"
#include "core/workspace/probes.h"

#include <optional>

namespace bitwright {

class Prober {
public:
    Prober(JobEnvironment& environment, OpenedModel& model, const TokenWindows& windows, Placement placement);

    /// KL to the float model and perplexity of a recipe at the simulated level.
    [[nodiscard]] Probe operator()(const Recipe& recipe);
    [[nodiscard]] std::int64_t conditions();  ///< of what this one computed or found; made when first asked for
    [[nodiscard]] std::int64_t computed() const noexcept { return computed_; }  ///< not found in the workspace
    [[nodiscard]] const char* placement() const noexcept { return placement_ == Placement::paper ? "paper" : "full"; }
    [[nodiscard]] const std::string& token_hash() const noexcept { return token_hash_; }

private:
    JobEnvironment& environment_;
    OpenedModel& model_;
    const TokenWindows& windows_;
    Placement placement_;
    std::string token_hash_;
    std::int64_t model_row_, computed_ = 0;
    std::optional<std::int64_t> conditions_;
};

}  // namespace bitwright
