// SPDX-License-Identifier: GPL-3.0-or-later
// Every scenario of the demo phone against the command line: that what it describes really happened, and what the user gets: exit code and sentence.
#include "core/runtime/file.h"
#include "tests/app/program.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

using namespace std::chrono_literals;
using Faults = std::vector<std::string>;

/// A phone of a scenario and what the user does with it.
class Stage {
public:
    Stage(const std::string& name, const fs::path& work) : folder(work), phone(scenario(name))
    {
        TinyPackage package = TinyPackage::make(1);
        package.write(tiny());
        const auto tokenizer = "{\"model\":{}}" + std::string(24 << 20, ' ');  // large enough to be appended, not sent whole
        package.tensors["tokenizer.json"] = Tensor::from<char>(Dtype::u8, {std::ssize(tokenizer)}, tokenizer);
        package.write(large());
    }
    [[nodiscard]] fs::path tiny() const { return folder / "tiny.safetensors"; }
    [[nodiscard]] fs::path large() const { return folder / "large.safetensors"; }

    Ended push(const fs::path& package) { return note("push", run_cli({"push", "--device", phone.address(), "--package", package.string(), "--json"})); }
    Ended measure(std::vector<std::string> more = {})
    {
        Arguments arguments{"measure", "--package", tiny().string(), "--device", phone.address(), "--prompt-tokens", "5", "--generate", "6", "--repeats", "3", "--threads", "1",
                            "-w", (folder / "w.bitwright").string(), "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return note("measure", run_cli(arguments));
    }
    Ended devices() { return note("devices --facts", run_cli({"devices", "--facts", "--json"})); }
    [[nodiscard]] std::string shell(const std::string& command) const { return adb.on(phone, {"shell", command}).out; }
    /// After a restart or a cut; genuine adb comes back to a socket by itself, or when it is told.
    void reconnect() const
    {
        for (int i = 0; i < 50 && !adb.wait_for(phone, "device", 500ms); ++i) (void)adb.run({"connect", phone.address()});
    }
    [[nodiscard]] bool happened(const Faults& wanted)
    {
        const auto all = phone.happened();
        return std::ranges::all_of(wanted, [&](const std::string& one) { return std::ranges::find(all, one) != all.end(); });
    }

    fs::path folder;
    DemoPhone phone;
    PrivateAdb adb;
    std::string table;  ///< what the user got

private:
    Ended note(const std::string& command, Ended ended)
    {
        std::string said = ended.err.substr(0, ended.err.find('\n'));
        for (auto at = said.find(phone.address()); at != std::string::npos; at = said.find(phone.address())) said.replace(at, phone.address().size(), "SERIAL");
        const auto answer = ended.json();
        if (said.empty() && answer.is_object() && answer.contains("energy"))
            for (const auto& energy : answer["energy"]) {
                said += (said.empty() ? "energy " : "; ") + energy["phase"].get<std::string>() + ": tier " + energy["tier"].get<std::string>();
                if (energy["reason"].is_string()) said += ", " + energy["reason"].get<std::string>();
            }
        if (said.empty() && command.starts_with("devices"))
            for (const auto& device : answer["devices"]) {
                said += (said.empty() ? "" : "; ") + device["state"].get<std::string>();
                for (const char* key : {"advice", "problem"})
                    if (device.contains(key) && device[key].is_string()) said += ", " + device[key].get<std::string>();
            }
        table += "  " + command + ": exit " + std::to_string(ended.code) + (said.empty() ? "" : ", " + said) + "\n";
        return ended;
    }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Scene {
    bool connects = true;    ///< adb lists the phone as ready
    Faults faults;           ///< what the phone says it let go wrong
    std::function<void(Stage&)> act;
};

void expect_done(const Ended& ended)
{
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.json()["state"], "done");
    EXPECT_EQ(ended.json()["answer"], "same");
    EXPECT_EQ(ended.json()["device"]["kind"], "simulated");
}
void expect_failed(const Ended& ended, const std::string& sentence)
{
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(has(ended.err, sentence)) << ended.err;
}
/// Every phase has no number and this reason.
void expect_no_energy(const Ended& ended, const std::string& reason)
{
    expect_done(ended);
    ASSERT_FALSE(ended.json()["energy"].empty()) << ended.out;
    for (const auto& energy : ended.json()["energy"]) {
        EXPECT_EQ(energy["tier"], "X");
        EXPECT_TRUE(energy["net_j"].is_null() && energy["gross_j"].is_null() && energy["mj_per_token"].is_null());
        EXPECT_TRUE(has(energy["reason"].is_string() ? energy["reason"].get<std::string>() : "", reason)) << energy;
    }
}
/// A cut or a restart in the middle of a push: said, and the next push sends the rest only.
void push_twice(Stage& stage)
{
    expect_failed(stage.push(stage.large()), "the connection to the phone broke in the middle; check the cable, nothing was counted as done");
    stage.reconnect();
    const auto again = stage.push(stage.large());
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_GT(again.json()["sent_bytes"].get<std::int64_t>(), 0);
    EXPECT_LT(again.json()["sent_bytes"].get<std::int64_t>(), 22 << 20) << "the beginning is not sent again";
    expect_done(stage.measure());
}
void not_usable(Stage& stage, const std::string& state, const std::string& step)
{
    const auto listed = stage.devices();
    ASSERT_EQ(listed.code, 0) << listed.err;
    EXPECT_EQ(listed.json()["devices"][0]["state"], state);
    EXPECT_TRUE(has(listed.json()["devices"][0]["advice"].get<std::string>(), step)) << listed.out;
    expect_failed(stage.push(stage.tiny()), step);
    expect_failed(stage.measure(), step);
}

const std::map<std::string, Scene>& scenes()
{
    static const std::map<std::string, Scene> all{
        {"charge-counter", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"clock-skew", {true, {}, [](Stage& stage) {
             const auto there = std::stoll(stage.shell("date +%s"));
             EXPECT_NEAR(static_cast<double>(there), static_cast<double>(std::time(nullptr)) - 3456000, 60);
             expect_done(stage.measure());  // nothing is timed by the phone's wall clock
         }}},
        {"cortex-a53", {true, {}, [](Stage& stage) {
             EXPECT_FALSE(has(stage.devices().json()["devices"][0]["facts"].dump(), "asimddp"));
             expect_done(stage.measure());
         }}},
        {"demo", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure(), "Plugged in"); }}},
        {"denied", {true, {"denied"}, [](Stage& stage) {
             expect_failed(stage.push(stage.tiny()), "the phone does not let adb's user write here; remove what lies there (another user of the phone made it), or restart the phone");
             expect_failed(stage.measure(), "the phone does not let adb's user write here");
         }}},
        {"dies", {true, {"dies"}, [](Stage& stage) {
             for (int i = 0; i < 2; ++i) {  // a runner that did not prove itself is not trusted the next time either
                 expect_failed(stage.push(stage.tiny()), "the connection to the phone broke in the middle; check the cable, nothing was counted as done");
                 stage.reconnect();
             }
             expect_failed(stage.measure(), "the connection to the phone broke in the middle");
         }}},
        {"drop-pull", {true, {"drop"}, [](Stage& stage) {  // the command line reads through shells; people pull with adb
             expect_done(stage.measure());
             (void)stage.shell("head -c 20000000 /dev/zero > /data/local/tmp/x");
             EXPECT_EQ(stage.adb.on(stage.phone, {"pull", "/data/local/tmp/x", (stage.folder / "x").string()}).code, 1);
             stage.reconnect();
             expect_done(stage.measure());
         }}},
        {"drop-push", {true, {"drop"}, push_twice}},
        {"drop-shell", {true, {"drop"}, [](Stage& stage) { expect_done(stage.measure({"--seconds", "6"})); }}},  // collected after the cut
        {"freeze-push", {true, {"freeze"}, [](Stage& stage) {
             expect_failed(stage.push(stage.large()), "the phone has not answered for 15 s; unlock it, or unplug it and plug it in again");
         }}},
        {"freeze-shell", {true, {"freeze"}, [](Stage& stage) { expect_done(stage.measure()); }}},
        {"full", {true, {"full"}, [](Stage& stage) {
             expect_failed(stage.push(stage.tiny()), "the phone's storage is full; free some space there (or remove what Bitwright stored on it) and push again");
             expect_failed(stage.measure(), "the phone's storage is full");
         }}},
        {"gauge-denied", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure(), "short"); }}},
        {"gauge-empty", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure(), "short"); }}},
        {"gauge-perfetto", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"gauge-service", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"gauge-stuck", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"hot", {true, {}, [](Stage& stage) {
             for (int i = 0; i < 400 && !has(stage.shell("dumpsys thermalservice"), "Thermal Status: 2"); ++i) std::this_thread::sleep_for(200ms);
             const auto refused = stage.measure({"--thermal-status-max", "0", "--wait", "0"});
             expect_failed(refused, "not measured, the phone throttles (thermal status moderate, at most none is asked for): let it cool");
             const auto hot = stage.measure();
             expect_done(hot);
             EXPECT_GE(hot.json()["thermal"]["highest"].get<int>(), 2) << "the run says how hot it was";
         }}},
        {"known-power", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"never-accepted", {false, {"asked"}, [](Stage& stage) { not_usable(stage, "unauthorized", "accept the dialog"); }}},
        {"rails", {true, {}, [](Stage& stage) {
             const auto ended = stage.measure({"--seconds", "3"});
             expect_no_energy(ended, "short");
             EXPECT_EQ(ended.json()["plan"]["beside"], "rails");
         }}},
        {"reboot", {true, {"reboot"}, push_twice}},
        {"reboot-later", {true, {"reboot"}, [](Stage& stage) {
             std::thread back([&] {
                 if (stage.phone.wait_for("reboot")) stage.reconnect();
             });
             const auto ended = stage.measure({"--seconds", "30"});
             back.join();
             EXPECT_EQ(ended.code, 1);
             if (ended.json().is_object()) {
                 EXPECT_EQ(ended.json()["state"], "aborted");
                 EXPECT_TRUE(has(ended.err, "the run was ended on the phone before it was done (killed for memory, or the phone restarted)")) << ended.err;
             } else {
                 EXPECT_TRUE(has(ended.err, "the connection to the phone broke in the middle")) << ended.err;  // a slow computer was still pushing
             }
             expect_done(stage.measure());
         }}},
        {"recording", {true, {"unscripted"}, [](Stage& stage) {
             const auto listed = stage.devices();
             ASSERT_EQ(listed.code, 0);
             EXPECT_TRUE(has(listed.json()["devices"][0]["problem"].get<std::string>(), "the replay of a recording answers only what was recorded")) << listed.out;
             expect_failed(stage.measure(), "the replay of a recording answers only what was recorded");
         }}},
        {"samsung-gauge", {true, {}, [](Stage& stage) { expect_no_energy(stage.measure({"--seconds", "3"}), "short"); }}},
        {"silent", {false, {"silent"}, [](Stage& stage) { not_usable(stage, "offline", "Wait a few seconds; then unplug it and plug it in again"); }}},
        {"slow", {true, {"slow"}, [](Stage& stage) {
             const auto pushed = stage.push(stage.tiny());
             ASSERT_EQ(pushed.code, 0) << pushed.err;
             EXPECT_GT(pushed.json()["seconds"].get<double>(), static_cast<double>(pushed.json()["sent_bytes"].get<std::int64_t>()) / 2.1e6);
             expect_done(stage.measure());
         }}},
        {"small", {true, {}, [](Stage& stage) {
             if (stage.phone.tree() == "plain") GTEST_SKIP() << "skipped: without namespaces the demo phone has this computer's space";
             expect_failed(stage.push(stage.tiny()), "are free there (32 MiB stay free); free some space on the phone, or remove what Bitwright stored on it");
             expect_failed(stage.measure(), "are free there");
         }}},
        {"suspend-ignored", {true, {}, [](Stage& stage) {
             expect_failed(stage.measure({"--suspend-charging", "--discharging", "--wait", "2"}), "the phone goes on charging though it was asked not to: unplug it");
             EXPECT_EQ(stage.shell("getprop power.battery_input.suspended"), "false\n");
             expect_no_energy(stage.measure({"--suspend-charging"}), "Plugged in");
         }}},
        {"twin", {true, {}, [](Stage& stage) {
             const DemoPhone other(scenario("twin"));
             ASSERT_TRUE(stage.adb.connect(other));
             const auto listed = stage.devices().json()["devices"];
             ASSERT_EQ(listed.size(), 2U);
             EXPECT_EQ(listed[0]["name"], listed[1]["name"]);
             EXPECT_NE(listed[0]["identity"], listed[1]["identity"]);
             expect_done(stage.measure());
             EXPECT_EQ(stage.adb.on(other, {"shell", "ls /data/local/tmp"}).out, "") << "the other one was left alone";
         }}},
        {"unauthorized", {false, {"asked", "accepted"}, [](Stage& stage) {
             ASSERT_TRUE(stage.adb.wait_for(stage.phone, "device", 30s));
             expect_done(stage.measure());
         }}},
    };
    return all;
}

class SlowPhoneScenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(SlowPhoneScenarios, TheFaultHappensAndTheUserIsToldWhatToDo)
{
    BITWRIGHT_NEEDS_ADB();
    const auto& scene = scenes().at(GetParam());
    Stage stage(GetParam(), scratch("scenario-" + GetParam()));
    if (stage.phone.aarch64() == "none") GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    for (const auto& variable : stage.adb.environment()) {
        const auto equals = variable.find('=');
        ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    if (scene.connects) ASSERT_TRUE(stage.adb.connect(stage.phone));
    else (void)stage.adb.run({"connect", stage.phone.address()}, {}, 15s);
    scene.act(stage);
    EXPECT_TRUE(stage.happened(scene.faults)) << ::testing::PrintToString(stage.phone.happened());
    std::cout << GetParam() << " | happened: " << ::testing::PrintToString(stage.phone.happened()) << "\n" << stage.table;
}

std::vector<std::string> names()
{
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(scenario("demo").parent_path())) all.push_back(entry.path().stem().string());
    std::ranges::sort(all);
    return all;
}

INSTANTIATE_TEST_SUITE_P(All, SlowPhoneScenarios, ::testing::ValuesIn(names()), [](const auto& one) {
    auto name = one.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace
}  // namespace bitwright::test
