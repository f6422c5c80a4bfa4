// SPDX-License-Identifier: GPL-3.0-or-later
// Every reason, every flag, and the quirks of real phones.
#include "device_bridge/energy/energy.h"
#include "tests/device_bridge/gauge_model.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

using test::GaugeModel;
using test::Plan;

struct Lab {
    Plan plan;
    GaugeModel gauge;
    EnergySession session;
    std::vector<double> load{4, 4, 4, 4, 4};  ///< W above idle, by run
    double idle_before = 1, idle_after = 1;

    Lab() : session(plan.session()) { gauge.period_s = 0.5; }
    [[nodiscard]] SampleLog log(std::uint64_t seed = 3) const
    {
        const auto curve = [&](double t) {
            const auto [run, within] = plan.at(t);
            const double idle = t < plan.begin(plan.runs) - plan.rest_s ? idle_before : idle_after;
            return idle + (run < 0 ? 0 : load[static_cast<std::size_t>(run)]);
        };
        return test::record(gauge, curve, plan.end() + 5, seed);
    }
    [[nodiscard]] EnergyReport report() const { return energy_of_gauge(log(), session); }
};

void expect_no_number(const EnergyReport& report, const char* code)
{
    EXPECT_EQ(report.tier, EnergyTier::X);
    EXPECT_TRUE(report.quantities.empty());
    EXPECT_TRUE(report.runs.empty());
    EXPECT_TRUE(report.refused(code)) << to_json(report).dump(1);
    for (const auto& one : report.refusals) EXPECT_TRUE(one.reason.ends_with('.')) << one.reason;
}

TEST(Energy, EveryQuantityOfAKnownCurve)
{
    Lab setup;
    setup.plan.runs = 8;
    setup.load.assign(8, 4);
    setup.session = setup.plan.session();
    const auto report = setup.report();
    ASSERT_EQ(report.tier, EnergyTier::B);
    EXPECT_TRUE(report.refusals.empty());
    EXPECT_TRUE(report.flags.empty()) << to_json(report)["flags"].dump(1);
    const auto value = [&](const char* name) { return report.find(name) ? report.find(name)->estimate.value : -1; };
    EXPECT_NEAR(value("decode_energy_net_j"), 4 * 65, 2.6);
    EXPECT_NEAR(value("decode_energy_gross_j"), 5 * 65, 3);
    EXPECT_NEAR(value("decode_energy_per_token_mj"), 400, 4);
    EXPECT_NEAR(value("decode_energy_per_token_gross_mj"), 500, 5);
    EXPECT_NEAR(value("decode_tokens_per_j"), 2.5, 0.03);
    EXPECT_NEAR(value("decode_power_mean_w"), 5, 0.05);
    EXPECT_NEAR(value("decode_power_peak_w"), 5, 0.2);
    EXPECT_NEAR(value("decode_energy_delay_js"), 0.5 * 0.1, 0.001);
    EXPECT_NEAR(*report.idle_before_w, 1, 0.02);
    EXPECT_NEAR(*report.idle_after_w, 1, 0.02);
    EXPECT_EQ(report.runs.size(), 8u);
    EXPECT_NEAR(report.runs[0].uncertainty_j, 0.8, 0.8);
    EXPECT_LT(*report.charge_check, 0.03);
    EXPECT_NEAR(*report.period_s, 0.5, 0.1);
    EXPECT_EQ(report.units->confirmed, true);
    EXPECT_FALSE(report.find("decode_energy_net_j")->bootstrap);  // fewer than ten runs
    const auto json = to_json(report);
    EXPECT_EQ(json["tier"], "B");
    EXPECT_EQ(json["quantities"][0]["samples"].size(), 8u);
}

TEST(Energy, PluggedIsNoNumber)
{
    Lab setup;
    auto log = setup.log();
    log.samples[log.samples.size() / 2].status = ChargeStatus::charging;
    const auto charging = energy_of_gauge(log, setup.session);
    expect_no_number(charging, "plugged");
    EXPECT_EQ(charging.refusals[0].reason.find("Plugged in: the battery's status was \"charging\" while it was measured."), 0u) << charging.refusals[0].reason;
    for (auto& sample : log.samples) sample.status = ChargeStatus::full;
    expect_no_number(energy_of_gauge(log, setup.session), "plugged");
    setup.session.plugged = true;  // says discharging, but the cable carries a part
    expect_no_number(setup.report(), "plugged");
    setup.session.input_suspended = true;
    EXPECT_EQ(setup.report().tier, EnergyTier::B);
    setup.session.faked = true;
    expect_no_number(setup.report(), "faked");
}

