// SPDX-License-Identifier: GPL-3.0-or-later
// Records of external meters (Monsoon, Joulescope, POWER-Z and others that write columns with names), and where they lie on the phone's clock: the runner
// begins with a marker, three seconds of load with rests between, which is found in the record by correlation. Threading: pure functions.
#pragma once

#include "device_bridge/energy/trace.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct MeterRecord {
    std::vector<double> seconds;  ///< the meter's own clock, rising
    std::vector<double> watts;
    std::string columns;  ///< what was read as what, for people
};
/// Columns by name: time (s, ms, µs, ns or h:m:s), power, or current and voltage; units in brackets, after a space or an underscore, else s, W, A, V (Monsoon's
/// "main current" without unit: mA). Separated by comma, semicolon (then a decimal comma is understood) or tab; lines beginning with # and empty ones are
/// passed over, except that a heading may begin with #. Throws Error (bad_input) naming file, line and column; also when time does not rise or mean power is
/// negative.
[[nodiscard]] MeterRecord read_meter_csv(std::string_view text, std::string_view where);

/// Where the meter's clock lies: phone_ns = (seconds · (1 + drift) + offset) · 10⁹.
struct MeterAlignment {
    double offset_s = 0, drift = 0;
    double correlation = 0;  ///< of the marker with the record, 1 at best
    std::string text;        ///< a sentence for people
    [[nodiscard]] std::int64_t phone_ns(double seconds) const;
};
/// @param marker spans of load on the phone's clock, by time: of the beginning, and after a pause of 10 s or more of the end, where there is one (it tells how
/// much faster one clock runs). Throws Error (bad_input) when there is no marker, when the record holds nothing like it (correlation below 0.7), or when two
/// places fit nearly as well.
[[nodiscard]] MeterAlignment align_meter(const MeterRecord& record, const std::vector<Span>& marker, std::string_view where);
[[nodiscard]] EnergyTrace meter_trace(const MeterRecord& record, const MeterAlignment& alignment);

}  // namespace bitwright
