// SPDX-License-Identifier: GPL-3.0-or-later
// ExecuTorch's runners: of language models (a PyTorchObserver line for each answer) and of any model (executor_runner's lines). On the NPU through Qualcomm's QNN,
// on the processor through XNNPACK. Source: device specification §3.3; format of the lines: ExecuTorch extension/llm/runner/stats.h, executor_runner.cpp.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace bitwright::backends {
namespace {

struct Programs {
    std::string_view cpu, npu;
};
constexpr Programs of_language_models{"llama_main", "qnn_llama_runner"}, of_any_model{"executor_runner", "qnn_executor_runner"};

std::vector<std::string> files_for(const Programs& programs, const Target& target, Accelerator accelerator)
{
    if (accelerator == Accelerator::cpu) return {std::string(programs.cpu)};
    auto files = htp_libraries(target.hexagon, false);
    files.insert(files.begin(), {std::string(programs.npu), "libqnn_executorch_backend.so"});
    return files;
}

/// What both have in common: files, and the lines of ExecuTorch's log.
class ExecuTorch : public Backend {
public:
    explicit ExecuTorch(const Programs& programs) : programs_(programs) {}
    Licence licence() const override
    {
        return {"BSD-3-Clause", "ExecuTorch is free software; you bring a build of it for Android. On the NPU it also needs Qualcomm's libraries, under Qualcomm's licence."};
    }
    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        const auto files = files_for(programs_, target, accelerator);
        if (accelerator == Accelerator::npu) return probe_htp(target, runtime, files);
        Support support;
        if (locate(runtime, files.front()).empty()) support.missing = files;
        if (accelerator == Accelerator::gpu) support.reason = "ExecuTorch's GPU runners are not supported.";
        else if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
        else if (!support.missing.empty()) support.reason = "The folder lacks ExecuTorch's runner; build it for Android with XNNPACK.";
        support.ok = support.reason.empty();
        return support;
    }

protected:
    Plan common(const Target& target, const RuntimeFolder& runtime, const RunSpec& run) const
    {
        if (run.accelerator == Accelerator::gpu) throw usage_error("executorch: its GPU runners are not supported; choose cpu or npu");
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = pushes_of(runtime, files_for(programs_, target, run.accelerator), run.remote_programs);
        plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}};
        if (run.accelerator == Accelerator::npu) plan.environment.emplace_back("ADSP_LIBRARY_PATH", run.remote_programs);
        plan.argv = {remote_path(run.remote_programs, run.accelerator == Accelerator::npu ? programs_.npu : programs_.cpu)};
        plan.cwd = run.remote_run;
        return plan;
    }

    /// "[Qnn ExecuTorch]: …" says that the delegate was there; only the accelerator's own time of an execution proves work.
    void log_line(std::string_view text)
    {
        if (text.find("QNN accelerator (execute) time") != std::string_view::npos) {
            if (const auto number = number_after(text, "Event Data:"); (number && *number > 0) || number_after(text, "time:").value_or(0) > 0) proof_ = shown(text);
        } else if (text.find("[Qnn ExecuTorch]:") != std::string_view::npos) {
            delegate_ = true;
        }
        if (text.starts_with("E ") && text.find("executorch:") != std::string_view::npos) error_ = shown(text);
    }

    void judge(Result& result) const
    {
        if (!proof_.empty()) result.offload.state = Offload::verified, result.offload.device = "HTP", result.offload.evidence = proof_;
        else if (delegate_ && asked() == Accelerator::npu) result.warnings.emplace_back("The QNN delegate was loaded, but nothing says how much of the model it executed.");
        if (result.quantities.empty() && !error_.empty()) result.error = "ExecuTorch says: " + error_;
    }

    std::string proof_, error_;
    bool delegate_ = false;

private:
    const Programs& programs_;
};

