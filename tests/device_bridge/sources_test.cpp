// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sources.h"

#include "core/runtime/file.h"
#include "device_bridge/energy/energy.h"
#include "device_bridge/energy/perfetto.h"
#include "tests/device_bridge/gauge_model.h"
#include "tests/device_bridge/perfetto_bytes.h"
#include "tests/device_bridge/phone_answers.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace bitwright {
namespace {

std::string meter_dump(double tpu_mws, double cpu_mws)
{
    char text[1024];
    std::snprintf(text, sizeof text,
                  "============= PowerStats HAL 2.0 state residencies ==============\n  Sleep   100 mWs\n\n============= PowerStats HAL 2.0 energy consumers "
                  "==============\n  CPU   999999.00 mWs\n"
                  "========== End of PowerStats HAL 2.0 energy consumers ==========\n\n============= PowerStats HAL 2.0 energy meter ==============\n"
                  "                           Channel    Cumulative Energy\n                 [S4M_VDD_TPU]:TPU   %14.2f mWs\n        [S2M_VDD_CPUCL2]:CPU(BIG) "
                  "  %14.2f mWs (          5.00)\n"
                  "========== End of PowerStats HAL 2.0 energy meter ==========\n",
                  tpu_mws, cpu_mws);
    return text;
}

std::string base64(std::string_view bytes)
{
    static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? letters[bits >> (18 - 6 * j) & 63] : '=';
        if (text.size() % 77 == 76) text += '\n';
    }
    return text;
}

TEST(Rails, TheEnergyMeterOnly)
{
    const auto rails = parse_energy_meter(meter_dump(1234.5, 99.25));
    ASSERT_EQ(rails.size(), 2u);
    EXPECT_EQ(rails[0].name, "S4M_VDD_TPU");
    EXPECT_EQ(rails[0].subsystem, "TPU");
    EXPECT_DOUBLE_EQ(rails[0].joules, 1.2345);
    EXPECT_DOUBLE_EQ(rails[1].joules, 0.09925);
    const auto plain = parse_energy_meter("============= PowerStats HAL 2.0 energy meter ==============\nVSYS_PWR_DISPLAY             : 12.00 mWs\n");
    ASSERT_EQ(plain.size(), 1u);
    EXPECT_EQ(plain[0].name, "VSYS_PWR_DISPLAY");
    EXPECT_TRUE(parse_energy_meter("Can't find service: android.hardware.power.stats.IPowerStats/default\n").empty());
}

TEST(Rails, ARecordBecomesEnergy)
{
    const test::Plan plan;
    std::string text;
    double tpu = 0, cpu = 0;
    for (int t = 0; t < 500; ++t) {
        text += "\n==bitwright:rails " + std::to_string(1000 + t) + ".00==\n" + meter_dump(tpu, cpu);
        for (int k = 0; k < 100; ++k) {  // the counter counts all the time, not only when it is read
            const bool runs = plan.at(t + k * 0.01).first >= 0;
            tpu += runs ? 20 : 2;
            cpu += runs ? 10 : 3;
        }
    }
    const auto readings = read_rails(text);
    EXPECT_EQ(readings.size(), 500u);
    const auto report = energy_of_trace(rails_trace(readings), plan.session(), "power rails");
    ASSERT_EQ(report.tier, EnergyTier::A) << to_json(report).dump(1);
    EXPECT_NEAR(report.find("decode_energy_net_j")->estimate.value, 2.5 * 65, 2);
    const auto only = energy_of_trace(rails_trace(readings, {"S4M_VDD_TPU"}), plan.session(), "TPU rail");
    EXPECT_NEAR(only.find("decode_energy_net_j")->estimate.value, 1.8 * 65, 2);
    EXPECT_TRUE(rails_trace(readings, {"no such rail"}).empty());
    EXPECT_EQ(read_rails(text.substr(0, text.size() - 20)).size(), 499u);  // the last one is cut short
    EXPECT_NE(rails_script("/data/local/tmp/it's", "/stop", 0).find("'/data/local/tmp/it'\\''s'"), std::string::npos);
}

