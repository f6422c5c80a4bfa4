// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/perfetto.h"

#include "device_bridge/energy/units.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::size_t most_packets = 20'000'000;
constexpr std::uint64_t latest_ns = 4'000'000'000'000'000'000;
constexpr double largest_value = 1e12, energy_step_j = 1e-6;

/// One field of a message: its number and either a value or bytes.
struct Field {
    std::uint32_t number = 0, type = 0;
    std::uint64_t value = 0;
    std::string_view bytes;
};

/// Fields of a message in order. Wire format: https://protobuf.dev/programming-guides/encoding
class Message {
public:
    explicit Message(std::string_view bytes) : rest_(bytes) {}

    /// False at the end or where the message is broken.
    bool next(Field& field)
    {
        std::uint64_t key = 0;
        if (rest_.empty() || !varint(key)) return false;
        field = {static_cast<std::uint32_t>(key >> 3), static_cast<std::uint32_t>(key & 7), 0, {}};
        std::uint64_t size = 0;
        switch (field.type) {
            case 0:
                return varint(field.value);
            case 1:
                return fixed(field, 8);
            case 2:
                if (!varint(size) || size > rest_.size()) return broken();
                field.bytes = rest_.substr(0, size);
                rest_.remove_prefix(size);
                return true;
            case 5:
                return fixed(field, 4);
            default:
                return broken();  // groups are not used
        }
    }
    [[nodiscard]] bool whole() const noexcept { return !broken_ && rest_.empty(); }

private:
    bool broken() noexcept
    {
        broken_ = true;
        return false;
    }
    bool varint(std::uint64_t& value)
    {
        value = 0;
        for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return true;
        }
        return broken();
    }
    bool fixed(Field& field, std::size_t size)
    {
        if (rest_.size() < size) return broken();
        for (std::size_t i = 0; i < size; ++i) field.value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
        rest_.remove_prefix(size);
        return true;
    }

    std::string_view rest_;
    bool broken_ = false;
};

std::optional<double> value_of(const Field& field)
{
    const auto number = static_cast<double>(static_cast<std::int64_t>(field.value));
    return std::abs(number) <= largest_value ? std::optional(number) : std::nullopt;
}

void take_battery(PerfettoPower& power, std::int64_t t_ns, std::string_view bytes)
{
    PowerSample sample;
    sample.t_ns = t_ns;
    Message message(bytes);
    for (Field field; message.next(field);) {
        if (field.type != 0) continue;
        if (field.number == 1)
            sample.charge_raw = value_of(field);
        else if (field.number == 3)
            sample.current_raw = value_of(field);
        else if (field.number == 7)
            sample.voltage_raw = value_of(field);
    }
    auto& log = power.battery;
    ++log.rows;
    if (!sample.voltage_raw && !sample.current_raw && !sample.charge_raw)
        ++log.empty;
    else
        log.samples.push_back(sample);
}

void take_rails(PerfettoPower& power, std::string_view bytes)
{
    Message message(bytes);
    for (Field field; message.next(field);) {
        if (field.type != 2 || field.number > 2) continue;
        std::uint64_t index = 0, milliseconds = 0, microjoules = 0;
        Rail rail;
        Message inner(field.bytes);
        for (Field part; inner.next(part);) {
            if (part.number == 1 && part.type == 0)
                index = part.value;
            else if (field.number == 1 && part.number == 2 && part.type == 2)
                rail.name = short_text(part.bytes).value_or("");
            else if (field.number == 1 && part.number == 3 && part.type == 2)
                rail.subsystem = short_text(part.bytes).value_or("");
            else if (field.number == 2 && part.number == 2 && part.type == 0)
                milliseconds = part.value;
            else if (field.number == 2 && part.number == 3 && part.type == 0)
                microjoules = part.value;
        }
        if (index >= 512) continue;
        const auto key = static_cast<std::uint32_t>(index);
        if (field.number == 1)
            power.rails[key] = rail;
        else if (milliseconds < latest_ns / 1'000'000)
            power.energy[key].push_back({static_cast<std::int64_t>(milliseconds) * 1'000'000, static_cast<double>(microjoules) * 1e-6});
    }
}

