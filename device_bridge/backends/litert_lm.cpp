// SPDX-License-Identifier: GPL-3.0-or-later
// LiteRT-LM's litert_lm_main: language models (.litertlm) on processor, GPU or NPU; reads its BenchmarkInfo, the last one if there are several. Source: device
// specification §3.4; the older forms: LiteRT-LM runtime/engine/io_types.cc of 2025.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/delegate_lines.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"

#include <algorithm>

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "litert_lm_main", dispatch = "libLiteRtDispatch_Qualcomm.so";

std::vector<std::string> files_for(const Target& target, Accelerator accelerator)
{
    std::vector<std::string> files{std::string(program)};
    if (accelerator != Accelerator::npu) return files;
    const auto libraries = htp_libraries(target.hexagon, false);
    files.emplace_back(dispatch);
    files.insert(files.end(), libraries.begin(), libraries.end());
    return files;
}

class LiteRtLm final : public Backend {
public:
    std::string_view id() const noexcept override { return "litert-lm"; }
    std::string_view name() const noexcept override { return "LiteRT-LM"; }
    Licence licence() const override
    {
        return {"Apache-2.0", "LiteRT-LM is free software; you bring a build of litert_lm_main for Android. On an NPU it also needs the chip maker's libraries, under their licence."};
    }

    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        const auto files = files_for(target, accelerator);
        if (accelerator == Accelerator::npu) return probe_htp(target, runtime, files);
        Support support;
        if (locate(runtime, files.front()).empty()) support.missing = files;
        if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
        else if (!support.missing.empty()) support.reason = "The folder lacks litert_lm_main for Android.";
        support.ok = support.reason.empty();
        return support;
    }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& model = needed(artifact, Role::model, "model (.litertlm)");
        const auto files = files_for(target, run.accelerator);
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = pushes_of(runtime, files, run.remote_programs);
        for (const auto& file : runtime.files) {  // what the build brought along: GPU accelerator, sampler
            const auto name = file.substr(file.rfind('/') + 1);
            const auto remote = remote_path(run.remote_programs, name);
            const bool known = std::ranges::find(plan.pushes, remote, &Push::remote) != plan.pushes.end();
            if (!known && name.starts_with("libLiteRt") && name.ends_with(".so")) plan.pushes.push_back(push_of(runtime, file, remote, false));
        }
        plan.pushes.push_back(push_of(model, run.remote_models));
        plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}};
        if (run.accelerator == Accelerator::npu) plan.environment.emplace_back("ADSP_LIBRARY_PATH", run.remote_programs);
        const auto* backend = run.accelerator == Accelerator::cpu ? "cpu" : run.accelerator == Accelerator::gpu ? "gpu" : "npu";
        plan.argv = {remote_path(run.remote_programs, program), std::string("--backend=") + backend, "--model_path=" + plan.pushes.back().remote, "--input_prompt=" + run.prompt,
                     "--benchmark", "--benchmark_prefill_tokens=" + std::to_string(run.prompt_tokens), "--benchmark_decode_tokens=" + std::to_string(run.generate), "--async=false"};
        if (run.accelerator == Accelerator::cpu) plan.argv.push_back("--num_cpu_threads=" + std::to_string(run.threads));
        plan.cwd = run.remote_run;
        plan.executions = run.warmup + run.repeats, plan.discard = run.warmup;
        plan.prompt_tokens = run.prompt_tokens, plan.generated_tokens = run.generate;
        return plan;
    }

protected:
    void line(Stream stream, std::string_view text) override
    {
        delegates_.line(text);
        if (stream == Stream::error && text.starts_with("E") && text.find(".cc:") != std::string_view::npos) error_ = shown(text);
        if (text.find("BenchmarkInfo:") != std::string_view::npos) {
            block_ = {};
            section_ = Section::none;
        } else if (text.find("Init Phases") != std::string_view::npos) {
            section_ = Section::init;
        } else if (text.find("Prefill Turns") != std::string_view::npos || text.find("Decode Turns") != std::string_view::npos) {
            section_ = Section::none;
        } else {
            value(text);
        }
    }

    void conclude(Result& result) override
    {
        result.quantities = block_.read.quantities;
        if (block_.init_s > 0) add_sample(result, "load_s", "s", block_.init_s);
        result.prompt_tokens = block_.read.prompt_tokens, result.generated_tokens = block_.read.generated_tokens;
        delegates_.judge(result, asked());
        if (result.quantities.empty() && !error_.empty()) result.error = "LiteRT-LM says: " + error_;
    }

private:
    enum class Section : std::uint8_t { none, init };
    struct Block {
        Result read;
        double init_s = 0;
        std::string_view phase;        ///< of the turn whose speed line comes next
        bool counted = false;          ///< the turn's own line had tokens and duration
    };

    void value(std::string_view text)
    {
        if (const auto turn = after(text, "Prefill Turn ")) return begin_turn("prefill", *turn);
        if (const auto turn = after(text, "Decode Turn ")) return begin_turn("decode", *turn);
        if (const auto seconds = after(text, "Time to first token:")) {
            const auto number = leading_number(*seconds);
            if (number && *number > 0) add_sample(block_.read, "ttft_s", "s", *number);
        }
        if (const auto speed = after(text, "Prefill Speed:")) return speed_line("prefill", *speed);
        if (const auto speed = after(text, "Decode Speed:")) return speed_line("decode", *speed);
        const auto bare = trimmed(text);
        const auto colon = bare.rfind(": ");
        if (section_ != Section::init || !bare.starts_with("- ") || colon == std::string_view::npos) return;
        if (const auto ms = leading_number(bare.substr(colon + 2)); ms && *ms >= 0 && bare.ends_with(" ms")) block_.init_s += *ms * 1e-3;
    }

    /// "1: Processed 16 tokens in 819.9514ms duration."; older ones lack "Processed", or everything behind the colon.
    void begin_turn(std::string_view phase, std::string_view turn)
    {
        block_.phase = phase, block_.counted = false;
        auto rest = trimmed(after(turn, ":").value_or(""));
        if (rest.starts_with("Processed ")) rest.remove_prefix(10);
        const auto tokens = leading_integer(rest);
        const auto in = after(rest, "tokens in ");
        const double seconds = in ? leading_duration_s(*in).value_or(0) : 0;
        if (!tokens || *tokens < 1 || !(seconds > 0)) return;
        block_.counted = true;
        (phase == "prefill" ? block_.read.prompt_tokens : block_.read.generated_tokens) = tokens;
        add_sample(block_.read, std::string(phase) + "_tokens_per_s", "1/s", static_cast<double>(*tokens) / seconds);
    }

    void speed_line(std::string_view phase, std::string_view text)
    {
        const auto speed = leading_number(text);
        if (speed && *speed > 0 && !(block_.counted && block_.phase == phase)) add_sample(block_.read, std::string(phase) + "_tokens_per_s", "1/s", *speed);
        block_.counted = false;
    }

    DelegateLines delegates_;
    Block block_;
    Section section_ = Section::none;
    std::string error_;
};

}  // namespace

std::unique_ptr<Backend> make_litert_lm() { return std::make_unique<LiteRtLm>(); }

}  // namespace bitwright::backends