TEST(Perfetto, BatteryAndRailsOfASyntheticTrace)
{
    const test::Plan plan;
    std::string bytes = test::rail_names_packet();
    double tpu = 1e9, cpu = 2e9, charge = 3e6;
    for (int i = 0; i < 2000; ++i) {
        const double t = i * 0.25, watts = plan.at(t).first < 0 ? 1 : 5;
        tpu += (watts - 0.5) * 0.25e6;
        cpu += 0.5 * 0.25e6;
        charge -= watts / 4 * 0.25 / 0.0036;
        const auto t_ms = static_cast<std::int64_t>((1000 + t) * 1000);
        bytes += test::rails_packet(t_ms, static_cast<std::int64_t>(tpu), static_cast<std::int64_t>(cpu));
        bytes +=
            test::battery_packet(t_ms * 1'000'000 + 1000, static_cast<std::int64_t>(charge), static_cast<std::int64_t>(-watts / 4 * 1e6) - i % 3, 4'000'000);
    }
    auto power = read_perfetto(bytes);
    EXPECT_TRUE(power.whole);
    EXPECT_FALSE(power.compressed);
    EXPECT_EQ(power.rails.at(0).name, "S4M_VDD_TPU");
    EXPECT_EQ(power.rails.at(1).subsystem, "CPU(BIG)");
    ASSERT_EQ(power.battery.samples.size(), 2000u);
    EXPECT_EQ(power.battery.samples[0].current_raw, -250000);
    const auto by_rails = energy_of_trace(rails_trace(power), plan.session(), "power rails");
    ASSERT_EQ(by_rails.tier, EnergyTier::A) << to_json(by_rails).dump(1);
    EXPECT_NEAR(by_rails.find("decode_energy_net_j")->estimate.value, 260, 1.5);
    const auto by_battery = energy_of_gauge(power.battery, plan.session());  // no status: the counter decides the sign
    ASSERT_EQ(by_battery.tier, EnergyTier::B) << to_json(by_battery).dump(1);
    EXPECT_EQ(by_battery.units->sign.rule, "charge counter");
    EXPECT_NEAR(by_battery.find("decode_energy_net_j")->estimate.value, 260, 3);

    const auto cut = read_perfetto(std::string_view(bytes).substr(0, bytes.size() - 5));
    EXPECT_FALSE(cut.whole);
    EXPECT_EQ(cut.battery.samples.size(), 1999u);
}

