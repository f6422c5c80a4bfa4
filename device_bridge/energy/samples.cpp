// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/samples.h"

#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::size_t most_rows = 10'000'000, longest_line = 4096;
constexpr double latest_second = 4e9, largest_value = 1e12;

enum class Column { none, t_ns, t_s, voltage, current, charge, temperature, level, status };

Column column_of(std::string_view name)
{
    struct Name {
        std::string_view name;
        Column column;
    };
    static constexpr std::array<Name, 14> names{{{"t_ns", Column::t_ns},
                                                 {"t_s", Column::t_s},
                                                 {"voltage_now", Column::voltage},
                                                 {"uV", Column::voltage},
                                                 {"current_now", Column::current},
                                                 {"uA_raw", Column::current},
                                                 {"charge_counter", Column::charge},
                                                 {"uAh", Column::charge},
                                                 {"temp", Column::temperature},
                                                 {"temp_dC", Column::temperature},
                                                 {"capacity", Column::level},
                                                 {"level_percent", Column::level},
                                                 {"status", Column::status},
                                                 {"", Column::none}}};
    for (const auto& one : names)
        if (one.name == name) return one.column;
    return Column::none;
}

struct Row {
    PowerSample sample;
    bool timed = false;
};

void take(Row& row, Column column, std::string_view text)
{
    auto number = real_number(text);
    if (number && std::abs(*number) > largest_value) number.reset();
    switch (column) {
        case Column::t_ns:
            if (const auto t = whole_number(text); t && *t >= 0 && static_cast<double>(*t) < latest_second * 1e9) {
                row.sample.t_ns = *t;
                row.timed = true;
            }
            break;
        case Column::t_s:
            if (const auto t = real_number(text); t && *t >= 0 && *t < latest_second) {
                row.sample.t_ns = static_cast<std::int64_t>(std::llround(*t * 1e9));
                row.timed = true;
            }
            break;
        case Column::voltage:
            row.sample.voltage_raw = number;
            break;
        case Column::current:
            row.sample.current_raw = number;
            break;
        case Column::charge:
            row.sample.charge_raw = number;
            break;
        case Column::temperature:
            row.sample.temperature_dc = number;
            break;
        case Column::level:
            row.sample.level_percent = number;
            break;
        case Column::status:
            row.sample.status = charge_status_of(text);
            break;
        case Column::none:
            break;
    }
}

void add(SampleLog& log, const PowerSample& sample)
{
    if (!sample.voltage_raw && !sample.current_raw && !sample.charge_raw)
        ++log.empty;
    else if (!log.samples.empty() && sample.t_ns <= log.samples.back().t_ns)
        ++log.out_of_order;
    else
        log.samples.push_back(sample);
}

void take_json(SampleLog& log, std::string_view line)
{
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) {
        ++log.rows;
        ++log.broken;
        return;
    }
    if (const auto type = json.find("type"); type != json.end() && *type != "power") return;
    Row row;
    for (const auto& [key, value] : json.items()) {
        const auto column = column_of(key);
        if (column == Column::none) continue;
        if (value.is_string())
            take(row, column, value.get_ref<const std::string&>());
        else if (value.is_number())
            take(row, column, value.dump());
    }
    ++log.rows;
    if (row.timed)
        add(log, row.sample);
    else
        ++log.broken;
}

std::vector<Column> heading_of(std::string_view line)
{
    std::vector<Column> columns;
    while (columns.size() < 64) {
        const auto comma = line.find(',');
        columns.push_back(column_of(trimmed(line.substr(0, comma))));
        if (comma == std::string_view::npos) break;
        line.remove_prefix(comma + 1);
    }
    return columns;
}

void take_csv(SampleLog& log, const std::vector<Column>& columns, std::string_view line)
{
    Row row;
    std::size_t fields = 0;
    for (;; ++fields) {
        const auto comma = line.find(',');
        if (fields < columns.size()) take(row, columns[fields], line.substr(0, comma));
        if (comma == std::string_view::npos) break;
        line.remove_prefix(comma + 1);
    }
    ++log.rows;
    if (row.timed && fields + 1 == columns.size())
        add(log, row.sample);
    else
        ++log.broken;
}

