// SPDX-License-Identifier: GPL-3.0-or-later
// The demo phone's battery, temperatures and rails at a moment, and how Android shows them: files below /sys and dumpsys' texts.
// Threading: one thread calls advance(); the texts are pure functions.
#pragma once

#include "device_bridge/demo_phone/scenario.h"

#include <map>

namespace bitwright::demo {

/// The state at one moment, in fixed units.
struct Gauges {
    double second = 0;
    double current_ma = 0;   ///< out of the battery positive
    double voltage_mv = 0, charge_mah = 0, celsius = 0, level_percent = 0;
    bool plugged = false, usb = false, charging = false;
    double thermal_status = 0;
    double cores_busy = 0;
    std::vector<double> rail_mj;  ///< counted since the start
};

/// Integrates charge and rails from call to call.
class GaugeModel {
public:
    explicit GaugeModel(const Scenario& scenario);
    /// To `second` (not before the last one), with so many cores busy since then. The result is what the gauge shows, which may be older.
    const Gauges& advance(double second, double cores_busy, bool suspended);

private:
    const Scenario& scenario_;
    Gauges now_, shown_;
    std::uint64_t updates_ = 0;
};

/// A file below /sys as it is read now.
struct GaugeFile {
    std::string path, text;
    Readable readable = Readable::yes;
};
[[nodiscard]] std::vector<GaugeFile> gauge_files(const Scenario& scenario, const Gauges& gauges);

/// What the Health HAL says to those who may ask it: current in µA with the phone's sign, voltage in µV, charge in µAh, percent.
[[nodiscard]] std::string health_text(const Scenario& scenario, const Gauges& gauges);

/// `dumpsys SERVICE` by service; also `dumpsys battery get NAME` as "battery get NAME" where the phone answers that.
[[nodiscard]] std::map<std::string, std::string> dumpsys_texts(const Scenario& scenario, const Gauges& gauges);

}  // namespace bitwright::demo
