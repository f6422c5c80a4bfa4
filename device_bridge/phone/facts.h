// SPDX-License-Identifier: GPL-3.0-or-later
// What a phone is and in what state: one shell script asks everything, one parser reads the answer. What the phone did not say is absent, never 0.
// The answer is untrusted text: parsing never throws; names are cut to 256 bytes of valid UTF-8 without control characters.
// Threading: pure functions.
#pragma once

#include "device_bridge/phone/battery.h"
#include "device_bridge/phone/thermal.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct PhoneCore {
    std::int64_t index = 0;
    std::optional<std::int64_t> max_khz, current_khz, capacity;  ///< capacity: the scheduler's, 1024 for the fastest core
    std::optional<std::string> governor;
};

/// What changes from run to run; stored before, during and after one.
struct PhoneState {
    std::optional<BatteryState> battery;
    std::optional<ThermalState> thermal;                             ///< absent: no thermal service
    std::optional<std::vector<Temperature>> zones;                   ///< absent: not readable
    std::optional<std::int64_t> memory_available_bytes, free_bytes;  ///< free_bytes: in /data/local/tmp
    std::optional<bool> screen_on, input_suspended;                  ///< input_suspended: the property that asks the phone not to charge
    std::optional<double> uptime_s;                                  ///< since boot, suspend included
    std::optional<std::int64_t> clock_s;                             ///< the phone's clock, seconds since 1970
    std::optional<std::string> boot_id;                              ///< changes with every reboot
    std::vector<PhoneCore> cores;                                    ///< by index; empty: not readable
};

struct PhoneFacts {
    std::optional<std::string> manufacturer, model, device;
    std::optional<std::string> soc_manufacturer, soc_model, platform, hardware;
    std::optional<std::int64_t> soc_id;                          ///< Qualcomm's /sys/devices/soc0/soc_id
    std::optional<std::string> android, build, kernel, machine;  ///< build: fingerprint; machine: uname -m
    std::optional<std::int64_t> sdk;
    std::optional<std::vector<std::string>> abis;
    std::optional<std::vector<std::string>> instruction_sets;  ///< names as in /proc/cpuinfo: "asimddp", "i8mm" …; from HWCAP words, else from cpuinfo
    std::optional<std::string> user, selinux;                  ///< "shell", "Enforcing"
    std::optional<std::int64_t> memory_total_bytes;
    std::optional<bool> hexagon_rpc;  ///< libcdsprpc.so is there: programs can reach the Hexagon DSP
    std::optional<std::vector<std::string>> power_supplies;
    std::optional<std::map<std::string, BatteryFile>> battery_files;  ///< may the shell user read the gauge (parse_battery_files)
    PhoneState state;
    bool complete = false;  ///< the answer came to its end
};

/// One POSIX shell script; reads only.
[[nodiscard]] std::string facts_script();
/// The part of facts_script() that changes: a tenth of its time. parse_facts(…).state reads the answer.
[[nodiscard]] std::string state_script();
[[nodiscard]] PhoneFacts parse_facts(std::string_view answer);

/// Bit i: core i is one of the big ones, at least half the fastest core's capacity; where the phone does not say capacities, at least 80 % of the highest
/// maximum frequency. Cores beyond 63 are left out. Absent: neither is known. A phone whose cores are all big has all bits set.
[[nodiscard]] std::optional<std::uint64_t> big_core_mask(const std::vector<PhoneCore>& cores);
/// arm64 names of the bits set in AT_HWCAP and AT_HWCAP2 (Linux arch/arm64/include/uapi/asm/hwcap.h), sorted.
[[nodiscard]] std::vector<std::string> instruction_sets_of(std::uint64_t hwcap, std::uint64_t hwcap2);
/// "Google Pixel 8" without saying the maker twice; absent when the phone says neither.
[[nodiscard]] std::optional<std::string> phone_name(const PhoneFacts& facts);

/// Absent fields are left out. What is stored with every run (Conditions::device_facts).
[[nodiscard]] nlohmann::json to_json(const PhoneFacts& facts);
[[nodiscard]] nlohmann::json to_json(const PhoneState& state);
/// Reads what to_json wrote. Throws Error (bad_input) naming `where` and the field; unknown fields are passed over.
[[nodiscard]] PhoneFacts facts_from_json(const nlohmann::json& json, std::string_view where);
[[nodiscard]] PhoneState state_from_json(const nlohmann::json& json, std::string_view where);

}  // namespace bitwright