class LanguageModelRunner final : public ExecuTorch {
public:
    LanguageModelRunner() : ExecuTorch(of_language_models) {}
    std::string_view id() const noexcept override { return "executorch-llm"; }
    std::string_view name() const noexcept override { return "ExecuTorch (language models)"; }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& model = needed(artifact, Role::model, "program (.pte)");
        const auto& tokenizer = needed(artifact, Role::tokenizer, "tokenizer");
        auto plan = common(target, runtime, run);
        plan.pushes.push_back(push_of(model, run.remote_models));
        const auto remote_model = plan.pushes.back().remote;
        plan.pushes.push_back(push_of(tokenizer, run.remote_models));
        plan.argv.insert(plan.argv.end(), {"--model_path", remote_model, "--tokenizer_path", plan.pushes.back().remote, "--prompt", run.prompt, "--seq_len",
                                           std::to_string(run.prompt_tokens + run.generate), "--temperature", "0"});
        if (run.accelerator == Accelerator::npu) {
            const auto speed = remote_path(run.remote_run, "inference_speed.txt");
            plan.argv.insert(plan.argv.end(), {"--eval_mode", "1", "--num_iters", std::to_string(run.repeats), "--performance_output_path", speed});
            plan.pulls = {{speed, "inference_speed.txt", false, {}, true}};
            if (run.warmup > 0) plan.notes.emplace_back("This runner has no warm-up: the first repeat is cold.");
        } else {
            plan.argv.insert(plan.argv.end(), {"--cpu_threads", std::to_string(run.threads)});
            plan.executions = run.warmup + run.repeats, plan.discard = run.warmup;
        }
        plan.notes.emplace_back("ExecuTorch takes a text, not a number of tokens: prompt and answer may be longer or shorter than asked.");
        return plan;
    }

protected:
    void line(Stream, std::string_view text) override
    {
        if (const auto json = after(text, "PyTorchObserver ")) observer(*json);
        else log_line(text);
    }
    void conclude(Result& result) override
    {
        result.quantities = read_.quantities;
        result.prompt_tokens = read_.prompt_tokens, result.generated_tokens = read_.generated_tokens;
        judge(result);
    }

private:
    void observer(std::string_view text)
    {
        const auto stats = nlohmann::json::parse(text, nullptr, false);
        if (!stats.is_object()) return;
        const auto number = [&](const char* key) -> std::optional<double> {
            const auto found = stats.find(key);
            return found != stats.end() && found->is_number() && found->get<double>() >= 0 ? std::optional(found->get<double>()) : std::nullopt;
        };
        const double scale = number("SCALING_FACTOR_UNITS_PER_SECOND").value_or(1000);
        const auto between = [&](const char* from, const char* to) -> std::optional<double> {  // a stamp of 0 was never set
            const auto begin = number(from), end = number(to);
            return begin && end && *begin > 0 && *end > *begin && scale > 0 ? std::optional((*end - *begin) / scale) : std::nullopt;
        };
        const auto tokens = [&](const char* key) -> std::optional<std::int64_t> {
            const auto count = number(key);
            return count && *count >= 1 && *count < 1e12 ? std::optional(static_cast<std::int64_t>(*count)) : std::nullopt;
        };
        read_.prompt_tokens = tokens("prompt_tokens"), read_.generated_tokens = tokens("generated_tokens");
        if (const auto seconds = between("model_load_start_ms", "model_load_end_ms")) add_sample(read_, "load_s", "s", *seconds);
        if (const auto seconds = between("inference_start_ms", "first_token_ms")) add_sample(read_, "ttft_s", "s", *seconds);
        if (const auto seconds = between("inference_start_ms", "prompt_eval_end_ms"); seconds && read_.prompt_tokens)
            add_sample(read_, "prefill_tokens_per_s", "1/s", static_cast<double>(*read_.prompt_tokens) / *seconds);
        if (const auto seconds = between("prompt_eval_end_ms", "inference_end_ms"); seconds && read_.generated_tokens)
            add_sample(read_, "decode_tokens_per_s", "1/s", static_cast<double>(*read_.generated_tokens) / *seconds);
    }

    Result read_;
};

