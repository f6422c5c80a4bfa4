// SPDX-License-Identifier: GPL-3.0-or-later
// What tools print, as fixtures for their readers and for the fuzzer. Where a text comes from is said beside it: [spec] quoted in the device specification;
// [form] numbers made here, the form as the tool's public documentation, source or issue tracker shows it; [synthetic]
// made here to the same rules. None was recorded by us on a phone.
#pragma once

#include <string>

namespace bitwright::backends::test {

/// [synthetic] in the runner's own format.
inline const std::string runner_lines = R"({"type":"hello","version":"0.1.0","isa":"aarch64","kernels":"scalar","hwcap":["asimd"],"pid":77}
{"type":"phase","name":"load","run":0,"t0_ns":0,"t1_ns":500000000,"tokens":0}
{"type":"phase","name":"prefill","run":-1,"t0_ns":0,"t1_ns":9000000000,"tokens":64}
{"type":"phase","name":"prefill","run":0,"t0_ns":0,"t1_ns":1000000000,"tokens":64}
{"type":"phase","name":"decode","run":0,"t0_ns":1000000000,"t1_ns":3000000000,"tokens":8}
{"type":"token","run":0,"t_ns":1000000000,"id":5}
{"type":"token","run":0,"t_ns":1250000000,"id":6}
{"type":"end","rc":0,"sha256":"abc","peak_rss_bytes":1000,"cache_bytes":10,"minor_faults":1,"major_faults":0}
)";

/// [spec] the row; [form] header and the second row (llama.cpp docs/backend/snapdragon).
inline const std::string llama_table = "ggml-hex: Hexagon backend (experimental) : allocating new registry : ndev 1\n"
    "| model          |       size | params | backend    | ngl | threads | n_batch | mmap |  test |           t/s |\n"
    "| ---------------| ---------: | -----: | ---------- | --: | ------: | ------: | ---: | ----: | ------------: |\n"
    "| llama 1B Q4_0 | 729.75 MiB | 1.24 B | HTP | 99 | 4 | 128 | 0 | pp128 | 169.42 \u00b1 1.75 |\n"
    "| llama 1B Q4_0  | 729.75 MiB | 1.24 B | HTP        |  99 |       4 |     128 |    0 |  tg64 |  49.80 \u00b1 0.90 |\n"
    "\nbuild: abcdef123 (1234)\n";

/// [form] llama.cpp docs/backend/snapdragon, `offloaded` and `HTP0-REPACK` named by [spec].
inline const std::string llama_load_log = "load_tensors: offloading output layer to GPU\n"
    "load_tensors: offloaded 17/17 layers to GPU\n"
    "load_tensors:          CPU model buffer size =   210.50 MiB\n"
    "load_tensors:         HTP0 model buffer size =     0.25 MiB\n"
    "load_tensors:  HTP0-REPACK model buffer size =   480.00 MiB\n";

/// [synthetic] after the fields [spec] names and the older schema in llama-bench's README.
inline const std::string llama_json_prompt = R"({"build_commit": "abcdef123", "build_number": 1234, "backends": "HTP", "n_gpu_layers": 99, "n_prompt": 128, "n_gen": 0, "n_depth": 0, "avg_ns": 755500000, "stddev_ns": 7800000, "avg_ts": 169.42, "stddev_ts": 1.75, "samples_ns": [ 755000000, 756000000, 755500000 ], "samples_ts": [ 169.536, 1.69312e+02, 169.424 ]})";

inline const std::string llama_json_decode = R"({"build_commit": "abcdef123", "build_number": 1234, "backends": "HTP", "n_prompt": 0, "n_gen": 64, "n_depth": 0, "avg_ts": 51.53, "stddev_ts": 1.15, "samples_ts": [ 51.5, 50.4, 52.7 ]})";

