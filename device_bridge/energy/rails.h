// SPDX-License-Identifier: GPL-3.0-or-later
// Power rails: energy counters of the phone's own hardware (PowerStats HAL), as `dumpsys android.hardware.power.stats.IPowerStats/default` prints them.
// The text is untrusted; nothing throws.
// Threading: pure functions.
#pragma once

#include "device_bridge/energy/trace.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct Rail {
    std::string name, subsystem;  ///< "S4M_VDD_TPU", "TPU"; subsystem may be ""
    double joules = 0;            ///< since boot
};
/// Lines "NAME  VALUE mWs" of the section "energy meter" (of others, such as "energy consumers", none: those are modelled). A rail named twice counts once.
[[nodiscard]] std::vector<Rail> parse_energy_meter(std::string_view text);

struct RailsReading {
    std::int64_t t_ns = 0;  ///< CLOCK_BOOTTIME
    std::vector<Rail> rails;
};
/// What rails_script() wrote.
[[nodiscard]] std::vector<RailsReading> read_rails(std::string_view text);
/// A POSIX shell loop that appends readings to `file` until `stop` exists, with `pause_s` seconds between (at least 1).
[[nodiscard]] std::string rails_script(const std::string& file, const std::string& stop, int pause_s);

/// The sum of the named rails (all when empty) over time; readings without all of them are left out. Some phones have rails that contain others: whoever sums
/// must know the phone, so a result names its rails.
[[nodiscard]] EnergyTrace rails_trace(const std::vector<RailsReading>& readings, const std::vector<std::string>& names = {});

}  // namespace bitwright
