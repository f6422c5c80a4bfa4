// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX Runtime's onnxruntime_perf_test on Qualcomm's NPU (the QNN execution provider) or the processor. Source: device specification §3.5.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "onnxruntime_perf_test", library = "libonnxruntime.so";

std::vector<std::string> files_for(const Target& target, Accelerator accelerator)
{
    std::vector<std::string> files{std::string(program)};
    if (accelerator != Accelerator::npu) return files;
    const auto libraries = htp_libraries(target.hexagon, false);
    files.insert(files.end(), libraries.begin(), libraries.end());
    return files;
}

class OnnxRuntimeQnn final : public Backend {
public:
    std::string_view id() const noexcept override { return "onnxruntime"; }
    std::string_view name() const noexcept override { return "ONNX Runtime (perf_test)"; }
    Licence licence() const override
    {
        return {"MIT", "ONNX Runtime is free software; you build onnxruntime_perf_test for Android yourself. On the NPU it also needs Qualcomm's libraries, under Qualcomm's licence."};
    }

    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        const auto files = files_for(target, accelerator);
        if (accelerator == Accelerator::npu) return probe_htp(target, runtime, files);
        Support support;
        if (locate(runtime, files.front()).empty()) support.missing = files;
        if (accelerator == Accelerator::gpu) support.reason = "ONNX Runtime has no GPU here.";
        else if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
        else if (!support.missing.empty()) support.reason = "The folder lacks onnxruntime_perf_test; build it with the Android NDK.";
        support.ok = support.reason.empty();
        return support;
    }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        if (run.accelerator == Accelerator::gpu) throw usage_error("onnxruntime: has no GPU here; choose cpu or npu");
        const auto& model = needed(artifact, Role::model, "model (.onnx)");
        check_performance_profile(run.performance_profile);
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = pushes_of(runtime, files_for(target, run.accelerator), run.remote_programs);
        if (const auto shared = locate(runtime, std::string(library)); !shared.empty())
            plan.pushes.push_back(push_of(runtime, shared, remote_path(run.remote_programs, library), false));
        for (const auto& file : artifact.files) plan.pushes.push_back(push_of(file, run.remote_models));  // weights may lie in files beside the model
        plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}};
        plan.argv = {remote_path(run.remote_programs, program), "-e", run.accelerator == Accelerator::npu ? "qnn" : "cpu"};
        if (run.accelerator == Accelerator::npu) {
            plan.environment.emplace_back("ADSP_LIBRARY_PATH", run.remote_programs);
            plan.argv.insert(plan.argv.end(), {"-i", "backend_path|" + remote_path(run.remote_programs, "libQnnHtp.so") + " htp_performance_mode|" + run.performance_profile +
                                                         " profiling_level|basic"});
        } else {
            plan.argv.insert(plan.argv.end(), {"-x", std::to_string(run.threads)});
        }
        plan.argv.insert(plan.argv.end(), {"-m", "times", "-r", std::to_string(run.repeats), "-s", "-I", remote_path(run.remote_models, model.local.filename().string())});
        plan.cwd = run.remote_run;
        plan.notes = {"The inputs are made up by the tool; it times whole graphs and gives a summary, not every repeat."};
        return plan;
    }

protected:
    void line(Stream, std::string_view text) override
    {
        const auto positive = [&](std::string_view key) -> std::optional<double> {
            const auto number = text.starts_with(key) ? leading_number(text.substr(key.size())) : std::nullopt;
            return number && *number > 0 ? number : std::nullopt;
        };
        const auto take = [](std::optional<double>& to, std::optional<double> from, double factor = 1) {
            if (from) to = *from * factor;
        };
        take(session_, positive("Session creation time cost:"));
        take(first_, positive("First inference time cost:"), 1e-3);
        take(summary_.mean, positive("Average inference time cost:"), 1e-3);
        take(summary_.mean, positive("Average inference time cost total:"), 1e-3);
        take(summary_.minimum, positive("Min Latency:")), take(summary_.maximum, positive("Max Latency:"));
        take(summary_.median, positive("P50 Latency:")), take(summary_.p90, positive("P90 Latency:"));
        take(summary_.p95, positive("P95 Latency:")), take(summary_.p99, positive("P99 Latency:"));
        take(peak_, positive("Peak working set size:"));
        if (const auto count = positive("Total inference requests:"); count && *count < 1e12) summary_.count = static_cast<std::int64_t>(*count);
        if (text.find("QNN accelerator (execute) time") != std::string_view::npos && number_after(text, "time:").value_or(0) > 0) proof_ = shown(text);
        if (text.find("assigned to CPUExecutionProvider") != std::string_view::npos || text.find("fallback to CPU") != std::string_view::npos) on_cpu_ = shown(text);
    }

    void conclude(Result& result) override
    {
        if (summary_.mean || summary_.median) result.quantities.push_back({"inference_s", "s", {}, summary_});
        if (session_) add_sample(result, "load_s", "s", *session_);
        if (first_) add_sample(result, "first_inference_s", "s", *first_);
        if (peak_) add_sample(result, "peak_rss_bytes", "B", *peak_);
        if (!summary_.mean && !summary_.median) result.error = "onnxruntime_perf_test ended before its results.";
        if (!proof_.empty()) result.offload.state = Offload::verified, result.offload.device = "HTP", result.offload.evidence = proof_;
        if (!on_cpu_.empty() && asked() == Accelerator::npu) result.warnings.push_back("ONNX Runtime says: \"" + on_cpu_ + "\": part of the model ran on the CPU.");
    }

private:
    Quantity::Summary summary_;
    std::optional<double> session_, first_, peak_;
    std::string proof_, on_cpu_;
};

}  // namespace

std::unique_ptr<Backend> make_onnxruntime_qnn() { return std::make_unique<OnnxRuntimeQnn>(); }

}  // namespace bitwright::backends
