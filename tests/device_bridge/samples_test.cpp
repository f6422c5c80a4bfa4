// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/file.h"
#include "device_bridge/energy/units.h"
#include "tests/device_bridge/gauge_model.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace bitwright {
namespace {

using test::GaugeModel;

SampleLog discharge(const GaugeModel& model, double seconds = 900, double watts = 3)
{
    return test::record(
        model, [=](double) { return watts; }, seconds, 5);
}

TEST(Samples, CsvAndJsonAreTheSame)
{
    const auto csv = read_samples(
        "t_s,voltage_now,current_now,charge_counter,temp,capacity,status\n12.50,4100000,-512000,2876000,287,76,Discharging\n12.75,4100000,,2876000,287,76,Not "
        "charging\n");
    const auto json = read_samples(
        "{\"type\":\"hello\"}\n{\"type\":\"power\",\"t_ns\":12500000000,\"uV\":4100000,\"uA_raw\":-512000,\"uAh\":2876000,\"temp_dC\":287,\"level_percent\":76,"
        "\"status\":\"Discharging\"}\n"
        "{\"type\":\"power\",\"t_ns\":12750000000,\"uV\":4100000,\"uAh\":2876000,\"temp_dC\":287,\"level_percent\":76,\"status\":\"Not charging\"}\n");
    for (const auto* log : {&csv, &json}) {
        ASSERT_EQ(log->samples.size(), 2u);
        EXPECT_EQ(log->samples[0].t_ns, 12'500'000'000);
        EXPECT_EQ(log->samples[0].voltage_raw, 4100000);
        EXPECT_EQ(log->samples[0].current_raw, -512000);
        EXPECT_EQ(log->samples[0].charge_raw, 2876000);
        EXPECT_EQ(log->samples[0].temperature_dc, 287);
        EXPECT_EQ(log->samples[0].level_percent, 76);
        EXPECT_EQ(log->samples[0].status, ChargeStatus::discharging);
        EXPECT_FALSE(log->samples[1].current_raw);
        EXPECT_EQ(log->samples[1].status, ChargeStatus::not_charging);
        EXPECT_EQ(log->rows, 2);
    }
}

TEST(Samples, WhatIsBrokenIsCounted)
{
    const auto log = read_samples("t_s,voltage_now,current_now\n1,4000000,1\n1,4000000,2\n2,4000000\nx,1,2\n3,,\n{\"type\":\"pow\n4,4000000,5");
    EXPECT_EQ(log.samples.size(), 2u);
    EXPECT_EQ(log.out_of_order, 1);
    EXPECT_EQ(log.broken, 3);
    EXPECT_EQ(log.empty, 1);
    EXPECT_TRUE(read_samples("sh: cannot open current_now: Permission denied\n").denied);
    EXPECT_TRUE(why_no_power(log));
}

TEST(Samples, TheShellLoopWrites)
{
    const auto folder = test::scratch("sampler");
    const auto script = sampler_script((folder / "it's.csv").string(), (folder / "stop").string(), 4);
    EXPECT_NE(script.find("sleep 0.250"), std::string::npos);
    write_text(folder / "loop.sh", script);
    // On a computer without that battery the loop says so; where there is one it writes rows until it is told to stop.
    write_text(folder / "stop", "");
    const int code = std::system(("sh " + (folder / "loop.sh").string() + " 2>/dev/null").c_str());
    if (std::filesystem::exists("/sys/class/power_supply/battery")) {
        EXPECT_EQ(code, 0);
        EXPECT_EQ(read_samples(read_text(folder / "it's.csv")).rows, 0);
    } else {
        EXPECT_NE(code, 0);
    }
}

TEST(Units, AosPhone)
{
    GaugeModel model;
    model.sign = -1;
    const auto units = normalise(discharge(model));
    EXPECT_EQ(units.voltage.factor, 1e-6);
    EXPECT_EQ(units.current.factor, 1e-6);
    EXPECT_EQ(units.sign.factor, -1);
    EXPECT_EQ(units.sign.rule, "status");
    EXPECT_EQ(units.confirmed, true) << units.confirmation;
    EXPECT_NEAR(*units.period_s, 1, 0.3);
    EXPECT_NEAR(*units.current_step_a, 0.001, 1e-9);
    const auto points = power_points(discharge(model), units);
    EXPECT_NEAR(points[100].watts(), 3, 0.1);
}

TEST(Units, SamsungSpeaksMilliamperes)
{
    GaugeModel model;
    model.current_unit = 1e-3;
    const auto units = normalise(discharge(model));
    EXPECT_EQ(units.current.factor, 1e-3);
    EXPECT_EQ(units.sign.factor, 1);
    EXPECT_EQ(units.confirmed, true) << units.confirmation;
}

TEST(Units, MillivoltsAndMilliampereHours)
{
    auto log = discharge({});
    for (auto& sample : log.samples) {
        *sample.voltage_raw /= 1000;
        *sample.charge_raw /= 1000;
    }
    const auto units = normalise(log);
    EXPECT_EQ(units.voltage.factor, 1e-3);
    EXPECT_NEAR(*units.charge.factor, 3.6, 1e-12);
    EXPECT_EQ(units.confirmed, true);
}

TEST(Units, TheCounterDecidesTheSignWhereThereIsNoStatus)
{
    GaugeModel model;
    model.status = false;
    model.sign = -1;
    const auto units = normalise(discharge(model));
    EXPECT_EQ(units.sign.rule, "charge counter");
    EXPECT_EQ(units.sign.factor, -1);
    model.charge_step_c = 0;
    const auto nothing = normalise(discharge(model));
    EXPECT_FALSE(nothing.sign.factor);
    EXPECT_EQ(nothing.sign.rule, "undecided");
    EXPECT_FALSE(nothing.has_power());
}

TEST(Units, ContradictionsAreNotGuessed)
{
    auto log = discharge({});
    for (auto& sample : log.samples) sample.charge_raw = 6e6 - *sample.charge_raw;  // rises while the status says discharging
    EXPECT_FALSE(normalise(log).sign.factor);
    auto thousand = discharge({});
    for (auto& sample : thousand.samples) *sample.current_raw *= 1e-3 * 20;  // neither unit
    EXPECT_EQ(normalise(thousand).current.rule, "magnitude");
    EXPECT_NE(normalise(thousand).confirmed, true);
    GaugeModel quiet;  // 15 mA, truly microamperes: below the threshold
    quiet.noise_w = 0.001;
    quiet.current_step_a = 0.0001;
    quiet.charge_step_c = 0.36;
    const auto small = discharge(quiet, 900, 0.06);
    EXPECT_FALSE(normalise(small).current.factor) << normalise(small).current.evidence;
    EXPECT_FALSE(normalise(discharge({}, 20)).current.factor);  // under 30 s
    auto odd = discharge({});
    for (auto& sample : odd.samples) *sample.voltage_raw /= 1e6;
    EXPECT_FALSE(normalise(odd).voltage.factor);
}

TEST(Units, TheUserMayDecide)
{
    GaugeModel model;
    model.status = false;
    model.charge_step_c = 0;
    const auto units = normalise(discharge(model), {1e-6, -1});
    EXPECT_EQ(units.current.rule, "user");
    EXPECT_EQ(units.sign.factor, -1);
    EXPECT_TRUE(units.has_power());
}

TEST(Units, AWrongCounterIsSaid)
{
    GaugeModel model;
    model.charge_gain = 0.7;
    const auto units = normalise(discharge(model));
    EXPECT_EQ(units.confirmed, false);
    EXPECT_TRUE(units.has_power());
}

}  // namespace
}  // namespace bitwright
