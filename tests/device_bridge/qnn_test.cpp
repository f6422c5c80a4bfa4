// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/plan_text.h"
#include "device_bridge/backends/qnn_files.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"

#include <nlohmann/json.hpp>

namespace bitwright::backends::test {
namespace {

double mean(const Result& result, std::string_view name)
{
    const auto* quantity = result.find(name);
    return quantity && quantity->summary && quantity->summary->mean ? *quantity->summary->mean : -1;
}

TEST(Qnn, ReadsTheProfileOfTheSpecification)
{
    const auto result = read_any_way({"qnn-net-run", Accelerator::npu, {{Stream::file, qnn_older_profile}}});
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_DOUBLE_EQ(mean(result, "init_s"), 0.3);
    EXPECT_DOUBLE_EQ(mean(result, "compose_s"), 0.07);
    EXPECT_DOUBLE_EQ(mean(result, "inference_s"), 0.009123);
    EXPECT_DOUBLE_EQ(mean(result, "rpc_s"), 2.717302);
    EXPECT_DOUBLE_EQ(mean(result, "accelerator_s"), 2.714698);
    EXPECT_DOUBLE_EQ(mean(result, "accelerator_cycles"), 454266408);
    EXPECT_DOUBLE_EQ(mean(result, "hvx_threads"), 4);
    EXPECT_EQ(result.offload.state, Offload::verified);
    EXPECT_NE(result.offload.evidence.find("2714698 us"), std::string::npos);
}

TEST(Qnn, ReadsTheNewerProfile)
{
    const auto result = read_any_way({"qnn-net-run", Accelerator::npu, {{Stream::output, "qnn-net-run build version: v2.28.0\nFinished Executing Graphs\n"}, {Stream::file, qnn_newer_profile}}});
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_DOUBLE_EQ(mean(result, "inference_s"), 0.0031);
    EXPECT_DOUBLE_EQ(mean(result, "accelerator_s"), 0.0027);
    EXPECT_DOUBLE_EQ(mean(result, "finalize_s"), 0.2005);
    EXPECT_DOUBLE_EQ(mean(result, "deinit_s"), 0.0125);
    EXPECT_EQ(result.version, "v2.28.0");
    EXPECT_EQ(result.offload.state, Offload::verified);
}

TEST(Qnn, SeveralGraphsStayApartAndEveryExecutionIsKept)
{
    // [synthetic]
    const auto graphs = read_any_way({"qnn-net-run", Accelerator::npu,
                                      {{Stream::file, "Execute Stats (Average):\nTotal Inference Time:\nGraph 0 (prefill):\n    NetRun: 20 ms\nGraph 1 (decode):\n    NetRun: 1.5e+03 us\n"}}});
    EXPECT_DOUBLE_EQ(mean(graphs, "inference_s"), 0.020);
    EXPECT_DOUBLE_EQ(mean(graphs, "inference_s[decode]"), 0.0015);
    EXPECT_EQ(graphs.offload.state, Offload::unverified);
    const auto each = read_any_way({"qnn-net-run", Accelerator::npu, {{Stream::file, "Execute Stat 1:\n    NetRun: 10 us\nExecute Stat 2:\n    NetRun: 12 us\n"}}});
    ASSERT_EQ(each.find("inference_s")->samples.size(), 2u);
    EXPECT_NEAR(each.find("inference_s")->samples[1], 12e-6, 1e-18);
}

TEST(Qnn, ErrorsAreSentences)
{
    const auto sentence = [](const std::string& line, int exit) { return read_any_way({"qnn-net-run", Accelerator::npu, {{Stream::error, line + "\n"}}, exit}).error; };
    EXPECT_NE(sentence("Error: 0x80000406, transportStatus: 9", 1).find("ADSP_LIBRARY_PATH"), std::string::npos);
    EXPECT_NE(sentence("Failed: 0x138d Request feature arch with value 75 unsupported", 1).find("another SoC"), std::string::npos);
    EXPECT_NE(sentence("create context failed, error 0x3ea", 1).find("too large"), std::string::npos);
    EXPECT_NE(sentence("[QNN] incorrect Value 68, expected >= 73.", 1).find("v73"), std::string::npos);
    EXPECT_NE(sentence("SSR Detected", 1).find("restarted"), std::string::npos);
    EXPECT_NE(sentence(" 0.0ms [ ERROR ] Could not open inputs.txt", 0).find("Could not open inputs.txt"), std::string::npos);
    const auto no_viewer = read({"qnn-net-run", Accelerator::npu, {{Stream::output, "Finished Executing Graphs\n"}}, 0});
    EXPECT_NE(no_viewer.error.find("qnn-profile-viewer"), std::string::npos);
}

const Target sm8650{"SM8650", "v75", 57, 8, true, true};
RuntimeFolder sdk(const std::string& version = "V75")
{
    auto lower = version;
    lower[0] = 'v';
    return {"/opt/qairt/2.28",
            {"bin/aarch64-android/qnn-net-run", "bin/aarch64-android/genie-t2t-run", "bin/x86_64-linux-clang/qnn-net-run", "bin/x86_64-linux-clang/qnn-profile-viewer",
             "lib/aarch64-android/libQnnHtp.so", "lib/x86_64-linux-clang/libQnnHtp.so", "lib/aarch64-android/libGenie.so", "lib/aarch64-android/libQnnHtpPrepare.so",
             "lib/aarch64-android/libQnnSystem.so", "lib/aarch64-android/libQnnHtpNetRunExtensions.so", "lib/aarch64-android/libQnnHtp" + version + "Stub.so",
             "lib/hexagon-" + lower + "/unsigned/libQnnHtp" + version + "Skel.so"}};
}

TEST(Qnn, ProbeNamesEveryMissingFile)
{
    const auto backend = make_backend("qnn-net-run");
    EXPECT_TRUE(backend->probe(sm8650, sdk(), Accelerator::npu).ok);
    const auto wrong = backend->probe(sm8650, sdk("V73"), Accelerator::npu);
    EXPECT_FALSE(wrong.ok);
    EXPECT_EQ(wrong.missing, (std::vector<std::string>{"lib/aarch64-android/libQnnHtpV75Stub.so", "lib/hexagon-v75/unsigned/libQnnHtpV75Skel.so"}));
    EXPECT_EQ(backend->probe(sm8650, {}, Accelerator::npu).missing.size(), 7u);
    EXPECT_FALSE(backend->probe({"MT6989", "", {}, {}, true, {}}, sdk(), Accelerator::npu).ok);
    EXPECT_FALSE(backend->probe(sm8650, sdk(), Accelerator::cpu).ok);
}

TEST(Qnn, ConfigurationsHoldWhatTheProfileKnows)
{
    const auto basic = nlohmann::json::parse(htp_basic_config("libQnnHtpNetRunExtensions.so", "ext.json"));
    EXPECT_EQ(basic, nlohmann::json::parse(R"({"backend_extensions":{"shared_library_path":"libQnnHtpNetRunExtensions.so","config_file_path":"ext.json"}})"));
    const auto extensions = nlohmann::json::parse(htp_extensions_config(sm8650, "model", "burst"));  // [spec]
    EXPECT_EQ(extensions, nlohmann::json::parse(R"({"graphs":[{"O":3,"vtcm_mb":8,"hvx_threads":4,"graph_names":["model"]}],"devices":[{"soc_id":57,"dsp_arch":"v75",
        "cores":[{"core_id":0,"perf_profile":"burst","rpc_control_latency":100}]}]})"));
    const auto unknown = nlohmann::json::parse(htp_extensions_config({"X", "v75", {}, {}, true, {}}, "model", "burst"));
    EXPECT_FALSE(unknown["devices"][0].contains("soc_id"));
    EXPECT_FALSE(unknown["graphs"][0].contains("vtcm_mb"));
}

