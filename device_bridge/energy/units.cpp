// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/units.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace bitwright {
namespace {

constexpr double shortest_s = 30, confirm_s = 600, agree = 0.15;
constexpr double coulombs_per_uah = 0.0036;

std::string text_of(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

double middle(std::vector<double> values)
{
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), half, values.end());
    return *half;
}

std::optional<double> smallest_step(std::vector<double> values)
{
    std::ranges::sort(values);
    std::optional<double> step;
    for (std::size_t i = 1; i < values.size(); ++i)
        if (const double d = values[i] - values[i - 1]; d > 0 && (!step || d < *step)) step = d;
    return step;
}

std::vector<double> all_of(const SampleLog& log, std::optional<double> PowerSample::*field)
{
    std::vector<double> values;
    for (const auto& sample : log.samples)
        if (sample.*field) values.push_back(*(sample.*field));
    return values;
}

double span_s(const SampleLog& log) { return log.samples.empty() ? 0 : static_cast<double>(log.samples.back().t_ns - log.samples.front().t_ns) * 1e-9; }

Decision voltage_unit(const SampleLog& log)
{
    const auto values = all_of(log, &PowerSample::voltage_raw);
    if (values.empty()) return {std::nullopt, "undecided", "No voltage was read."};
    const double typical = middle(values);
    if (typical > 1e6 && typical < 2e7) return {1e-6, "magnitude", "The middle value " + text_of(typical) + " is above a million: microvolts."};
    if (typical >= 2000 && typical <= 10000) return {1e-3, "magnitude", "The middle value " + text_of(typical) + " lies between 2,000 and 10,000: millivolts."};
    return {std::nullopt, "undecided", "The middle value " + text_of(typical) + " is no battery's voltage in microvolts or millivolts."};
}

