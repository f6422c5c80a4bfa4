// SPDX-License-Identifier: GPL-3.0-or-later
// This computer as conditions of a result, read from /proc and /sys. What cannot be read is absent. And LibTorch as jobs use it, with a number of threads
// that those conditions can name.
// Threading: functions without state of their own, but for what load_numerics() says.
#pragma once

#include "core/numerics/numerics.h"
#include "core/workspace/results.h"

#include <string>

namespace bitwright {

/// @param backend what computed: "LibTorch 2.13.0, CPU", "bitwright-runner 0.1.0 scalar" …
[[nodiscard]] Conditions local_conditions(const std::string& backend, std::optional<std::int64_t> threads, std::optional<std::uint64_t> seed);

/// load_numerics(), told to compute with numeric_threads() threads.
[[nodiscard]] Numerics& opened_numerics();
/// Threads LibTorch computes with in this process: $OMP_NUM_THREADS where it begins with a number, else all processors this process may use.
[[nodiscard]] int numeric_threads();
/// Conditions of what opened_numerics() computes.
[[nodiscard]] Conditions numeric_conditions(std::optional<std::uint64_t> seed = {});

}  // namespace bitwright
