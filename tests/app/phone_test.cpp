// SPDX-License-Identifier: GPL-3.0-or-later
// The command line against a demo phone through a genuine adb: measured there, stored as simulated, and everything that goes wrong on the way.
#include "core/runtime/file.h"
#include "core/runtime/package.h"
#include "core/workspace/device_runs.h"
#include "core/workspace/jobs.h"
#include "core/workspace/results.h"
#include "device_bridge/demo_phone/children.h"
#include "tests/app/program.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

using namespace std::chrono_literals;

/// A demo phone that is connected, a workspace and a package.
class PhoneCommands : public ::testing::Test {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_ADB();
        ASSERT_TRUE(fs::exists(std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-runner-aarch64")) << "the runner for phones was not built";
        adb.emplace();
        for (const auto& variable : adb->environment()) {
            const auto equals = variable.find('=');
            ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
        }
        folder = scratch(std::string("phone-commands-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
        package = folder / "tiny.safetensors";
        TinyPackage::make(1).write(package);
    }

    void connect(const fs::path& scenario_file, const std::string& tree = "auto")
    {
        DemoPhone::Options options;
        options.tree = tree;
        phone.emplace(scenario_file, options);
        if (phone->aarch64() == "none") GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
        ASSERT_TRUE(adb->connect(*phone));
    }
    /// The demo scenario with some keys replaced.
    [[nodiscard]] fs::path changed_scenario(const nlohmann::json& changes) const
    {
        auto json = nlohmann::json::parse(read_text(scenario("demo")));
        json.merge_patch(changes);
        write_text(folder / "scenario.json", json.dump());
        return folder / "scenario.json";
    }
    [[nodiscard]] Arguments measure(std::vector<std::string> more = {}) const
    {
        Arguments arguments{"measure", "--package", package.string(), "--device", phone->address(), "--prompt-tokens", "5", "--generate", "6", "--repeats", "3", "--threads", "2",
                            "-w", workspace().string(), "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    [[nodiscard]] fs::path workspace() const { return folder / "w.bitwright"; }
    [[nodiscard]] std::string shell(const std::string& command) const { return adb->on(*phone, {"shell", command}).out; }
    /// Waits until a runner on the phone has measured something. One command that waits there: a look after the other could miss a short run on a busy computer.
    [[nodiscard]] bool running(const std::string& then = "echo yes") const
    {
        return !adb->on(*phone, {"shell", "for i in $(seq 600); do grep -q prefill /data/local/tmp/bitwright/runs/*/run.jsonl 2>/dev/null && { " + then + "; exit; }; sleep 0.1; done"}, {}, 90s).out.empty();
    }
    /// Like running(), and stops the run there, so that it cannot be over before the test did to it what it shall survive.
    [[nodiscard]] bool held() const { return running("kill -s STOP -- -$(cut -d' ' -f1 /data/local/tmp/bitwright/runs/*/group) && echo yes"); }
    /// The run goes on, whether or not the phone is connected: its processes are this computer's, too.
    void let_go() const
    {
        for (const pid_t process : demo::processes_below(phone->pid())) ::kill(process, SIGCONT);
    }
    /// Waits until no run is left in the middle.
    void wait_until_done() const
    {
        for (int i = 0; i < 200 && shell("ls /data/local/tmp/bitwright/runs/*/done 2>/dev/null").empty(); ++i) std::this_thread::sleep_for(100ms);
    }

    std::optional<PrivateAdb> adb;
    std::optional<DemoPhone> phone;
    fs::path folder, package;
};

class PhoneCommandsOn : public PhoneCommands, public ::testing::WithParamInterface<const char*> {};

TEST_P(PhoneCommandsOn, MeasureStoresASimulatedRunWithItsCircumstances)
{
    if (IsSkipped()) return;
    if (std::string(GetParam()) == "namespace" && !has_namespaces()) GTEST_SKIP() << "skipped: this kernel allows no user namespaces";
    connect(scenario("demo"), GetParam());
    if (IsSkipped()) return;
    const auto ended = run_cli(measure());
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto run = ended.json();
    EXPECT_EQ(run["state"], "done");
    EXPECT_EQ(run["answer"], "same");
    EXPECT_EQ(run["output_sha256"], run["expected_sha256"]);
    EXPECT_EQ(run["device"]["kind"], "simulated");
    EXPECT_EQ(run["device"]["name"], "Bitwright Demo Phone (simulated)");
    EXPECT_EQ(run["samples"]["decode_tokens_per_s"].size(), 3U);
    EXPECT_EQ(run["samples"]["token_latency_p90_s"].size(), 3U);
    EXPECT_EQ(run["thermal"], (nlohmann::json{{"before", 0}, {"highest", 0}, {"after", 0}}));
    EXPECT_EQ(run["battery"]["level_before"], 64);
    EXPECT_EQ(run["battery"]["source"], "usb");
    EXPECT_EQ(run["screen_on"], true);

    const Workspace stored(workspace());
    const auto row = get_run(stored, 1);
    const auto conditions = get_conditions(stored, row.conditions);
    EXPECT_EQ(conditions.device_kind, "simulated");
    EXPECT_EQ(conditions.device_identity, device_identity(phone->address()));
    EXPECT_TRUE(conditions.backend.starts_with("bitwright-runner ")) << conditions.backend;
    EXPECT_EQ(conditions.device_facts.find(phone->address()), std::string::npos) << "no serial is stored";
    EXPECT_EQ(get_device_run(stored, 1)->answer, Answer::same);
    EXPECT_NE(get_device_run(stored, 1)->before->find("boot_id"), std::string::npos);
    EXPECT_EQ(shell("ls /data/local/tmp/bitwright/runs"), "") << "what was collected is removed";

    const auto again = run_cli({"push", "--device", phone->address(), "--package", package.string(), "--json"});
    EXPECT_EQ(again.json()["sent_bytes"], 0) << again.err;
    const auto compared = run_cli({"runs", "list", "-w", workspace().string(), "--json"});
    EXPECT_EQ(compared.json()["runs"][0]["device"]["kind"], "simulated");
    EXPECT_EQ(run_cli({"push", "--device", phone->address(), "--remove", "--json"}).code, 0);
    EXPECT_EQ(shell("ls /data/local/tmp"), "");
}

INSTANTIATE_TEST_SUITE_P(Trees, PhoneCommandsOn, ::testing::Values("namespace", "plain"));

TEST_F(PhoneCommands, AWrongAnswerIsNeverAFastResult)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    const auto pushed = run_cli({"push", "--device", phone->address(), "--package", package.string(), "--json"});
    ASSERT_EQ(pushed.code, 0) << pushed.err;
    const auto other = folder / "other.safetensors";
    TinyPackage::make(2).write(other);
    ASSERT_EQ(fs::file_size(other), fs::file_size(package));
    ASSERT_EQ(adb->on(*phone, {"push", other.string(), pushed.json()["path"].get<std::string>()}).code, 0);  // somebody tampers with it
    const auto ended = run_cli(measure());
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("wrong answer"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.json()["answer"], "wrong");
    EXPECT_TRUE(ended.json()["decode_tokens_per_s"].is_null());
    EXPECT_TRUE(ended.json()["samples"].empty());
    const Workspace stored(workspace());
    EXPECT_TRUE(get_run(stored, 1).aborted);
    EXPECT_TRUE(get_run(stored, 1).measurements.empty());
    EXPECT_EQ(get_device_run(stored, 1)->answer, Answer::wrong);
}

TEST_F(PhoneCommands, AnUnpluggedPhoneGoesOnAndIsCollected)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "6"}));
    ASSERT_TRUE(held());
    ASSERT_EQ(adb->run({"disconnect", phone->address()}).code, 0);
    let_go();
    std::this_thread::sleep_for(2s);
    EXPECT_FALSE(program.over());
    ASSERT_TRUE(adb->connect(*phone));
    const auto ended = program.wait();
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["answer"], "same");
    EXPECT_GT(ended.json()["samples"]["decode_tokens_per_s"].size(), 3U);
    ASSERT_EQ(ended.json()["minutes"].size(), 1U);
    EXPECT_GT(ended.json()["minutes"][0]["battery_c"].get<double>(), 20);
    EXPECT_GT(ended.json()["minutes"][0]["decode_tokens_per_s"].get<double>(), 0);
    EXPECT_TRUE(ended.json()["sustained"].is_null()) << "three minutes are needed";
}