Decision charge_unit(const SampleLog& log)
{
    const auto values = all_of(log, &PowerSample::charge_raw);
    if (values.empty()) return {std::nullopt, "undecided", "No charge counter was read."};
    const double typical = middle(values);
    if (typical <= 0) return {std::nullopt, "undecided", "The charge counter says " + text_of(typical) + "."};
    if (typical < 20'000) return {1e3 * coulombs_per_uah, "magnitude", "The middle value " + text_of(typical) + " is below 20,000: milliampere-hours."};
    return {coulombs_per_uah, "magnitude", "The middle value " + text_of(typical) + " is at least 20,000: microampere-hours."};
}

bool plugged(const PowerSample& sample) { return sample.status && *sample.status != ChargeStatus::discharging && *sample.status != ChargeStatus::unknown; }

/// What moved while the phone ran from its battery: the raw integral of |I| and the counter's fall, over the same samples.
struct Moved {
    double raw_seconds = 0, signed_seconds = 0;  ///< ∫|I| dt, ∫I dt in raw units
    double fall_raw = 0;                         ///< of the counter, raw
    double seconds = 0;
};
Moved moved(const SampleLog& log)
{
    Moved sum;
    for (std::size_t i = 1; i < log.samples.size(); ++i) {
        const auto &a = log.samples[i - 1], &b = log.samples[i];
        if (plugged(a) || plugged(b) || !a.current_raw || !b.current_raw || !a.charge_raw || !b.charge_raw) continue;
        const double dt = static_cast<double>(b.t_ns - a.t_ns) * 1e-9;
        sum.raw_seconds += (std::abs(*a.current_raw) + std::abs(*b.current_raw)) / 2 * dt;
        sum.signed_seconds += (*a.current_raw + *b.current_raw) / 2 * dt;
        sum.fall_raw += *a.charge_raw - *b.charge_raw;
        sum.seconds += dt;
    }
    return sum;
}

Decision current_unit(const SampleLog& log, const Normalisation& known, const Moved& sum, const UnitChoice& choice)
{
    if (choice.current_factor) return {choice.current_factor, "user", "Chosen by hand."};
    double most = 0;
    for (const auto value : all_of(log, &PowerSample::current_raw)) most = std::max(most, std::abs(value));
    if (most == 0) return {std::nullopt, "undecided", "No current other than 0 was read."};
    if (span_s(log) < shortest_s) return {std::nullopt, "undecided", "The record is " + text_of(span_s(log)) + " s long; 30 s are needed."};
    const double factor = most < 20'000 ? 1e-3 : 1e-6;
    Decision found{factor, "magnitude",
                   "The largest |I| " + text_of(most) + (factor == 1e-3 ? " is below 20,000: milliamperes." : " is at least 20,000: microamperes.")};
    if (known.charge.factor && known.charge_step_c && std::abs(sum.fall_raw) * *known.charge.factor >= 5 * *known.charge_step_c) {
        const double ratio = sum.raw_seconds * factor / (std::abs(sum.fall_raw) * *known.charge.factor);
        const double other = factor == 1e-3 ? ratio / 1000 : ratio * 1000;
        const auto near = [](double r) { return r > 0.5 && r < 2; };
        if (near(ratio))
            found.evidence += " The charge counter agrees (ratio " + text_of(ratio) + ").";
        else if (near(other))
            return {std::nullopt, "undecided", found.evidence + " But the charge counter moved as if it were the other unit (ratio " + text_of(ratio) + ")."};
    }
    return found;
}

Decision current_sign(const SampleLog& log, const Normalisation& known, const Moved& sum, const UnitChoice& choice)
{
    if (choice.sign) return {*choice.sign < 0 ? -1.0 : 1.0, "user", "Chosen by hand."};
    std::int64_t positive = 0, negative = 0, said = 0;
    for (const auto& sample : log.samples) {
        if (!sample.current_raw || *sample.current_raw == 0 || plugged(sample)) continue;
        said += sample.status == ChargeStatus::discharging;
        ++(*sample.current_raw > 0 ? positive : negative);
    }
    const auto all = positive + negative;
    const auto seen = std::to_string(positive) + " values are positive and " + std::to_string(negative) + " negative";
    if (all == 0) return {std::nullopt, "undecided", "No current was read while the phone ran from its battery."};
    if (10 * std::max(positive, negative) < 9 * all) return {std::nullopt, "undecided", seen + ": the sign changes without the phone being plugged in."};
    const double sign = positive > negative ? 1 : -1;
    const double step = known.charge.factor && known.charge_step_c ? *known.charge_step_c / *known.charge.factor : 0;
    const bool falls = step > 0 && sum.fall_raw >= 3 * step, rises = step > 0 && sum.fall_raw <= -3 * step;
    const auto counter = "the charge counter " + std::string(sum.fall_raw > 0 ? "fell" : "rose") + " by " + text_of(std::abs(sum.fall_raw));
    if (10 * said >= 9 * all) {
        if (rises) return {std::nullopt, "undecided", "The status says discharging, but " + counter + "."};
        return {sign, "status", "While the status says discharging, " + seen + (falls ? "; " + counter + "." : ".")};
    }
    if (falls) return {sign, "charge counter", "While " + counter + ", " + seen + "."};
    return {std::nullopt, "undecided", seen + ", but neither status nor charge counter says that the battery was discharging."};
}

void confirm(Normalisation& units, const Moved& sum)
{
    if (!units.current.factor || !units.sign.factor) {
        units.confirmation = "Unit or sign of the current is not decided.";
        return;
    }
    if (!units.charge.factor || !units.charge_step_c) {
        units.confirmation = "No charge counter to compare with.";
        return;
    }
    if (sum.seconds < confirm_s) {
        units.confirmation = "Compared over " + text_of(sum.seconds) + " s only; ten minutes are needed.";
        return;
    }
    const double by_current = sum.signed_seconds * *units.current.factor * *units.sign.factor, by_counter = sum.fall_raw * *units.charge.factor;
    if (std::abs(by_counter) < 20 * *units.charge_step_c) {
        units.confirmation = "The charge counter moved by " + text_of(by_counter) + " C, too few of its steps to compare.";
        return;
    }
    units.confirmed = std::abs(by_current - by_counter) < agree * std::abs(by_counter);
    units.confirmation =
        "In " + text_of(sum.seconds) + " s the current adds up to " + text_of(by_current) + " C and the charge counter fell by " + text_of(by_counter) + " C.";
}

bool same_reading(const PowerSample& a, const PowerSample& b) { return a.voltage_raw == b.voltage_raw && a.current_raw == b.current_raw; }

void find_period(Normalisation& units, const SampleLog& log)
{
    std::vector<double> between;
    std::optional<std::int64_t> last;
    for (std::size_t i = 1; i < log.samples.size(); ++i) {
        if (same_reading(log.samples[i - 1], log.samples[i])) continue;
        const auto t = log.samples[i].t_ns;
        if (last) between.push_back(static_cast<double>(t - *last) * 1e-9);
        last = t;
        ++units.updates;
    }
    if (!between.empty()) units.period_s = middle(between);
}

nlohmann::json object_of(const Decision& decision)
{
    nlohmann::json out{{"rule", decision.rule}, {"evidence", decision.evidence}};
    if (decision.factor) out["factor"] = *decision.factor;
    return out;
}

}  // namespace

