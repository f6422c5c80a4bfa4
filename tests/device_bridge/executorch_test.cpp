// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/plan_text.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"

namespace bitwright::backends::test {
namespace {

TEST(ExecuTorchLlm, AgreesWithTheRunnersOwnRates)
{
    const auto result = read_any_way({"executorch-llm", Accelerator::npu, {{Stream::output, executorch_observer + executorch_log}}});
    EXPECT_TRUE(result.complete) << result.error;
    EXPECT_NEAR(result.find("prefill_tokens_per_s")->samples.at(0), 500, 1e-6);
    EXPECT_NEAR(result.find("decode_tokens_per_s")->samples.at(0), 50, 1e-6);
    EXPECT_NEAR(result.find("load_s")->samples.at(0), 0.9, 1e-12);
    EXPECT_NEAR(result.find("ttft_s")->samples.at(0), 0.08, 1e-12);
    EXPECT_EQ(result.prompt_tokens, 40);
    EXPECT_EQ(result.generated_tokens, 90);
    EXPECT_EQ(result.offload.state, Offload::unverified);
    EXPECT_TRUE(any_contains(result.warnings, "delegate was loaded"));
}

TEST(ExecuTorchLlm, KeepsEveryRepeatAndNothingThatWasNotMeasured)
{
    const auto twice = read_any_way({"executorch-llm", Accelerator::cpu, {{Stream::output, executorch_observer + executorch_observer}}});
    EXPECT_EQ(twice.find("decode_tokens_per_s")->samples.size(), 2u);
    // [spec] the older form without model_load_end_ms; [synthetic] times: a stamp never set is 0
    const std::string unset =
        R"(PyTorchObserver {"prompt_tokens":14,"generated_tokens":54,"model_load_start_ms":5,"inference_start_ms":0,"prompt_eval_end_ms":0,"first_token_ms":0,"inference_end_ms":0,"aggregate_sampling_time_ms":19,"SCALING_FACTOR_UNITS_PER_SECOND":1000})"
        "\n";
    const auto nothing = read_any_way({"executorch-llm", Accelerator::cpu, {{Stream::output, unset}}});
    EXPECT_FALSE(nothing.complete);
    EXPECT_TRUE(nothing.quantities.empty());
}

TEST(ExecuTorchLlm, AcceleratorTimeOfAnExecutionIsProof)
{
    // [form] form of the line (pull request 5928); [synthetic] the execution's
    const std::string proof = "[INFO] [Qnn ExecuTorch]: Type: 3003, Execute Event Name: QNN accelerator (execute) time, Event Data: 12000 us\n";
    EXPECT_EQ(read_any_way({"executorch-llm", Accelerator::npu, {{Stream::error, proof}, {Stream::output, executorch_observer}}}).offload.state, Offload::verified);
    const auto failed = read_any_way({"executorch-llm", Accelerator::npu, {{Stream::output, "E 00:00:00.067467 executorch:method.cpp:72] Backend QnnBackend is not registered.\n"}}, 0});
    EXPECT_NE(failed.error.find("QnnBackend is not registered"), std::string::npos);
}

TEST(ExecuTorchRunner, ReadsBothForms)
{
    // [spec] newer; [form] older: singular, in a log line, with a last line that sums up
    const auto newer = read_any_way({"executorch-runner", Accelerator::cpu, {{Stream::output, "100 inferences took 512.3 ms, avg 5.123 ms\n"}}});
    ASSERT_TRUE(newer.find("inference_s"));
    EXPECT_NEAR(*newer.find("inference_s")->summary->mean, 0.005123, 1e-12);
    EXPECT_EQ(newer.find("inference_s")->summary->count, 100);
    const auto older = read_any_way({"executorch-runner", Accelerator::cpu,
                                     {{Stream::output, "I 00:00:00.5 executorch:qnn_executor_runner.cpp:400] 100 inference took 512.300000 ms, avg 5.123000 ms\n"
                                                       "I 00:00:00.6 executorch:qnn_executor_runner.cpp:440] 1 inference took 512.300000 ms, avg 512.300000 ms\n"}}});
    EXPECT_NEAR(*older.find("inference_s")->summary->mean, 0.005123, 1e-12);
    EXPECT_EQ(older.find("inference_s")->summary->count, 100);
    const auto two = read_any_way({"executorch-runner", Accelerator::cpu,
                                   {{Stream::output, "10 inference took 10.000000 ms, avg 1.000000 ms\n10 inference took 30.000000 ms, avg 3.000000 ms\n2 inference took 40.000000 ms, avg 20.0 ms\n"}}});
    EXPECT_NEAR(*two.find("inference_s")->summary->mean, 0.002, 1e-12);
    EXPECT_EQ(two.find("inference_s")->summary->count, 20);
    const auto portable = read_any_way({"executorch-runner", Accelerator::cpu, {{Stream::output, "I 00:00:00.5 executorch:executor_runner.cpp:300] Model executed successfully 20 time(s) in 1.5e+02 ms.\n"}}});
    EXPECT_NEAR(*portable.find("inference_s")->summary->mean, 0.0075, 1e-12);
    EXPECT_FALSE(read({"executorch-runner", Accelerator::cpu, {{Stream::output, "I … Model executed successfully 1 time(s).\n"}}}).complete);
}

TEST(ExecuTorch, PlansTheCommandOfTheSpecification)
{
    const Target target{"SM8650", "v75", 57, 8, true, true};
    const RuntimeFolder runtime{"/opt/et",
                                {"qnn_llama_runner", "qnn_executor_runner", "llama_main", "lib/libqnn_executorch_backend.so", "libQnnHtp.so", "libQnnHtpPrepare.so", "libQnnHtpV75Stub.so",
                                 "libQnnHtpV75Skel.so", "libQnnSystem.so"}};
    RunSpec run;
    run.accelerator = Accelerator::npu, run.repeats = 3, run.prompt_tokens = 64, run.generate = 64;
    run.remote_programs = "/d/p", run.remote_models = "/d/m", run.remote_run = "/d/w";
    const Artifact artifact{{{Role::model, "/u/m.pte", ""}, {Role::tokenizer, "/u/t.model", ""}, {Role::input, "/u/in.raw", ""}}};
    EXPECT_TRUE(make_backend("executorch-llm")->probe(target, runtime, Accelerator::npu).ok);
    EXPECT_EQ(remote_command(make_backend("executorch-llm")->plan(target, runtime, artifact, run)),
              "cd /d/w && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/qnn_llama_runner --model_path /d/m/m.pte --tokenizer_path /d/m/t.model --prompt "
              "'Once upon a time' --seq_len 128 --temperature 0 --eval_mode 1 --num_iters 3 --performance_output_path /d/w/inference_speed.txt");
    const auto any = make_backend("executorch-runner")->plan(target, runtime, artifact, run);
    EXPECT_EQ(remote_command(any),
              "cd /d/w && exec env 'LD_LIBRARY_PATH=/d/p' 'ADSP_LIBRARY_PATH=/d/p' /d/p/qnn_executor_runner --model_path /d/m/m.pte --input_list_path inputs.txt "
              "--output_folder_path out --warm_up 1 --iteration 3 --etdump_path etdump.etdp --htp_performance_mode 2");
    run.accelerator = Accelerator::gpu;
    EXPECT_THROW((void)make_backend("executorch-llm")->plan(target, runtime, artifact, run), Error);
}

}  // namespace
}  // namespace bitwright::backends::test
