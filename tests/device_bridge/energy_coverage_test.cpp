// SPDX-License-Identifier: GPL-3.0-or-later
// A known power curve must come back within the uncertainty that is stated, as often as is stated.
#include "device_bridge/energy/energy.h"
#include "tests/device_bridge/gauge_model.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace bitwright {
namespace {

enum class Shape { constant, ramp, burst };

struct Case {
    const char* name;
    Shape shape;
    test::GaugeModel gauge;
    double run_s = 65;
    int runs = 5;
    bool in_step = false;  ///< every run begins at the same moment of the gauge's period, and runs are alike
};

constexpr double idle_w = 1.1, load_w = 4;  // load on top of idle
constexpr double spread = 0.01;             // runs differ by 1 %
constexpr double token_s = 0.36931;
constexpr int seeds = 300;

/// Power of one run above idle, `s` seconds in. Its mean over a run of `length` is load_w.
double above_idle(Shape shape, double s, double length)
{
    switch (shape) {
        case Shape::constant:
            return load_w;
        case Shape::ramp:
            return load_w * (1.25 - 0.5 * s / length);  // slows down with heat
        default:
            return std::fmod(s, token_s) < token_s / 2 ? 1.6 * load_w : 0.4 * load_w;  // a burst per token
    }
}

double joules_above_idle(Shape shape, double length)
{
    constexpr double fine = 1e-3;
    double sum = 0;
    for (double s = fine / 2; s < length; s += fine) sum += above_idle(shape, s, length) * fine;
    return sum;
}

struct Outcome {
    double covered = 0, half_width = 0, error = 0, bias = 0, gross_covered = 0;
};

Outcome try_out(const Case& one)
{
    Outcome sum;
    for (int seed = 1; seed <= seeds; ++seed) {
        std::mt19937_64 random(static_cast<std::uint64_t>(seed) * 7919);
        std::normal_distribution<double> normal(0, 1);
        std::uniform_real_distribution<double> uniform(0, 1);
        test::Plan plan;
        plan.runs = one.runs;
        plan.run_s = one.run_s * (one.in_step ? 1 : 1 + 0.05 * uniform(random));
        plan.rest_s = one.in_step ? 6.5 : std::max(6.0, 3.5 * one.gauge.period_s) * (1 + 0.2 * uniform(random));
        if (one.gauge.period_s > 2) plan.idle_s = 40 * one.gauge.period_s;
        std::vector<double> factor(static_cast<std::size_t>(one.runs));
        for (auto& f : factor) f = 1 + (one.in_step ? 0 : spread) * normal(random);
        const double drift = 0.1 * (uniform(random) - 0.5);
        const auto idle = [&](double t) { return idle_w + drift * t / plan.end(); };
        const auto curve = [&](double t) {
            const auto [run, within] = plan.at(t);
            return idle(t) + (run < 0 ? 0 : factor[static_cast<std::size_t>(run)] * above_idle(one.shape, within, plan.run_s));
        };
        const auto report = energy_of_gauge(test::record(one.gauge, curve, plan.end() + 5, static_cast<std::uint64_t>(seed)), plan.session());
        const auto* net = report.find("decode_energy_net_j");
        const auto* gross = report.find("decode_energy_gross_j");
        if (!net || !gross || !net->estimate.low) {
            ADD_FAILURE() << one.name << " seed " << seed << ": " << to_json(report).dump(1);
            return sum;
        }
        const double truth = joules_above_idle(one.shape, plan.run_s);
        const double middle = (plan.begin(0) + plan.begin(one.runs - 1) + plan.run_s) / 2;
        const double gross_truth = truth + plan.run_s * idle(middle);
        sum.covered += *net->estimate.low <= truth && truth <= *net->estimate.high;
        sum.gross_covered += *gross->estimate.low <= gross_truth && gross_truth <= *gross->estimate.high;
        sum.half_width += (*net->estimate.high - *net->estimate.low) / 2 / truth / seeds;
        sum.error += std::pow(net->estimate.value / truth - 1, 2) / seeds;
        sum.bias += (net->estimate.value / truth - 1) / seeds;
    }
    sum.covered /= seeds;
    sum.gross_covered /= seeds;
    sum.error = std::sqrt(sum.error);
    std::printf("%-34s covered %.3f (gross %.3f)  half width %.2f %%  rms error %.2f %%  bias %+.2f %%\n", one.name, sum.covered, sum.gross_covered,
                100 * sum.half_width, 100 * sum.error, 100 * sum.bias);
    return sum;
}

void expect_honest(const Case& one, double widest = 6)
{
    const auto outcome = try_out(one);
    EXPECT_GE(outcome.covered, 0.92) << one.name;  // 95 % less three standard deviations of 300 draws
    EXPECT_GE(outcome.gross_covered, 0.92) << one.name;
    EXPECT_LT(outcome.half_width, widest * outcome.error) << one.name;  // honest, not merely wide (t of four degrees alone is 2.8)
    EXPECT_LT(std::abs(outcome.bias), 0.01) << one.name;
}

test::GaugeModel gauge(double period_s, bool averages)
{
    test::GaugeModel model;
    model.period_s = period_s;
    model.averages = averages;
    return model;
}

TEST(EnergyCoverage, Constant)
{
    expect_honest({"constant, holds, 0.25 s", Shape::constant, gauge(0.25, false)});
    expect_honest({"constant, holds, 1 s", Shape::constant, gauge(1, false)});
    expect_honest({"constant, averages, 1 s", Shape::constant, gauge(1, true)});
}

TEST(EnergyCoverage, Ramp)
{
    expect_honest({"ramp, holds, 1 s", Shape::ramp, gauge(1, false)});
    expect_honest({"ramp, averages, 0.5 s", Shape::ramp, gauge(0.5, true)});
}

TEST(EnergyCoverage, Burst)
{
    expect_honest({"burst, holds, 0.25 s", Shape::burst, gauge(0.25, false)});
    expect_honest({"burst, holds, 1 s", Shape::burst, gauge(1, false)});
    expect_honest({"burst, averages, 1 s", Shape::burst, gauge(1, true)});
}

TEST(EnergyCoverage, SlowGauge) { expect_honest({"constant, averages, 5 s, long runs", Shape::constant, gauge(5, true), 400}); }

TEST(EnergyCoverage, CoarseStepsJitterAndGaps)
{
    auto coarse = gauge(1, false);
    coarse.current_step_a = 0.05;
    coarse.noise_w = 0.15;
    expect_honest({"constant, 50 mA steps", Shape::constant, coarse, 200}, 8);  // resolution counts as if rounding were the same all the time
    auto ragged = gauge(0.5, false);
    ragged.jitter_s = 0.15;
    ragged.lose = 0.1;
    ragged.gap_at_s = 150;
    ragged.gap_s = 8;
    expect_honest({"ramp, 10 % lost, 8 s gap, jitter", Shape::ramp, ragged});
}

TEST(EnergyCoverage, RunsInStepWithTheGauge)
{
    auto steady = gauge(1, false);  // then the lag at the edges is the same in all runs, and their scatter does not show it
    steady.unsteady = 0;
    expect_honest({"constant, holds, 1 s, in step", Shape::constant, steady, 64.5, 5, true});
}

TEST(EnergyCoverage, TenRuns) { expect_honest({"burst, holds, 0.5 s, ten runs", Shape::burst, gauge(0.5, false), 65, 10}); }

}  // namespace
}  // namespace bitwright
