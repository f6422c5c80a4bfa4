// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/meter_csv.h"

#include "core/runtime/error.h"
#include "device_bridge/phone/lines.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bitwright {
namespace {

constexpr std::size_t most_columns = 64, most_rows = 100'000'000;
constexpr double bin_s = 0.02, fine_s = 0.001, margin_s = 1, least_correlation = 0.7, second_best = 0.95, apart_s = 0.5, group_pause_s = 10;
constexpr double longest_record_s = 24 * 3600, longest_marker_s = 60;

enum class Quantity { none, time, current, voltage, power };
struct Column {
    Quantity quantity = Quantity::none;
    double factor = 1;
};

std::string lower(std::string_view text)
{
    std::string low(text);
    for (auto& c : low)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return low;
}

/// The unit at the end of a column's name: "(mA)", "[V]", " uA", "_ms"; "" when there is none.
std::string unit_of(std::string_view name)
{
    const auto open = name.find_last_of("([");
    if (open != std::string_view::npos) {
        const auto close = name.find_first_of(")]", open);
        return std::string(trimmed(name.substr(open + 1, std::min(close, name.size()) - open - 1)));
    }
    const auto cut = name.find_last_of(" _/");
    return cut == std::string_view::npos ? "" : std::string(name.substr(cut + 1));
}

std::optional<double> prefix_factor(std::string_view unit, std::string_view base)
{
    if (unit.size() < base.size() || lower(unit.substr(unit.size() - base.size())) != base) return std::nullopt;
    const auto prefix = unit.substr(0, unit.size() - base.size());
    if (prefix.empty()) return 1.0;
    if (prefix == "m") return 1e-3;
    if (prefix == "u" || prefix == "\xc2\xb5" || prefix == "\xce\xbc") return 1e-6;
    if (prefix == "n") return 1e-9;
    return std::nullopt;
}

Column column_of(std::string_view name)
{
    const auto low = lower(name);
    const auto unit = unit_of(name);
    const auto has = [&](std::string_view part) { return low.find(part) != std::string::npos; };
    const auto with_unit = [&](Quantity quantity, std::string_view base) { return Column{quantity, prefix_factor(unit, base).value_or(1)}; };
    if (has("time") || low == "t" || low.starts_with("t_") || low.starts_with("t (") || low.starts_with("t[") || low.starts_with("t("))
        return with_unit(Quantity::time, "s");
    if (has("power") || has("watt")) return with_unit(Quantity::power, "w");
    if (has("current") || has("ibus") || has("amp")) {
        auto column = with_unit(Quantity::current, "a");
        if (has("main") && !prefix_factor(unit, "a")) column.factor = 1e-3;
        return column;
    }
    if (has("voltage") || has("vbus") || has("volt")) return with_unit(Quantity::voltage, "v");
    return {};
}

/// "12.5", and "0:01:02.5" for a time.
std::optional<double> number_of(std::string_view text, char separator, bool time)
{
    text = trimmed(text);
    if (text.size() > 64) return std::nullopt;
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    std::string plain(text);
    if (separator == ';') std::ranges::replace(plain, ',', '.');
    if (!time || plain.find(':') == std::string::npos) return real_number(plain);
    double seconds = 0;
    std::string_view rest = plain;
    for (int parts = 0; parts < 3; ++parts) {
        const auto colon = rest.find(':');
        const auto part = real_number(rest.substr(0, colon));
        if (!part || *part < 0) return std::nullopt;
        seconds = seconds * 60 + *part;
        if (colon == std::string_view::npos) return seconds;
        rest.remove_prefix(colon + 1);
    }
    return std::nullopt;
}

std::vector<std::string_view> fields_of(std::string_view line, char separator)
{
    std::vector<std::string_view> fields;
    while (fields.size() < most_columns) {
        const auto end = line.find(separator);
        fields.push_back(line.substr(0, end));
        if (end == std::string_view::npos) break;
        line.remove_prefix(end + 1);
    }
    return fields;
}

struct Heading {
    char separator = ',';
    std::vector<Column> columns;
    std::string text;
    [[nodiscard]] std::optional<std::size_t> find(Quantity quantity) const
    {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].quantity == quantity) return i;
        return std::nullopt;
    }
    [[nodiscard]] bool usable() const { return find(Quantity::time) && (find(Quantity::power) || (find(Quantity::current) && find(Quantity::voltage))); }
};

Heading heading_of(std::string_view line)
{
    while (!line.empty() && (line.front() == '#' || line.front() == ' ')) line.remove_prefix(1);
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    Heading heading;
    heading.separator = line.find(';') != std::string_view::npos ? ';' : line.find('\t') != std::string_view::npos ? '\t' : ',';
    for (auto name : fields_of(line, heading.separator)) {
        name = trimmed(name);
        if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
        heading.columns.push_back(column_of(name));
    }
    heading.text = short_text(line).value_or("");
    return heading;
}

