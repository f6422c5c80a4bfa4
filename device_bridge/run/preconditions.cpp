// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/preconditions.h"

#include "core/runtime/error.h"

#include <cstdio>

namespace bitwright {
namespace {

std::string degrees(double celsius)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f °C", celsius);
    return text;
}

std::string percent(std::int64_t level) { return std::to_string(level) + " %"; }

std::string asked_level(const Preconditions& asked)
{
    if (!asked.level_max) return "at least " + percent(*asked.level_min);
    if (!asked.level_min) return "at most " + percent(*asked.level_max);
    return std::to_string(*asked.level_min) + " to " + percent(*asked.level_max);
}

Unmet untold(const std::string& what, const std::string& option) { return {"the phone does not tell " + what, "leave out " + option, false}; }

void check_level(const Preconditions& asked, const std::optional<BatteryState>& battery, std::vector<Unmet>& list)
{
    if (!asked.level_min && !asked.level_max) return;
    const auto level = battery ? battery->level_percent : std::nullopt;
    if (!level) return list.push_back(untold("how full its battery is", "--battery-min and --battery-max"));
    const bool low = asked.level_min && *level < *asked.level_min, high = asked.level_max && *level > *asked.level_max;
    if (low || high) list.push_back({"the battery is at " + percent(*level) + ", " + asked_level(asked) + " are asked for", low ? "charge it" : "let it run down"});
}

void check_discharging(const Preconditions& asked, const PhoneState& state, std::vector<Unmet>& list)
{
    if (!asked.discharging) return;
    const auto& battery = state.battery;
    if (battery && battery->faked)
        return list.push_back({"the battery service was told what to say (dumpsys battery set), so its plug cannot be believed", "undo that with adb shell dumpsys battery reset", false});
    if (!battery || !battery->plugged) return list.push_back(untold("whether it is plugged in", "--discharging"));
    if (!*battery->plugged || (state.input_suspended.value_or(false) && battery->status == ChargeStatus::discharging)) return;
    list.push_back(state.input_suspended.value_or(false) ? Unmet{"the phone goes on charging though it was asked not to", "unplug it"}
                                                         : Unmet{"the phone is plugged in", "unplug it (adb over Wi-Fi goes on), or use --suspend-charging"});
}

}  // namespace

Preconditions for_energy(Preconditions asked)
{
    if (!asked.level_min) asked.level_min = 30;
    if (!asked.level_max) asked.level_max = 80;
    if (!asked.thermal_status_max) asked.thermal_status_max = 0;
    asked.screen_on = asked.discharging = true;
    return asked;
}

void check(const Preconditions& asked)
{
    if (asked.level_min && asked.level_max && *asked.level_min > *asked.level_max) throw usage_error("--battery-min is above --battery-max; no battery can be both");
}

nlohmann::json to_json(const Preconditions& asked)
{
    nlohmann::json json{{"wait_s", asked.wait_s}};
    if (asked.level_min) json["level_min"] = *asked.level_min;
    if (asked.level_max) json["level_max"] = *asked.level_max;
    if (asked.start_below_c) json["start_below_c"] = *asked.start_below_c;
    if (asked.thermal_status_max) json["thermal_status_max"] = *asked.thermal_status_max;
    if (asked.screen_on) json["screen_on"] = true;
    if (asked.discharging) json["discharging"] = true;
    return json;
}

std::vector<Unmet> unmet(const Preconditions& asked, const PhoneState& state)
{
    std::vector<Unmet> list;
    check_discharging(asked, state, list);
    check_level(asked, state.battery, list);
    if (asked.start_below_c) {
        const auto celsius = state.battery ? state.battery->celsius : std::nullopt;
        if (!celsius) list.push_back(untold("how warm its battery is", "--start-below"));
        else if (*celsius > *asked.start_below_c) list.push_back({"the battery has " + degrees(*celsius) + ", " + degrees(*asked.start_below_c) + " are asked for", "let it cool"});
    }
    if (asked.thermal_status_max) {
        const auto* thermal = state.thermal ? &*state.thermal : nullptr;
        if (thermal && thermal->overridden)
            list.push_back({"the thermal status was set by hand, so it proves nothing", "undo that with adb shell cmd thermalservice reset", false});
        else if (!thermal || !thermal->status) list.push_back(untold("its thermal status", "--thermal-status-max"));
        else if (*thermal->status > *asked.thermal_status_max)
            list.push_back({"the phone throttles (thermal status " + thermal_status_name(*thermal->status) + ", at most " + thermal_status_name(*asked.thermal_status_max) + " is asked for)", "let it cool"});
    }
    if (asked.screen_on) {
        if (!state.screen_on) list.push_back(untold("whether its screen is on", "--screen-on"));
        else if (!*state.screen_on) list.push_back({"the screen is off", "switch it on"});
    }
    return list;
}

}  // namespace bitwright
