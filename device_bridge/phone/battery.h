// SPDX-License-Identifier: GPL-3.0-or-later
// The battery as Android and the kernel describe it, once. Samples over time are in energy/samples.h.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

enum class ChargeStatus { unknown = 1, charging = 2, discharging = 3, not_charging = 4, full = 5 };  ///< Android's BATTERY_STATUS_*
[[nodiscard]] std::string charge_status_name(ChargeStatus status);
/// The kernel's word ("Discharging", "Not charging") or Android's number.
[[nodiscard]] std::optional<ChargeStatus> charge_status_of(std::string_view text);

struct BatteryState {
    std::optional<std::int64_t> level_percent;
    std::optional<ChargeStatus> status;
    std::optional<bool> plugged;              ///< any of AC, USB, wireless, dock
    std::optional<std::string> power_source;  ///< "battery", "usb", "ac", "wireless", "dock"
    std::optional<double> volts, celsius;
    std::optional<std::int64_t> charge_counter_uah;
    std::optional<double> current_now_raw;  ///< as printed, unit and sign unknown (Samsung: mA)
    bool faked = false;                     ///< `dumpsys battery set` or `unplug` is in force: status and plug are not the phone's
};
/// `dumpsys battery`. Vendors append histories: the first occurrence of a key counts. Absent when the text is no such dump.
[[nodiscard]] std::optional<BatteryState> parse_battery_dump(std::string_view text);

enum class FileAnswer { value, empty, denied, missing };
struct BatteryFile {
    FileAnswer answer = FileAnswer::missing;
    std::string value;  ///< when answer is value
};
/// The files of /sys/class/power_supply/battery that are asked for.
[[nodiscard]] std::span<const std::string_view> battery_files() noexcept;
/// What `grep -H '' FILES` said about each of battery_files(), standard error merged in. Keys are file names ("current_now"); no line at all: empty.
[[nodiscard]] std::map<std::string, BatteryFile> parse_battery_files(std::string_view text);

}  // namespace bitwright