/// Power in equal bins from the record's first second on; bins without a sample keep the one before.
std::vector<double> binned(const MeterRecord& record, double from, double to, double width)
{
    std::vector<double> bins(static_cast<std::size_t>(std::max(0.0, (to - from) / width)) + 1, 0), count(bins.size(), 0);
    for (auto i = static_cast<std::size_t>(std::ranges::lower_bound(record.seconds, from) - record.seconds.begin());
         i < record.seconds.size() && record.seconds[i] < to; ++i) {
        const auto bin = std::min(bins.size() - 1, static_cast<std::size_t>((record.seconds[i] - from) / width));
        bins[bin] += record.watts[i];
        ++count[bin];
    }
    for (std::size_t i = 0; i < bins.size(); ++i) bins[i] = count[i] > 0 ? bins[i] / count[i] : i > 0 ? bins[i - 1] : 0;
    return bins;
}

/// 1 while the marker loads, 0 between, from a margin before to a margin after; times relative to the first span.
struct Template {
    std::vector<double> values;
    double from_s = 0;
};
Template template_of(const std::vector<Span>& group, double width)
{
    const auto origin = group.front().t0_ns;
    const double end = static_cast<double>(group.back().t1_ns - origin) * 1e-9 + margin_s;
    Template shape{{}, -margin_s};
    for (double t = -margin_s + width / 2; t < end; t += width) {
        double value = 0;
        for (const auto& span : group)
            if (t >= static_cast<double>(span.t0_ns - origin) * 1e-9 && t < static_cast<double>(span.t1_ns - origin) * 1e-9) value = 1;
        shape.values.push_back(value);
    }
    return shape;
}

/// Pearson's correlation of the template with the bins from `at` on; 0 where the record does not move.
double correlation_at(const std::vector<double>& bins, std::size_t at, const std::vector<double>& shape)
{
    double sum = 0, squares = 0, cross = 0, shape_sum = 0, shape_squares = 0;
    const double n = static_cast<double>(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const double x = bins[at + i], y = shape[i];
        sum += x;
        squares += x * x;
        cross += x * y;
        shape_sum += y;
        shape_squares += y * y;
    }
    const double vx = squares - sum * sum / n, vy = shape_squares - shape_sum * shape_sum / n;
    return vx > 1e-12 * squares && vy > 0 ? (cross - sum * shape_sum / n) / std::sqrt(vx * vy) : 0;
}

struct Match {
    double seconds = 0;  ///< of the record, where the marker begins
    double correlation = -1, rival = -1;
};
Match best_match(const MeterRecord& record, const std::vector<Span>& group, double from, double to)
{
    const auto shape = template_of(group, bin_s);
    const auto bins = binned(record, from, to, bin_s);
    if (bins.size() < shape.values.size()) return {};
    std::vector<double> found(bins.size() - shape.values.size() + 1);
    for (std::size_t at = 0; at < found.size(); ++at) found[at] = correlation_at(bins, at, shape.values);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(found) - found.begin());
    Match match;
    match.correlation = found[best];
    const auto apart = static_cast<std::size_t>(apart_s / bin_s);
    for (std::size_t at = 0; at < found.size(); ++at)
        if (at + apart < best || at > best + apart) match.rival = std::max(match.rival, found[at]);
    const double coarse = from + static_cast<double>(best) * bin_s;
    const auto fine_shape = template_of(group, fine_s);
    const double begin = std::max(record.seconds.front(), coarse - 2 * bin_s);
    const auto fine = binned(record, begin, coarse + 2 * bin_s + static_cast<double>(fine_shape.values.size()) * fine_s, fine_s);
    double sharpest = -1;
    match.seconds = coarse - shape.from_s;
    for (std::size_t at = 0; at + fine_shape.values.size() <= fine.size(); ++at)
        if (const double one = correlation_at(fine, at, fine_shape.values); one > sharpest) {
            sharpest = one;
            match.seconds = begin + static_cast<double>(at) * fine_s - fine_shape.from_s;
        }
    return match;
}

std::string three(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
}

}  // namespace

