// SPDX-License-Identifier: GPL-3.0-or-later
// A long run minute by minute: how fast, how hot, at which clock. What nobody measured is absent.
// Threading: pure functions.
#pragma once

#include "core/exchange/runner_log.h"
#include "device_bridge/energy/sustained.h"

#include <optional>
#include <vector>

namespace bitwright {

struct Minute {
    std::int64_t minute = 0;                                  ///< since the first measured run began
    std::optional<double> prefill_tokens_per_s, decode_tokens_per_s;  ///< of the phases that ended in this minute
    std::optional<double> battery_c, hottest_c;               ///< means over its samples; hottest: of all zones, read as m°C
    std::optional<double> mean_khz;                           ///< over the CPUs that told
};
[[nodiscard]] std::vector<Minute> minutes_of(const RunnerLog& log);

/// Peak, sustained speed and onset of throttling (energy/sustained.h) of decoding, else of prefilling; heat is the battery's, else the hottest zone's.
/// Absent for fewer than three minutes.
[[nodiscard]] std::optional<Sustained> sustained_of(const std::vector<Minute>& minutes);

struct ClockRange {
    std::int64_t cpu = 0, min_khz = 0, median_khz = 0, max_khz = 0;
};
/// Of each CPU that told, while measured runs computed.
[[nodiscard]] std::vector<ClockRange> clocks_of(const RunnerLog& log);

}  // namespace bitwright
