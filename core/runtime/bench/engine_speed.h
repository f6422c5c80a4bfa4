// SPDX-License-Identifier: GPL-3.0-or-later
// How fast the engine is on this computer, as ratios to what the computer could do in the same moment: register-only products, and reading the same bytes.
// Invariants: a ratio's two sides are measured in one run, interleaved, and the best of each counts (one thread: processor time), so that other work disturbs little.
// Threading: measure_engine() on one thread; it makes its own.
#pragma once

#include "core/runtime/control.h"
#include "core/runtime/kernels/kernel_set.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bitwright {

struct EngineSpeedRequest {
    std::filesystem::path package;   ///< empty: synthetic packages of TinyLlama's shape, written into `folder` and removed again
    std::filesystem::path folder;
    int threads = 1;
    std::int64_t layers = 22;        ///< of the synthetic packages
    std::int64_t prompt = 512, generated = 16;
    bool busy_core = true;           ///< measure decoding beside a busy process too (two threads, on a computer of at least two processors)
};

/// Quantities in the order measured; names end in _of_ for ratios and name their unit else. What could not be measured is absent.
struct EngineSpeed {
    std::string kernels;
    std::vector<std::pair<std::string, double>> figures;
};

/// Throws Error, Cancelled.
[[nodiscard]] EngineSpeed measure_engine(const EngineSpeedRequest& request, const Control& control);

}  // namespace bitwright
