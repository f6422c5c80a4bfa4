// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/plan_text.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"

namespace bitwright::backends::test {
namespace {

TEST(LlamaCpp, ReadsTheTableAndItsDeviation)
{
    const auto result = read_any_way({"llama.cpp", Accelerator::npu, {{Stream::error, llama_load_log}, {Stream::output, llama_table}}});
    EXPECT_TRUE(result.complete) << result.error;
    const auto* prefill = result.find("prefill_tokens_per_s");
    ASSERT_TRUE(prefill && prefill->summary);
    EXPECT_DOUBLE_EQ(*prefill->summary->mean, 169.42);
    EXPECT_DOUBLE_EQ(*prefill->summary->deviation, 1.75);
    ASSERT_TRUE(result.find("decode_tokens_per_s"));
    EXPECT_DOUBLE_EQ(*result.find("decode_tokens_per_s")->summary->mean, 49.80);
    EXPECT_EQ(result.prompt_tokens, 128);
    EXPECT_EQ(result.generated_tokens, 64);
    EXPECT_EQ(result.version, "abcdef123 (1234)");
    EXPECT_EQ(result.offload.state, Offload::verified);
    EXPECT_EQ(result.offload.device, "HTP0-REPACK");
    EXPECT_EQ(result.offload.done, 17);
    EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
    EXPECT_EQ(result.raw_output, llama_table);
    EXPECT_EQ(result.raw_error, llama_load_log);
    const auto stored = measurements(result);
    ASSERT_EQ(stored.size(), 2u);
    EXPECT_DOUBLE_EQ(stored[0].value, 169.42);
}

TEST(LlamaCpp, ReadsOlderTestNames)
{
    const std::string older = "| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | --: | --- | ---: |\n"
                              "| llama 7B mostly Q4_0 | 3.56 GiB | 6.74 B | CPU | 0 | pp 512 | 17.93 \u00b1 0.02 |\n";  // [form] format, [synthetic] numbers
    const auto result = read_any_way({"llama.cpp", Accelerator::cpu, {{Stream::output, older}}});
    ASSERT_TRUE(result.find("prefill_tokens_per_s"));
    EXPECT_EQ(result.prompt_tokens, 512);
    EXPECT_EQ(result.offload.state, Offload::cpu);
}

TEST(LlamaCpp, ReadsJsonLinesAndJsonAlike)
{
    const auto lines = read_any_way({"llama.cpp", Accelerator::npu, {{Stream::error, llama_load_log}, {Stream::output, llama_json_prompt + "\n" + llama_json_decode + "\n"}}});
    std::string pretty = "[\n";
    for (const auto& row : {llama_json_prompt, llama_json_decode}) {
        std::string spread = "  ";
        for (const char c : row) spread += c == ',' ? std::string(",\n    ") : std::string(1, c);
        pretty += spread + (pretty == "[\n" ? ",\n" : "\n");
    }
    pretty += "]\n";
    const auto array = read_any_way({"llama.cpp", Accelerator::npu, {{Stream::error, llama_load_log}, {Stream::output, pretty}}});
    for (const auto& result : {lines, array}) {
        EXPECT_TRUE(result.complete) << result.error;
        ASSERT_TRUE(result.find("prefill_tokens_per_s"));
        EXPECT_EQ(result.find("prefill_tokens_per_s")->samples, (std::vector<double>{169.536, 169.312, 169.424}));
        ASSERT_TRUE(result.find("decode_tokens_per_s"));
        EXPECT_EQ(result.find("decode_tokens_per_s")->samples, (std::vector<double>{51.5, 50.4, 52.7}));
        EXPECT_EQ(result.version, "abcdef123 (1234)");
    }
}

TEST(LlamaCpp, ReadsThePerformanceLinesOfEveryAge)
{
    for (const std::string prefix : {"llama_perf_context_print:", "common_perf_print:", "llama_print_timings:"}) {
        auto text = llama_performance;
        for (auto at = text.find("llama_perf_context_print:"); at != std::string::npos; at = text.find("llama_perf_context_print:", at + prefix.size()))
            text.replace(at, 25, prefix);
        const auto result = read_any_way({"llama.cpp", Accelerator::cpu, {{Stream::error, text}}});
        ASSERT_TRUE(result.find("prefill_tokens_per_s")) << prefix;
        EXPECT_NEAR(result.find("prefill_tokens_per_s")->samples.at(0), 136.21, 0.005);
        EXPECT_NEAR(result.find("decode_tokens_per_s")->samples.at(0), 50.00, 0.005);
        EXPECT_NEAR(result.find("load_s")->samples.at(0), 0.50025, 1e-9);
        EXPECT_EQ(result.prompt_tokens, 11);
    }
}

TEST(LlamaCpp, NoticesWhereItReallyRan)
{
    const auto rows = llama_json_prompt + "\n";
    const auto silent = read({"llama.cpp", Accelerator::npu, {{Stream::output, rows}}});
    EXPECT_EQ(silent.offload.state, Offload::unverified);
    EXPECT_TRUE(any_contains(silent.warnings, "unverified accelerator"));

    const auto none = read({"llama.cpp", Accelerator::npu, {{Stream::error, "load_tensors: offloaded 0/17 layers to GPU\n"}, {Stream::output, rows}}});
    EXPECT_EQ(none.offload.state, Offload::cpu);
    EXPECT_TRUE(any_contains(none.warnings, "ran on the CPU"));

    const auto part = read({"llama.cpp", Accelerator::npu,
                            {{Stream::error, "load_tensors: offloaded 9/17 layers to GPU\nload_tensors: CPU model buffer size = 210.50 MiB\n"
                                             "load_tensors: HTP0-REPACK model buffer size = 240.00 MiB\n"},
                             {Stream::output, rows}}});
    EXPECT_EQ(part.offload.state, Offload::verified);
    EXPECT_TRUE(any_contains(part.warnings, "Only 9 of 17"));

    // [form] a format the NPU cannot multiply: layers are "offloaded", the weights are not
    const auto format = read({"llama.cpp", Accelerator::npu,
                              {{Stream::error, "load_tensors: offloaded 17/17 layers to GPU\nload_tensors: CPU_REPACK model buffer size = 600.00 MiB\n"
                                               "load_tensors: HTP0 model buffer size = 0.50 MiB\n"},
                               {Stream::output, rows}}});
    EXPECT_EQ(format.offload.state, Offload::unverified);

    const auto unasked = read({"llama.cpp", Accelerator::cpu, {{Stream::error, llama_load_log}, {Stream::output, rows}}});
    EXPECT_TRUE(any_contains(unasked.warnings, "The CPU was asked for, but work ran on HTP0-REPACK"));

    const auto broken = read({"llama.cpp", Accelerator::npu, {{Stream::error, llama_load_log + "ggml-hex: dspqueue_read failed: 0x00000072\n"}, {Stream::output, rows}}});
    EXPECT_EQ(broken.offload.state, Offload::unverified);
}

TEST(LlamaCpp, ErrorsAreSentences)
{
    const auto session = read_any_way({"llama.cpp", Accelerator::npu, {{Stream::error, "ggml-hex: failed to open session 0 : error 0x80000406\n"}}, 1});
    EXPECT_FALSE(session.complete);
    EXPECT_NE(session.error.find("ADSP_LIBRARY_PATH"), std::string::npos);
    EXPECT_NE(read({"llama.cpp", Accelerator::npu, {}, 137}).error.find("killed"), std::string::npos);
    EXPECT_NE(read({"llama.cpp", Accelerator::cpu, {{Stream::error, "error: invalid parameter for argument: --mmap\n"}}, 0}).error.find("--mmap"), std::string::npos);
    const auto linker = read({"llama.cpp", Accelerator::cpu, {{Stream::error, "CANNOT LINK EXECUTABLE \"./llama-bench\": library \"libllama.so\" not found: needed by main executable\n"}}, 1});
    EXPECT_NE(linker.error.find("libllama.so"), std::string::npos);
    EXPECT_FALSE(read({"llama.cpp", Accelerator::cpu, {{Stream::output, "hello\n"}}, 0}).complete);
}

TEST(LlamaCpp, ACutOffRunNeverCounts)
{
    const auto whole = llama_json_prompt + "\n" + llama_json_decode + "\n";
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        const auto lost = read({"llama.cpp", Accelerator::npu, {{Stream::output, whole.substr(0, size)}}, std::nullopt});
        EXPECT_FALSE(lost.complete);
        EXPECT_NE(lost.error.find("connection"), std::string::npos);
    }
    // half a number at the end of what came is no number
    const auto lost = read({"llama.cpp", Accelerator::cpu, {{Stream::error, "llama_perf_context_print: prompt eval time = 80.7"}}, std::nullopt});
    EXPECT_TRUE(lost.quantities.empty());
}

RuntimeFolder package()
{
    RuntimeFolder folder{"/home/u/pkg-snapdragon", {}};
    for (const auto* file : {"llama.cpp/bin/llama-bench", "llama.cpp/bin/llama-cli", "llama.cpp/lib/libggml.so", "llama.cpp/lib/libllama.so", "llama.cpp/lib/libggml-hexagon.so",
                             "llama.cpp/lib/libggml-htp-v73.so", "llama.cpp/lib/libggml-htp-v75.so", "llama.cpp/include/llama.h"})
        folder.files.insert(file);
    return folder;
}
const Target sm8650{"SM8650", "v75", 57, 8, true, true};

TEST(LlamaCpp, ProbeNamesWhatIsMissing)
{
    const auto backend = make_backend("llama.cpp");
    EXPECT_TRUE(backend->probe(sm8650, package(), Accelerator::cpu).ok);
    EXPECT_TRUE(backend->probe(sm8650, package(), Accelerator::npu).ok);
    const auto newer = backend->probe({"SM8750", "v79", 69, 8, true, true}, package(), Accelerator::npu);
    EXPECT_FALSE(newer.ok);
    EXPECT_EQ(newer.missing, std::vector<std::string>{"lib/libggml-htp-v79.so"});
    EXPECT_FALSE(backend->probe({"Tensor G5", "", {}, {}, true, {}}, package(), Accelerator::npu).ok);
    EXPECT_FALSE(backend->probe({"SM8650", "v75", 57, 8, true, false}, package(), Accelerator::npu).ok);
    EXPECT_EQ(backend->probe(sm8650, {}, Accelerator::cpu).missing, std::vector<std::string>{"bin/llama-bench"});
}

TEST(LlamaCpp, PlanIsTheCommandOfTheSpecification)
{
    RunSpec run;
    run.accelerator = Accelerator::npu;
    run.affinity = 0xF0;
    run.remote_programs = "/data/local/tmp/b/bin/1", run.remote_models = "/data/local/tmp/b/models/2", run.remote_run = "/data/local/tmp/b/runs/3";
    const auto plan = make_backend("llama.cpp")->plan(sm8650, package(), {{{Role::model, "/home/u/it's mine/M $(x).gguf", std::string(64, 'a')}}}, run);
    EXPECT_EQ(remote_command(plan),
              "cd /data/local/tmp/b/runs/3 && exec env 'LD_LIBRARY_PATH=/data/local/tmp/b/bin/1/lib' 'ADSP_LIBRARY_PATH=/data/local/tmp/b/bin/1/lib' 'GGML_HEXAGON_NDEV=1' "
              "/data/local/tmp/b/bin/1/bin/llama-bench --device HTP0 --mmap 0 -m '/data/local/tmp/b/models/2/M $(x).gguf' -t 4 --batch-size 128 -ngl 99 -p 128 -n 64 -r 5 "
              "-o jsonl -v -C 0xf0 --cpu-strict 1");
    ASSERT_EQ(plan.pushes.size(), 6u);  // bench, four libraries (one for the DSP), model
    EXPECT_TRUE(plan.pushes[0].executable);
    EXPECT_EQ(plan.pushes.back().sha256, std::string(64, 'a'));
    for (const auto& push : plan.pushes) EXPECT_EQ(push.remote.find("v73"), std::string::npos);
    auto on_cpu = run;
    on_cpu.accelerator = Accelerator::cpu;
    const auto cpu = make_backend("llama.cpp")->plan(sm8650, package(), {{{Role::model, "M.gguf", ""}}}, on_cpu);
    EXPECT_EQ((std::vector<std::string>(cpu.argv.begin() + 1, cpu.argv.begin() + 3)), (std::vector<std::string>{"--device", "none"}));
    const auto script = dry_run_script(plan, "emu; rm -rf ~");
    EXPECT_NE(script.find("adb -s 'emu; rm -rf ~' push '/home/u/it'\\''s mine/M $(x).gguf' '/data/local/tmp/b/models/2/M $(x).gguf'"), std::string::npos) << script;
    EXPECT_THROW((void)make_backend("llama.cpp")->plan(sm8650, package(), {}, run), Error);
    EXPECT_THROW((void)make_backend("llama.cpp")->plan(sm8650, {}, {{{Role::model, "m.gguf", ""}}}, run), Error);
}

}  // namespace
}  // namespace bitwright::backends::test