TEST(Perfetto, OldTracesLackTheVoltage)
{
    std::string bytes;
    for (int i = 0; i < 10; ++i) bytes += test::battery_packet(i * 1'000'000'000LL, 3'000'000 - i, -500'000 - i, std::nullopt);
    auto log = read_perfetto(bytes).battery;
    EXPECT_TRUE(why_no_power(log));
    fill_voltage(log, {{0, 4.0}, {10'000'000'000, 3.9}});
    EXPECT_FALSE(why_no_power(log));
    EXPECT_EQ(log.samples[5].voltage_raw, 3'950'000);
}

TEST(Perfetto, RecordsUntilItIsStopped)
{
    const auto folder = test::scratch("perfetto_script");
    // Writes what it has when it is told to end, as the real one does.
    write_text(folder / "perfetto", "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\ncat >" + (folder / "config").string() +
                                        "\ntrap 'echo trace >\"$2\"; exit 0' TERM\nwhile :; do sleep 0.1; done\n");
    write_text(folder / "dumpsys", "#!/bin/sh\ncat <<'E'\n" + std::string(test::samsung_battery) + "E\n");
    for (const char* name : {"perfetto", "dumpsys"}) std::filesystem::permissions(folder / name, std::filesystem::perms::owner_all);
    const auto file = [&](const char* name) { return (folder / name).string(); };
    for (const bool voltage : {true, false}) {
        write_text(folder / "record.sh", perfetto_script(file("in the way"), file("it's"), file("stop"), 250, voltage));
        const auto line = "cd " + folder.string() + "; rm -f stop; PATH=" + folder.string() + ":$PATH; (sleep 0.5; : >stop) & sh record.sh; wait";
        ASSERT_EQ(std::system(line.c_str()), 0);
        EXPECT_EQ(read_text(file("it's")), "trace\n");
        EXPECT_FALSE(std::filesystem::exists(file("in the way")));
        EXPECT_EQ(read_text(file("config")), perfetto_config(24 * 3600, 250, voltage) + "\n");
        EXPECT_EQ(std::filesystem::exists(file("it's.voltage.csv")), !voltage);
    }
    const auto readings = voltage_readings(read_samples(read_text(file("it's.voltage.csv"))));
    ASSERT_EQ(readings.size(), 1u);
    EXPECT_DOUBLE_EQ(readings[0].volts, 4.123);
    EXPECT_GT(readings[0].t_ns, 0);
}

TEST(Perfetto, CommandsAndBase64)
{
    const auto command = perfetto_command("/data/misc/perfetto-traces/x", 60, 20);
    EXPECT_NE(command.find("battery_poll_ms: 100"), std::string::npos);  // the service's own limit
    EXPECT_NE(command.find("VOLTAGE"), std::string::npos);
    EXPECT_EQ(perfetto_config(1, 250, false).find("VOLTAGE"), std::string::npos);
    for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\x00"}) EXPECT_EQ(base64_decoded(base64(text)), text);
    EXPECT_EQ(base64_decoded("YWJj\nZA=="), "abcd");
    EXPECT_FALSE(base64_decoded("base64: not found"));
    EXPECT_FALSE(base64_decoded("A"));
    EXPECT_FALSE(base64_decoded("QQ=A"));
}

/// Runs the probes against a phone that answers with `answers` until nothing is to be asked.
SourceChoice choose(const PhoneFacts& facts, const std::map<std::string, std::string>& phone, std::vector<std::string>* asked = nullptr)
{
    ProbeAnswers answers;
    for (int turn = 0; turn < 10; ++turn) {
        const auto probes = next_probes(facts, answers);
        if (probes.empty()) return choose_source(facts, answers);
        for (const auto& probe : probes) {
            EXPECT_FALSE(answers.contains(probe.id));
            const auto answer = phone.find(probe.id);
            answers[probe.id] = answer == phone.end() ? "" : answer->second;
            if (asked) asked->push_back(probe.id);
        }
    }
    ADD_FAILURE() << "asks for ever";
    return {};
}

TEST(Sources, RailsBeatEverything)
{
    std::vector<std::string> asked;
    const auto choice =
        choose(parse_facts(test::snapdragon_answer()), {{"rails", meter_dump(1000, 500) + "\n==bitwright:again==\n" + meter_dump(1400, 600)}}, &asked);
    EXPECT_EQ(choice.source, EnergySource::rails);
    EXPECT_EQ(choice.tier, 'A');
    EXPECT_FALSE(choice.unplug);
    EXPECT_EQ(choice.rails, (std::vector<std::string>{"S4M_VDD_TPU", "S2M_VDD_CPUCL2"}));
    EXPECT_EQ(asked, std::vector<std::string>{"rails"});
    EXPECT_TRUE(choice.rejected.empty());
}

TEST(Sources, APhoneThatDeniesItsGauge)
{
    std::string trace;
    for (int i = 0; i < 12; ++i) trace += test::battery_packet(i * 250'000'000LL, 3'000'000, -500'000 - i, 4'000'000);
    const auto facts = parse_facts(test::snapdragon_answer());
    const auto choice = choose(facts, {{"rails", meter_dump(5, 5) + "\n==bitwright:again==\n" + meter_dump(5, 5)}, {"perfetto", base64(trace)}});
    EXPECT_EQ(choice.source, EnergySource::perfetto);
    EXPECT_TRUE(choice.unplug);
    EXPECT_TRUE(choice.voltage);
    ASSERT_EQ(choice.rejected.size(), 1u);
    EXPECT_EQ(choice.rejected[0].why, "The phone names 2 power rails, but their energy does not grow.");

    std::vector<std::string> asked;
    const auto service = choose(facts, {{"perfetto", "base64: /data/…: No such file"}, {"service", "-512000\n\n==bitwright:again==\n2876000\n"}}, &asked);
    EXPECT_EQ(service.source, EnergySource::gauge_service);
    EXPECT_EQ(service.tier, 'B');
    EXPECT_EQ(asked, (std::vector<std::string>{"rails", "perfetto", "service"}));
    ASSERT_EQ(service.rejected.size(), 3u);
    EXPECT_EQ(service.rejected[2].why, "The phone denies reading current_now.");

    const auto last = choose(facts, {{"service", "Unknown get option: current_now\n==bitwright:again==\nUnknown get option: counter\n"}});
    EXPECT_EQ(last.source, EnergySource::charge_service);
    EXPECT_EQ(last.tier, 'C');
    EXPECT_EQ(last.rejected.size(), 5u);
}

TEST(Sources, FilesWhereTheyCanBeRead)
{
    auto facts = parse_facts(test::snapdragon_answer());
    (*facts.battery_files)["current_now"] = {FileAnswer::value, "-512000"};
    EXPECT_EQ(choose(facts, {}).source, EnergySource::gauge_files);
    (*facts.battery_files)["current_now"] = {FileAnswer::empty, ""};
    (*facts.battery_files)["charge_counter"] = {FileAnswer::value, "2876000"};
    EXPECT_EQ(choose(facts, {}).source, EnergySource::charge_files);
    facts.sdk = 28;
    std::vector<std::string> asked;
    EXPECT_EQ(choose(facts, {}, &asked).source, EnergySource::charge_files);
    EXPECT_EQ(asked, std::vector<std::string>{"rails"});  // too old for the others
    const auto nothing = choose({}, {});
    EXPECT_EQ(nothing.source, EnergySource::none);
    EXPECT_EQ(nothing.tier, 'X');
    EXPECT_EQ(nothing.rejected.size(), 6u);
    EXPECT_NE(nothing.why.find("external meter"), std::string::npos);
}

TEST(Sources, WhatWasNotAskedIsNotThere)
{
    const auto choice = choose_source(parse_facts(test::snapdragon_answer()), {});
    EXPECT_EQ(choice.rejected[0].why, "It was not asked for.");
}

TEST(Sources, SuspendedInputMustBeSeen)
{
    BatteryState plugged, off;
    plugged.status = ChargeStatus::charging;
    off.status = ChargeStatus::discharging;
    EXPECT_TRUE(judge_suspension(plugged, off).works);
    EXPECT_FALSE(judge_suspension(plugged, plugged).works);
    EXPECT_FALSE(judge_suspension(off, off).works);
    EXPECT_FALSE(judge_suspension(plugged, {}).works);
    plugged.current_now_raw = 800;
    off.current_now_raw = 300;
    EXPECT_FALSE(judge_suspension(plugged, off).works);
    off.current_now_raw = -300;
    EXPECT_TRUE(judge_suspension(plugged, off).works);
    off.faked = true;
    EXPECT_FALSE(judge_suspension(plugged, off).works);
    EXPECT_EQ(suspend_input_command(true), "setprop power.battery_input.suspended true");
}

TEST(Sources, TheServiceLoopWritesSamples)
{
    const auto folder = test::scratch("service_sampler");
    write_text(folder / "dumpsys", "#!/bin/sh\nif [ \"$2\" = get ]; then echo -512000; exit; fi\ncat <<'E'\n" + std::string(test::samsung_battery) + "E\n");
    std::filesystem::permissions(folder / "dumpsys", std::filesystem::perms::owner_all);
    write_text(folder / "loop.sh", service_sampler_script((folder / "log.csv").string(), (folder / "stop").string()));
    const auto line = "cd " + folder.string() + "; PATH=" + folder.string() + ":$PATH; (sleep 0.3; : >stop) & sh loop.sh; wait";
    ASSERT_EQ(std::system(line.c_str()), 0);
    const auto log = read_samples(read_text(folder / "log.csv"));
    ASSERT_GE(log.samples.size(), 1u) << read_text(folder / "log.csv");
    EXPECT_EQ(log.samples[0].current_raw, -512000);
    EXPECT_EQ(log.samples[0].voltage_raw, 4123);  // not the charger's, not the history's
    EXPECT_EQ(log.samples[0].charge_raw, 2876000);
    EXPECT_EQ(log.samples[0].status, ChargeStatus::charging);
}

}  // namespace
}  // namespace bitwright