MeterRecord read_meter_csv(std::string_view text, std::string_view where)
{
    MeterRecord record;
    std::optional<Heading> heading;
    std::size_t line_number = 0;
    double sum = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line_number;
        if (line.empty()) continue;
        if (!heading) {
            if (auto found = heading_of(line); found.usable())
                heading = std::move(found);
            else if (line_number > 200)
                break;
            continue;
        }
        if (line.front() == '#') continue;
        const auto fields = fields_of(line, heading->separator);
        const auto at = "line " + std::to_string(line_number);
        const auto value = [&](Quantity quantity) {
            const auto column = *heading->find(quantity);
            const auto number = column < fields.size() ? number_of(fields[column], heading->separator, quantity == Quantity::time) : std::nullopt;
            if (!number || std::abs(*number) > 1e15)
                throw bad_input(where, at, "column " + std::to_string(column + 1) + " holds no number; remove the line or correct it");
            return *number * heading->columns[column].factor;
        };
        const double seconds = value(Quantity::time);
        const double watts = heading->find(Quantity::power) ? value(Quantity::power) : value(Quantity::current) * value(Quantity::voltage);
        if (!record.seconds.empty() && seconds < record.seconds.back())
            throw bad_input(where, at, "its time lies before the line above; sort the record by time");
        if (!record.seconds.empty() && seconds == record.seconds.back()) continue;
        if (record.seconds.size() >= most_rows) throw bad_input(where, at, "the record is too long; cut it");
        record.seconds.push_back(seconds);
        record.watts.push_back(watts);
        sum += watts;
    }
    if (!heading)
        throw bad_input(where, "heading",
                        "no line names a time and power, or current and voltage; name the columns, for example \"Time (s),Current (A),Voltage (V)\"");
    if (record.seconds.size() < 2) throw bad_input(where, "", "holds fewer than two samples");
    if (record.seconds.back() - record.seconds.front() > longest_record_s)
        throw bad_input(where, "time", "spans more than a day; is its unit named in the heading?");
    if (sum < 0) throw bad_input(where, "", "its mean power is negative; the meter was connected the other way round, change the sign");
    record.columns = heading->text;
    return record;
}

std::int64_t MeterAlignment::phone_ns(double seconds) const { return static_cast<std::int64_t>(std::llround((seconds * (1 + drift) + offset_s) * 1e9)); }

MeterAlignment align_meter(const MeterRecord& record, const std::vector<Span>& marker, std::string_view where)
{
    std::vector<std::vector<Span>> groups;
    for (const auto& span : marker) {
        const bool sane = span.t0_ns >= 0 && span.t1_ns > span.t0_ns && span.seconds() < 60;
        if (!sane || (!groups.empty() && span.t0_ns < groups.back().back().t1_ns)) throw bad_input(where, "marker", "its spans are out of order or too long");
        if (groups.empty() || static_cast<double>(span.t0_ns - groups.back().back().t1_ns) * 1e-9 >= group_pause_s) groups.emplace_back();
        groups.back().push_back(span);
    }
    for (const auto& group : groups)
        if (static_cast<double>(group.back().t1_ns - group.front().t0_ns) * 1e-9 > longest_marker_s)
            throw bad_input(where, "marker", "its spans are out of order or too long");
    if (groups.empty() || groups.front().size() < 2) throw bad_input(where, "marker", "the run has no marker to find in the record; measure with a marker");
    const double first = record.seconds.front(), last = record.seconds.back();
    const bool two = groups.size() > 1 && groups.back().size() >= 2;
    const double apart = two ? static_cast<double>(groups.back().front().t0_ns - groups.front().front().t0_ns) * 1e-9 : 0;
    const double slack = 1 + 5e-4 * apart;  // clocks differ by less than 500 ppm
    // The one at the end looks the same, so the first is looked for where the other still fits behind it.
    auto start = best_match(record, groups.front(), first, two ? last - apart + slack : last);
    const bool ends = two && start.correlation >= least_correlation;
    if (two && !ends) start = best_match(record, groups.front(), first, last);
    if (start.correlation < least_correlation)
        throw bad_input(where, "marker",
                        "the record holds nothing like the marker's square wave (correlation " + three(std::max(0.0, start.correlation)) +
                            "); did it begin before the run?");
    if (start.rival > second_best * start.correlation)
        throw bad_input(
            where, "marker",
            "the marker fits at two places nearly as well (" + three(start.correlation) + " and " + three(start.rival) + "); cut the record to one run");
    MeterAlignment alignment;
    alignment.correlation = start.correlation;
    const double begin_s = static_cast<double>(groups.front().front().t0_ns) * 1e-9;
    alignment.offset_s = begin_s - start.seconds;
    alignment.text = "The marker was found " + three(start.seconds - first) + " s into the record (correlation " + three(start.correlation) + ").";
    const double expected = start.seconds + apart;
    const double length = static_cast<double>(groups.back().back().t1_ns - groups.back().front().t0_ns) * 1e-9;
    const auto stop =
        ends ? best_match(record, groups.back(), std::max(first, expected - slack - margin_s), std::min(last, expected + slack + length + margin_s + bin_s))
             : Match{};
    if (stop.correlation >= least_correlation) {
        alignment.drift = apart / (stop.seconds - start.seconds) - 1;
        alignment.offset_s = begin_s - start.seconds * (1 + alignment.drift);
        alignment.text += " The one at the end tells that the clocks differ by " + three(1e6 * alignment.drift) + " ppm.";
    } else if (two) {
        alignment.text += " The one at the end was not found, so both clocks are taken to run alike.";
    }
    return alignment;
}

EnergyTrace meter_trace(const MeterRecord& record, const MeterAlignment& alignment)
{
    std::vector<EnergyTrace::Watts> samples;
    samples.reserve(record.seconds.size());
    for (std::size_t i = 0; i < record.seconds.size(); ++i) samples.push_back({alignment.phone_ns(record.seconds[i]), record.watts[i]});
    return EnergyTrace::meter(samples);
}

}  // namespace bitwright
