// SPDX-License-Identifier: GPL-3.0-or-later
// How hot a phone says it is: Android's thermal service and the kernel's thermal zones.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Android's Temperature.Type; numbers without a name here are kept as they are.
enum class TemperatureKind : std::int32_t {
    unknown = -1,
    cpu = 0,
    gpu = 1,
    battery = 2,
    skin = 3,
    usb = 4,
    power_amplifier = 5,
    bcl_voltage = 6,
    bcl_current = 7,
    bcl_percentage = 8,
    npu = 9
};

struct Temperature {
    std::string name;
    TemperatureKind kind = TemperatureKind::unknown;
    double celsius = 0;
    std::optional<std::int64_t> status;  ///< 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown
};

struct ThermalState {
    std::optional<std::int64_t> status;     ///< as Temperature::status, of the whole phone; may be overridden by hand
    bool overridden = false;                ///< somebody set the status by hand: it proves nothing
    std::vector<Temperature> temperatures;  ///< from the HAL now; where the phone gives only cached values, those
    bool cached = false;
};
/// "none", "light" … "shutdown"; the number itself beyond.
[[nodiscard]] std::string thermal_status_name(std::int64_t status);

/// `dumpsys thermalservice`. The HAL's current values are preferred: cached ones can be long out of date. Absent when the text is no such dump.
[[nodiscard]] std::optional<ThermalState> parse_thermal_service(std::string_view text);
/// Lines "…/thermal_zoneN/type:NAME" and "…/thermal_zoneN/temp:VALUE" in any order. Values are m°C; whole phones report °C or 0.1 °C, which the size tells
/// (|v| < 200: °C, < 2000: 0.1 °C). Zones off (≤ −40 °C, exactly 0) or beyond 200 °C are left out.
[[nodiscard]] std::vector<Temperature> parse_thermal_zones(std::string_view text);

/// The hottest of a kind, °C.
[[nodiscard]] std::optional<double> hottest(const std::vector<Temperature>& temperatures, TemperatureKind kind);

}  // namespace bitwright
