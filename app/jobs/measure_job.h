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

}  // namespace bitwright