std::string rows_said(const SampleLog& log)
{
    if (log.denied) return "the phone denies reading its battery (Permission denied)";
    if (log.rows == 0) return "no samples were written";
    return std::to_string(log.empty) + " of " + std::to_string(log.rows) + " samples are empty: the phone does not let its battery be read";
}

template <typename Has>
bool nearly_all(const SampleLog& log, Has has)
{
    return !log.samples.empty() && 10 * std::ranges::count_if(log.samples, has) >= 9 * (log.rows - log.broken - log.out_of_order);
}

}  // namespace

SampleLog read_samples(std::string_view text)
{
    SampleLog log;
    std::vector<Column> columns;
    for (const auto line : lines_of(text, most_rows)) {
        const auto plain = trimmed(line);
        if (plain.empty()) continue;
        if (plain.find("Permission denied") != std::string_view::npos)
            log.denied = true;
        else if (plain.size() > longest_line)
            ++log.rows, ++log.broken;
        else if (plain.front() == '{')
            take_json(log, plain);
        else if (const auto heading = heading_of(plain); std::ranges::count(heading, Column::t_ns) + std::ranges::count(heading, Column::t_s) == 1)
            columns = heading;
        else if (!columns.empty())
            take_csv(log, columns, plain);
    }
    return log;
}

SampleLog samples_of(const RunnerLog& runner)
{
    SampleLog log;
    const auto real = [](const std::optional<std::int64_t>& value) {
        return value && std::abs(static_cast<double>(*value)) <= largest_value ? std::optional(static_cast<double>(*value)) : std::nullopt;
    };
    for (const auto& one : runner.power) {
        ++log.rows;
        if (one.t_ns < 0 || static_cast<double>(one.t_ns) >= latest_second * 1e9)
            ++log.broken;
        else
            add(log, {one.t_ns, real(one.voltage_raw), real(one.current_raw), real(one.charge_raw), real(one.temperature_dC), real(one.level_percent),
                      charge_status_of(one.status)});
    }
    return log;
}

std::optional<std::string> why_no_power(const SampleLog& log)
{
    if (log.samples.empty()) return "Unreadable: " + rows_said(log) + ".";
    if (!nearly_all(log, [](const PowerSample& s) { return s.voltage_raw.has_value(); })) return "Unreadable: the phone does not say its battery's voltage.";
    if (!nearly_all(log, [](const PowerSample& s) { return s.current_raw.has_value(); })) return "Unreadable: the phone does not say its battery's current.";
    if (std::ranges::all_of(log.samples, [](const PowerSample& s) { return s.current_raw.value_or(0) == 0; }))
        return "Unreadable: the phone's gauge always says 0 for the current.";
    return std::nullopt;
}

std::optional<std::string> why_no_charge(const SampleLog& log)
{
    if (log.samples.empty()) return "Unreadable: " + rows_said(log) + ".";
    if (!nearly_all(log, [](const PowerSample& s) { return s.charge_raw.value_or(0) > 0; }))
        return "Unreadable: the phone has no charge counter that can be read.";
    if (!nearly_all(log, [](const PowerSample& s) { return s.voltage_raw.has_value(); })) return "Unreadable: the phone does not say its battery's voltage.";
    return std::nullopt;
}

std::string sampler_script(const std::string& file, const std::string& stop, int per_second)
{
    const int rate = std::clamp(per_second, 1, 10);
    const auto pause = std::to_string(1000 / rate);
    const std::string zeros(3 - std::min<std::size_t>(pause.size(), 3), '0');
    const auto seconds = rate == 1 ? std::string("1") : "0." + zeros + pause;
    return "cd /sys/class/power_supply/battery || exit 1\n"
           "echo t_s,voltage_now,current_now,charge_counter,temp,capacity,status >" +
           shell_quoted(file) +
           " || exit 1\n"
           "while [ ! -e " +
           shell_quoted(stop) +
           " ]; do\n"
           "v=; c=; q=; d=; l=; s=\n"
           "read t x </proc/uptime; read v <voltage_now; read c <current_now; read q <charge_counter; read d <temp; read l <capacity; read s <status\n"
           "echo \"$t,$v,$c,$q,$d,$l,$s\" >>" +
           shell_quoted(file) +
           "\n"
           "sleep " +
           seconds +
           "\n"
           "done 2>/dev/null\n";
}

}  // namespace bitwright
