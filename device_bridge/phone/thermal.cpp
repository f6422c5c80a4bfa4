// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/thermal.h"

#include "device_bridge/phone/lines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace bitwright {
namespace {

constexpr std::size_t most_temperatures = 512;

/// "Temperature{mValue=38.0, mType=3, mName=SKIN, mStatus=1}"
std::optional<Temperature> one_temperature(std::string_view line)
{
    const auto open = line.find("Temperature{");
    const auto close = line.rfind('}');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
    auto rest = line.substr(open + 12, close - open - 12);
    Temperature found;
    bool has_value = false;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (const auto field = split_at(rest.substr(0, comma), '=')) {
            if (field->first == "mValue") {
                const auto value = real_number(field->second);
                has_value = value.has_value();
                found.celsius = value.value_or(0);
            } else if (field->first == "mType") {
                const auto kind = whole_number(field->second).value_or(-1);
                found.kind = kind >= 0 && kind <= 1000 ? static_cast<TemperatureKind>(kind) : TemperatureKind::unknown;
            } else if (field->first == "mName") {
                found.name = short_text(field->second).value_or("");
            } else if (field->first == "mStatus") {
                found.status = whole_number(field->second);
            }
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return has_value ? std::optional(found) : std::nullopt;
}

double zone_celsius(double value)
{
    const double size = std::abs(value);
    return size < 200 ? value : size < 2000 ? value / 10 : value / 1000;
}

TemperatureKind kind_of_zone(std::string_view name)
{
    std::string low(name);
    std::ranges::transform(low, low.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
    const auto has = [&](std::string_view part) { return low.find(part) != std::string::npos; };
    if (has("batt") || has("vbat")) return TemperatureKind::battery;
    if (has("npu") || has("nsp") || has("tpu") || has("nsphvx") || has("apu")) return TemperatureKind::npu;
    if (has("gpu") || has("g3d")) return TemperatureKind::gpu;
    if (has("skin") || has("quiet") || has("shell")) return TemperatureKind::skin;
    if (has("usb")) return TemperatureKind::usb;
    if (has("cpu") || has("big") || has("little") || has("mid")) return TemperatureKind::cpu;
    return TemperatureKind::unknown;
}

}  // namespace

std::string thermal_status_name(std::int64_t status)
{
    static constexpr std::array names{"none", "light", "moderate", "severe", "critical", "emergency", "shutdown"};
    return status >= 0 && status < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(status)] : std::to_string(status);
}

std::optional<ThermalState> parse_thermal_service(std::string_view text)
{
    enum class Section { other, cached, current } section = Section::other;
    ThermalState state;
    std::vector<Temperature> cached;
    bool known = false;
    for (const auto line : lines_of(text)) {
        const auto plain = trimmed(line);
        if (plain.starts_with("IsStatusOverride:")) {
            known = true;
            state.overridden = plain.ends_with("true");
        } else if (plain.starts_with("Thermal Status:")) {
            known = true;
            state.status = whole_number(plain.substr(15));
        } else if (plain.starts_with("Cached temperatures")) {
            section = Section::cached;
        } else if (plain.starts_with("Current temperatures")) {
            section = Section::current;
        } else if (plain.starts_with("Temperature{")) {
            auto& list = section == Section::current ? state.temperatures : cached;
            if (auto found = section == Section::other ? std::nullopt : one_temperature(plain); found && list.size() < most_temperatures)
                list.push_back(*found);
        } else if (!plain.empty()) {
            section = Section::other;
        }
    }
    if (!known && state.temperatures.empty() && cached.empty()) return std::nullopt;
    if (state.temperatures.empty() && !cached.empty()) {
        state.temperatures = std::move(cached);
        state.cached = true;
    }
    return state;
}

std::vector<Temperature> parse_thermal_zones(std::string_view text)
{
    std::map<std::int64_t, std::pair<std::string, std::optional<double>>> zones;
    for (const auto line : lines_of(text)) {
        static constexpr std::string_view mark = "thermal_zone";
        const auto at = line.find(mark);
        if (at == std::string_view::npos) continue;
        const auto rest = line.substr(at + mark.size());
        const auto slash = rest.find('/'), colon = rest.find(':');
        if (slash == std::string_view::npos || colon == std::string_view::npos || colon < slash) continue;
        const auto zone = whole_number(rest.substr(0, slash));
        if (!zone || (zones.size() >= most_temperatures && !zones.contains(*zone))) continue;
        const auto file = rest.substr(slash + 1, colon - slash - 1), value = rest.substr(colon + 1);
        if (file == "type")
            zones[*zone].first = short_text(value).value_or("");
        else if (file == "temp")
            zones[*zone].second = real_number(value);
    }
    std::vector<Temperature> found;
    for (const auto& [number, zone] : zones) {
        if (!zone.second || *zone.second == 0) continue;
        const double celsius = zone_celsius(*zone.second);
        if (celsius <= -40 || celsius > 200) continue;
        found.push_back({zone.first.empty() ? "thermal_zone" + std::to_string(number) : zone.first, kind_of_zone(zone.first), celsius, std::nullopt});
    }
    return found;
}

std::optional<double> hottest(const std::vector<Temperature>& temperatures, TemperatureKind kind)
{
    std::optional<double> most;
    for (const auto& one : temperatures)
        if (one.kind == kind && (!most || one.celsius > *most)) most = one.celsius;
    return most;
}

}  // namespace bitwright
