// SPDX-License-Identifier: GPL-3.0-or-later
// Heat, clocks and power of a phone while it computes, ready to be drawn, while the log grows or afterwards. What nobody measured has no points.
// Threading: plain values, pure functions.
#pragma once

#include "core/exchange/runner_log.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bitwright {

struct Timeline {
    struct Line {
        std::vector<double> seconds, values;  ///< since the first sample of any kind; same length, seconds rise
        [[nodiscard]] bool empty() const noexcept { return seconds.empty(); }
    };
    Line battery_c, hottest_c;     ///< hottest: of all zones
    Line fastest_mhz, mean_mhz;    ///< over the CPUs that told
    Line watts;                    ///< out of the battery, where the phone lives from it
    std::string no_power;          ///< why there are no watts; "" with them, and before anything was sampled

    [[nodiscard]] bool empty() const noexcept { return battery_c.empty() && hottest_c.empty() && fastest_mhz.empty() && watts.empty(); }
};

/// Longer lines are thinned to the mean of neighbours. Unit and sign of the power as energy/units.h decides.
[[nodiscard]] Timeline timeline_of(const RunnerLog& log, std::size_t most_points = 1000);

}  // namespace bitwright
