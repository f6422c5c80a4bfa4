// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sustained.h"

#include <algorithm>
#include <cstdio>

namespace bitwright {
namespace {

constexpr double slower_by = 0.05;

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

std::optional<Sustained> sustained_speed(const std::vector<MinuteSpeed>& minutes)
{
    constexpr std::size_t first_minutes = 3;
    if (minutes.size() < first_minutes) return std::nullopt;
    Sustained found;
    for (std::size_t i = 0; i < first_minutes; ++i) found.peak = std::max(found.peak, minutes[i].tokens_per_s);
    if (found.peak <= 0) return std::nullopt;
    std::vector<double> last;
    for (auto i = minutes.size() - minutes.size() / 3; i < minutes.size(); ++i) last.push_back(minutes[i].tokens_per_s);
    found.sustained = middle(last);
    found.loss = 1 - found.sustained / found.peak;
    const MinuteSpeed* onset = nullptr;
    for (const auto& minute : minutes) {
        const bool slow = minute.tokens_per_s < (1 - slower_by) * found.peak;
        if (!slow)
            onset = nullptr;
        else if (!onset)
            onset = &minute;
    }
    const auto peak = text_of(found.peak), end = text_of(found.sustained);
    if (!onset) {
        found.text = "The speed held: " + end + " tokens/s at the end, " + peak + " at best in the first minutes.";
        return found;
    }
    found.onset = onset->minute;
    found.onset_celsius = onset->celsius;
    found.text = "It slowed down from minute " + std::to_string(onset->minute + 1) + " on" + (onset->celsius ? " at " + text_of(*onset->celsius) + " °C" : "") +
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
