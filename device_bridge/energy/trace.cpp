// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/trace.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr double gap_factor = 2.5;

double seconds_between(std::int64_t a, std::int64_t b) { return static_cast<double>(b - a) * 1e-9; }

double middle(std::vector<double> values)
{
    if (values.empty()) return 0;
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), half, values.end());
    return *half;
}

}  // namespace

void EnergyTrace::finish()
{
    energy_.assign(t_.size(), 0);
    std::vector<double> intervals, between_updates;
    std::optional<std::int64_t> last;
    for (std::size_t i = 0; i < t_.size(); ++i) {
        if (i > 0) {
            const double dt = seconds_between(t_[i - 1], t_[i]);
            energy_[i] = energy_[i - 1] + (counts_ ? watts_[i] : (watts_[i - 1] + watts_[i]) / 2) * dt;
            intervals.push_back(dt);
        }
        if (!updated_[i]) continue;
        if (last) between_updates.push_back(seconds_between(*last, t_[i]));
        last = t_[i];
    }
    usual_s_ = middle(std::move(intervals));
    period_s_ = between_updates.empty() ? usual_s_ : middle(std::move(between_updates));
}

EnergyTrace EnergyTrace::gauge(const std::vector<PowerPoint>& points, const Normalisation& units)
{
    EnergyTrace trace;
    double volts = 0, amperes = 0;
    for (const auto& point : points) {
        if (!trace.t_.empty() && point.t_ns <= trace.t_.back()) continue;
        trace.t_.push_back(point.t_ns);
        trace.watts_.push_back(point.watts());
        trace.updated_.push_back(point.updated);
        volts += point.volts;
        amperes += std::abs(point.amperes);
    }
    const double n = std::max<double>(1, static_cast<double>(trace.t_.size()));
    trace.step_watts_ = std::hypot(units.current_step_a.value_or(0) * volts / n, units.voltage_step_v.value_or(0) * amperes / n);
    trace.finish();
    return trace;
}

EnergyTrace EnergyTrace::charge(const std::vector<ChargePoint>& points, double step_coulombs)
{
    std::vector<Reading> readings;
    double volts = 0, joules = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (i > 0) joules += (points[i - 1].coulombs - points[i].coulombs) * (points[i - 1].volts + points[i].volts) / 2;
        volts += points[i].volts;
        readings.push_back({points[i].t_ns, joules});
    }
    return counter(readings, step_coulombs * volts / std::max<double>(1, static_cast<double>(points.size())));
}

EnergyTrace EnergyTrace::counter(const std::vector<Reading>& readings, double step_j)
{
    EnergyTrace trace;
    trace.counts_ = true;
    trace.step_joules_ = step_j;
    const Reading* before = nullptr;
    for (const auto& reading : readings) {
        if (before && reading.t_ns <= before->t_ns) continue;
        const bool updated = !before || reading.joules != before->joules;
        trace.t_.push_back(reading.t_ns);
        trace.watts_.push_back(before ? (reading.joules - before->joules) / seconds_between(before->t_ns, reading.t_ns) : 0);
        trace.updated_.push_back(updated);
        before = &reading;
    }
    trace.finish();
    return trace;
}

EnergyTrace EnergyTrace::meter(const std::vector<Watts>& samples)
{
    EnergyTrace trace;
    for (const auto& sample : samples) {
        if (!trace.t_.empty() && sample.t_ns <= trace.t_.back()) continue;
        trace.t_.push_back(sample.t_ns);
        trace.watts_.push_back(sample.watts);
        trace.updated_.push_back(true);
    }
    trace.finish();
    return trace;
}

std::size_t EnergyTrace::first_at_or_after(std::int64_t t_ns) const { return static_cast<std::size_t>(std::ranges::lower_bound(t_, t_ns) - t_.begin()); }

double EnergyTrace::energy_at(std::int64_t t_ns) const
{
    const auto after = first_at_or_after(t_ns);
    if (t_[after] == t_ns) return energy_[after];
    const auto before = after - 1;
    const double dt = seconds_between(t_[before], t_ns), whole = seconds_between(t_[before], t_[after]);
    if (counts_) return energy_[before] + watts_[after] * dt;
    return energy_[before] + dt * (watts_[before] + (watts_[after] - watts_[before]) * dt / whole / 2);
}

std::optional<double> EnergyTrace::joules(Span span) const
{
    if (empty() || span.t0_ns < t_.front() || span.t1_ns > t_.back() || span.t1_ns < span.t0_ns) return std::nullopt;
    return energy_at(span.t1_ns) - energy_at(span.t0_ns);
}

std::optional<double> EnergyTrace::peak_watts(Span span) const
{
    std::optional<double> most;
    for (auto i = first_at_or_after(span.t0_ns); i < t_.size() && t_[i] <= span.t1_ns; ++i)
        if (!most || watts_[i] > *most) most = watts_[i];
    return most;
}

std::int64_t EnergyTrace::updates(Span span) const
{
    std::int64_t count = 0;
    for (auto i = first_at_or_after(span.t0_ns); i < t_.size() && t_[i] <= span.t1_ns; ++i) count += updated_[i];
    return count;
}

double EnergyTrace::mean_uncertainty(Span span, bool constant) const
{
    if (counts_) return 0;
    std::vector<double> values;
    for (auto i = first_at_or_after(span.t0_ns); i < t_.size() && t_[i] <= span.t1_ns; ++i)
        if (updated_[i]) values.push_back(watts_[i]);
    if (values.size() < 2) return 0;
    const double n = static_cast<double>(values.size());
    double successive = 0, mean = 0, deviations = 0;
    for (std::size_t i = 1; i < values.size(); ++i) successive += (values[i] - values[i - 1]) * (values[i] - values[i - 1]);
    for (const double value : values) mean += value / n;
    for (const double value : values) deviations += (value - mean) * (value - mean);
    const double variance = std::max(successive / (2 * (n - 1)), constant ? deviations / (n - 1) : 0);
    return std::sqrt(variance / n);
}

double EnergyTrace::missing(Span span) const
{
    if (empty() || span.seconds() <= 0) return 1;
    double lost = 0;
    for (auto i = std::max<std::size_t>(1, first_at_or_after(span.t0_ns)); i < t_.size() && t_[i - 1] < span.t1_ns; ++i) {
        const double interval = seconds_between(t_[i - 1], t_[i]);
        if (interval <= gap_factor * usual_s_) continue;
        const double inside = seconds_between(std::max(t_[i - 1], span.t0_ns), std::min(t_[i], span.t1_ns));
        lost += std::max(0.0, inside - usual_s_);
    }
    lost += std::max(0.0, seconds_between(span.t0_ns, std::min(t_.front(), span.t1_ns))) +
            std::max(0.0, seconds_between(std::max(t_.back(), span.t0_ns), span.t1_ns));
    return std::min(1.0, lost / span.seconds());
}

}  // namespace bitwright
