// SPDX-License-Identifier: GPL-3.0-or-later
// cmake --install to a folder: what lies there works without the tree it was built in.
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"
#include "core/runtime/json.h"
#include "tests/runtime/tiny_package.h"

#include <gtest/gtest.h>

#include <csignal>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

/// Installed once for all tests here.
const fs::path& prefix()
{
    static const fs::path folder = [] {
        const auto root = scratch("installed");
        const auto ran = run_program({BITWRIGHT_CMAKE, "--install", BITWRIGHT_BINARY_DIR, "--prefix", "/opt/bitwright", "--strip"}, {"DESTDIR=" + root.string()}, {}, std::chrono::minutes(3));
        EXPECT_EQ(ran.code, 0) << ran.out << ran.error;
        return root / "opt/bitwright";
    }();
    return folder;
}

std::string program(const char* name) { return (prefix() / "bin" / name).string(); }

TEST(Installed, TheCommandLineMeasuresWithTheRunnerBesideIt)
{
    const auto folder = scratch("installed-cli");
    TinyPackage::make(1).write(folder / "tiny.safetensors");
    const std::vector<std::string> nothing{"BITWRIGHT_RUNNER=", "BITWRIGHT_RUNNER_AARCH64=", "BITWRIGHT_NUMERICS=", "LD_LIBRARY_PATH="};
    const auto ran = run_program({program("bitwright-cli"), "measure", "--package", (folder / "tiny.safetensors").string(), "--device", "local", "--prompt-tokens", "5", "--generate", "6", "--repeats", "2",
                                  "--threads", "1", "-w", (folder / "w.bitwright").string(), "--json"},
                                 nothing);
    ASSERT_EQ(ran.code, 0) << ran.error;
    EXPECT_NE(ran.out.find("\"state\":\"done\""), std::string::npos) << ran.out;
    const auto script = run_program({program("bitwright-cli"), "measure", "--package", (folder / "tiny.safetensors").string(), "--device", "x", "--prompt-tokens", "5", "--generate", "6", "--repeats", "2",
                                     "--threads", "1", "--dry-run"},
                                    nothing);
    if (fs::exists(fs::path(BITWRIGHT_BINARY_DIR) / "bin/bitwright-runner-aarch64")) {
        EXPECT_EQ(script.code, 0) << script.error;
        EXPECT_NE(script.out.find(program("bitwright-runner-aarch64")), std::string::npos) << script.out;
    }
    const auto sample = prefix() / "share/bitwright/models/Bitwright-Sample-2M";
    const auto inspected = run_program({program("bitwright-cli"), "inspect", sample.string(), "--json"}, nothing);
    EXPECT_EQ(inspected.code, 0) << inspected.error;
}

TEST(Installed, ProfilesAndScenariosAreThereAndTheDemoPhoneRunsOne)
{
    EXPECT_TRUE(fs::exists(prefix() / "share/bitwright/devices/soc/sm8650.json"));
    const auto scenario_file = prefix() / "share/bitwright/devices/scenarios/demo.json";
    ASSERT_TRUE(fs::exists(scenario_file));
    const auto folder = scratch("installed-phone");
    // it ends when its output is closed by the time limit's signal; the ready line is what is asked for
    const auto ran = run_program({"/bin/sh", "-c", "\"$0\" --scenario \"$1\" --socket \"$2\" > \"$3\" & p=$!; for i in $(seq 100); do [ -s \"$3\" ] && break; sleep 0.1; done; kill $p; wait $p; cat \"$3\"",
                                  program("bitwright-demo-phone"), scenario_file.string(), (folder / "s").string(), (folder / "ready").string()});
    EXPECT_NE(ran.out.find("\"ready\":true"), std::string::npos) << ran.out << ran.error;
}

TEST(Installed, TheDeskStarts)
{
    if (!fs::exists(fs::path(BITWRIGHT_BINARY_DIR) / "bin/bitwright")) GTEST_SKIP() << "skipped: the desk is not built";
    const auto ran = run_program({program("bitwright"), "--version"}, {"QT_QPA_PLATFORM=offscreen", "LD_LIBRARY_PATH="});
    EXPECT_EQ(ran.code, 0) << ran.error;
    EXPECT_NE(ran.out.find("bitwright"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace bitwright::test
