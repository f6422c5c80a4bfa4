// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/run/minutes.h"
#include "device_bridge/run/phone_run.h"
#include "device_bridge/run/run_plan.h"

#include <gtest/gtest.h>

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
    EXPECT_NE(run_script(rails, remote).find("wait $beside"), std::string::npos) << "Perfetto writes its trace when it is ended";
    EXPECT_EQ(run_command(remote), "sh run.sh " + remote.runner + " " + remote.package + " /sys");
}

TEST(RunPlan, DryRunsQuoteWhatUsersNamed)
{
    const auto script = dry_run_script({}, remote, "a b;c", "/r", "/my models/p.safetensors");
    EXPECT_NE(script.find("adb -s 'a b;c' push '/my models/p.safetensors' "), std::string::npos) << script;
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
