// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright-runner as a program: its JSON lines and exit codes.
#include "core/runtime/engine.h"
#include "core/runtime/generation.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>
#include <sys/wait.h>

namespace bitwright::test {
namespace {

struct Outcome {
    int code = -1;
    std::string output;
    std::vector<nlohmann::json> lines;
};

/// Runs the runner; `arguments` need no quoting. Standard output is parsed as JSON lines, standard error goes into `output` where asked for.
Outcome run(const std::string& arguments, bool errors = false, const std::string& program = std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-runner ")
{
    const std::string command = program + arguments + (errors ? " 2>&1 >/dev/null" : " 2>/dev/null");
    std::FILE* pipe = popen(command.c_str(), "r");
    Outcome outcome;
    std::array<char, 4096> buffer;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) outcome.output.append(buffer.data(), count);
    outcome.code = WEXITSTATUS(pclose(pipe));
    std::istringstream text(outcome.output);
    for (std::string line; !errors && std::getline(text, line);)
        if (line.starts_with("{")) outcome.lines.push_back(nlohmann::json::parse(line));
    return outcome;
}

std::string tiny_package(const char* name)
{
    const auto path = scratch(name) / "tiny.safetensors";
    TinyPackage::make(1).write(path);
    return path.string();
}

TEST(Runner, SelfTestKnowsThisProcessor)
{
    const Outcome outcome = run("--selftest");
    EXPECT_EQ(outcome.code, 0) << outcome.output;
    EXPECT_EQ(outcome.lines.at(0)["ok"], true);
}

TEST(Runner, WritesTheContractsLines)
{
    const std::string package = tiny_package("runner");
    const Outcome outcome = run("--package " + package + " --mode mixed --prompt-ids 3,1,4,1,5 --tokens 6 --runs 2 --warmup 1 --threads 2");
    ASSERT_EQ(outcome.code, 0);
    ASSERT_EQ(outcome.lines.size(), 2U + 3U * (2U + 6U) + 1U);
    EXPECT_EQ(outcome.lines[0]["type"], "hello");
    for (const char* key : {"version", "isa", "kernels", "page", "cores", "hwcap", "threads", "pid", "package", "recipe", "format", "file_bytes"}) EXPECT_TRUE(outcome.lines[0].contains(key)) << key;
    EXPECT_EQ(outcome.lines[1]["name"], "load");

    Engine engine(Package::open(package));
    const auto ids = generate(engine, std::vector<std::int32_t>{3, 1, 4, 1, 5}, {6, false}, Control()).ids;
    for (std::size_t run_index = 0; run_index < 3; ++run_index) {
        const std::size_t at = 2 + run_index * 8;
        EXPECT_EQ(outcome.lines[at]["name"], "prefill");
        EXPECT_EQ(outcome.lines[at]["run"], static_cast<int>(run_index) - 1);
        EXPECT_EQ(outcome.lines[at]["tokens"], 5);
        EXPECT_EQ(outcome.lines[at + 1]["name"], "decode");
        EXPECT_EQ(outcome.lines[at + 1]["tokens"], 5);
        EXPECT_GE(outcome.lines[at + 1]["t1_ns"].get<std::int64_t>(), outcome.lines[at + 1]["t0_ns"].get<std::int64_t>());
        for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(outcome.lines[at + 2 + i]["id"], ids[i]);
    }
    const auto& end = outcome.lines.back();
    EXPECT_EQ(end["type"], "end");
    EXPECT_EQ(end["rc"], 0);
    EXPECT_EQ(end["sha256"], sha256_hex(std::as_bytes(std::span(ids))));
    EXPECT_GT(end["peak_rss_bytes"].get<std::int64_t>(), 100'000);
}

TEST(Runner, EveryModeAndAFile)
{
    const std::string package = tiny_package("runner-modes");
    const auto lines = scratch("runner-lines") / "out.jsonl";
    EXPECT_EQ(run("--package " + package + " --mode prefill --tokens 9 --affinity 0x1 --jsonl " + lines.string()).code, 0);
    const std::string text = read_text(lines);
    EXPECT_NE(text.find("\"name\":\"prefill\",\"run\":0"), std::string::npos);
    EXPECT_NE(text.find("\"tokens\":9"), std::string::npos);
    EXPECT_NE(text.find("\"type\":\"end\",\"rc\":0"), std::string::npos);
    const Outcome decode = run("--package " + package + " --mode decode --tokens 100");
    EXPECT_EQ(decode.code, 0);
    EXPECT_EQ(decode.lines[2]["name"], "decode");
    EXPECT_EQ(decode.lines[2]["tokens"], 39);  // one prompt token, context 40
}

TEST(Runner, ExitCodesAndOneClearSentence)
{
    const std::string package = tiny_package("runner-errors");
    EXPECT_EQ(run("").code, 2);
    EXPECT_EQ(run("--package x --frobnicate").code, 2);
    EXPECT_EQ(run("--package x --mode sideways").code, 2);
    EXPECT_EQ(run("--package x --tokens 0").code, 2);
    EXPECT_EQ(run("--package x --prompt-ids 1,,2").code, 2);
    EXPECT_EQ(run("--help").code, 0);
    EXPECT_EQ(run("--package " + package + " --prompt-ids 30").code, 3);
    EXPECT_EQ(run("--package " + package + " --prompt-tokens 41").code, 3);
    EXPECT_EQ(run("--package " + package + " --jsonl /no/such/folder/x").code, 1);
    const auto bad = scratch("runner-bad") / "bad.safetensors";
    write_text(bad, "no package");
    const Outcome outcome = run("--package " + bad.string());
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.lines.back()["rc"], 3);
    const Outcome message = run("--package " + bad.string(), true);
    EXPECT_TRUE(message.output.starts_with("bitwright-runner: " + bad.string())) << message.output;
    EXPECT_EQ(std::count(message.output.begin(), message.output.end(), '\n'), 1) << message.output;
}

/// A made-up /sys: a battery, two thermal zones, no clock frequencies.
std::filesystem::path made_up_sysfs(const char* name)
{
    const auto root = scratch(name);
    const auto battery = root / "class/power_supply/bms", charger = root / "class/power_supply/a_charger";
    for (const auto& folder : {battery, charger, root / "class/thermal/thermal_zone0", root / "class/thermal/thermal_zone1"}) std::filesystem::create_directories(folder);
    write_text(charger / "type", "USB\n");
    write_text(battery / "type", "Battery\n");
    write_text(battery / "voltage_now", "4123000\n");
    write_text(battery / "current_now", "-512000\n");
    write_text(battery / "temp", "311\n");
    write_text(battery / "status", "Discharging\n");
    for (const char* zone : {"thermal_zone0", "thermal_zone1"}) {
        write_text(root / "class/thermal" / zone / "type", "cpu\n");
        write_text(root / "class/thermal" / zone / "temp", "45100\n");
    }
    return root;
}

TEST(Runner, SamplesTheBatteryBesideTheRuns)
{
    const auto sysfs = made_up_sysfs("runner-sysfs");
    const Outcome outcome = run("--mode idle --seconds 1 --battery auto --samples-per-second 10 --sysfs " + sysfs.string());
    ASSERT_EQ(outcome.code, 0);
    int power = 0, thermal = 0;
    std::int64_t last = 0;
    for (const auto& line : outcome.lines) {
        power += line["type"] == "power";
        thermal += line["type"] == "thermal";
        if (line["type"] == "thermal") { EXPECT_EQ(line["raw"], (nlohmann::json{{"cpu", 45100}, {"cpu#2", 45100}})); }
        if (line["type"] != "power") continue;
        EXPECT_EQ(line["uV"], 4123000);
        EXPECT_EQ(line["uA_raw"], -512000);
        EXPECT_EQ(line["temp_dC"], 311);
        EXPECT_EQ(line["status"], "Discharging");
        EXPECT_FALSE(line.contains("uAh")) << "a file that is not there is no number";
        EXPECT_GT(line["t_ns"].get<std::int64_t>(), last);
        last = line["t_ns"].get<std::int64_t>();
    }
    EXPECT_NEAR(power, 11, 3);
    EXPECT_NEAR(thermal, 2, 1);
    EXPECT_EQ(outcome.lines.back()["type"], "end");
    EXPECT_FALSE(outcome.lines.back().contains("sha256"));
}

TEST(Runner, WaitsForACoolBatteryAndSaysWhenItGaveUp)
{
    const auto sysfs = made_up_sysfs("runner-cool");
    const std::string common = "--package " + tiny_package("runner-cool-package") + " --tokens 2 --runs 1 --battery auto --sysfs " + sysfs.string();
    const auto phases = [](const Outcome& outcome) {
        std::string names;
        for (const auto& line : outcome.lines)
            if (line["type"] == "phase") names += line["name"].get<std::string>() + " ";
        return names;
    };
    EXPECT_EQ(phases(run(common + " --cool-to 320 --idle 1")), "load idle cool prefill decode idle ");
    EXPECT_EQ(phases(run(common + " --cool-to 300 --cool-limit 1")), "load cool_limit prefill decode ");
    EXPECT_EQ(run("--package x --cool-to 300").code, 2);
    EXPECT_EQ(run(common + " --battery /nowhere").code, 3);
}

TEST(Runner, GoesOnForSoManySeconds)
{
    const Outcome outcome = run("--package " + tiny_package("runner-seconds") + " --tokens 2 --runs 1 --seconds 1");
    ASSERT_EQ(outcome.code, 0);
    EXPECT_GT(outcome.lines[outcome.lines.size() - 2]["run"].get<int>(), 10);
}

TEST(Runner, BatchesHaveRestsBetweenThem)
{
    const Outcome outcome = run("--package " + tiny_package("runner-batches") + " --tokens 3 --runs 2 --batches 2 --rest 1 --warmup 1");
    ASSERT_EQ(outcome.code, 0);
    std::string phases;
    for (const auto& line : outcome.lines)
        if (line["type"] == "phase") phases += line["name"].get<std::string>() + line["run"].dump() + (line["name"] == "batch" ? ":" + line["tokens"].dump() : "") + " ";
    EXPECT_EQ(phases, "load0 prefill-1 decode-1 rest0 prefill0 decode0 prefill1 decode1 batch0:4 rest2 prefill2 decode2 prefill3 decode3 batch1:4 ");
}

TEST(Runner, LeadsASessionOfItsOwnUnderItsPidFile)
{
    const auto pid_file = scratch("runner-pid") / "pid";
    const Outcome outcome = run("--mode idle --seconds 1 --pid-file " + pid_file.string());
    ASSERT_EQ(outcome.code, 0);
    EXPECT_EQ(read_text(pid_file), outcome.lines.at(0)["pid"].dump() + "\n");
}

/// The program for phones, on the processors an emulator has; how fast it is there means nothing.
class RunnerForPhones : public ::testing::TestWithParam<const char*> {};

TEST_P(RunnerForPhones, ComputesWhatThisComputerComputes)
{
    const std::string program = std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-runner-aarch64";
    if (!std::filesystem::exists(program)) GTEST_SKIP() << "g++-aarch64-linux-gnu is not installed";
    EXPECT_LT(std::filesystem::file_size(program), 2'000'000U) << "it goes over a cable";
    if (std::system("qemu-aarch64-static --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "qemu-user-static is not installed";
    const std::string emulated = std::string("qemu-aarch64-static -cpu ") + GetParam() + " " + program + " ";
    const Outcome selftest = run("--selftest", false, emulated);
    EXPECT_EQ(selftest.code, 0) << selftest.output;
    EXPECT_EQ(selftest.lines.at(0)["isa"], "aarch64");
    nlohmann::json kernels{"neon", "reference"};
    if (GetParam() != std::string("cortex-a53")) kernels.insert(kernels.begin(), "neon-dotprod");
    if (GetParam() == std::string("max")) kernels.insert(kernels.begin(), "neon-i8mm");
    EXPECT_EQ(selftest.lines.at(0)["kernels"], kernels) << "all of them computed the same bytes";
    EXPECT_EQ(selftest.lines.at(0)["sha256"], run("--selftest").lines.at(0)["sha256"]);

    const std::string arguments = "--package " + tiny_package("runner-aarch64") + " --prompt-ids 3,1,4,1,5 --tokens 6 --threads 2";
    const Outcome there = run(arguments, false, emulated), here = run(arguments);
    ASSERT_EQ(there.code, 0);
    EXPECT_EQ(there.lines.back()["sha256"], here.lines.back()["sha256"]);
    EXPECT_EQ(there.lines[0]["kernels"], kernels[0]);
    const auto sets = there.lines[0]["hwcap"].get<std::vector<std::string>>();
    const bool dot_product = std::find(sets.begin(), sets.end(), "asimddp") != sets.end(), i8mm = std::find(sets.begin(), sets.end(), "i8mm") != sets.end();
    EXPECT_EQ(dot_product, GetParam() != std::string("cortex-a53"));
    EXPECT_EQ(i8mm, GetParam() == std::string("max"));
}

INSTANTIATE_TEST_SUITE_P(Processors, RunnerForPhones, ::testing::Values("max", "cortex-a76", "cortex-a53"));

}  // namespace
}  // namespace bitwright::test