TEST(Qnn, PlanIsTheCommandOfTheSpecification)
{
    RunSpec run;
    run.accelerator = Accelerator::npu, run.repeats = 100;
    run.remote_programs = "/d/p", run.remote_models = "/d/m", run.remote_run = "/d/w";
    const Artifact artifact{{{Role::model, "/home/u/qnn_model.bin", ""}, {Role::input, "/home/u/in0.raw", ""}, {Role::input, "/home/u/in1.raw", ""}}};
    const auto plan = make_backend("qnn-net-run")->plan(sm8650, sdk(), artifact, run);
    EXPECT_EQ(remote_command(plan),
              "cd /d/w && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/qnn-net-run '--retrieve_context=/d/m/qnn_model.bin' '--backend=/d/p/libQnnHtp.so' "
              "'--num_inferences=100' '--keep_num_outputs=1' '--perf_profile=burst' '--input_list=inputs.txt' '--output_dir=out' --shared_buffer '--profiling_level=basic' "
              "'--config_file=/d/w/htp_config.json'");
    for (const auto& push : plan.pushes) {
        EXPECT_EQ(push.local.string().find("x86_64"), std::string::npos) << push.local;
        if (push.remote == "/d/w/inputs.txt") {
            EXPECT_EQ(push.text, "in0.raw in1.raw\n");
        }
        EXPECT_EQ(push.executable, push.remote == "/d/p/qnn-net-run") << push.remote;
    }
    ASSERT_EQ(plan.pulls.size(), 2u);
    EXPECT_EQ(plan.pulls[0].reader, (std::vector<std::string>{"/opt/qairt/2.28/bin/x86_64-linux-clang/qnn-profile-viewer", "--input_log", "qnn-profiling-data_0.log"}));
    const auto script = dry_run_script(plan, "S1");
    EXPECT_NE(script.find("adb -s S1 pull /d/w/out/qnn-profiling-data_0.log run-1/qnn-profiling-data_0.log && (cd run-1 && /opt/qairt/2.28/bin/x86_64-linux-clang/qnn-profile-viewer --input_log "
                          "qnn-profiling-data_0.log > file.txt) || true"), std::string::npos);
    EXPECT_NE(script.find("printf %s 'in0.raw in1.raw\n' | adb -s S1 shell 'cat > /d/w/inputs.txt'"), std::string::npos) << script;
    auto odd = run;
    odd.performance_profile = "$(reboot)";
    EXPECT_THROW((void)make_backend("qnn-net-run")->plan(sm8650, sdk(), artifact, odd), Error);
    EXPECT_THROW((void)make_backend("qnn-net-run")->plan(sm8650, sdk("V73"), artifact, run), Error);
    EXPECT_THROW((void)make_backend("qnn-net-run")->plan(sm8650, sdk(), {{{Role::model, "m.bin", ""}, {Role::input, "a b.raw", ""}}}, run), Error);
}

