// SPDX-License-Identifier: GPL-3.0-or-later
// backends list, script, read, as a user types them.
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <fstream>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path package(const std::string& name)
{
    const auto folder = scratch(name);
    fs::create_directories(folder / "pkg" / "bin");
    fs::create_directories(folder / "pkg" / "lib");
    for (const auto* file : {"pkg/bin/llama-bench", "pkg/lib/libggml-hexagon.so", "pkg/lib/libggml-htp-v75.so", "M.gguf"}) std::ofstream(folder / file) << "x";
    return folder;
}
std::string profile() { return (fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "devices" / "soc" / "sm8650.json").string(); }

TEST(BackendsCommand, ListSaysWhatAFolderHasAndLacks)
{
    const auto folder = package("backends-list");
    const auto object = run_cli({"backends", "list", "--runtime", (folder / "pkg").string(), "--soc-profile", profile(), "--accelerator", "npu", "--json"}).json();
    ASSERT_EQ(object["backends"].size(), 9u);
    for (const auto& backend : object["backends"]) {
        EXPECT_EQ(backend["ok"], backend["backend"] == "llama.cpp") << backend;
        EXPECT_EQ(backend["reason"].is_null(), backend["ok"]) << backend;
    }
    EXPECT_EQ(run_cli({"backends", "list", "--runtime", "/nowhere"}).code, 3);
    EXPECT_EQ(run_cli({"backends", "list", "--runtime", folder.string(), "--accelerator", "quantum"}).code, 2);
}

TEST(BackendsCommand, ScriptIsPrintedAndMissingFilesAreNamed)
{
    const auto folder = package("backends-script");
    const Arguments rest{"--runtime", (folder / "pkg").string(), "--soc-profile", profile(), "--accelerator", "npu", "--device", "S1"};
    auto arguments = Arguments{"backends", "script", "llama.cpp", (folder / "M.gguf").string()};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    const auto script = run_cli(arguments);
    EXPECT_EQ(script.code, 0) << script.err;
    EXPECT_EQ(script.out.substr(0, 10), "#!/bin/sh\n");
    EXPECT_NE(script.out.find("llama-bench --device HTP0"), std::string::npos);
    EXPECT_NE(script.out.find("# Licence: MIT"), std::string::npos);
    arguments[2] = "genie";
    const auto refused = run_cli(arguments);
    EXPECT_EQ(refused.code, 3);
    EXPECT_NE(refused.err.find("libGenie.so"), std::string::npos);
    arguments[2] = "abacus";
    EXPECT_EQ(run_cli(arguments).code, 2);
}

TEST(BackendsCommand, ReadTellsWhatCameOutAndHowFarItIsProved)
{
    const auto folder = package("backends-read");
    fs::create_directories(folder / "run-1");
    std::ofstream(folder / "run-1" / "output.txt") << "| model | backend | test | t/s |\n| --- | --- | --- | --- |\n| m | HTP | pp128 | 100.5 \u00b1 1.5 |\n";
    const Arguments read{"backends", "read", "llama.cpp", folder.string(), "--accelerator", "npu", "--json"};
    const auto lost = run_cli(read).json();
    EXPECT_EQ(lost["complete"], false);
    EXPECT_NE(lost["error"].get<std::string>().find("connection"), std::string::npos);
    std::ofstream(folder / "run-1" / "exit.txt") << "0\n";
    const auto object = run_cli(read).json();
    EXPECT_EQ(object["complete"], true);
    EXPECT_EQ(object["offload"], "unverified accelerator");
    EXPECT_EQ(object["quantities"][0]["summary"]["mean"], 100.5);
    EXPECT_EQ(object["quantities"][0]["summary"]["median"], nullptr) << "not said is null";
    EXPECT_EQ(run_cli({"backends", "read", "llama.cpp", (folder / "pkg").string()}).code, 3);
}

TEST(BackendsCommand, WhatCameOutIsStoredAsARunWithTheProofOfWhereItComputed)
{
    const auto folder = package("backends-store");
    const auto workspace = (folder / "w.bitwright").string();
    fs::create_directories(folder / "run-1");
    std::ofstream(folder / "run-1" / "output.txt") << "| model | backend | test | t/s |\n| --- | --- | --- | --- |\n| m | HTP | pp128 | 100.5 \u00b1 1.5 |\n";
    std::ofstream(folder / "run-1" / "exit.txt") << "0\n";
    Arguments read{"backends", "read", "llama.cpp", folder.string(), "--accelerator", "npu", "-w", workspace, "--json"};
    EXPECT_EQ(run_cli(read).code, 2) << "what ran and where is not said";
    const Arguments what{"--model", (folder / "M.gguf").string(), "--device", "R5CT1234", "--prompt-tokens", "128", "--threads", "4"};
    read.insert(read.end(), what.begin(), what.end());
    const auto stored = run_cli(read);
    ASSERT_EQ(stored.code, 0) << stored.err;
    EXPECT_EQ(stored.json()["run"], "run:1");
    const auto listed = [&] { return run_cli({"runs", "list", "-w", workspace, "--json"}).json()["runs"]; };
    const auto run = listed()[0];
    EXPECT_EQ(run["offload"], "unverified accelerator") << run.dump(1);
    EXPECT_EQ(run["runtime"], "llama.cpp");
    EXPECT_EQ(run["prefill_tokens_per_s"], 100.5);
    EXPECT_TRUE(run["output_sha256"].is_null());
    EXPECT_EQ(run["device"]["kind"], "phone");
    EXPECT_EQ(run.dump().find("R5CT1234"), std::string::npos) << "no serial is stored";
    const auto compared = run_cli({"compare", "-w", workspace, "--json"});
    ASSERT_EQ(compared.code, 0) << compared.err;
    EXPECT_NE(compared.out.find("M.gguf"), std::string::npos) << compared.out;
    fs::remove(folder / "run-1" / "exit.txt");
    const auto cut = run_cli(read);
    ASSERT_EQ(cut.code, 0) << cut.err;
    const auto aborted = listed()[0];
    EXPECT_EQ(aborted["state"], "aborted");
    EXPECT_FALSE(aborted.contains("prefill_tokens_per_s"));
    EXPECT_NE(aborted["note"].get<std::string>().find("connection"), std::string::npos) << aborted;
}

}  // namespace
}  // namespace bitwright::test
