// SPDX-License-Identifier: GPL-3.0-or-later
// The runner's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitwright::runner {

enum class Mode : std::uint8_t { prefill, decode, mixed, idle };

struct Options {
    std::string package;
    Mode mode = Mode::mixed;
    std::vector<std::int32_t> prompt_ids;  ///< empty: prompt_tokens made-up ids
    std::int64_t prompt_tokens = 0;
    std::int64_t tokens = 32;              ///< generated; in mode prefill the prompt's length unless a prompt is given
    std::int64_t runs = 1, warmup = 0;
    std::int64_t seconds = 0;              ///< runs go on until so long has passed (idle: how long)
    std::int64_t batches = 1;              ///< so often, with rest and cooling between batches instead of between runs
    std::int64_t idle = 0;                 ///< seconds of doing nothing before the warm-up and after the last run, the package resident
    std::int64_t rest = 0;                 ///< seconds of doing nothing between runs, or batches
    std::int64_t cool_to_dC = 0;           ///< between runs, or batches: wait until the battery is this cool; 0: do not
    std::int64_t cool_limit = 600;         ///< seconds, then go on and say so
    bool marker = false;                   ///< begin and end with a square wave of load, to be found in an external meter's record
    int threads = 1;
    std::uint64_t affinity = 0;            ///< bit i: CPU i; 0: leave it to the kernel
    bool stop_at_eos = false;
    std::string jsonl;                     ///< file; "": standard output
    std::string pid_file;                  ///< "": stay in the session of whoever started it
    std::string battery = "none", sysfs = "/sys";
    int samples_per_second = 5;
    bool selftest = false, help = false;
};

/// Throws Error (usage) naming the option.
[[nodiscard]] Options parse_options(int argc, const char* const* argv);
[[nodiscard]] const char* usage() noexcept;

}  // namespace bitwright::runner
