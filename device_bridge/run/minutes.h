// SPDX-License-Identifier: GPL-3.0-or-later
// A long run minute by minute: how fast, how hot, at which clock. What nobody measured is absent.
// Threading: pure functions.
#pragma once

#include "core/exchange/runner_log.h"
#include "device_bridge/energy/sustained.h"

#include <optional>
#include <vector>

namespace bitwright {

struct RunMinute {
    std::int64_t minute = 0;                                  ///< since the first measured run began
    std::optional<double> prefill_tokens_per_s, decode_tokens_per_s;  ///< while busy with it; absent under 10 busy seconds (energy/sustained.h)
    std::optional<double> battery_c;                          ///< the highest
    std::optional<double> hottest_c, mean_khz;                ///< means over its samples; hottest: of all zones, read as m°C; clock: over the CPUs that told
};
[[nodiscard]] std::vector<RunMinute> minutes_of(const RunnerLog& log);
/// Peak, sustained speed and onset of throttling of the decode phases, else of the prefills. Absent for fewer than three measured minutes.
[[nodiscard]] std::optional<Sustained> sustained_of(const RunnerLog& log);

struct ClockRange {
    std::int64_t cpu = 0, min_khz = 0, median_khz = 0, max_khz = 0;
};
/// Of each CPU that told, while measured runs computed.
[[nodiscard]] std::vector<ClockRange> clocks_of(const RunnerLog& log);

}  // namespace bitwright