TEST_F(PhoneCommands, AnEndedServerIsStartedAgainAndTheRunCollected)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "3"}));
    ASSERT_TRUE(held());
    ASSERT_EQ(adb->run({"kill-server"}).code, 0);
    let_go();
    std::this_thread::sleep_for(2s);
    EXPECT_FALSE(program.over());
    ASSERT_TRUE(adb->connect(*phone));
    const auto ended = program.wait();
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["answer"], "same");
}

TEST_F(PhoneCommands, AnAbsentPhonesRunWaitsInItsJob)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "3", "--patience", "1"}));
    ASSERT_TRUE(held());
    ASSERT_EQ(adb->run({"disconnect", phone->address()}).code, 0);
    let_go();
    EXPECT_EQ(program.wait().code, 1);
    EXPECT_EQ(run_cli({"jobs", "list", "-w", workspace().string(), "--json"}).json()["jobs"][0]["state"], "paused");
    ASSERT_TRUE(adb->connect(*phone));
    const auto ended = run_cli({"jobs", "resume", "-w", workspace().string(), "--json"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["answer"], "same");
}

TEST_F(PhoneCommands, AKilledProgramsRunIsCollectedNotRepeated)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "4", "--suspend-charging"}));
    ASSERT_TRUE(held());
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait().code, -SIGKILL);
    let_go();
    {
        const Workspace stored(workspace());
        EXPECT_EQ(phone_changes(stored, device_identity(phone->address())).size(), 1U) << "what was changed is remembered";
    }
    EXPECT_EQ(shell("getprop power.battery_input.suspended"), "true\n");
    wait_until_done();
    const auto pid = shell("cat /data/local/tmp/bitwright/runs/*/group");
    EXPECT_EQ(run_cli({"jobs", "list", "-w", workspace().string(), "--json"}).json()["jobs"][0]["state"], "interrupted");
    const auto ended = run_cli({"jobs", "resume", "-w", workspace().string(), "--json"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["answer"], "same");
    const Workspace stored(workspace());
    EXPECT_EQ(list_runs(stored, true).size(), 1U);
    EXPECT_EQ(list_jobs(stored).size(), 1U) << "the same job";
    EXPECT_EQ(list_jobs(stored)[0].state, JobState::done);
    EXPECT_TRUE(phone_changes(stored, "").empty());
    EXPECT_EQ(shell("getprop power.battery_input.suspended"), "false\n");
    EXPECT_FALSE(pid.empty());
}

