// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/timeline.h"

#include "device_bridge/energy/units.h"

#include <algorithm>
#include <limits>

namespace bitwright {
namespace {

class Clock {
public:
    explicit Clock(const RunnerLog& log)
    {
        for (const auto& sample : log.power) zero_ = std::min(zero_, sample.t_ns);
        for (const auto& sample : log.thermal) zero_ = std::min(zero_, sample.t_ns);
        for (const auto& sample : log.frequencies) zero_ = std::min(zero_, sample.t_ns);
    }
    void add(Timeline::Line& line, std::int64_t t_ns, double value) const
    {
        const double second = static_cast<double>(t_ns - zero_) * 1e-9;
        if (!line.seconds.empty() && second < line.seconds.back()) return;
        line.seconds.push_back(second);
        line.values.push_back(value);
    }

private:
    std::int64_t zero_ = std::numeric_limits<std::int64_t>::max();
};

void thin(Timeline::Line& line, std::size_t most)
{
    const auto size = line.seconds.size();
    if (size <= most || most == 0) return;
    const auto group = (size + most - 1) / most;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size; i += group, ++kept) {
        const auto end = std::min(size, i + group);
        double seconds = 0, values = 0;
        for (auto j = i; j < end; ++j) seconds += line.seconds[j], values += line.values[j];
        line.seconds[kept] = seconds / static_cast<double>(end - i);
        line.values[kept] = values / static_cast<double>(end - i);
    }
    line.seconds.resize(kept);
    line.values.resize(kept);
}

bool feeds_the_phone(const PowerSample& sample) { return !sample.status || *sample.status == ChargeStatus::discharging || *sample.status == ChargeStatus::unknown; }

void add_power(Timeline& timeline, const Clock& clock, const RunnerLog& log)
{
    auto samples = samples_of(log);
    if (samples.samples.empty()) return;
    if (std::none_of(samples.samples.begin(), samples.samples.end(), feeds_the_phone)) {
        timeline.no_power = "the phone is plugged in: what flows through its battery is not what it uses";
        return;
    }
    if (auto why = why_no_power(samples)) {
        timeline.no_power = std::move(*why);
        return;
    }
    const auto units = normalise(samples);
    if (!units.has_power()) {
        timeline.no_power = "unit or sign of the battery's current is not certain yet";
        return;
    }
    std::erase_if(samples.samples, [](const PowerSample& sample) { return !feeds_the_phone(sample); });
    for (const auto& point : power_points(samples, units)) clock.add(timeline.watts, point.t_ns, point.watts());
}

}  // namespace

Timeline timeline_of(const RunnerLog& log, std::size_t most_points)
{
    Timeline timeline;
    const Clock clock(log);
    for (const auto& power : log.power)
        if (power.temperature_dC) clock.add(timeline.battery_c, power.t_ns, static_cast<double>(*power.temperature_dC) / 10);
    for (const auto& thermal : log.thermal) {
        const auto hottest = std::max_element(thermal.raw.begin(), thermal.raw.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        if (hottest != thermal.raw.end()) clock.add(timeline.hottest_c, thermal.t_ns, static_cast<double>(hottest->second) / 1000);
    }
    for (const auto& sample : log.frequencies) {
        double sum = 0, fastest = 0;
        int count = 0;
        for (const auto& kHz : sample.kHz)
            if (kHz) sum += static_cast<double>(*kHz) / 1000, fastest = std::max(fastest, static_cast<double>(*kHz) / 1000), ++count;
        if (count == 0) continue;
        clock.add(timeline.fastest_mhz, sample.t_ns, fastest);
        clock.add(timeline.mean_mhz, sample.t_ns, sum / count);
    }
    add_power(timeline, clock, log);
    for (auto* line : {&timeline.battery_c, &timeline.hottest_c, &timeline.fastest_mhz, &timeline.mean_mhz, &timeline.watts}) thin(*line, most_points);
    return timeline;
}

}  // namespace bitwright
