// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/battery.h"

#include "device_bridge/phone/lines.h"

#include <array>
#include <set>

namespace bitwright {
namespace {

constexpr std::array<std::string_view, 6> status_names{"", "unknown", "charging", "discharging", "not charging", "full"};

struct Powered {
    std::string_view key, source;
};
constexpr std::array<Powered, 4> supplies{{{"AC powered", "ac"}, {"USB powered", "usb"}, {"Wireless powered", "wireless"}, {"Dock powered", "dock"}}};

bool any_supply(BatteryState& state, std::string_view key, std::string_view value)
{
    for (const auto& supply : supplies) {
        if (key != supply.key || (value != "true" && value != "false")) continue;
        const bool on = value == "true";
        if (on || !state.plugged) state.plugged = on;
        if (on) state.power_source = supply.source;
        return true;
    }
    return false;
}

void take(BatteryState& state, std::string_view key, std::string_view value)
{
    const auto number = whole_number(value);
    if (any_supply(state, key, value) || !number) return;
    if (key == "level" && *number >= 0 && *number <= 1000)
        state.level_percent = *number;
    else if (key == "status")
        state.status = charge_status_of(value);
    else if (key == "voltage" && *number > 0)
        state.volts = static_cast<double>(*number) / (*number > 100'000 ? 1e6 : 1e3);
    else if (key == "temperature" && *number > -500 && *number < 2000)
        state.celsius = static_cast<double>(*number) / 10;
    else if (key == "Charge counter" && *number > 0)
        state.charge_counter_uah = *number;
    else if (key == "current now")
        state.current_now_raw = static_cast<double>(*number);
}

}  // namespace

std::string charge_status_name(ChargeStatus status)
{
    const auto index = static_cast<std::size_t>(status);
    return std::string(index < status_names.size() ? status_names[index] : "unknown");
}

std::optional<ChargeStatus> charge_status_of(std::string_view text)
{
    text = trimmed(text);
    if (const auto number = whole_number(text)) return *number >= 1 && *number <= 5 ? std::optional(static_cast<ChargeStatus>(*number)) : std::nullopt;
    std::string low(text);
    for (auto& c : low)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    for (std::size_t i = 1; i < status_names.size(); ++i)
        if (low == status_names[i]) return static_cast<ChargeStatus>(i);
    return std::nullopt;
}

std::optional<BatteryState> parse_battery_dump(std::string_view text)
{
    BatteryState state;
    std::set<std::string_view> seen;
    bool known = false;
    std::optional<std::int64_t> scale;
    for (const auto line : lines_of(text, 10'000)) {
        if (line.find("Current Battery Service state") != std::string_view::npos) known = true;
        if (line.find("UPDATES STOPPED") != std::string_view::npos) state.faked = true;
        const auto field = split_at(line, ':');
        if (!field || !seen.insert(field->first).second) continue;
        take(state, field->first, field->second);
        if (field->first == "scale") scale = whole_number(field->second);
    }
    if (!known && !state.level_percent && !state.status) return std::nullopt;
    if (state.level_percent && scale && *scale > 0 && *scale != 100) state.level_percent = *state.level_percent * 100 / *scale;
    if (state.level_percent && *state.level_percent > 100) state.level_percent.reset();
    if (state.plugged && !*state.plugged) state.power_source = "battery";
    return state;
}

std::span<const std::string_view> battery_files() noexcept
{
    static constexpr std::array<std::string_view, 10> names{"current_now", "current_avg", "voltage_now", "charge_counter", "charge_full",
                                                            "capacity",    "cycle_count", "temp",        "status",         "input_suspend"};
    return names;
}

std::map<std::string, BatteryFile> parse_battery_files(std::string_view text)
{
    static constexpr std::string_view folder = "/sys/class/power_supply/battery/";
    std::map<std::string, BatteryFile> files;
    for (const auto name : battery_files()) files[std::string(name)].answer = FileAnswer::empty;
    for (const auto line : lines_of(text, 1000)) {
        const auto at = line.find(folder);
        if (at == std::string_view::npos) continue;
        const auto rest = line.substr(at + folder.size());
        const auto colon = rest.find(':');
        const auto file = files.find(std::string(rest.substr(0, colon)));
        if (colon == std::string_view::npos || file == files.end()) continue;
        const auto value = trimmed(rest.substr(colon + 1));
        const bool refused = at > 0;  // "grep: /sys/…: Permission denied"
        if (refused && (value.starts_with("No such") || value.starts_with("Not a directory")))
            file->second = {FileAnswer::missing, ""};
        else if (refused)
            file->second = {FileAnswer::denied, ""};
        else if (const auto kept = short_text(value))
            file->second = {FileAnswer::value, *kept};
    }
    return files;
}

}  // namespace bitwright
