// SPDX-License-Identifier: GPL-3.0-or-later
// LibTorch as jobs use it: with a number of threads that the conditions of a result can name.
// Threading: functions without state of their own, but for what load_numerics() says.
#pragma once

#include "core/numerics/numerics.h"
#include "core/workspace/local_machine.h"

#include <string>

namespace bitwright {

/// load_numerics(), told to compute with numeric_threads() threads.
[[nodiscard]] Numerics& opened_numerics();
/// Threads LibTorch computes with in this process: $OMP_NUM_THREADS where it begins with a number, else all processors this process may use.
[[nodiscard]] int numeric_threads();
/// Throws Error (failed) with what would fit where `forecast` says that `work` does not: before it begins, so that nothing is lost.
void require_memory(const std::string& work, const MethodForecast& forecast);
/// Conditions of what opened_numerics() computes.
[[nodiscard]] Conditions numeric_conditions(std::optional<std::uint64_t> seed = {});

}  // namespace bitwright
