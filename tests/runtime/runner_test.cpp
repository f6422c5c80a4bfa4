// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright-runner as a program: its JSON lines and exit codes.
#include "core/runtime/engine.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

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
Outcome run(const std::string& arguments, bool errors = false)
{
    const std::string command = std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-runner " + arguments + (errors ? " 2>&1 >/dev/null" : " 2>/dev/null");
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
    for (const char* key : {"version", "isa", "kernels", "page", "cores", "threads", "package", "recipe", "format", "file_bytes"}) EXPECT_TRUE(outcome.lines[0].contains(key)) << key;
    EXPECT_EQ(outcome.lines[1]["name"], "load");

    Engine engine(Package::open(package));
    const auto ids = generate_greedy(engine, std::vector<std::int32_t>{3, 1, 4, 1, 5}, 6, false, Control());
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

}  // namespace
}  // namespace bitwright::test