TEST(Genie, ReadsItsProfileAndItsAnswer)
{
    const std::string output = "Using libGenie.so version 1.6.0\n\n[PROMPT]: What is 1 + 1\n\n[BEGIN]: \n1 + 1 = 2.\nSo it is.[END]\n";  // [spec] marks, [synthetic] text
    const auto result = read_any_way({"genie", Accelerator::npu, {{Stream::output, output}, {Stream::file, genie_profile}}});
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_EQ(result.text, "1 + 1 = 2.\nSo it is.");
    EXPECT_DOUBLE_EQ(result.find("ttft_s")->samples.at(0), 0.32);
    EXPECT_DOUBLE_EQ(result.find("prefill_tokens_per_s")->samples.at(0), 1600.5);
    EXPECT_DOUBLE_EQ(result.find("decode_tokens_per_s")->samples.at(0), 40.25);
    EXPECT_DOUBLE_EQ(result.find("load_s")->samples.at(0), 1.0005);
    EXPECT_EQ(result.prompt_tokens, 512);
    EXPECT_EQ(result.generated_tokens, 100);
    EXPECT_EQ(result.offload.state, Offload::unverified);
    EXPECT_TRUE(any_contains(result.warnings, "unverified accelerator"));
}

TEST(Genie, ReadsTheNumbersOfTheSpecification)
{
    const std::string one_line = R"({"components":[{"events":[{"type":"GenieDialog_query","time-to-first-token":{"value":155464,"unit":"us"},"token-generation-rate":{"value":13.07,"unit":"toks/sec"}}]}]})";
    const auto result = read_any_way({"genie", Accelerator::npu, {{Stream::output, "[BEGIN]: a"}, {Stream::file, one_line}}});
    EXPECT_DOUBLE_EQ(result.find("ttft_s")->samples.at(0), 0.155464);
    EXPECT_DOUBLE_EQ(result.find("decode_tokens_per_s")->samples.at(0), 13.07);
    EXPECT_TRUE(any_contains(result.warnings, "cut off"));
    for (const std::string odd : {R"({"components":[{"events":[{"type":"GenieDialog_query","time-to-first-token":{"value":-5,"unit":"us"}}]}]})",
                                  R"({"components":[{"events":[{"type":"GenieDialog_query","time-to-first-token":{"value":5,"unit":"parsec"}}]}]})",
                                  R"({"components":[{"events":[{"type":"GenieDialog_query","time-to-first-token":5}]}]})", R"({"components":{"a":[]}})", R"({"components":[3,{"events":[[]]}]})"})
        EXPECT_FALSE(read({"genie", Accelerator::npu, {{Stream::file, odd}}}).complete) << odd;
}

TEST(Genie, PlansOneExecutionPerRepeat)
{
    RunSpec run;
    run.accelerator = Accelerator::npu, run.prompt = "It's $HOME; `id`\nnew";
    run.remote_programs = "/d/p", run.remote_models = "/d/m", run.remote_run = "/d/w";
    const Artifact artifact{{{Role::model, "/u/a_1.bin", ""}, {Role::model, "/u/a_2.bin", ""}, {Role::tokenizer, "/u/tokenizer.json", ""}, {Role::config, "/u/genie_config.json", ""}}};
    const auto plan = make_backend("genie")->plan(sm8650, sdk(), artifact, run);
    EXPECT_EQ(plan.executions, 6);
    EXPECT_EQ(plan.discard, 1);
    EXPECT_EQ(plan.cwd, "/d/m");
    EXPECT_EQ(remote_command(plan),
              "cd /d/m && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/genie-t2t-run -c genie_config.json -p 'It'\\''s $HOME; `id`\nnew' --profile /d/w/genie_profile.json");
    EXPECT_THROW((void)make_backend("genie")->plan(sm8650, sdk(), {{{Role::model, "/u/a.bin", ""}}}, run), Error);
}

}  // namespace
}  // namespace bitwright::backends::test