void take_packet(PerfettoPower& power, std::string_view bytes)
{
    constexpr std::uint64_t boottime = 6;
    std::uint64_t t_ns = 0, clock = boottime;
    std::string_view battery;
    bool has_battery = false;
    Message message(bytes);
    for (Field field; message.next(field);) {
        if (field.number == 8 && field.type == 0)
            t_ns = field.value;
        else if (field.number == 58 && field.type == 0)
            clock = field.value;
        else if (field.number == 38 && field.type == 2) {
            battery = field.bytes;
            has_battery = true;
        } else if (field.number == 40 && field.type == 2)
            take_rails(power, field.bytes);
        else if ((field.number == 50 || field.number == 133) && field.type == 2)
            power.compressed = true;
    }
    if (!has_battery) return;
    if (clock != boottime || t_ns >= latest_ns)
        ++power.other_clock;
    else
        take_battery(power, static_cast<std::int64_t>(t_ns), battery);
}

}  // namespace

PerfettoPower read_perfetto(std::string_view bytes)
{
    PerfettoPower power;
    Message trace(bytes);
    std::size_t packets = 0;
    for (Field field; packets < most_packets && trace.next(field);) {
        if (field.number != 1 || field.type != 2) continue;
        take_packet(power, field.bytes);
        ++packets;
    }
    power.whole = trace.whole();
    auto& samples = power.battery.samples;  // packets of several writers come in any order
    std::ranges::stable_sort(samples, {}, &PowerSample::t_ns);
    const auto same = std::unique(samples.begin(), samples.end(), [](const PowerSample& a, const PowerSample& b) { return a.t_ns == b.t_ns; });  // clang 14 has no ranges::unique
    power.battery.out_of_order = samples.end() - same;
    samples.erase(same, samples.end());
    for (auto& [index, readings] : power.energy) std::ranges::stable_sort(readings, {}, &EnergyTrace::Reading::t_ns);
    return power;
}

EnergyTrace rails_trace(const PerfettoPower& power)
{
    struct Change {
        std::int64_t t_ns;
        std::size_t rail;
        double joules;
    };
    std::vector<Change> changes;
    std::size_t rail = 0;
    for (const auto& [index, readings] : power.energy) {
        for (const auto& reading : readings) changes.push_back({reading.t_ns, rail, reading.joules});
        ++rail;
    }
    std::ranges::stable_sort(changes, {}, &Change::t_ns);
    std::vector<std::optional<double>> now(rail);
    std::vector<EnergyTrace::Reading> sums;
    std::size_t known = 0, fresh = 0;
    std::vector<bool> seen(rail);
    for (const auto& change : changes) {
        known += !now[change.rail];
        now[change.rail] = change.joules;
        fresh += !seen[change.rail];
        seen[change.rail] = true;
        if (known < rail || fresh < rail) continue;  // all have been read since the last sum
        double joules = 0;
        for (const auto& one : now) joules += *one;
        if (sums.empty() || (joules >= sums.back().joules && change.t_ns > sums.back().t_ns)) sums.push_back({change.t_ns, joules});
        fresh = 0;
        seen.assign(rail, false);
    }
    return EnergyTrace::counter(sums, energy_step_j);
}

std::string perfetto_config(int seconds, int poll_ms, bool with_voltage)
{
    std::string counters;
    for (const char* name : {"CHARGE", "CAPACITY_PERCENT", "CURRENT", "VOLTAGE"})
        if (with_voltage || std::string_view(name) != "VOLTAGE") counters += std::string(" battery_counters: BATTERY_COUNTER_") + name;
    return "buffers { size_kb: 16384 fill_policy: DISCARD } data_sources { config { name: \"android.power\" android_power_config { battery_poll_ms: " +
           std::to_string(std::max(100, poll_ms)) + counters +
           " collect_power_rails: true } } } duration_ms: " + std::to_string(1000 * std::clamp(seconds, 1, 24 * 3600)) +
           " write_into_file: true file_write_period_ms: 5000";
}

