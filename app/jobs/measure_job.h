// SPDX-License-Identifier: GPL-3.0-or-later
// Speed and memory of a package on this computer: runs bitwright-runner, keeps its JSON lines, every repeat, and the conditions.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "core/workspace/runs.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace bitwright {

struct MeasureRequest {
    std::filesystem::path package;
    std::int64_t prompt_tokens = 0, generate = 0, repeats = 1, warmup = 1;
    int threads = 1;
};
/// Stores the run, also when the runner stopped before its end line (state aborted), and returns it. Throws Error when the package is refused, when no runner
/// is there.
[[nodiscard]] RunRow measure_local(JobEnvironment& environment, const MeasureRequest& request);

/// What the runner wrote. `complete` is false when there is no end line with rc 0: the run was aborted.
struct RunnerLog {
    bool complete = false;
    std::string version, isa, output_hash, error;
    std::vector<Measurement> measurements;  ///< prefill_tokens_per_s, decode_tokens_per_s, load_s, peak_rss_bytes, cache_bytes; warm-up runs left out
};
/// Throws Error (bad_input) naming the line when one of them is no JSON object; a last line cut short counts as missing.
[[nodiscard]] RunnerLog read_runner_log(std::string_view text, const std::string& where);

}  // namespace bitwright