class AnyModelRunner final : public ExecuTorch {
public:
    AnyModelRunner() : ExecuTorch(of_any_model) {}
    std::string_view id() const noexcept override { return "executorch-runner"; }
    std::string_view name() const noexcept override { return "ExecuTorch (any model)"; }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& model = needed(artifact, Role::model, "program (.pte)");
        auto plan = common(target, runtime, run);
        plan.pushes.push_back(push_of(model, run.remote_models));
        plan.argv.insert(plan.argv.end(), {"--model_path", plan.pushes.back().remote});
        if (run.accelerator == Accelerator::cpu) {
            plan.argv.insert(plan.argv.end(), {"--num_executions", std::to_string(run.repeats), "--cpu_threads", std::to_string(run.threads)});
            if (run.warmup > 0) plan.notes.emplace_back("This runner has no warm-up: the average holds the first executions too.");
            return plan;
        }
        (void)needed(artifact, Role::input, "input");
        std::string list;
        for (const auto& file : artifact.files) {
            if (file.role != Role::input) continue;
            plan.pushes.push_back(push_of(file, run.remote_run));
            list += (list.empty() ? "" : " ") + file.local.filename().string();
        }
        plan.pushes.push_back({{}, list + "\n", remote_path(run.remote_run, "inputs.txt"), "", false});
        plan.folders.push_back(remote_path(run.remote_run, "out"));
        plan.argv.insert(plan.argv.end(), {"--input_list_path", "inputs.txt", "--output_folder_path", "out", "--warm_up", std::to_string(run.warmup), "--iteration",
                                           std::to_string(run.repeats), "--etdump_path", "etdump.etdp", "--htp_performance_mode", "2"});
        plan.pulls = {{remote_path(run.remote_run, "etdump.etdp"), "etdump.etdp", false, {}, true}};
        return plan;
    }

protected:
    void line(Stream, std::string_view text) override
    {
        log_line(text);
        took(text);
        const auto executed = after(text, "Model executed successfully ");
        const auto count = executed ? leading_integer(*executed) : std::nullopt;
        const auto total = executed ? number_after(*executed, "time(s) in ") : std::nullopt;
        if (count && total && *count >= 1 && *total > 0) add_average(*count, *total * 1e-3 / static_cast<double>(*count));
    }
    void conclude(Result& result) override
    {
        if (inputs_ > 0) result.quantities.push_back({"inference_s", "s", {}, Quantity::Summary{.count = count_, .mean = weighted_ / static_cast<double>(count_)}});
        judge(result);
    }

private:
    /// "100 inferences took 512.3 ms, avg 5.123 ms", one for each input ("inference" in older versions); a last one sums the inputs up: "2 inference took …".
    void took(std::string_view text)
    {
        const auto at = text.find(" inference");
        if (at == std::string_view::npos || text.find(" took ", at) == std::string_view::npos) return;
        const auto before = text.substr(0, at);
        const auto word = before.find_last_of(" \t]");
        const auto count = leading_integer(word == std::string_view::npos ? before : before.substr(word + 1));
        const auto total = number_after(text, " took ");
        if (!count || *count < 1 || *count > 1'000'000'000 || !total || !(*total > 0)) return;
        const bool sum = inputs_ > 0 && *count == inputs_ && std::abs(*total - total_ms_) < 1e-3 + 1e-6 * total_ms_;
        if (sum) return;
        total_ms_ += *total;
        add_average(*count, *total * 1e-3 / static_cast<double>(*count));
    }
    void add_average(std::int64_t count, double seconds)
    {
        if (inputs_ >= static_cast<std::int64_t>(most_samples)) return;
        ++inputs_, count_ += count;
        weighted_ += seconds * static_cast<double>(count);
    }

    std::int64_t inputs_ = 0, count_ = 0;
    double weighted_ = 0, total_ms_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_executorch_llm() { return std::make_unique<LanguageModelRunner>(); }
std::unique_ptr<Backend> make_executorch_runner() { return std::make_unique<AnyModelRunner>(); }

}  // namespace bitwright::backends