TEST_F(PhoneCommands, TwoPackagesInTurnsGiveDifferencesOfPairs)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    const auto other = folder / "other.safetensors";
    TinyPackage::make(2).write(other);
    const auto ended = run_cli(measure({"--against", other.string(), "--pairs", "2"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto json = ended.json();
    EXPECT_EQ(json["order"], "ABBA");
    ASSERT_EQ(json["runs"].size(), 4U);
    EXPECT_EQ(json["runs"][0]["output_sha256"], json["runs"][3]["output_sha256"]);
    EXPECT_NE(json["runs"][0]["output_sha256"], json["runs"][1]["output_sha256"]);
    const auto& decode = json["differences"]["decode_tokens_per_s"];
    EXPECT_EQ(decode["pairs"], 2);
    EXPECT_LT(decode["difference"]["low"].get<double>(), decode["difference"]["high"].get<double>());
    EXPECT_TRUE(decode["within_chance"].is_boolean());
    const Workspace stored(workspace());
    EXPECT_EQ(runs_of_session(stored, json["session"]), (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST_F(PhoneCommands, EnergyOfAPluggedPhoneIsAReason)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure({"--idle", "1"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    ASSERT_FALSE(ended.json()["energy"].empty());
    EXPECT_EQ(ended.json()["energy"][0]["tier"], "X");
    EXPECT_NE(ended.json()["energy"][0]["reason"].get<std::string>().find("Plugged in"), std::string::npos);
    EXPECT_TRUE(ended.json()["energy"][0]["net_j"].is_null());
}

TEST_F(PhoneCommands, PowerRailsAreReadBesideTheRun)
{
    connect(scenario("rails"));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure({"--seconds", "3"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["plan"]["beside"], "rails");
    ASSERT_FALSE(ended.json()["energy"].empty());
    EXPECT_TRUE(ended.json()["energy"][0]["source"].get<std::string>().starts_with("power rails"));
    EXPECT_EQ(ended.json()["energy"][0]["tier"], "X") << "three seconds are too short";
    EXPECT_FALSE(ended.json()["energy"][0]["reason"].get<std::string>().empty());
}

TEST_F(PhoneCommands, PerfettoRecordsBesideTheRun)
{
    connect(scenario("gauge-perfetto"));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure({"--seconds", "3"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["plan"]["beside"], "perfetto");
    ASSERT_FALSE(ended.json()["energy"].empty());
    EXPECT_EQ(ended.json()["energy"][0]["tier"], "X") << "three seconds are too short";
    EXPECT_EQ(shell("ls /data/misc/perfetto-traces"), "");
}

TEST_F(PhoneCommands, AGaugeThatIsDeniedIsAReason)
{
    connect(scenario("gauge-denied"));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure());
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto energies = ended.json()["energy"];
    ASSERT_FALSE(energies.empty()) << ended.out;
    for (const auto& energy : energies) {
        EXPECT_EQ(energy["tier"], "X");
        EXPECT_FALSE(energy["reason"].get<std::string>().empty());
    }
}

TEST_F(PhoneCommands, WhatThePlanDemandsIsWaitedForOrRefusedInWords)
{
    connect(changed_scenario({{"battery", {{"level_percent", 90}, {"plugged", "none"}}}, {"thermal", {{"status", {{0, 2}, {8, 0}}}}}}));
    if (IsSkipped()) return;
    const auto refused = run_cli(measure({"--battery-max", "80", "--wait", "0"}));
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("the battery is at 90 %, at most 80 % are asked for: let it run down"), std::string::npos) << refused.err;
    EXPECT_EQ(shell("ls /data/local/tmp/bitwright/runs 2>/dev/null"), "") << "nothing was started";
    const auto ended = run_cli(measure({"--thermal-status-max", "0", "--discharging", "--screen-on", "--start-below", "40", "--wait", "120"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["thermal"]["before"], 0) << "it was waited for";
    EXPECT_EQ(ended.json()["plan"]["preconditions"]["thermal_status_max"], 0);
    EXPECT_EQ(ended.json()["plan"]["preconditions"]["discharging"], true);
    const auto energy = run_cli(measure({"--energy-conditions", "--wait", "0"}));
    EXPECT_EQ(energy.code, 1);
    EXPECT_NE(energy.err.find("30 to 80 % are asked for"), std::string::npos) << energy.err;
    EXPECT_EQ(run_cli(measure({"--battery-min", "80", "--battery-max", "30"})).code, 2);
}

TEST_F(PhoneCommands, AChargingPhoneThatShallLiveFromItsBatteryIsRefused)
{
    connect(scenario("suspend-ignored"));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure({"--suspend-charging", "--discharging", "--wait", "3"}));
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("goes on charging though it was asked not to: unplug it"), std::string::npos) << ended.err;
    EXPECT_EQ(shell("getprop power.battery_input.suspended"), "false\n") << "undone";
    const Workspace stored(workspace());
    EXPECT_TRUE(phone_changes(stored, "").empty());
    EXPECT_TRUE(list_runs(stored, true).empty());
}

TEST_F(PhoneCommands, TwoPhonesOfOneModelAreMeasuredAtOnceAndStayApart)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    const DemoPhone twin(scenario("demo"));
    ASSERT_TRUE(adb->connect(twin));
    const auto on_twin = [&](const std::string& command) { return adb->on(twin, {"shell", command}).out; };
    auto arguments = measure({"--seconds", "8"});
    Running first(arguments);
    std::ranges::replace(arguments, phone->address(), twin.address());
    Running second(arguments);
    ASSERT_TRUE(running());
    bool both = false;
    for (int i = 0; i < 200 && !both; ++i, std::this_thread::sleep_for(50ms))
        both = on_twin("cat /data/local/tmp/bitwright/runs/*/run.jsonl 2>/dev/null | grep -c prefill").find_first_of("123456789") != std::string::npos;
    EXPECT_TRUE(both && !first.over() && !second.over()) << "both run at the same time";
    const auto one = first.wait(), other = second.wait();
    ASSERT_EQ(one.code, 0) << one.err;
    ASSERT_EQ(other.code, 0) << other.err;
    EXPECT_EQ(one.json()["device"]["name"], other.json()["device"]["name"]);
    EXPECT_NE(one.json()["device"]["identity"], other.json()["device"]["identity"]);
    EXPECT_EQ(one.json()["answer"], "same");
    EXPECT_EQ(other.json()["answer"], "same");
    const Workspace stored(workspace());
    EXPECT_EQ(list_runs(stored, true).size(), 2U);
}

TEST_F(PhoneCommands, TheSelfTestTriesWhatCanBeTriedAndSaysSimulated)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    const auto ended = run_cli({"devices", "self-test", "--device", phone->address(), "-w", workspace().string(), "--json"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto test = ended.json();
    EXPECT_EQ(test["simulated"], true);
    EXPECT_NE(test["note"].get<std::string>().find("nothing about phones"), std::string::npos);
    std::map<std::string, std::string> outcomes;
    for (const auto& item : test["items"]) {
        outcomes[item["id"]] = item["outcome"];
        EXPECT_FALSE(item["words"].get<std::string>().empty()) << item;
    }
    for (const auto* id : {"shell", "transfer", "detached", "runner", "soc", "thermal", "screen", "gauge", "suspension"}) EXPECT_EQ(outcomes[id], "passed") << id << test.dump(1);
    EXPECT_EQ(outcomes["mksh"], "failed") << "this computer's shell is another";
    for (const auto* id : {"usb", "pairing", "permission", "wifi", "answer", "large", "energy", "heat", "restart", "accelerator", "unplugged", "suspended_phone", "meter", "two_phones"}) EXPECT_EQ(outcomes[id], "could not be tried") << id;
    EXPECT_EQ(shell("getprop power.battery_input.suspended"), "false\n") << "undone";
    EXPECT_EQ(shell("ls /data/local/tmp/bitwright"), "bin\n") << "nothing else is left";
    const auto without = run_cli({"devices", "self-test", "--json"}).json();  // the only phone there is
    for (const auto& item : without["items"])
        if (item["id"] == "suspension") {
            EXPECT_EQ(item["outcome"], "could not be tried") << "no workspace";
        }
    ASSERT_EQ(adb->run({"disconnect", phone->address()}).code, 0);
    const auto none = run_cli({"devices", "self-test", "--json"});
    ASSERT_EQ(none.code, 0) << none.err;
    for (const auto& item : none.json()["items"]) EXPECT_EQ(item["outcome"], "could not be tried");
}

TEST_F(PhoneCommands, PhonesOnTheNetworkAreConnectedAndLetGo)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    EXPECT_EQ(run_cli({"devices", "disconnect", phone->address(), "--json"}).code, 0);
    EXPECT_TRUE(run_cli({"devices", "--json"}).json()["devices"].empty());
    const auto connected = run_cli({"devices", "connect", phone->address(), "--json"});
    ASSERT_EQ(connected.code, 0) << connected.err;
    EXPECT_EQ(connected.json()["device"], phone->address());
    EXPECT_EQ(run_cli({"devices", "--json"}).json()["devices"].size(), 1U);
    const auto refused = run_cli({"devices", "connect", "127.0.0.1:1"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("nothing listens at this address"), std::string::npos) << refused.err;
    const auto paired = run_cli({"devices", "pair", "127.0.0.1:1", "123456"});
    EXPECT_EQ(paired.code, 1);
    EXPECT_FALSE(paired.err.empty());
}

TEST_F(PhoneCommands, CancelEndsTheProcessesOnThePhone)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "60", "--suspend-charging"}));
    ASSERT_TRUE(running());
    const auto second = run_cli({"measure", "--package", package.string(), "--device", phone->address(), "--prompt-tokens", "5", "--generate", "6", "--repeats", "3", "--threads", "2",
                                 "-w", (folder / "other.bitwright").string()});
    EXPECT_EQ(second.code, 1);
    EXPECT_NE(second.err.find("another run is under way on this phone"), std::string::npos) << second.err;
    program.signal(SIGINT);
    EXPECT_EQ(program.wait().code, 4);
    EXPECT_EQ(shell("ps -ef | grep -c '[b]itwright-runner'"), "0\n");
    EXPECT_EQ(shell("ls /data/local/tmp/bitwright/runs"), "");
    EXPECT_EQ(shell("getprop power.battery_input.suspended"), "false\n") << "undone";
    const Workspace stored(workspace());
    EXPECT_EQ(list_jobs(stored)[0].state, JobState::cancelled);
    EXPECT_TRUE(list_runs(stored, true).empty());
}

TEST_F(PhoneCommands, ARunnerThatIsKilledOnThePhoneIsAborted)
{
    connect(scenario("demo"));
    if (IsSkipped()) return;
    Running program(measure({"--seconds", "60"}));
    ASSERT_TRUE(running());
    (void)shell("kill -s KILL -- -$(cut -d' ' -f1 /data/local/tmp/bitwright/runs/*/group)");
    const auto ended = program.wait();
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("ended on the phone before it was done"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.json()["state"], "aborted");
    EXPECT_EQ(ended.json()["answer"], "unchecked");
}

TEST_F(PhoneCommands, AFullPhoneIsSaidBeforeAnythingIsSent)
{
    connect(changed_scenario({{"data_mib", 16}}));
    if (IsSkipped()) return;
    const auto ended = run_cli(measure());
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("free there"), std::string::npos) << ended.err;
    const Workspace stored(workspace());
    EXPECT_TRUE(list_runs(stored, true).empty());
    EXPECT_EQ(list_jobs(stored)[0].state, JobState::failed);
}

TEST_F(PhoneCommands, PhonesThatCannotBeUsedAreNamedWithTheNextStep)
{
    if (IsSkipped()) return;
    phone.emplace(changed_scenario({{"faults", {{"authorize", "never"}}}}), DemoPhone::Options());
    (void)adb->run({"connect", phone->address()});
    ASSERT_TRUE(adb->wait_for(*phone, "unauthorized"));
    const auto ended = run_cli(measure());
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("dialog"), std::string::npos) << ended.err;
    const auto listed = run_cli({"devices", "--facts", "--json"});
    ASSERT_EQ(listed.code, 0) << listed.err;
    EXPECT_EQ(listed.json()["devices"][0]["serial"], phone->address());
    EXPECT_TRUE(listed.json()["devices"][0]["advice"].is_string());
}

TEST_F(PhoneCommands, DryRunPrintsTheScriptAndTouchesNothing)
{
    if (IsSkipped()) return;
    const auto ended = run_cli({"measure", "--package", package.string(), "--device", "it's", "--prompt-tokens", "5", "--generate", "6", "--repeats", "3", "--threads", "2", "--dry-run"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.out.find("adb -s 'it'\\''s' push"), std::string::npos) << ended.out;
    EXPECT_NE(ended.out.find("--mode mixed --prompt-tokens 5 --tokens 6 --runs 3"), std::string::npos);
    EXPECT_FALSE(fs::exists(workspace()));
    const auto unknown = run_cli({"push", "--device", "nobody", "--package", package.string()});
    EXPECT_EQ(unknown.code, 1);
    EXPECT_NE(unknown.err.find("nobody: no such phone is connected; bitwright-cli devices shows them"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace bitwright::test