/// [spec] the prompt line's numbers; [form] the rest.
inline const std::string llama_performance = "llama_perf_context_print:        load time =     500.25 ms\n"
    "llama_perf_context_print: prompt eval time =      80.76 ms /    11 tokens (    7.34 ms per token,   136.21 tokens per second)\n"
    "llama_perf_context_print:        eval time =    5000.00 ms /   250 runs   (   20.00 ms per token,    50.00 tokens per second)\n"
    "llama_perf_context_print:       total time =    5100.00 ms /   261 tokens\n";

/// [spec] the lines; [synthetic] their order under the headers, and the numbers of the init and compose sections.
inline const std::string qnn_older_profile = "Init Stats:\n-----------\n    NetRun: 300000 us\n\nCompose Graphs Stats:\n--------------\n    NetRun: 70000 us\n\nExecute Stats:\n--------------\nTotal Inference Time:\n"
    "    NetRun: 9123 us\n"
    "    Number of HVX threads used : 4 count\n"
    "    RPC (execute) time : 2717302 us\n"
    "    QNN accelerator (execute) time : 2714698 us\n"
    "    Accelerator (execute) time (cycles) : 454266408 cycles\n"
    "        layers_0_input_layernorm_module_mul:OpId_21 (cycles) : 1995579 cycles\n";

/// [form] of a QNN 2.2x viewer.
inline const std::string qnn_newer_profile = "Qnn Init/Prepare/Finalize/De-Init/Execute/Lib-Load Statistics:\n------------------------------\nInit Stats:\n-----------\n    NetRun:  300000 us\n\n"
    "Compose Graphs Stats:\n--------------\n    NetRun:  70000 us\n\nFinalize Stats:\n---------------\nGraph 0 (model):\n    NetRun:  200500 us\n    Backend (RPC (finalize) time): 4000 us\n\n"
    "De-Init Stats:\n--------------\n    NetRun:  12500 us\n    Backend (QNN Accelerator (deinit) time): 900 us\n\nExecute Stats (Average):\n------------------------\n"
    "Total Inference Time:\n---------------------\nGraph 0 (model):\n    NetRun:  3100 us\n    Backend (Number of HVX threads used): 4 count\n    Backend (RPC (execute) time): 3050 us\n"
    "    Backend (QNN accelerator (execute) time): 2700 us\n    Backend (Accelerator (execute) time): 2650 us\n    Backend (QNN (execute) time): 3090 us\n\n"
    "Execute Stats (Overall):\n------------------------\n    NetRun IPS:  300.5 inf/sec\n";

/// [form] a whole profile of Genie; the keys are those of [spec].
inline const std::string genie_profile = R"({
  "header": {
    "artifact_type": "GENIE_PROFILE"
  },
  "components": [
    {
      "name": "dialog0",
      "type": "dialog",
      "events": [
        {
          "type": "GenieDialog_create",
          "duration": 1000600,
          "init-time": { "value": 1000500, "unit": "us" }
        },
        {
          "type": "GenieDialog_query",
          "duration": 2900000,
          "num-prompt-tokens": { "value": 512, "unit": "" },
          "prompt-processing-rate": { "value": 1600.5, "unit": "toks/sec" },
          "time-to-first-token": { "value": 320000, "unit": "us" },
          "num-generated-tokens": { "value": 100, "unit": "" },
          "token-generation-rate": { "value": 40.25, "unit": "toks/sec" },
          "token-generation-time": { "value": 2484472, "unit": "us" }
        }
      ]
    }
  ]
})";

/// [form] ExecuTorch extension/llm/runner/stats.h.
inline const std::string executorch_observer = R"(PyTorchObserver {"prompt_tokens":40,"generated_tokens":90,"model_load_start_ms":1700000000000,"model_load_end_ms":1700000000900,"inference_start_ms":1700000000900,"inference_end_ms":1700000002780,"prompt_eval_end_ms":1700000000980,"first_token_ms":1700000000980,"aggregate_sampling_time_ms":71,"SCALING_FACTOR_UNITS_PER_SECOND":1000})"
    "\n";

