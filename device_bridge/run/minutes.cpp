// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/minutes.h"

#include <algorithm>
#include <array>
#include <map>

namespace bitwright {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;

bool measured(const RunnerPhase& phase) { return phase.run >= 0 && (phase.name == "prefill" || phase.name == "decode"); }

struct Mean {
    double sum = 0;
    std::int64_t count = 0;
    void add(double value) { sum += value, ++count; }
    [[nodiscard]] std::optional<double> value() const { return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt; }
};

/// Phases of one name, as work for minute_by_minute.
std::vector<TokenSpan> work_of(const RunnerLog& log, std::string_view name)
{
    std::vector<TokenSpan> work;
    for (const auto& phase : log.phases)
        if (phase.run >= 0 && phase.name == name && phase.t1_ns > phase.t0_ns) work.push_back({{phase.t0_ns, phase.t1_ns}, phase.tokens});
    return work;
}

std::vector<CelsiusReading> battery_heat(const RunnerLog& log)
{
    std::vector<CelsiusReading> heat;
    for (const auto& power : log.power)
        if (power.temperature_dC) heat.push_back({power.t_ns, static_cast<double>(*power.temperature_dC) / 10});
    return heat;
}

/// Of one minute.
struct Sums {
    Mean hottest, clock;
};

}  // namespace

std::vector<RunMinute> minutes_of(const RunnerLog& log)
{
    // Both from one beginning, so that their minutes are the same.
    const auto first = std::find_if(log.phases.begin(), log.phases.end(), measured);
    if (first == log.phases.end()) return {};
    const std::int64_t begin = first->t0_ns;
    std::map<std::int64_t, RunMinute> minutes;
    for (const auto& [name, speed] : {std::pair{"prefill", &RunMinute::prefill_tokens_per_s}, std::pair{"decode", &RunMinute::decode_tokens_per_s}}) {
        auto work = work_of(log, name);
        if (work.empty()) continue;
        work.insert(work.begin(), {{begin, begin + 1}, 0});
        for (const auto& minute : minute_by_minute(work, battery_heat(log))) {
            auto& one = minutes[minute.index];
            one.minute = minute.index;
            one.*speed = minute.tokens_per_s;
            one.battery_c = minute.celsius;
        }
    }
    std::map<std::int64_t, Sums> sums;
    const auto at = [&](std::int64_t t_ns) -> Sums* {
        const std::int64_t minute = (t_ns - begin) / minute_ns;
        return t_ns < begin || !minutes.contains(minute) ? nullptr : &sums[minute];
    };
    for (const auto& thermal : log.thermal) {
        const auto hottest = std::max_element(thermal.raw.begin(), thermal.raw.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        if (auto* sum = hottest != thermal.raw.end() ? at(thermal.t_ns) : nullptr) sum->hottest.add(static_cast<double>(hottest->second) / 1000);
    }
    for (const auto& sample : log.frequencies) {
        Mean mean;
        for (const auto& kHz : sample.kHz)
            if (kHz) mean.add(static_cast<double>(*kHz));
        if (auto* sum = mean.count > 0 ? at(sample.t_ns) : nullptr) sum->clock.add(*mean.value());
    }
    std::vector<RunMinute> all;
    for (auto& [index, minute] : minutes) {
        if (const auto sum = sums.find(index); sum != sums.end()) minute.hottest_c = sum->second.hottest.value(), minute.mean_khz = sum->second.clock.value();
        all.push_back(minute);
    }
    return all;
}

std::optional<Sustained> sustained_of(const RunnerLog& log)
{
    auto work = work_of(log, "decode");
    if (work.empty()) work = work_of(log, "prefill");
    return sustained_speed(minute_by_minute(work, battery_heat(log)));
}

std::vector<ClockRange> clocks_of(const RunnerLog& log)
{
    std::map<std::int64_t, std::vector<std::int64_t>> seen;
    std::map<std::int64_t, std::int64_t> computing;  // phases by their beginning
    for (const auto& phase : log.phases)
        if (measured(phase)) computing[phase.t0_ns] = phase.t1_ns;
    for (const auto& sample : log.frequencies) {
        const auto next = computing.upper_bound(sample.t_ns);
        if (next == computing.begin() || sample.t_ns > std::prev(next)->second) continue;
        for (std::size_t cpu = 0; cpu < sample.kHz.size(); ++cpu)
            if (sample.kHz[cpu]) seen[static_cast<std::int64_t>(cpu)].push_back(*sample.kHz[cpu]);
    }
    std::vector<ClockRange> ranges;
    for (auto& [cpu, values] : seen) {
        std::sort(values.begin(), values.end());
        ranges.push_back({cpu, values.front(), values[values.size() / 2], values.back()});
    }
    return ranges;
}

}  // namespace bitwright