TEST(Energy, UnreadableIsNoNumber)
{
    const Lab setup;
    expect_no_number(energy_of_gauge({}, setup.session), "unreadable");
    SampleLog empty;
    empty.rows = empty.empty = 603;
    const auto report = energy_of_gauge(empty, setup.session);
    expect_no_number(report, "unreadable");
    EXPECT_EQ(report.refusals[0].reason, "Unreadable: 603 of 603 samples are empty: the phone does not let its battery be read.");
    SampleLog denied;
    denied.denied = true;
    EXPECT_EQ(energy_of_gauge(denied, setup.session).refusals[0].reason, "Unreadable: the phone denies reading its battery (Permission denied).");
    auto zeros = setup.log();
    for (auto& sample : zeros.samples) {
        sample.current_raw = 0;
        sample.charge_raw.reset();
    }
    expect_no_number(energy_of_gauge(zeros, setup.session), "unreadable");
    auto cut = setup.log();  // the record ends in the middle of the third run
    std::erase_if(cut.samples, [&](const PowerSample& s) { return s.t_ns > static_cast<std::int64_t>((1000 + setup.plan.begin(2) + 30) * 1e9); });
    cut.rows = static_cast<std::int64_t>(cut.samples.size());
    expect_no_number(energy_of_gauge(cut, setup.session), "not_covered");
    expect_no_number(energy_of_gauge(setup.log(), {}), "no_runs");
}

TEST(Energy, TooShortIsNoNumber)
{
    Lab setup;
    setup.plan.run_s = 40;
    setup.session = setup.plan.session();
    const auto brief = setup.report();
    expect_no_number(brief, "too_short");
    EXPECT_EQ(brief.refusals[0].reason, "Too short: the shortest decode lasted 40 s, 60 s are needed; measure sustained, a minute or longer, in five batches or more.");
    Lab slow;
    slow.gauge.period_s = 10;
    slow.plan.rest_s = 30;
    slow.session = slow.plan.session();
    expect_no_number(slow.report(), "few_updates");
}

TEST(Energy, AStuckGaugeIsSaidAndTheChargeCounterCounts)
{
    Lab setup;
    setup.gauge.charge_step_c = 0.36;  // fine enough for fifty steps in a run
    auto log = setup.log();
    for (auto& sample : log.samples) sample.current_raw = log.samples.front().current_raw, sample.voltage_raw = log.samples.front().voltage_raw;
    const auto counted = energy_of_gauge(log, setup.session);
    EXPECT_TRUE(counted.refused("stuck"));
    EXPECT_EQ(counted.tier, EnergyTier::C) << to_json(counted).dump(1);
    for (auto& sample : log.samples) sample.charge_raw.reset();
    const auto report = energy_of_gauge(log, setup.session);
    expect_no_number(report, "stuck");
    EXPECT_NE(report.refusals[0].reason.find("did not change once during a decode of"), std::string::npos) << report.refusals[0].reason;
}

TEST(Energy, ASamplerThatEndsBeforeTheLastBaselineDoesStillGivesIt)
{
    Lab setup;
    auto log = setup.log();
    const auto end = log.samples.back().t_ns - 1'500'000'000;
    std::erase_if(log.samples, [&](const PowerSample& s) { return s.t_ns > end; });
    const auto report = energy_of_gauge(log, setup.session);
    EXPECT_TRUE(report.idle_before_w && report.idle_after_w);
    EXPECT_FALSE(report.flagged("one_idle"));
}

TEST(Energy, AShortPrefillIsRefusedAndTheDecodeIsNot)
{
    Lab setup;
    const auto windows = setup.session.windows;
    for (const auto& window : windows)
        if (window.kind == WindowKind::decode)
            setup.session.windows.push_back({WindowKind::prefill, {window.span.t0_ns - 100'000'000, window.span.t0_ns}, 64, window.run});
    const auto report = setup.report();
    EXPECT_EQ(report.tier, EnergyTier::B);
    ASSERT_EQ(report.refusals.size(), 1u);
    EXPECT_EQ(report.refusals[0].what, "prefill");
    EXPECT_TRUE(report.find("decode_energy_net_j"));
    EXPECT_FALSE(report.find("prefill_energy_net_j"));
    EXPECT_TRUE(report.flagged("no_rest"));  // the prefill lies right before
}

