// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/plan_text.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"

namespace bitwright::backends::test {
namespace {

TEST(LiteRtBenchmark, ReadsTheLinesOfTheSpecification)
{
    const auto result = read_any_way({"litert-benchmark", Accelerator::npu, {{Stream::output, litert_on_npu + litert_warm_up + litert_timings + litert_memory}}});
    EXPECT_TRUE(result.complete) << result.error;
    const auto* inference = result.find("inference_s");
    ASSERT_TRUE(inference && inference->summary);
    EXPECT_EQ(inference->summary->count, 50) << "the first count= line is the warm-up's";
    EXPECT_DOUBLE_EQ(*inference->summary->mean, 1.24027);
    EXPECT_DOUBLE_EQ(*inference->summary->median, 1.239807);
    EXPECT_DOUBLE_EQ(*inference->summary->p95, 1.247415);
    EXPECT_DOUBLE_EQ(*inference->summary->deviation, 0.002565);
    EXPECT_DOUBLE_EQ(result.find("load_s")->samples.at(0), 0.005579);
    EXPECT_DOUBLE_EQ(result.find("first_inference_s")->samples.at(0), 1.357602);
    EXPECT_DOUBLE_EQ(result.find("peak_rss_bytes")->samples.at(0), 80.5 * 1048576);
    EXPECT_EQ(result.offload.state, Offload::verified);
    EXPECT_EQ(result.offload.done, 320);
    EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
    EXPECT_DOUBLE_EQ(measurements(result).at(0).value, 1.239807) << "a summary is stored by its median";
}

TEST(LiteRtBenchmark, WithoutWarmUpTheOnlyBlockIsTheRuns)
{
    const auto result = read_any_way({"litert-benchmark", Accelerator::cpu, {{Stream::output, litert_timings}}});
    EXPECT_EQ(result.find("inference_s")->summary->count, 50);
    // a block that is not the run's: only the average of the timings counts
    const auto other = read_any_way({"litert-benchmark", Accelerator::cpu, {{Stream::output, litert_warm_up + litert_timings.substr(litert_timings.find('\n') + 1)}}});
    EXPECT_EQ(other.find("inference_s")->summary->count, 0);
    EXPECT_DOUBLE_EQ(*other.find("inference_s")->summary->mean, 1.24027);
}

TEST(LiteRtBenchmark, NoticesTheFallBackToTheProcessor)
{
    const auto numbers = litert_warm_up + litert_timings;
    const auto state = [&](const std::string& log) { return read_any_way({"litert-benchmark", Accelerator::npu, {{Stream::error, log}, {Stream::output, numbers}}}); };
    EXPECT_EQ(state("").offload.state, Offload::unverified);
    EXPECT_EQ(state(litert_on_processor).offload.state, Offload::cpu);
    EXPECT_TRUE(any_contains(state(litert_on_processor).warnings, "ran on the CPU"));
    // [spec] the phrase
    EXPECT_EQ(state("WARN: Though external delegate is explicitly applied, the model graph will not be executed by the delegate.\n").offload.state, Offload::cpu);
    // [form] two delegates in one graph: 5 nodes of 64 are no proof of speed
    const auto few = state("VERBOSE: Replacing 5 out of 64 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 5 partitions for the whole graph.\n"
                           "VERBOSE: Replacing 59 out of 62 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 5 partitions for the whole graph.\n");
    EXPECT_EQ(few.offload.state, Offload::verified);
    EXPECT_TRUE(any_contains(few.warnings, "Only 5 of 64"));
    // [form] the older form without a total
    const auto older = state("INFO: Replacing 1 node(s) with delegate (DispatchDelegate) node, yielding 1 partitions.\n");
    EXPECT_EQ(older.offload.state, Offload::verified);
    EXPECT_FALSE(older.offload.total);
}

TEST(LiteRtBenchmark, TruncatedOrFailed)
{
    EXPECT_FALSE(read({"litert-benchmark", Accelerator::cpu, {{Stream::output, litert_warm_up}}, 0}).complete);
    EXPECT_FALSE(read({"litert-benchmark", Accelerator::cpu, {{Stream::output, litert_warm_up + litert_timings}}, std::nullopt}).complete);
    EXPECT_NE(read({"litert-benchmark", Accelerator::cpu, {{Stream::error, "ERROR: Mmap of '5' at offset '0' failed with error '22'.\n"}}, 1}).error.find("Mmap"), std::string::npos);
    const auto infinite = read({"litert-benchmark", Accelerator::cpu, {{Stream::output, "INFO: Inference litert_timings in us: Init: nan, First inference: inf, Warmup (avg): 1e999, Inference (avg): -3\n"}}});
    EXPECT_TRUE(infinite.quantities.empty());
}

TEST(LiteRtLm, ReadsTheBlockOfTheSpecification)
{
    const auto result = read_any_way({"litert-lm", Accelerator::cpu, {{Stream::output, litert_lm_info}}});
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_DOUBLE_EQ(result.find("ttft_s")->samples.at(0), 0.92);
    ASSERT_EQ(result.find("prefill_tokens_per_s")->samples.size(), 1u) << "the speed line is the turn's, not another sample";
    EXPECT_NEAR(result.find("prefill_tokens_per_s")->samples[0], 19.51, 0.005);
    EXPECT_NEAR(result.find("decode_tokens_per_s")->samples.at(0), 10.11, 0.005);
    EXPECT_EQ(result.prompt_tokens, 16);
    EXPECT_EQ(result.generated_tokens, 88);
}

TEST(LiteRtLm, ReadsOlderFormsAndTakesTheLastBlock)
{
    const auto older = read_any_way({"litert-lm", Accelerator::cpu, {{Stream::error, litert_lm_older_info}}});
    EXPECT_NEAR(older.find("prefill_tokens_per_s")->samples.at(0), 199.00, 0.005);
    EXPECT_NEAR(older.find("decode_tokens_per_s")->samples.at(0), 29.54, 0.005);
    EXPECT_NEAR(older.find("load_s")->samples.at(0), 0.15025, 1e-9) << "the total of the phases is not added to them";
    const auto last = read_any_way({"litert-lm", Accelerator::cpu, {{Stream::output, litert_lm_older_info + litert_lm_info}}});
    EXPECT_EQ(last.find("prefill_tokens_per_s")->samples.size(), 1u);
    EXPECT_NEAR(last.find("prefill_tokens_per_s")->samples[0], 19.51, 0.005);
    // [form] the oldest: speeds alone
    const auto oldest = read_any_way({"litert-lm", Accelerator::cpu,
                                      {{Stream::output, "BenchmarkInfo:\n  Prefill Turns (Total: 2):\n    Prefill Turn 1:\n      Prefill Speed: 500.00 tokens/sec.\n    Prefill Turn 2:\n"
                                                        "      Prefill Speed: 2.0e+03 tokens/sec.\n  Decode Turns (Total: 1):\n    Decode Turn 1:\n      Decode Speed: 200.00 tokens/sec.\n"}}});
    EXPECT_EQ(oldest.find("prefill_tokens_per_s")->samples, (std::vector<double>{500, 2000}));
    EXPECT_EQ(oldest.find("decode_tokens_per_s")->samples, std::vector<double>{200});
    EXPECT_FALSE(oldest.prompt_tokens);
    // [synthetic] without "Processed"
    const auto bare = read_any_way({"litert-lm", Accelerator::cpu, {{Stream::output, "BenchmarkInfo:\n    Prefill Turn 1: 16 tokens in 1m0.5s duration.\n"}}});
    EXPECT_NEAR(bare.find("prefill_tokens_per_s")->samples.at(0), 16 / 60.5, 1e-12);
}

TEST(LiteRtLm, AnNpuNeedsProof)
{
    EXPECT_EQ(read({"litert-lm", Accelerator::npu, {{Stream::output, litert_lm_info}}}).offload.state, Offload::unverified);
    const std::string dispatched = "INFO: Replacing 1 out of 1 node(s) with delegate (DispatchDelegate) node, yielding 1 partitions.\n";
    EXPECT_EQ(read({"litert-lm", Accelerator::npu, {{Stream::error, dispatched}, {Stream::output, litert_lm_info}}}).offload.state, Offload::verified);
    // [form] the line is printed although the DSP refused: an error of the accelerator takes the proof away
    EXPECT_EQ(read({"litert-lm", Accelerator::npu, {{Stream::error, dispatched + "E QNN: transportStatus: 9\n"}, {Stream::output, litert_lm_info}}}).offload.state, Offload::unverified);
}

TEST(LiteRt, PlansTheCommandsOfTheSpecification)
{
    const Target target{"SM8650", "v75", 57, 8, true, true};
    const RuntimeFolder runtime{"/opt/litert",
                                {"benchmark_model", "litert_lm_main", "libQnnTFLiteDelegate.so", "libLiteRtDispatch_Qualcomm.so", "libLiteRtTopKOpenClSampler.so", "libQnnHtp.so",
                                 "libQnnHtpPrepare.so", "libQnnHtpV75Stub.so", "libQnnHtpV75Skel.so", "libQnnSystem.so"}};
    RunSpec run;
    run.accelerator = Accelerator::npu, run.repeats = 50, run.warmup = 5;
    run.remote_programs = "/d/p", run.remote_models = "/d/m", run.remote_run = "/d/w";
    const auto plan = make_backend("litert-benchmark")->plan(target, runtime, {{{Role::model, "/u/m.tflite", ""}}}, run);
    EXPECT_EQ(remote_command(plan),
              "cd /d/w && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/benchmark_model '--graph=/d/m/m.tflite' '--num_runs=50' '--warmup_runs=5' '--num_threads=4' "
              "'--report_peak_memory_footprint=true' '--external_delegate_path=/d/p/libQnnTFLiteDelegate.so' "
              "'--external_delegate_options=backend_type:htp;library_path:/d/p/libQnnHtp.so;skel_library_dir:/d/p;htp_performance_mode:burst'");
    const auto lm = make_backend("litert-lm")->plan(target, runtime, {{{Role::model, "/u/x.litertlm", ""}}}, run);
    EXPECT_EQ(lm.argv.at(1), "--backend=npu");
    EXPECT_EQ(lm.executions, 55);
    EXPECT_EQ(lm.pushes.size(), 9u);
    EXPECT_EQ(make_backend("litert-lm")->probe(target, {"/x", {"litert_lm_main"}}, Accelerator::npu).missing.size(), 6u);
}

TEST(OnnxRuntime, ReadsOldAndNewAverages)
{
    const auto newer = read_any_way({"onnxruntime", Accelerator::npu, {{Stream::output, onnxruntime_output}}});
    EXPECT_TRUE(newer.complete) << newer.error;
    EXPECT_DOUBLE_EQ(*newer.find("inference_s")->summary->mean, 0.100125);
    EXPECT_DOUBLE_EQ(*newer.find("inference_s")->summary->median, 0.0995);
    EXPECT_EQ(newer.find("inference_s")->summary->count, 5);
    EXPECT_EQ(newer.find("peak_rss_bytes")->samples, std::vector<double>{250000000});
    EXPECT_DOUBLE_EQ(newer.find("load_s")->samples.at(0), 0.25);
    EXPECT_EQ(newer.offload.state, Offload::unverified);
    // [spec]
    const auto older = read_any_way({"onnxruntime", Accelerator::cpu, {{Stream::output, "Session creation time cost: 0.512 s\nAverage inference time cost: 5.88 ms\nP50 Latency: 5.87108e-03 s\n"}}});
    EXPECT_DOUBLE_EQ(*older.find("inference_s")->summary->mean, 0.00588);
    EXPECT_DOUBLE_EQ(*older.find("inference_s")->summary->median, 0.00587108);
    EXPECT_FALSE(read({"onnxruntime", Accelerator::cpu, {{Stream::output, "Session creation time cost: 0.512 s\n"}}}).complete);
}

TEST(OnnxRuntime, PlansTheCommandOfTheSpecification)
{
    const Target target{"SM8650", "v75", 57, 8, true, true};
    const RuntimeFolder runtime{"/opt/ort", {"onnxruntime_perf_test", "libonnxruntime.so", "libQnnHtp.so", "libQnnHtpPrepare.so", "libQnnHtpV75Stub.so", "libQnnHtpV75Skel.so", "libQnnSystem.so"}};
    RunSpec run;
    run.accelerator = Accelerator::npu, run.repeats = 100;
    run.remote_programs = "/d/p", run.remote_models = "/d/m", run.remote_run = "/d/w";
    EXPECT_EQ(remote_command(make_backend("onnxruntime")->plan(target, runtime, {{{Role::model, "/u/m.onnx", ""}}}, run)),
              "cd /d/w && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/onnxruntime_perf_test -e qnn -i "
              "'backend_path|/d/p/libQnnHtp.so htp_performance_mode|burst profiling_level|basic' -m times -r 100 -s -I /d/m/m.onnx");
}

}  // namespace
}  // namespace bitwright::backends::test
