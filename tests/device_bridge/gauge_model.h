// SPDX-License-Identifier: GPL-3.0-or-later
// A battery with a fuel gauge and a sampler, for a known power curve: the gauge updates slowly, holds or averages, rounds; the sampler is jittery and loses
// rows.
#pragma once

#include "device_bridge/energy/energy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace bitwright::test {

/// Power over time, W at seconds.
using PowerCurve = std::function<double(double)>;

struct GaugeModel {
    double period_s = 1;
    double unsteady = 0.01;  ///< of the period
    bool averages = false;   ///< shows the mean of the last period instead of the moment
    double current_step_a = 0.001;
    double voltage_step_v = 0.001;
    double current_unit = 1e-6;  ///< what is written times this is amperes
    int sign = 1;                ///< −1: negative when discharging
    double noise_w = 0.02;       ///< of one reading
    double charge_step_c = 3.6;  ///< 1 mAh; 0: no counter
    double charge_gain = 1;      ///< the counter counts this much of what flows
    bool status = true;
    double sampler_s = 0.25, jitter_s = 0.02, lose = 0, gap_at_s = -1, gap_s = 0;
};

inline double volts_at(double t) { return 3.95 - 1e-5 * t; }

/// What the sampler writes from 0 to `end_s`.
inline SampleLog record(const GaugeModel& model, const PowerCurve& watts, double end_s, std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::normal_distribution<double> normal(0, 1);
    constexpr double fine = 0.01;
    const double start_s = 1000;  // since boot
    SampleLog log;
    double next_update = -model.period_s * uniform(random), next_sample = 0, average = 0, averaged_s = 0, left_c = 9000 + 3600 * uniform(random);
    double shown_a = 0, shown_v = 3.9, shown_c = left_c;
    const auto step = [](double value, double by) { return by > 0 ? std::round(value / by) * by : value; };
    for (double t = -2 * model.period_s; t < end_s; t += fine) {
        const double p = watts(std::max(t, 0.0)), v = volts_at(t);
        left_c -= p / v * fine * model.charge_gain;
        average += p * fine;
        averaged_s += fine;
        if (t >= next_update) {
            const double reading = (model.averages ? average / averaged_s : p) + model.noise_w * normal(random);
            shown_a = step(reading / v, model.current_step_a);
            shown_v = step(v, model.voltage_step_v);
            shown_c = step(left_c, model.charge_step_c);
            average = averaged_s = 0;
            next_update += model.period_s * (1 + model.unsteady * (uniform(random) - 0.5));
        }
        if (t < next_sample || t < 0) continue;
        next_sample += model.sampler_s;
        ++log.rows;
        const bool lost = uniform(random) < model.lose || (t >= model.gap_at_s && t < model.gap_at_s + model.gap_s);
        if (lost) continue;
        PowerSample sample;
        sample.t_ns = static_cast<std::int64_t>((start_s + t + model.jitter_s * uniform(random)) * 1e9);
        if (!log.samples.empty() && sample.t_ns <= log.samples.back().t_ns) continue;
        sample.voltage_raw = std::round(shown_v * 1e6);
        sample.current_raw = std::round(shown_a / model.current_unit) * model.sign;
        if (model.charge_step_c > 0) sample.charge_raw = std::round(shown_c / 0.0036);
        if (model.status) sample.status = ChargeStatus::discharging;
        log.samples.push_back(sample);
    }
    log.rows = static_cast<std::int64_t>(log.samples.size());
    return log;
}

/// Idle, `runs` runs of `run_s` with rests between, idle.
struct Plan {
    double idle_s = 60, run_s = 65, rest_s = 6;
    int runs = 5;
    std::int64_t tokens = 650;

    [[nodiscard]] double begin(int run) const { return idle_s + rest_s + run * (run_s + rest_s); }
    [[nodiscard]] double end() const { return begin(runs) + idle_s; }
    /// Index of the run at t and the time within it; −1: none.
    [[nodiscard]] std::pair<int, double> at(double t) const
    {
        const double since = t - begin(0);
        if (since < 0) return {-1, 0};
        const int run = static_cast<int>(since / (run_s + rest_s));
        const double within = since - run * (run_s + rest_s);
        return run < runs && within < run_s ? std::pair{run, within} : std::pair{-1, 0.0};
    }
    [[nodiscard]] EnergySession session(WindowKind kind = WindowKind::decode) const
    {
        const auto ns = [](double t) { return static_cast<std::int64_t>(std::llround((1000 + t) * 1e9)); };
        EnergySession session;
        session.windows.push_back({WindowKind::idle, {ns(0.5), ns(idle_s)}, 0, 0});
        for (int run = 0; run < runs; ++run) session.windows.push_back({kind, {ns(begin(run)), ns(begin(run) + run_s)}, tokens, run});
        session.windows.push_back({WindowKind::idle, {ns(begin(runs)), ns(end() - 0.5)}, 0, 0});
        session.plugged = false;
        return session;
    }
};

}  // namespace bitwright::test
