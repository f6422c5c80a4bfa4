// SPDX-License-Identifier: GPL-3.0-or-later
// Speed and memory of a package on this computer: runs bitwright-runner, keeps its JSON lines, every repeat, and the conditions.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "core/workspace/runs.h"

#include <filesystem>

namespace bitwright {

struct MeasureRequest {
    std::filesystem::path package;
    std::int64_t prompt_tokens = 0, generate = 0, repeats = 1, warmup = 1;
    int threads = 1;
};
/// Stores the run, also when the runner stopped before its end line (state aborted), and returns it. Throws Error when the package is refused, when no runner
/// is there.
[[nodiscard]] RunRow measure_local(JobEnvironment& environment, const MeasureRequest& request);

/// The hash of the ids this computer's engine gives for such a run: what a phone's must be. The runner computes them once. Throws Error.
[[nodiscard]] std::string output_hash_here(const MeasureRequest& request, const Control& control);
/// bitwright-runner beside this program, or what $BITWRIGHT_RUNNER names; `aarch64`: the one for phones, or $BITWRIGHT_RUNNER_AARCH64.
/// Throws Error (failed) when it is not there.
[[nodiscard]] std::filesystem::path find_runner(bool aarch64);

}  // namespace bitwright
