// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sustained.h"

#include <algorithm>
#include <cstdio>

namespace bitwright {
namespace {

constexpr std::int64_t minute_ns = 60'000'000'000;
constexpr std::int64_t most_minutes = 24 * 60;
constexpr double least_busy_s = 10, slower_by = 0.05;

std::string text_of(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
}

double middle(std::vector<double> values)
{
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

std::vector<Minute> minute_by_minute(const std::vector<TokenSpan>& work, const std::vector<CelsiusReading>& heat)
{
    std::vector<Minute> minutes;
    std::vector<double> tokens;
    std::optional<std::int64_t> begin;
    for (const auto& one : work)
        if (one.span.t1_ns > one.span.t0_ns && (!begin || one.span.t0_ns < *begin)) begin = one.span.t0_ns;
    if (!begin) return minutes;
    for (const auto& one : work) {
        const double seconds = one.span.seconds();
        for (auto from = one.span.t0_ns; from < one.span.t1_ns;) {
            const auto index = (from - *begin) / minute_ns;
            if (index >= most_minutes) break;
            const auto to = std::min(one.span.t1_ns, *begin + (index + 1) * minute_ns);
            while (static_cast<std::int64_t>(minutes.size()) <= index) {
                minutes.push_back({static_cast<std::int64_t>(minutes.size()), 0, {}, {}});
                tokens.push_back(0);
            }
            const double part = static_cast<double>(to - from) * 1e-9;
            minutes[static_cast<std::size_t>(index)].busy_s += part;
            tokens[static_cast<std::size_t>(index)] += static_cast<double>(one.tokens) * part / seconds;
            from = to;
        }
    }
    for (std::size_t i = 0; i < minutes.size(); ++i)
        if (minutes[i].busy_s >= least_busy_s) minutes[i].tokens_per_s = tokens[i] / minutes[i].busy_s;
    for (const auto& reading : heat) {
        if (reading.t_ns < *begin) continue;
        const auto index = (reading.t_ns - *begin) / minute_ns;
        if (index >= static_cast<std::int64_t>(minutes.size())) continue;
        auto& most = minutes[static_cast<std::size_t>(index)].celsius;
        most = std::max(most.value_or(reading.celsius), reading.celsius);
    }
    return minutes;
}

std::optional<Sustained> sustained_speed(const std::vector<Minute>& minutes)
{
    std::vector<const Minute*> measured;
    for (const auto& minute : minutes)
        if (minute.tokens_per_s) measured.push_back(&minute);
    if (measured.size() < 3) return std::nullopt;
    Sustained found;
    for (std::size_t i = 0; i < 3; ++i) found.peak = std::max(found.peak, *measured[i]->tokens_per_s);
    if (found.peak <= 0) return std::nullopt;
    std::vector<double> last;
    for (auto i = measured.size() - std::max<std::size_t>(1, measured.size() / 3); i < measured.size(); ++i) last.push_back(*measured[i]->tokens_per_s);
    found.sustained = middle(last);
    found.loss = 1 - found.sustained / found.peak;
    const Minute* onset = nullptr;
    for (const auto* minute : measured) {
        const bool slow = *minute->tokens_per_s < (1 - slower_by) * found.peak;
        if (!slow)
            onset = nullptr;
        else if (!onset)
            onset = minute;
    }
    const auto peak = text_of(found.peak), end = text_of(found.sustained);
    if (!onset) {
        found.text = "The speed held: " + end + " tokens/s at the end, " + peak + " at best in the first minutes.";
        return found;
    }
    found.onset = onset->index;
    found.onset_celsius = onset->celsius;
    found.text = "It slowed down from minute " + std::to_string(onset->index + 1) + " on" + (onset->celsius ? " at " + text_of(*onset->celsius) + " °C" : "") +
                 ": from " + peak + " to " + end + " tokens/s (−" + text_of(100 * found.loss) + " %).";
    return found;
}

GateDecision cool_gate(const CoolGate& gate, const PhoneState& state, double waited_s)
{
    std::string hot;
    if (state.thermal && state.thermal->status.value_or(0) > 0) hot = "its thermal status is " + thermal_status_name(*state.thermal->status);
    if (const auto celsius = state.battery ? state.battery->celsius : std::nullopt; celsius && *celsius > gate.reference_celsius + gate.tolerance)
        hot += (hot.empty() ? "" : " and ") + std::string("its battery has ") + text_of(*celsius) + " °C, " + text_of(*celsius - gate.reference_celsius) +
               " °C more than before the first run";
    if (hot.empty()) return {GateAnswer::go, "The phone is as cool as before the first run, as far as it says."};
    if (waited_s >= gate.patience_s) return {GateAnswer::give_up, "After " + text_of(waited_s) + " s the phone is still warm: " + hot + "."};
    return {GateAnswer::wait, "Waiting for the phone to cool: " + hot + "."};
}

std::vector<Precondition> energy_preconditions(const PhoneState& state)
{
    std::vector<Precondition> found;
    if (state.battery) {
        const auto& battery = *state.battery;
        if (battery.level_percent && (*battery.level_percent < 30 || *battery.level_percent > 80))
            found.push_back(
                {"level", "The battery is at " + std::to_string(*battery.level_percent) + " %; between 30 and 80 % its voltage and gauge are steadier."});
        if (battery.faked) found.push_back({"faked", "The battery service was told what to say; run `dumpsys battery reset` first."});
        if (battery.plugged.value_or(false) && !(state.input_suspended.value_or(false) && battery.status == ChargeStatus::discharging))
            found.push_back({"plugged", "The phone is plugged in; its current would be what charging and load leave over."});
    }
    if (state.screen_on && !*state.screen_on) found.push_back({"screen", "The screen is off; some accelerators then run slower."});
    if (state.thermal && state.thermal->status.value_or(0) > 0)
        found.push_back({"thermal", "The phone is warm already: thermal status " + thermal_status_name(*state.thermal->status) + "."});
    return found;
}

std::string abba_order(int pairs)
{
    std::string order;
    for (int pair = 0; pair < pairs; ++pair) order += pair % 2 == 0 ? "AB" : "BA";
    return order;
}

std::optional<PairedMeans> paired_in_order(const std::string& order, const std::vector<double>& results)
{
    if (order.size() != results.size() || order != abba_order(static_cast<int>(order.size() / 2))) return std::nullopt;
    std::vector<double> a, b;
    for (std::size_t i = 0; i < order.size(); ++i) (order[i] == 'A' ? a : b).push_back(results[i]);
    return paired_means(a, b);
}

}  // namespace bitwright