std::string perfetto_command(const std::string& file, int seconds, int poll_ms)
{
    const auto record = [&](bool with_voltage) {
        return shell_command({"echo", perfetto_config(seconds, poll_ms, with_voltage)}) + " | " + shell_command({"perfetto", "--txt", "-c", "-", "-o", file});
    };
    return record(true) + " 2>/dev/null || " + record(false);
}

std::string perfetto_script(const std::string& trace, const std::string& file, const std::string& stop, int poll_ms, bool with_voltage)
{
    constexpr int a_day = 24 * 3600;
    const auto beside = shell_quoted(file + ".voltage.csv");
    const std::string heading = with_voltage ? "" : "echo t_s,voltage_now >" + beside + " || exit 1\n";
    const std::string voltage =
        with_voltage ? ""
                     : "if [ $((n % 10)) = 0 ]; then read t x </proc/uptime\n"
                       "echo \"$t,$(dumpsys battery 2>/dev/null | while IFS=: read k v; do case $k in '  voltage') echo ${v# }; break;; esac; done)\" >>" +
                           beside + "; fi\nn=$((n + 1))\n";
    return heading + shell_command({"echo", perfetto_config(a_day, poll_ms, with_voltage)}) + " | " +
           shell_command({"perfetto", "--txt", "-c", "-", "-o", trace}) + " >/dev/null 2>&1 &\np=$!\nn=0\nwhile [ ! -e " + shell_quoted(stop) +
           " ] && kill -0 $p 2>/dev/null; do\n" + voltage + "sleep 1\ndone\nkill $p 2>/dev/null\nwait $p\n" + "cat " + shell_quoted(trace) + " >" +
           shell_quoted(file) + "\n" + shell_command({"rm", "-f", trace}) + "\n";
}

std::vector<VoltageReading> voltage_readings(const SampleLog& log)
{
    const auto factor = normalise(log).voltage.factor;
    std::vector<VoltageReading> readings;
    for (const auto& sample : log.samples)
        if (factor && sample.voltage_raw) readings.push_back({sample.t_ns, *sample.voltage_raw * *factor});
    return readings;
}

void fill_voltage(SampleLog& log, const std::vector<VoltageReading>& readings)
{
    if (readings.empty()) return;
    for (auto& sample : log.samples) {
        if (sample.voltage_raw) continue;
        const auto after = std::ranges::lower_bound(readings, sample.t_ns, {}, &VoltageReading::t_ns);
        double volts = after == readings.end() ? readings.back().volts : after->volts;
        if (after != readings.begin() && after != readings.end()) {
            const auto& before = *(after - 1);
            volts =
                before.volts + (after->volts - before.volts) * static_cast<double>(sample.t_ns - before.t_ns) / static_cast<double>(after->t_ns - before.t_ns);
        }
        sample.voltage_raw = std::round(volts * 1e6);
    }
}

std::optional<std::string> base64_decoded(std::string_view text)
{
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0, padding = 0;
    for (const char c : text) {
        int value = -1;
        if (c >= 'A' && c <= 'Z')
            value = c - 'A';
        else if (c >= 'a' && c <= 'z')
            value = c - 'a' + 26;
        else if (c >= '0' && c <= '9')
            value = c - '0' + 52;
        else if (c == '+')
            value = 62;
        else if (c == '/')
            value = 63;
        else if (c == '=' && ++padding <= 2)
            continue;
        else if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        else
            return std::nullopt;
        if (padding > 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if (++count % 4 == 0)
            for (int shift = 16; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift & 0xff);
    }
    if (count % 4 == 1 || (padding > 0 && (count + padding) % 4 != 0)) return std::nullopt;
    if (count % 4 == 2) bytes += static_cast<char>(bits >> 4 & 0xff);
    if (count % 4 == 3) {
        bytes += static_cast<char>(bits >> 10 & 0xff);
        bytes += static_cast<char>(bits >> 2 & 0xff);
    }
    return bytes;
}

}  // namespace bitwright