inline const std::string executorch_log = "[INFO] [Qnn ExecuTorch]: create QNN Logger with log_level 1\n"
    "I 00:00:02.721396 executorch:runner.cpp:420] \tModel Load Time:\t\t0.900000 (seconds)\n"
    "I 00:00:02.721417 executorch:runner.cpp:438] \t\tPrompt evaluation:\t0.080000 (seconds)\t\t Rate: \t500.000000 (tokens/second)\n"
    "I 00:00:02.721427 executorch:runner.cpp:449] \t\tGenerated 90 tokens:\t1.800000 (seconds)\t\t Rate: \t50.000000 (tokens/second)\n";

/// [spec] both lines; [synthetic] the warm-up's line before them.
inline const std::string litert_warm_up = "INFO: count=1 curr=1357602 min=1357602 max=1357602 avg=1.3576e+06 std=0\n";

inline const std::string litert_timings = "INFO: count=50 first=1249964 curr=1240143 min=1238588 max=1252566 avg=1.24027e+06 std=2565 p5=1238753 median=1239807 p95=1247415\n"
    "INFO: Inference timings in us: Init: 5579, First inference: 1357602, Warmup (avg): 1.3576e+06, Inference (avg): 1.24027e+06\n";

/// [form] in the tool's documentation of other projects.
inline const std::string litert_memory = "INFO: Overall peak memory footprint (MB) via periodic monitoring: 80.5\n";

inline const std::string litert_on_processor = "VERBOSE: Replacing 42 out of 42 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 1 partitions for the whole graph.\n";

inline const std::string litert_on_npu = "VERBOSE: Replacing 320 out of 320 node(s) with delegate (TfLiteQnnDelegate) node\n";

/// [spec]
inline const std::string litert_lm_info = "BenchmarkInfo:\n"
    "  Time to first token: 0.92 s\n"
    "  Prefill Turns (Total 1 turns):\n"
    "    Prefill Turn 1: Processed 16 tokens in 819.9514ms duration.\n"
    "      Prefill Speed: 19.51 tokens/sec.\n"
    "    Decode Turn 1: Processed 88 tokens in 8.7038005s duration.\n"
    "      Decode Speed: 10.11 tokens/sec.\n";

/// [form] of an older release.
inline const std::string litert_lm_older_info = "I0000 00:00:1700000000.000000   12345 litert_lm_main.cc:193] BenchmarkInfo:\n  Init Phases (2):\n    - Executor initialization: 150.25 ms\n    - Tokenizer initialization: 0.00 ms\n"
    "    Total init time: 150.25 ms\n--------------------------------------------------\n  Prefill Turns (Total: 1):\n    Prefill Turn 1: Processed 20 tokens in 100.5ms duration.\n"
    "      Prefill Speed: 199.00 tokens/sec.\n--------------------------------------------------\n  Decode Turns (Total: 1):\n"
    "    Decode Turn 1: Processed 120 tokens in 4.0625s duration.\n      Decode Speed: 29.54 tokens/sec.\n";

/// [form] output of onnxruntime_perf_test 1.2x; the newer name of the average is that of [spec].
inline const std::string onnxruntime_output = "Session creation time cost: 0.25 s\nFirst inference time cost: 120 ms\nTotal inference time cost: 0.5 s\nTotal inference requests: 5\n"
    "Average inference time cost total: 100.125 ms\nTotal inference run time: 0.5006 s\nNumber of inferences per second: 9.9875\nAvg CPU usage: 11 %\n"
    "Peak working set size: 250000000 bytes\nAvg CPU usage:11\nPeak working set size:250000000\nRuns:5\nMin Latency: 0.0958 s\nMax Latency: 0.1015 s\nP50 Latency: 0.0995 s\n"
    "P90 Latency: 0.1015 s\nP95 Latency: 0.1015 s\nP99 Latency: 0.1015 s\nP999 Latency: 0.1015 s\n";

}  // namespace bitwright::backends::test