Normalisation normalise(const SampleLog& log, const UnitChoice& choice)
{
    Normalisation units;
    units.voltage = voltage_unit(log);
    units.charge = charge_unit(log);
    if (const auto step = smallest_step(all_of(log, &PowerSample::charge_raw)); step && units.charge.factor) units.charge_step_c = *step * *units.charge.factor;
    const auto sum = moved(log);
    units.current = current_unit(log, units, sum, choice);
    units.sign = current_sign(log, units, sum, choice);
    if (const auto step = smallest_step(all_of(log, &PowerSample::current_raw)); step && units.current.factor)
        units.current_step_a = *step * *units.current.factor;
    if (const auto step = smallest_step(all_of(log, &PowerSample::voltage_raw)); step && units.voltage.factor)
        units.voltage_step_v = *step * *units.voltage.factor;
    confirm(units, sum);
    find_period(units, log);
    return units;
}

std::vector<PowerPoint> power_points(const SampleLog& log, const Normalisation& units)
{
    std::vector<PowerPoint> points;
    const PowerSample* before = nullptr;
    for (const auto& sample : log.samples) {
        if (!sample.voltage_raw || !sample.current_raw) continue;
        points.push_back({sample.t_ns, *sample.voltage_raw * *units.voltage.factor, *sample.current_raw * *units.current.factor * *units.sign.factor,
                          !before || !same_reading(*before, sample)});
        before = &sample;
    }
    return points;
}

std::vector<ChargePoint> charge_points(const SampleLog& log, const Normalisation& units)
{
    std::vector<ChargePoint> points;
    for (const auto& sample : log.samples)
        if (sample.voltage_raw && sample.charge_raw)
            points.push_back({sample.t_ns, *sample.charge_raw * *units.charge.factor, *sample.voltage_raw * *units.voltage.factor});
    return points;
}

nlohmann::json to_json(const Normalisation& units)
{
    nlohmann::json out{{"voltage", object_of(units.voltage)}, {"current", object_of(units.current)}, {"charge", object_of(units.charge)},
                       {"sign", object_of(units.sign)},       {"confirmation", units.confirmation},  {"updates", units.updates}};
    if (units.confirmed) out["confirmed"] = *units.confirmed;
    if (units.period_s) out["period_s"] = *units.period_s;
    if (units.current_step_a) out["current_step_a"] = *units.current_step_a;
    if (units.voltage_step_v) out["voltage_step_v"] = *units.voltage_step_v;
    if (units.charge_step_c) out["charge_step_c"] = *units.charge_step_c;
    return out;
}

}  // namespace bitwright
