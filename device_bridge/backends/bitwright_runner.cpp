// SPDX-License-Identifier: GPL-3.0-or-later
// Our own runner on the phone's processor: the package goes there, its JSON lines come back (core/runtime/runner, core/exchange/runner_log.h).
#include "core/exchange/runner_log.h"
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/run/run_plan.h"

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "bitwright-runner-aarch64";

class BitwrightRunner final : public Backend {
public:
    std::string_view id() const noexcept override { return "bitwright"; }
    std::string_view name() const noexcept override { return "Bitwright's runner"; }
    Licence licence() const override { return {"GPL-3.0-or-later", "Part of Bitwright."}; }

    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        Support support;
        if (runtime.find(program).empty()) support.missing.emplace_back(program);
        if (accelerator != Accelerator::cpu) support.reason = "Bitwright's runner uses the processor only.";
        else if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
        else if (!support.missing.empty()) support.reason = "The runner for phones is not there; build Bitwright with g++-aarch64-linux-gnu installed.";
        support.ok = support.reason.empty();
        return support;
    }

    Plan plan(const Target&, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& package = needed(artifact, Role::model, "package");
        const auto file = runtime.find(program);
        if (file.empty()) throw bad_input(runtime.path.string(), std::string(program), "is missing; build Bitwright with g++-aarch64-linux-gnu installed");
        if (run.prompt_tokens < 1) throw usage_error("prompt tokens: must be at least 1");
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = {push_of(runtime, file, remote_path(run.remote_programs, "bitwright-runner"), true), push_of(package, run.remote_models)};
        const auto lines = remote_path(run.remote_run, "run.jsonl");
        PhonePlan asked;
        asked.prompt_tokens = run.prompt_tokens, asked.generate = run.generate, asked.repeats = run.repeats, asked.warmup = run.warmup;
        asked.threads = run.threads, asked.affinity = run.affinity, asked.sample = false;
        plan.argv = runner_words(asked, {plan.pushes[0].remote, plan.pushes[1].remote, run.remote_run, lines});
        plan.argv.insert(plan.argv.end() - 2, run.runner_options.begin(), run.runner_options.end());
        plan.cwd = run.remote_run;
        plan.pulls = {{lines, "run.jsonl", true}};
        plan.prompt_tokens = run.prompt_tokens, plan.generated_tokens = run.generate;
        return plan;
    }

protected:
    void line(Stream stream, std::string_view text) override
    {
        if (stream == Stream::error) {
            if (text.starts_with("bitwright-runner: ")) sentence_ = shown(text.substr(18), 400);
            return;
        }
        if (!fault_.empty() || !text.starts_with('{')) return;
        try {
            reader_.feed(std::string(text) + "\n");
        } catch (const Error& error) {
            fault_ = error.what();
        }
    }

    void conclude(Result& result) override
    {
        const auto log = reader_.log();
        for (const auto& measurement : log.measurements) result.quantities.push_back({measurement.quantity, measurement.unit, measurement.samples});
        for (const auto& phase : log.phases) {
            if (phase.run < 0 || phase.tokens < 1 || !(phase.seconds() > 0)) continue;
            if (phase.name == "prefill") add_sample(result, "ttft_s", "s", phase.seconds()), result.prompt_tokens = phase.tokens;
            if (phase.name == "decode") result.generated_tokens = phase.tokens + 1;  // the first token is the prefill's
        }
        result.version = log.version + (log.kernels.empty() ? "" : " " + log.kernels);
        result.output_hash = log.output_hash;
        result.offload.device = log.isa;
        if (!fault_.empty()) result.error = "The runner's log cannot be read: " + fault_ + ".";
        else if (!log.error.empty()) result.error = shown(log.error, 400);
        else if (!log.complete) result.error = sentence_.empty() ? "The runner stopped before its last line: the run was aborted." : sentence_;
    }

private:
    RunnerLogReader reader_{"run.jsonl"};
    std::string fault_, sentence_;
};

}  // namespace

std::unique_ptr<Backend> make_bitwright_runner() { return std::make_unique<BitwrightRunner>(); }

}  // namespace bitwright::backends