TEST(Energy, ChargeCounterAloneIsTierC)
{
    Lab setup;
    setup.gauge.charge_step_c = 0.36;  // 0.1 mAh
    auto log = setup.log();
    for (auto& sample : log.samples) sample.current_raw.reset();
    const auto report = energy_of_gauge(log, setup.session);
    ASSERT_EQ(report.tier, EnergyTier::C) << to_json(report).dump(1);
    EXPECT_EQ(report.source, "charge counter");
    EXPECT_TRUE(report.refused("unreadable"));  // why not B
    const auto* net = report.find("decode_energy_net_j");
    ASSERT_TRUE(net);
    EXPECT_LE(*net->estimate.low, 260);
    EXPECT_GE(*net->estimate.high, 260);
    EXPECT_NEAR(net->estimate.value, 260, 5);

    setup.gauge.charge_step_c = 18;  // 5 mAh: a handful of steps in a run
    auto coarse = setup.log();
    for (auto& sample : coarse.samples) sample.current_raw.reset();
    expect_no_number(energy_of_gauge(coarse, setup.session), "few_updates");
}

TEST(Energy, UndecidableUnitsFallBackOrAreRefused)
{
    Lab setup;
    setup.gauge.charge_step_c = 0.36;
    auto log = setup.log();
    for (std::size_t i = 0; i < log.samples.size(); i += 2) *log.samples[i].current_raw *= -1;  // the sign means nothing
    EXPECT_EQ(energy_of_gauge(log, setup.session).tier, EnergyTier::C);
    EXPECT_TRUE(energy_of_gauge(log, setup.session).refused("undecided"));
    for (auto& sample : log.samples) sample.charge_raw.reset();
    expect_no_number(energy_of_gauge(log, setup.session), "undecided");
}

TEST(Energy, Flags)
{
    {
        Lab setup;
        setup.plan.runs = 4;
        setup.session = setup.plan.session();
        EXPECT_TRUE(setup.report().flagged("few_runs"));
    }
    {
        Lab setup;
        setup.load = {4, 4.8, 3.4, 4.1, 4.6};
        EXPECT_TRUE(setup.report().flagged("cv"));
    }
    {
        Lab setup;
        for (auto& window : setup.session.windows) window.tokens -= 40 * window.run;
        EXPECT_TRUE(setup.report().flagged("throughput_slope"));
    }
    {
        Lab setup;
        setup.session.worst_thermal_status = 2;
        EXPECT_TRUE(setup.report().flagged("thermal"));
        setup.session.worst_thermal_status = 1;
        EXPECT_FALSE(setup.report().flagged("thermal"));
    }
    {
        Lab setup;
        setup.gauge.gap_at_s = setup.plan.begin(1) + 10;
        setup.gauge.gap_s = 5;
        EXPECT_TRUE(setup.report().flagged("missing_samples"));
    }
    {
        Lab setup;
        setup.gauge.charge_gain = 0.8;
        const auto report = setup.report();
        EXPECT_TRUE(report.flagged("charge_disagrees"));
        EXPECT_NEAR(*report.charge_check, 0.2, 0.02);
    }
    {
        Lab setup;
        setup.gauge.charge_step_c = 0;
        EXPECT_TRUE(setup.report().flagged("unconfirmed_units"));
    }
    {
        Lab setup;
        setup.plan.rest_s = 0;
        setup.session = setup.plan.session();
        EXPECT_TRUE(setup.report().flagged("no_rest"));
    }
    {
        Lab setup;
        setup.session.windows.pop_back();
        const auto report = setup.report();
        EXPECT_TRUE(report.flagged("one_idle"));
        EXPECT_FALSE(report.idle_after_w);
        setup.session.windows.erase(setup.session.windows.begin());
        const auto none = setup.report();
        EXPECT_FALSE(none.find("decode_energy_net_j"));
        EXPECT_NEAR(none.find("decode_energy_gross_j")->estimate.value, 325, 5);
    }
    {
        Lab setup;
        setup.session.windows[0].span.t0_ns = setup.session.windows[0].span.t1_ns - 20'000'000'000;
        EXPECT_TRUE(setup.report().flagged("short_idle"));
    }
    {
        Lab setup;
        setup.idle_after = 1.8;
        EXPECT_TRUE(setup.report().flagged("idle_drift"));
    }
    {
        Lab setup;
        setup.load.assign(5, -0.5);
        const auto report = setup.report();
        EXPECT_TRUE(report.flagged("below_idle"));
        EXPECT_FALSE(report.find("decode_tokens_per_j"));
    }
}

TEST(Energy, TenRunsAreBootstrapped)
{
    Lab setup;
    setup.plan.runs = 10;
    setup.load = {4, 4.05, 3.95, 4.02, 3.97, 4, 4.03, 3.99, 4.01, 3.98};
    setup.session = setup.plan.session();
    const auto* net = setup.report().find("decode_energy_net_j");
    const auto report = setup.report();
    net = report.find("decode_energy_net_j");
    ASSERT_TRUE(net && net->bootstrap);
    EXPECT_LT(*net->bootstrap->low, net->estimate.value);
    EXPECT_GT(*net->bootstrap->high, net->estimate.value);
    EXPECT_LT(*net->bootstrap->high - *net->bootstrap->low, *net->estimate.high - *net->estimate.low);
    EXPECT_EQ(report.units->confirmed, true);  // long enough to compare with the charge counter
}

