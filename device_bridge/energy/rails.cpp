// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/rails.h"

#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace bitwright {
namespace {

constexpr std::string_view marker = "==bitwright:rails ";
constexpr std::size_t most_rails = 512, most_readings = 1'000'000;
constexpr double printed_step_j = 1e-5;  // "%.2f mWs"
constexpr double most_joules = 1e12, latest_second = 4e9;

std::optional<Rail> rail_of(std::string_view line)
{
    const auto unit = line.find(" mWs");
    if (unit == std::string_view::npos) return std::nullopt;
    const auto before = trimmed(line.substr(0, unit));
    const auto space = before.find_last_of(" \t");
    if (space == std::string_view::npos) return std::nullopt;
    const auto millijoules = real_number(before.substr(space));
    auto name = trimmed(before.substr(0, space));
    if (name.ends_with(':')) name = trimmed(name.substr(0, name.size() - 1));
    if (!millijoules || *millijoules < 0 || *millijoules > most_joules) return std::nullopt;
    Rail rail;
    rail.joules = *millijoules / 1e3;
    if (const auto close = name.find("]:"); name.starts_with('[') && close != std::string_view::npos) {
        rail.name = short_text(name.substr(1, close - 1)).value_or("");
        rail.subsystem = short_text(name.substr(close + 2)).value_or("");
    } else {
        rail.name = short_text(name).value_or("");
    }
    return rail.name.empty() ? std::nullopt : std::optional(rail);
}

}  // namespace

std::vector<Rail> parse_energy_meter(std::string_view text)
{
    std::vector<Rail> rails;
    std::set<std::string> seen;
    bool inside = false;
    for (const auto line : lines_of(text, 100'000)) {
        if (line.find("====") != std::string_view::npos)
            inside = (line.find("energy meter") != std::string_view::npos || line.find("rail energy") != std::string_view::npos) &&
                     line.find("End of") == std::string_view::npos;
        else if (inside && rails.size() < most_rails)
            if (auto rail = rail_of(line); rail && seen.insert(rail->name).second) rails.push_back(*std::move(rail));
    }
    return rails;
}

std::vector<RailsReading> read_rails(std::string_view text)
{
    std::vector<RailsReading> readings;
    std::size_t at = text.starts_with(marker) ? 0 : text.find("\n" + std::string(marker));
    while (at != std::string_view::npos && readings.size() < most_readings) {
        if (text[at] == '\n') ++at;
        const auto line_end = std::min(text.find('\n', at), text.size());
        auto time = trimmed(text.substr(at + marker.size(), line_end - at - marker.size()));
        if (time.ends_with("==")) time.remove_suffix(2);
        const auto next = text.find("\n" + std::string(marker), line_end == at ? at + 1 : line_end);
        const auto seconds = real_number(time);
        auto rails = parse_energy_meter(text.substr(line_end, std::min(next, text.size()) - line_end));
        const bool whole = next != std::string_view::npos || text.ends_with('\n');  // the last one may be cut short
        if (seconds && *seconds >= 0 && *seconds < latest_second && !rails.empty() && whole) {
            const auto t_ns = static_cast<std::int64_t>(std::llround(*seconds * 1e9));
            if (readings.empty() || t_ns > readings.back().t_ns) readings.push_back({t_ns, std::move(rails)});
        }
        at = next;
    }
    return readings;
}

std::string rails_script(const std::string& file, const std::string& stop, int pause_s)
{
    const auto quoted = shell_quoted(file);
    return "while :; do\n"
           "read t x </proc/uptime\n"
           "{ echo; echo \"" +
           std::string(marker) + "$t==\"; dumpsys android.hardware.power.stats.IPowerStats/default; } >>" + quoted +
           " 2>/dev/null || exit 1\n"
           "[ -e " +
           shell_quoted(stop) +
           " ] && break\n"
           "sleep " +
           std::to_string(std::max(1, pause_s)) +
           "\n"
           "done\n";
}

EnergyTrace rails_trace(const std::vector<RailsReading>& readings, const std::vector<std::string>& names)
{
    std::vector<std::string> wanted = names;
    if (wanted.empty() && !readings.empty())
        for (const auto& rail : readings.front().rails) wanted.push_back(rail.name);
    std::vector<EnergyTrace::Reading> sums;
    for (const auto& reading : readings) {
        double joules = 0;
        std::size_t found = 0;
        for (const auto& rail : reading.rails) {
            if (std::ranges::find(wanted, rail.name) == wanted.end()) continue;
            joules += rail.joules;
            ++found;
        }
        if (found == wanted.size() && (sums.empty() || joules >= sums.back().joules)) sums.push_back({reading.t_ns, joules});
    }
    return EnergyTrace::counter(sums, printed_step_j * std::sqrt(static_cast<double>(wanted.size())));
}

}  // namespace bitwright
