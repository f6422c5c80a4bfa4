// SPDX-License-Identifier: GPL-3.0-or-later
// LiteRT's benchmark_model: any .tflite model, on the processor (XNNPACK), the GPU, or the NPU through Qualcomm's delegate. Source: device specification §3.4.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/delegate_lines.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"

#include <cmath>

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "benchmark_model", delegate = "libQnnTFLiteDelegate.so";

std::vector<std::string> files_for(const Target& target, Accelerator accelerator)
{
    std::vector<std::string> files{std::string(program)};
    if (accelerator != Accelerator::npu) return files;
    const auto libraries = htp_libraries(target.hexagon, false);
    files.emplace_back(delegate);
    files.insert(files.end(), libraries.begin(), libraries.end());
    return files;
}

class LiteRtBenchmark final : public Backend {
public:
    std::string_view id() const noexcept override { return "litert-benchmark"; }
    std::string_view name() const noexcept override { return "LiteRT (benchmark_model)"; }
    Licence licence() const override
    {
        return {"Apache-2.0", "LiteRT is free software; you bring a build of benchmark_model for Android. On Qualcomm's NPU it also needs Qualcomm's delegate, under Qualcomm's licence."};
    }

    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        const auto files = files_for(target, accelerator);
        if (accelerator == Accelerator::npu) return probe_htp(target, runtime, files);
        Support support;
        if (locate(runtime, files.front()).empty()) support.missing = files;
        if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
        else if (!support.missing.empty()) support.reason = "The folder lacks LiteRT's benchmark_model for Android.";
        support.ok = support.reason.empty();
        return support;
    }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& model = needed(artifact, Role::model, "model (.tflite)");
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = pushes_of(runtime, files_for(target, run.accelerator), run.remote_programs);
        plan.pushes.push_back(push_of(model, run.remote_models));
        plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}};
        plan.argv = {remote_path(run.remote_programs, program), "--graph=" + plan.pushes.back().remote, "--num_runs=" + std::to_string(run.repeats),
                     "--warmup_runs=" + std::to_string(run.warmup), "--num_threads=" + std::to_string(run.threads), "--report_peak_memory_footprint=true"};
        if (run.accelerator == Accelerator::cpu) plan.argv.emplace_back("--use_xnnpack=true");
        if (run.accelerator == Accelerator::gpu) plan.argv.emplace_back("--use_gpu=true");
        if (run.accelerator == Accelerator::npu) {
            check_performance_profile(run.performance_profile);
            plan.environment.emplace_back("ADSP_LIBRARY_PATH", run.remote_programs);
            plan.argv.push_back("--external_delegate_path=" + remote_path(run.remote_programs, delegate));
            plan.argv.push_back("--external_delegate_options=backend_type:htp;library_path:" + remote_path(run.remote_programs, "libQnnHtp.so") +
                                ";skel_library_dir:" + run.remote_programs + ";htp_performance_mode:" + run.performance_profile);
        }
        plan.cwd = run.remote_run;
        plan.notes = {"benchmark_model repeats for at least a second, so often more than asked; it gives a summary, not every repeat."};
        return plan;
    }

protected:
    void line(Stream, std::string_view text) override
    {
        delegates_.line(text);
        if (text.find("count=") != std::string_view::npos && text.find("avg=") != std::string_view::npos) return statistics(text);
        if (const auto rest = after(text, "Inference timings in us:")) {
            timings_ = true;
            init_ = micro(*rest, "Init:"), first_ = micro(*rest, "First inference:"), mean_ = micro(*rest, "Inference (avg):");
        }
        if (const auto megabytes = number_after(text, "Overall peak memory footprint (MB) via periodic monitoring:"); megabytes && *megabytes > 0) peak_bytes_ = *megabytes * 1048576;
        if (text.starts_with("ERROR: ") && error_.empty()) error_ = shown(text.substr(7));
    }

    void conclude(Result& result) override
    {
        // The first count= line is the warm-up's; with --warmup_runs=0 there is none, and the timings' average says whose the only one is.
        auto summary = blocks_ >= 2 ? last_ : std::nullopt;
        if (blocks_ == 1 && mean_ && last_ && last_->mean && std::abs(*last_->mean - *mean_) <= 1e-3 * *mean_) summary = last_;
        if (!summary && mean_) summary = Quantity::Summary{.count = 0, .mean = mean_};
        if (summary && timings_) result.quantities.push_back({"inference_s", "s", {}, summary});
        if (init_) add_sample(result, "load_s", "s", *init_);
        if (first_) add_sample(result, "first_inference_s", "s", *first_);
        if (peak_bytes_) add_sample(result, "peak_rss_bytes", "B", *peak_bytes_);
        if (!timings_ && result.error.empty()) result.error = error_.empty() ? "benchmark_model ended before its timings." : "LiteRT says: " + error_;
        delegates_.judge(result, asked());
    }

private:
    static std::optional<double> micro(std::string_view text, std::string_view key)
    {
        const auto number = number_after(text, key);
        return number && *number > 0 ? std::optional(*number * 1e-6) : std::nullopt;
    }

    /// "count=50 first=1249964 curr=1240143 min=1238588 max=1252566 avg=1.24027e+06 std=2565 p5=1238753 median=1239807 p95=1247415", microseconds.
    void statistics(std::string_view text)
    {
        Quantity::Summary summary;
        summary.count = std::max<std::int64_t>(0, integer_after(text, "count=").value_or(0));
        summary.mean = micro(text, "avg="), summary.minimum = micro(text, "min="), summary.maximum = micro(text, "max=");
        summary.deviation = number_after(text, "std=");
        if (summary.deviation) *summary.deviation *= 1e-6;
        summary.median = micro(text, "median="), summary.p95 = micro(text, "p95=");
        ++blocks_;
        last_ = summary;
    }

    DelegateLines delegates_;
    std::int64_t blocks_ = 0;
    std::optional<Quantity::Summary> last_;
    bool timings_ = false;
    std::optional<double> init_, first_, mean_, peak_bytes_;
    std::string error_;
};

}  // namespace

std::unique_ptr<Backend> make_litert_benchmark() { return std::make_unique<LiteRtBenchmark>(); }

}  // namespace bitwright::backends