TEST(Energy, RailsAndMetersAreTierA)
{
    Lab setup;
    std::vector<EnergyTrace::Reading> readings;
    std::vector<EnergyTrace::Watts> samples;
    double joules = 0;
    for (int i = 0; i < 5000; ++i) {
        const double t = i * 0.1;
        const double watts = setup.plan.at(t).first < 0 ? 1 : 5;
        joules += watts * 0.1;
        readings.push_back({static_cast<std::int64_t>((1000 + t) * 1e9), std::floor(joules * 100) / 100});
        samples.push_back({static_cast<std::int64_t>((1000 + t) * 1e9), watts});
    }
    for (const auto& trace : {EnergyTrace::counter(readings, 0.01), EnergyTrace::meter(samples)}) {
        const auto report = energy_of_trace(trace, setup.session, "power rails");
        ASSERT_EQ(report.tier, EnergyTier::A) << to_json(report).dump(1);
        EXPECT_NEAR(report.find("decode_energy_net_j")->estimate.value, 260, 0.5);
        EXPECT_FALSE(report.flagged("plugged_rails"));
    }
    setup.session.plugged = true;
    EXPECT_TRUE(energy_of_trace(EnergyTrace::meter(samples), setup.session, "external meter").flagged("plugged_rails"));
    expect_no_number(energy_of_trace(EnergyTrace::meter({}), setup.session, "external meter"), "unreadable");
}

TEST(Energy, WindowsOfARunnersLog)
{
    const auto log = read_runner_log(
        R"({"type":"hello","version":"x"}
{"type":"phase","name":"load","run":0,"t0_ns":1,"t1_ns":2,"tokens":0}
{"type":"phase","name":"idle","run":0,"t0_ns":10,"t1_ns":20,"tokens":0}
{"type":"phase","name":"prefill","run":-1,"t0_ns":20,"t1_ns":30,"tokens":8}
{"type":"phase","name":"decode","run":-1,"t0_ns":30,"t1_ns":40,"tokens":4}
{"type":"phase","name":"prefill","run":0,"t0_ns":50,"t1_ns":60,"tokens":8}
{"type":"phase","name":"decode","run":0,"t0_ns":60,"t1_ns":90,"tokens":4}
{"type":"phase","name":"idle","run":0,"t0_ns":100,"t1_ns":110,"tokens":0}
{"type":"power","t_ns":15,"uV":4000000,"uA_raw":-500000,"status":"Discharging"}
)",
        "log");
    const auto session = session_of(log);
    const auto count = [&](WindowKind kind) { return std::ranges::count(session.windows, kind, &EnergyWindow::kind); };
    EXPECT_EQ(count(WindowKind::idle), 2);
    EXPECT_EQ(count(WindowKind::other), 3);
    EXPECT_EQ(count(WindowKind::prefill), 1);
    EXPECT_EQ(count(WindowKind::decode), 1);
    EXPECT_EQ(count(WindowKind::whole), 1);
    const auto samples = samples_of(log);
    ASSERT_EQ(samples.samples.size(), 1u);
    EXPECT_EQ(samples.samples[0].current_raw, -500000);
    EXPECT_EQ(samples.samples[0].status, ChargeStatus::discharging);
}

TEST(Interval, KnownValues)
{
    const std::vector<double> five{1, 2, 3, 4, 5};
    const auto estimate = mean_interval(five);
    EXPECT_DOUBLE_EQ(estimate.value, 3);
    EXPECT_NEAR(*estimate.high - 3, 2.776445 * std::sqrt(2.5 / 5), 1e-2);
    EXPECT_NEAR(*mean_interval(five, 10).high - 3, std::hypot(1.963, 19.6), 0.05);
    EXPECT_FALSE(mean_interval(std::vector<double>{3}).low);
    EXPECT_FALSE(bootstrap_interval(five));
    EXPECT_NEAR(*coefficient_of_variation(five), std::sqrt(2.5) / 3, 1e-12);
    const std::vector<double> b{1.1, 2.1, 3.1, 4.1, 5.1};
    const auto pairs = paired_means(five, b);
    ASSERT_TRUE(pairs);
    EXPECT_NEAR(pairs->difference.value, -0.1, 1e-12);
    EXPECT_FALSE(pairs->within_chance());
    EXPECT_FALSE(paired_means(five, std::vector<double>{1}));
    EXPECT_NEAR(*slope(five, b), 1, 1e-12);
    EXPECT_FALSE(slope(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3}));
}

}  // namespace
}  // namespace bitwright
