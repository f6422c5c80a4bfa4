// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/run/minutes.h"
#include "device_bridge/run/phone_run.h"
#include "device_bridge/run/run_plan.h"
#include "device_bridge/run/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bitwright {
namespace {

constexpr std::int64_t second = 1'000'000'000;

const RemoteRun remote{"/data/local/tmp/bitwright/bin/a/bitwright-runner", "/data/local/tmp/bitwright/models/b/package.safetensors", "/data/local/tmp/bitwright/runs/c"};

TEST(RunPlan, BecomesTheRunnersOptions)
{
    PhonePlan plan;
    plan.prompt_tokens = 7, plan.generate = 0, plan.repeats = 3, plan.affinity = 0xf0, plan.idle_s = 60, plan.cool_to_c = 31.55;
    const auto words = runner_words(plan, remote);
    std::string line;
    for (const auto& word : words) line += word + " ";
    EXPECT_NE(line.find("--mode prefill --prompt-tokens 7 --runs 3 --warmup 1 --idle 60 --cool-to 316 --cool-limit 600 --threads 4 --affinity f0 --battery auto"), std::string::npos) << line;
    EXPECT_EQ(line.find("--tokens "), std::string::npos);
    plan.sample = false;
    EXPECT_THROW(check(plan), Error) << "a gate needs the battery's temperature";
}

TEST(RunPlan, TheScriptOnThePhoneNamesNothingButItsArguments)
{
    const auto script = run_script({}, remote);
    EXPECT_NE(script.find("\"$1\" --package \"$2\""), std::string::npos) << script;
    EXPECT_NE(script.find("--sysfs \"$3\""), std::string::npos);
    EXPECT_EQ(script.find("/data/local/tmp/bitwright"), std::string::npos);
    EXPECT_NE(script.find("beside=\n"), std::string::npos);
    PhonePlan rails;
    rails.beside = PhonePlan::Beside::rails;
    EXPECT_NE(run_script(rails, remote).find("rails.txt"), std::string::npos);
    rails.beside = PhonePlan::Beside::perfetto;
    EXPECT_NE(run_script(rails, remote).find("kill -0 $beside"), std::string::npos) << "the last sample lies behind the run; Perfetto writes its trace when it is ended";
    EXPECT_EQ(run_command(remote), "sh run.sh " + remote.runner + " " + remote.package + " /sys");
}

TEST(RunPlan, DryRunsQuoteWhatUsersNamed)
{
    const auto script = dry_run_script({}, remote, "a b;c", "/r", "/my models/p.safetensors");
    EXPECT_NE(script.find("adb -s 'a b;c' push '/my models/p.safetensors' "), std::string::npos) << script;
}

PhoneState fit_for_energy()
{
    PhoneState state;
    state.battery.emplace();
    state.battery->level_percent = 60;
    state.battery->status = ChargeStatus::discharging;
    state.battery->plugged = false;
    state.battery->celsius = 28.4;
    state.thermal.emplace();
    state.thermal->status = 0;
    state.screen_on = true;
    return state;
}

TEST(Preconditions, APhoneFitForEnergyMeetsThemAndEachLackIsNamed)
{
    auto asked = for_energy({});
    asked.start_below_c = 30;
    EXPECT_TRUE(unmet(asked, fit_for_energy()).empty());
    const auto words = [&](auto change) {
        auto state = fit_for_energy();
        change(state);
        const auto list = unmet(asked, state);
        EXPECT_EQ(list.size(), 1U);
        return list.empty() ? Unmet() : list.front();
    };
    EXPECT_EQ(words([](PhoneState& s) { s.battery->level_percent = 84; }).is, "the battery is at 84 %, 30 to 80 % are asked for");
    EXPECT_EQ(words([](PhoneState& s) { s.battery->level_percent = 12; }).step, "charge it");
    EXPECT_EQ(words([](PhoneState& s) { s.battery->celsius = 33.25; }).is, "the battery has 33.2 °C, 30.0 °C are asked for");
    EXPECT_NE(words([](PhoneState& s) { s.thermal->status = 2; }).is.find("moderate"), std::string::npos);
    EXPECT_EQ(words([](PhoneState& s) { s.screen_on = false; }).step, "switch it on");
    EXPECT_EQ(words([](PhoneState& s) { s.battery->plugged = true; }).is, "the phone is plugged in");
    EXPECT_EQ(words([](PhoneState& s) { s.battery->plugged = true, s.input_suspended = true, s.battery->status = ChargeStatus::charging; }).step, "unplug it");
    auto suspended = fit_for_energy();
    suspended.battery->plugged = true, suspended.input_suspended = true;
    EXPECT_TRUE(unmet(asked, suspended).empty()) << "it lives from its battery";
}

TEST(Preconditions, WhatThePhoneDoesNotTellCannotBeDemanded)
{
    auto asked = for_energy({});
    asked.start_below_c = 30;
    const auto list = unmet(asked, {});
    EXPECT_EQ(list.size(), 5U);
    for (const auto& one : list) EXPECT_FALSE(one.told) << one.is;
    auto faked = fit_for_energy();
    faked.battery->faked = true, faked.thermal->overridden = true;
    for (const auto& one : unmet(asked, faked)) EXPECT_FALSE(one.told) << one.is;
    EXPECT_TRUE(unmet({}, {}).empty()) << "nothing asked, nothing missing";
    Preconditions never;
    never.level_min = 80, never.level_max = 30;
    EXPECT_THROW(check(never), Error);
    EXPECT_EQ(to_json(for_energy({}))["level_max"], 80);
    PhonePlan plan;
    EXPECT_FALSE(to_json(plan).contains("preconditions"));
    plan.require = for_energy({});
    EXPECT_TRUE(to_json(plan).contains("preconditions"));
}

TEST(Timeline, ShowsHeatClocksAndThePowerThatThePhoneUses)
{
    RunnerLog log;
    for (int i = 0; i < 600; ++i) {  // two minutes: 0.5 A at 4 V out of the battery
        const std::int64_t t = second + i * second / 5;
        log.power.push_back({t, 4'000'000, -500'000 - i % 2, 3'000'000 - i * 28, 60, 300 + i / 100, "Discharging"});
        log.thermal.push_back({t, {{"cpu", 50'000 + i}, {"gpu", 40'000}}});
        log.frequencies.push_back({t, {1'000'000, 3'000'000, std::nullopt}});
    }
    const auto timeline = timeline_of(log, 100);
    EXPECT_EQ(timeline.no_power, "");
    for (const auto* line : {&timeline.battery_c, &timeline.hottest_c, &timeline.fastest_mhz, &timeline.mean_mhz, &timeline.watts}) {
        EXPECT_EQ(line->seconds.size(), 100U);
        EXPECT_EQ(line->values.size(), 100U);
        EXPECT_TRUE(std::is_sorted(line->seconds.begin(), line->seconds.end()));
    }
    EXPECT_NEAR(timeline.watts.seconds.back(), 120, 2);
    EXPECT_NEAR(timeline.battery_c.values.front(), 30, 0.01);
    EXPECT_NEAR(timeline.hottest_c.values.back(), 50.6, 0.01);
    EXPECT_NEAR(timeline.fastest_mhz.values[50], 3000, 1e-9);
    EXPECT_NEAR(timeline.mean_mhz.values[50], 2000, 1e-9) << "of those that tell";
    EXPECT_NEAR(timeline.watts.values[50], 2, 0.01);
    for (auto& power : log.power) power.status = "Charging";
    EXPECT_TRUE(timeline_of(log).watts.empty());
    EXPECT_NE(timeline_of(log).no_power.find("plugged in"), std::string::npos);
    EXPECT_TRUE(timeline_of({}).empty());
    EXPECT_EQ(timeline_of({}).no_power, "");
}

TEST(Minutes, SpeedHeatAndClockOfALongRun)
{
    RunnerLog log;
    for (int i = 0; i < 30; ++i) {  // 10 s each; half as fast from the fourth minute on
        const std::int64_t t0 = 100 * second + i * 10 * second;
        log.phases.push_back({"decode", i, t0, t0 + 10 * second - 1, i < 18 ? 100 : 50});
        log.power.push_back({t0 + second, {}, {}, {}, {}, 300 + i * 2, ""});
        log.thermal.push_back({t0 + second, {{"cpu", 50'000}, {"gpu", 40'000 + i * 1'000}}});
        log.frequencies.push_back({t0 + second, {2'000'000, i < 18 ? std::optional<std::int64_t>(1'800'000) : std::nullopt}});
    }
    log.phases.insert(log.phases.begin(), {"decode", -1, 0, second, 1000});  // warm-up
    const auto minutes = minutes_of(log);
    ASSERT_EQ(minutes.size(), 5U);
    EXPECT_NEAR(*minutes[0].decode_tokens_per_s, 10, 1e-6);
    EXPECT_NEAR(*minutes[4].decode_tokens_per_s, 5, 1e-6);
    EXPECT_FALSE(minutes[0].prefill_tokens_per_s);
    EXPECT_NEAR(*minutes[0].battery_c, 30.5, 1e-9);
    EXPECT_NEAR(*minutes[4].hottest_c, 66.5, 1e-9);
    EXPECT_NEAR(*minutes[0].mean_khz, 1'900'000, 1e-6);
    EXPECT_NEAR(*minutes[4].mean_khz, 2'000'000, 1e-6) << "a CPU that does not tell counts for nothing";
    ASSERT_TRUE(sustained_of(minutes));
    EXPECT_NEAR(sustained_of(minutes)->loss, 0.5, 1e-6);
    const auto clocks = clocks_of(log);
    ASSERT_EQ(clocks.size(), 2U);
    EXPECT_EQ(clocks[1].median_khz, 1'800'000);
    EXPECT_TRUE(minutes_of({}).empty());
    EXPECT_FALSE(sustained_of({}));
}

TEST(Simulated, EmulatorsDemoPhonesAndEmulatedProcessors)
{
    PhoneFacts phone;
    phone.build = "google/shiba/shiba:14/x:user/release-keys";
    RunnerLog log;
    log.isa = "aarch64";
    EXPECT_FALSE(is_simulated("39021FDJH00", phone, &log));
    EXPECT_TRUE(is_simulated("emulator-5554", phone, &log));
    log.emulated = true;
    EXPECT_TRUE(is_simulated("39021FDJH00", phone, &log));
    log.emulated = false, log.isa = "x86-64";
    EXPECT_TRUE(is_simulated("39021FDJH00", phone, &log));
    phone.build = "bitwright/demo/demo:14/DEMO/1:user/release-keys";
    EXPECT_TRUE(is_simulated("39021FDJH00", phone, nullptr));
}

}  // namespace
}  // namespace bitwright
