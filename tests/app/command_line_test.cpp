// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of commands that need no LibTorch: keys, exit codes, sentences.
#include "core/workspace/jobs.h"
#include "core/workspace/workspace.h"
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <fstream>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }

TEST(CommandLine, ExitCodes)
{
    EXPECT_EQ(run_cli({"--help"}).code, 0);
    EXPECT_EQ(run_cli({"--version"}).code, 0);
    EXPECT_EQ(run_cli({}).code, 2);
    EXPECT_EQ(run_cli({"frobnicate"}).code, 2);
    EXPECT_EQ(run_cli({"inspect"}).code, 2);
    EXPECT_EQ(run_cli({"evaluate", "x", "--level", "imaginary", "-w", "w.bitwright"}).code, 2);
    const auto absent = run_cli({"inspect", "/nowhere/at/all"});
    EXPECT_EQ(absent.code, 3);
    EXPECT_NE(absent.err.find("/nowhere/at/all"), std::string::npos);
}

TEST(CommandLine, EveryCommandDocumentsItsKeys)
{
    for (const Arguments& command :
         {Arguments{"inspect"}, {"tokenize"},       {"forward"},       {"generate"},      {"calibrate"},    {"statistics"},      {"quantize"},
          {"recipe", "show"},   {"recipe", "diff"}, {"recipe", "set"}, {"recipe", "log"}, {"recipe", "open"}, {"recipe", "undo"}, {"recipe", "redo"}, {"evaluate"},     {"export"},          {"import"},
          {"outliers"},         {"measure"},       {"backends", "list"}, {"backends", "script"}, {"backends", "read"},        {"runs", "list"},  {"runs", "tag"},   {"runs", "note"}, {"runs", "archive"}, {"jobs", "list"},
          {"jobs", "resume"},   {"jobs", "cancel"}, {"compare"},       {"loop"},
          {"sensitivity"},      {"allocate"},       {"convergence"},   {"recipe", "check"}}) {
        auto arguments = command;
        arguments.push_back("--help");
        const auto ended = run_cli(arguments);
        EXPECT_EQ(ended.code, 0) << command.back();
        EXPECT_NE(ended.out.find("Keys of --json: "), std::string::npos) << command.back();
    }
}

TEST(CommandLine, InspectHasTheContractsKeys)
{
    const auto object = run_cli({"inspect", sample().string(), "--json"}).json();
    EXPECT_EQ(object["family"], "llama");
    EXPECT_EQ(object["layers"], 4);
    EXPECT_EQ(object["parameters"], 2361024);
    EXPECT_GT(object["bytes"], 4'700'000);
    // q, k, v, o, gate, up, down of 4 layers and lm_head: 192·(192+64+64+192) + 3·192·512 each, 192·4096
    EXPECT_EQ(object["macs_per_token"], 4 * (192 * 512 + 3 * 192 * 512) + 192 * 4096);
    bool found = false;
    for (const auto& site : object["sites"]) {
        for (const char* key : {"name", "kind", "shape", "levels"}) EXPECT_TRUE(site.contains(key));
        if (site["name"] != "layers.3.mlp.down_proj.weight") continue;
        found = true;
        EXPECT_EQ(site["kind"], "weight");
        EXPECT_EQ(site["shape"], (std::vector<int>{192, 512}));
    }
    EXPECT_TRUE(found);
    EXPECT_NE(run_cli({"inspect", sample().string()}).out.find("layers.3.mlp.down_proj.weight"), std::string::npos) << "for people, too";
}

TEST(CommandLine, TokenizeGoesBothWaysLineByLine)
{
    const auto ids = run_cli({"tokenize", sample().string()}, "{\"text\": \"Once upon a time\", \"add_special_tokens\": false}\n{\"text\": \"a\\nb\"}\n");
    ASSERT_EQ(ids.code, 0) << ids.err;
    const auto text = run_cli({"tokenize", (sample() / "tokenizer.json").string(), "--decode"}, ids.out);
    EXPECT_EQ(text.out, "{\"text\":\"Once upon a time\"}\n{\"text\":\"a\\nb\"}\n");
    const auto broken = run_cli({"tokenize", sample().string()}, "{\"text\": \"x\"}\nnot json\n");
    EXPECT_EQ(broken.code, 3);
    EXPECT_NE(broken.err.find("line 2 of stdin"), std::string::npos) << broken.err;
}

TEST(CommandLine, WorkspacesThatCannotBeUsedAreNamed)
{
    const auto folder = scratch("cli-workspaces");
    std::ofstream(folder / "text.bitwright") << std::string(300, 'x');
    const auto foreign = run_cli({"runs", "list", "-w", (folder / "text.bitwright").string()});
    EXPECT_EQ(foreign.code, 3);
    EXPECT_NE(foreign.err.find("is no workspace"), std::string::npos);
    EXPECT_EQ(run_cli({"runs", "list", "-w", (folder / "new.bitwright").string(), "--json"}).json(), (nlohmann::json{{"runs", nlohmann::json::array()}}));
    EXPECT_EQ(run_cli({"compare", "-w", (folder / "new.bitwright").string()}).code, 3) << "nothing to compare";
    EXPECT_EQ(run_cli({"statistics", "calibration:1", "-w", (folder / "new.bitwright").string()}).code, 3);
    EXPECT_EQ(run_cli({"recipe", "show", "nobody", "-w", (folder / "new.bitwright").string()}).code, 3);
    EXPECT_EQ(run_cli({"jobs", "resume", "-w", (folder / "new.bitwright").string()}).code, 3);
}

TEST(CommandLine, TokensThatCannotBeCutAreRefused)
{
    const auto folder = scratch("cli-tokens");
    std::ofstream(folder / "short.txt") << "Once upon a time";
    std::ofstream(folder / "latin1.txt") << "caf\xe9 and more";
    const auto w = (folder / "w.bitwright").string();
    const auto calibrate = [&](const std::string& file) {
        return run_cli({"calibrate", sample().string(), "--text", (folder / file).string(), "--samples", "2", "--length", "64", "--seed", "1", "-w", w});
    };
    EXPECT_EQ(calibrate("short.txt").code, 3);
    EXPECT_NE(calibrate("short.txt").err.find("fewer than one window of 64"), std::string::npos);
    EXPECT_EQ(calibrate("latin1.txt").code, 3);
    EXPECT_NE(calibrate("latin1.txt").err.find("not UTF-8 at byte 3"), std::string::npos);
    EXPECT_EQ(calibrate("absent.txt").code, 3);
    EXPECT_EQ(run_cli({"calibrate", sample().string(), "-w", w}).code, 2);
}

TEST(CommandLine, OutlierCopiesAreMadeOnce)
{
    const auto copy = (scratch("cli-outliers") / "copy").string();
    const auto made = run_cli({"outliers", sample().string(), "--out", copy, "--seed", "1", "--json"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_FALSE(made.json()["channels"].empty());
    EXPECT_EQ(run_cli({"inspect", copy, "--verify", "--json"}).json()["parameters"], 2361024);
    EXPECT_EQ(run_cli({"outliers", sample().string(), "--out", copy, "--seed", "1"}).code, 3) << "it exists";
}

}  // namespace
}  // namespace bitwright::test
