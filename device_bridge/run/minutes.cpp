// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/minutes.h"

#include <algorithm>
#include <array>
#include <map>

namespace bitwright {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;
constexpr std::size_t most_minutes = 24 * 60;

bool measured(const RunnerPhase& phase) { return phase.run >= 0 && (phase.name == "prefill" || phase.name == "decode"); }

struct Mean {
    double sum = 0;
    std::int64_t count = 0;
    void add(double value) { sum += value, ++count; }
    [[nodiscard]] std::optional<double> value() const { return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt; }
};

/// Of one minute.
struct Sums {
    double prefill_tokens = 0, prefill_s = 0, decode_tokens = 0, decode_s = 0;
    Mean battery, hottest, clock;
};

}  // namespace

std::vector<Minute> minutes_of(const RunnerLog& log)
{
    const auto first = std::find_if(log.phases.begin(), log.phases.end(), measured);
    if (first == log.phases.end()) return {};
    const std::int64_t begin = first->t0_ns;
    std::map<std::int64_t, Sums> sums;
    const auto at = [&](std::int64_t t_ns) -> Sums* {
        const std::int64_t minute = (t_ns - begin) / minute_ns;
        return t_ns < begin || minute >= static_cast<std::int64_t>(most_minutes) ? nullptr : &sums[minute];
    };
    std::int64_t end = begin;
    for (const auto& phase : log.phases) {
        auto* sum = measured(phase) ? at(phase.t1_ns) : nullptr;
        if (!sum) continue;
        end = std::max(end, phase.t1_ns);
        (phase.name == "prefill" ? sum->prefill_tokens : sum->decode_tokens) += static_cast<double>(phase.tokens);
        (phase.name == "prefill" ? sum->prefill_s : sum->decode_s) += phase.seconds();
    }
    for (const auto& power : log.power)
        if (auto* sum = power.t_ns <= end && power.temperature_dC ? at(power.t_ns) : nullptr) sum->battery.add(static_cast<double>(*power.temperature_dC) / 10);
    for (const auto& thermal : log.thermal) {
        const auto hottest = std::max_element(thermal.raw.begin(), thermal.raw.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        if (auto* sum = thermal.t_ns <= end && hottest != thermal.raw.end() ? at(thermal.t_ns) : nullptr) sum->hottest.add(static_cast<double>(hottest->second) / 1000);
    }
    for (const auto& sample : log.frequencies) {
        Mean mean;
        for (const auto& kHz : sample.kHz)
            if (kHz) mean.add(static_cast<double>(*kHz));
        if (auto* sum = sample.t_ns <= end && mean.count > 0 ? at(sample.t_ns) : nullptr) sum->clock.add(*mean.value());
    }
    std::vector<Minute> minutes;
    for (const auto& [minute, sum] : sums) {
        const auto speed = [](double tokens, double seconds) { return tokens > 0 && seconds > 0 ? std::optional(tokens / seconds) : std::nullopt; };
        minutes.push_back({minute, speed(sum.prefill_tokens, sum.prefill_s), speed(sum.decode_tokens, sum.decode_s), sum.battery.value(), sum.hottest.value(), sum.clock.value()});
    }
    return minutes;
}

std::optional<Sustained> sustained_of(const std::vector<Minute>& minutes)
{
    const bool decodes = std::any_of(minutes.begin(), minutes.end(), [](const Minute& m) { return m.decode_tokens_per_s.has_value(); });
    std::vector<MinuteSpeed> speeds;
    for (const auto& minute : minutes)
        if (const auto speed = decodes ? minute.decode_tokens_per_s : minute.prefill_tokens_per_s)
            speeds.push_back({minute.minute, *speed, minute.battery_c ? minute.battery_c : minute.hottest_c});
    return sustained_speed(speeds);
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
