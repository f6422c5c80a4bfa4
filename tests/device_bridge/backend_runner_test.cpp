// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/plan_text.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"
#include "tests/support/shared_data.h"

#include <fstream>

namespace bitwright::backends::test {
namespace {

TEST(BitwrightRunnerBackend, ReadsItsLinesFromAFileOrFromTheOutput)
{
    for (const auto stream : {Stream::file, Stream::output}) {
        const auto result = read_any_way({"bitwright", Accelerator::cpu, {{stream, runner_lines}}});
        EXPECT_TRUE(result.complete) << result.error;
        EXPECT_EQ(result.find("prefill_tokens_per_s")->samples, std::vector<double>{64});
        EXPECT_EQ(result.find("decode_tokens_per_s")->samples, std::vector<double>{4});
        EXPECT_EQ(result.find("ttft_s")->samples, std::vector<double>{1});
        EXPECT_EQ(result.find("load_s")->samples, std::vector<double>{0.5});
        EXPECT_EQ(result.find("peak_rss_bytes")->samples, std::vector<double>{1000});
        EXPECT_EQ(result.generated_tokens, 9);
        EXPECT_EQ(result.output_hash, "abc");
        EXPECT_EQ(result.version, "0.1.0 scalar");
        EXPECT_EQ(result.offload.state, Offload::cpu);
    }
}

TEST(BitwrightRunnerBackend, WithoutItsLastLineTheRunWasAborted)
{
    for (std::size_t size = 0; size < runner_lines.size() - 1; size += 9) {
        const auto result = read({"bitwright", Accelerator::cpu, {{Stream::file, runner_lines.substr(0, size)}}, 0});
        EXPECT_FALSE(result.complete) << size;
        EXPECT_FALSE(result.error.empty());
    }
    const auto failed = read_any_way({"bitwright", Accelerator::cpu, {{Stream::file, R"({"type":"end","rc":3,"error":"x.bwp: is no package"})" "\n"}}, 3});
    EXPECT_EQ(failed.error, "x.bwp: is no package");
    const auto early = read({"bitwright", Accelerator::cpu, {{Stream::error, "bitwright-runner: --package: is missing; see --help\n"}}, 2});
    EXPECT_EQ(early.error, "--package: is missing; see --help");
    EXPECT_NE(read({"bitwright", Accelerator::cpu, {{Stream::file, "{\"type\":\"phase\"}\n"}}, 0}).error.find("cannot be read"), std::string::npos);
}

TEST(BitwrightRunnerBackend, PlansItsOwnCommand)
{
    const auto backend = make_backend("bitwright");
    const RuntimeFolder runtime{"/opt/bitwright/bin", {"bitwright-runner-aarch64"}};
    EXPECT_TRUE(backend->probe({}, runtime, Accelerator::cpu).ok);
    EXPECT_FALSE(backend->probe({}, runtime, Accelerator::npu).ok);
    EXPECT_EQ(backend->probe({}, {}, Accelerator::cpu).missing, std::vector<std::string>{"bitwright-runner-aarch64"});
    RunSpec run;
    run.affinity = 0xF0, run.runner_options = {"--battery", "auto"};
    run.remote_programs = "/d/bin", run.remote_models = "/d/models", run.remote_run = "/d/run";
    const auto plan = backend->plan({}, runtime, {{{Role::model, "/home/u/m.bwp", "h"}}}, run);
    EXPECT_EQ(remote_command(plan),
              "cd /d/run && exec /d/bin/bitwright-runner --package /d/models/m.bwp --mode mixed --prompt-tokens 128 --tokens 64 --runs 5 --warmup 1 --threads 4 "
              "--affinity f0 --battery auto --jsonl /d/run/run.jsonl");
    EXPECT_TRUE(plan.pulls.at(0).parse);
    EXPECT_THROW((void)backend->plan({}, {}, {{{Role::model, "m", ""}}}, run), Error);
}

TEST(Backends, EveryOneHasALicenceAndRefusesAnEmptyFolder)
{
    for (const auto id : backend_ids()) {
        const auto backend = make_backend(id);
        EXPECT_EQ(backend->id(), id);
        EXPECT_FALSE(backend->name().empty());
        EXPECT_FALSE(backend->licence().name.empty());
        EXPECT_FALSE(backend->licence().note.empty());
        for (const auto accelerator : {Accelerator::cpu, Accelerator::gpu, Accelerator::npu}) {
            const auto support = backend->probe({"SM8650", "v75", 57, 8, true, true}, {}, accelerator);
            EXPECT_FALSE(support.ok) << id;
            EXPECT_FALSE(support.reason.empty()) << id;
            RunSpec run;
            run.accelerator = accelerator;
            EXPECT_THROW((void)backend->plan({}, {}, {}, run), Error) << id;
        }
        const auto nothing = backend->finish(0);
        EXPECT_FALSE(nothing.complete) << id;
        EXPECT_FALSE(nothing.error.empty()) << id;
    }
    EXPECT_THROW((void)make_backend("nnapi"), Error);
}

TEST(Backends, TheTargetComesFromFactsAndProfile)
{
    PhoneFacts facts;
    facts.soc_model = "SM8650", facts.abis = {"arm64-v8a", "armeabi-v7a"}, facts.hexagon_rpc = true, facts.soc_id = 557;
    SocProfile profile;
    profile.hexagon = Hexagon{"v75", 57, 8};
    const auto target = target_of(facts, &profile);
    EXPECT_EQ(target.hexagon, "v75");
    EXPECT_EQ(target.qnn_soc_model, 57) << "QNN's number, not the kernel's 557";
    EXPECT_TRUE(target.arm64);
    EXPECT_EQ(target_of(facts, nullptr).hexagon, "");
    facts.abis = {"armeabi-v7a"};
    EXPECT_FALSE(target_of(facts, nullptr).arm64);
}

/// The script is run for real, by sh, with an adb that does on this computer what it is told to do on the phone.
TEST(Backends, TheScriptRunsAndWhatItLeavesIsRead)
{
    const auto root = bitwright::test::scratch("it's a script");
    const auto put = [&](const std::string& name, const std::string& text) {
        std::ofstream(root / name) << text;
        std::filesystem::permissions(root / name, std::filesystem::perms::owner_all);
        return root / name;
    };
    put("adb", "#!/bin/sh\nshift 2\ncase $1 in\n shell) shift; exec sh -c \"$*\" ;;\n push|pull) exec cp -r \"$2\" \"$3\" ;;\nesac\n");
    put("bitwright-runner-aarch64", "#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\ncp \"$RECORDED\" \"$1\"\necho said; echo warned >&2\nexit ${EXIT:-0}\n");
    const auto package = put("m.bwp", "x"), recorded = put("recorded.jsonl", runner_lines);
    RunSpec run;
    run.remote_programs = (root / "phone $bin").string(), run.remote_models = (root / "models").string(), run.remote_run = (root / "run;1").string();
    auto plan = make_backend("bitwright")->plan({}, list_runtime_folder(root), {{{Role::model, package, ""}}}, run);
    plan.executions = 3, plan.discard = 1;
    const auto script = put("script.sh", dry_run_script(plan, "S 1"));
    const auto shell = [&](const std::string& environment) {
        const auto here = root.string();  // holds a quote: it goes by the environment
        ::setenv("HERE", here.c_str(), 1);
        ::setenv("RECORDED", recorded.c_str(), 1);
        return std::system(("cd \"$HERE\" && PATH=\"$HERE:$PATH\" " + environment + " sh script.sh > log.txt 2>&1").c_str());
    };
    ASSERT_EQ(shell(""), 0);
    EXPECT_TRUE(std::filesystem::exists(root / "warmup-1/output.txt"));
    EXPECT_FALSE(std::filesystem::exists(root / "run-3"));
    EXPECT_FALSE(std::filesystem::exists(root / "run;1/run.jsonl")) << "fetched, then removed";
    const auto result = read_run_folder("bitwright", Accelerator::cpu, root);
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_EQ(result.find("decode_tokens_per_s")->samples, (std::vector<double>{4, 4}));
    EXPECT_EQ(result.output_hash, "abc");
    EXPECT_EQ(result.raw_output, "said\nsaid\n");
    EXPECT_EQ(result.raw_error, "warned\nwarned\n");
    ASSERT_EQ(shell("EXIT=137"), 0);
    EXPECT_EQ(read_run_folder("bitwright", Accelerator::cpu, root / "run-1").exit_code, 137);
    std::filesystem::remove(root / "run-2/exit.txt");
    EXPECT_FALSE(read_run_folder("bitwright", Accelerator::cpu, root / "run-2").exit_code) << "no exit code: the connection was lost";
    EXPECT_THROW((void)read_run_folder("bitwright", Accelerator::cpu, root / "models"), Error);
}

}  // namespace
}  // namespace bitwright::backends::test
