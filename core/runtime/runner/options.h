// SPDX-License-Identifier: GPL-3.0-or-later
// The runner's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitwright::runner {

enum class Mode : std::uint8_t { prefill, decode, mixed };

struct Options {
    std::string package;
    Mode mode = Mode::mixed;
    std::vector<std::int32_t> prompt_ids;  ///< empty: prompt_tokens made-up ids
    std::int64_t prompt_tokens = 0;
    std::int64_t tokens = 32;              ///< generated; in mode prefill the prompt's length unless a prompt is given
    std::int64_t runs = 1, warmup = 0;
    int threads = 1;
    std::uint64_t affinity = 0;            ///< bit i: CPU i; 0: leave it to the kernel
    bool stop_at_eos = false;
    std::string jsonl;                     ///< file; "": standard output
    bool selftest = false, help = false;
};

/// Throws Error (usage) naming the option.
[[nodiscard]] Options parse_options(int argc, const char* const* argv);
[[nodiscard]] const char* usage() noexcept;

}  // namespace bitwright::runner
