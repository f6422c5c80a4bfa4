// SPDX-License-Identifier: GPL-3.0-or-later
// Qualcomm's Genie (genie-t2t-run): a language model in context binaries, text in and text out, times from its profile file. Source: device specification §3.1.
#include "core/runtime/error.h"
#include "core/runtime/utf8.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace bitwright::backends {
namespace {

constexpr std::size_t most_text = std::size_t{1} << 16;
constexpr std::string_view extensions_file = "htp_backend_ext_config.json";

std::vector<std::string> files_for(const Target& target)
{
    auto files = htp_libraries(target.hexagon, true);
    files.insert(files.begin(), {"bin/aarch64-android/genie-t2t-run", "lib/aarch64-android/libGenie.so"});
    return files;
}

class Genie final : public Backend {
public:
    std::string_view id() const noexcept override { return "genie"; }
    std::string_view name() const noexcept override { return "Qualcomm Genie"; }
    Licence licence() const override { return qualcomm_licence(); }

    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override
    {
        auto support = probe_htp(target, runtime, files_for(target));
        if (accelerator != Accelerator::npu) support.ok = false, support.reason = "Bitwright uses Genie for the NPU only.";
        support.notes.emplace_back("Genie's profile holds no proof of where it ran: results are marked unverified accelerator.");
        return support;
    }

    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override
    {
        const auto& config = needed(artifact, Role::config, "Genie configuration (genie_config.json)");
        (void)needed(artifact, Role::model, "context binary (.bin)");
        (void)needed(artifact, Role::tokenizer, "tokenizer.json");
        check_performance_profile(run.performance_profile);
        Plan plan;
        plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
        plan.pushes = pushes_of(runtime, files_for(target), run.remote_programs);
        bool extensions = false;
        for (const auto& file : artifact.files) {
            plan.pushes.push_back(push_of(file, run.remote_models));
            extensions = extensions || file.local.filename() == extensions_file;
        }
        if (!extensions)
            plan.pushes.push_back({{}, htp_extensions_config(target, run.graph, run.performance_profile), remote_path(run.remote_models, extensions_file), "", false});
        const auto profile = remote_path(run.remote_run, "genie_profile.json");
        plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}, {"ADSP_LIBRARY_PATH", run.remote_programs}};
        plan.argv = {remote_path(run.remote_programs, "genie-t2t-run"), "-c", config.local.filename().string(), "-p", run.prompt, "--profile", profile};
        plan.cwd = run.remote_models;  // the configuration names its files from there
        plan.pulls = {{profile, "genie_profile.json", true}};
        plan.executions = run.warmup + run.repeats, plan.discard = run.warmup;
        plan.notes = {"Genie takes a text, not a number of tokens, and writes until the model ends or the context is full: prompt and answer may be longer or shorter than asked."};
        return plan;
    }

protected:
    void line(Stream stream, std::string_view text) override
    {
        if (stream == Stream::file) {
            if (const auto found = json_.line(text)) profile(*found);
            return;
        }
        if (stream == Stream::error) return;
        if (const auto begin = after(text, "[BEGIN]:")) {
            writing_ = true, began_ = true;
            text_.clear();
            text = *begin;
        } else if (writing_ && text_.size() < most_text) {
            text_ += '\n';
        }
        if (!writing_) return;
        const auto end = text.find("[END]");
        text_.append(text.substr(0, std::min(end, most_text - std::min(most_text, text_.size()))));
        if (end != std::string_view::npos) writing_ = false;
    }

    void conclude(Result& result) override
    {
        result.quantities = read_.quantities;
        result.prompt_tokens = read_.prompt_tokens, result.generated_tokens = read_.generated_tokens;
        result.text = utf8::lossy(trimmed(text_));
        if (began_ && writing_) result.warnings.emplace_back("The answer has no end mark: it was cut off.");
        if (result.quantities.empty() && began_) result.error = "Genie answered, but its profile holds no query: no times.";
    }

private:
    /// {"components":[{"events":[{"type":"GenieDialog_query","time-to-first-token":{"value":155464,"unit":"us"}, …}]}]}
    void profile(const std::string& text)
    {
        const auto root = nlohmann::json::parse(text, nullptr, false);
        if (!root.is_object() || !root.contains("components") || !root["components"].is_array()) return;
        for (const auto& component : root["components"]) {
            if (!component.is_object() || !component.contains("events") || !component["events"].is_array()) continue;
            for (const auto& event : component["events"])
                if (event.is_object() && event.contains("type") && event["type"].is_string()) take(event, event["type"].get<std::string>());
        }
    }

    void take(const nlohmann::json& event, const std::string& type)
    {
        const auto value = [&](const char* key) -> std::optional<double> {
            const auto field = event.find(key);
            if (field == event.end() || !field->is_object() || !field->contains("value") || !(*field)["value"].is_number()) return std::nullopt;
            const double number = (*field)["value"].get<double>();
            return std::isfinite(number) && number > 0 ? std::optional(number) : std::nullopt;
        };
        const auto time = [&](const char* key) -> std::optional<double> {
            const auto number = value(key);
            if (!number) return std::nullopt;
            const auto unit = event[key].find("unit");
            const auto seconds = unit != event[key].end() && unit->is_string() ? seconds_of(unit->get<std::string>()) : std::nullopt;
            return seconds ? std::optional(*number * *seconds) : std::nullopt;
        };
        if (const auto init = type == "GenieDialog_create" ? time("init-time") : std::nullopt) add_sample(read_, "load_s", "s", *init);
        if (type != "GenieDialog_query") return;
        if (const auto first = time("time-to-first-token")) add_sample(read_, "ttft_s", "s", *first);
        if (const auto rate = value("prompt-processing-rate")) add_sample(read_, "prefill_tokens_per_s", "1/s", *rate);
        if (const auto rate = value("token-generation-rate")) add_sample(read_, "decode_tokens_per_s", "1/s", *rate);
        if (const auto spent = time("token-generation-time")) add_sample(read_, "decode_s", "s", *spent);
        const auto count = [&](const char* key) -> std::optional<std::int64_t> {
            const auto number = value(key);
            return number && *number < 1e12 ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
        };
        read_.prompt_tokens = count("num-prompt-tokens"), read_.generated_tokens = count("num-generated-tokens");
    }

    JsonObjects json_;
    Result read_;
    std::string text_;
    bool writing_ = false, began_ = false;
};

}  // namespace

std::unique_ptr<Backend> make_genie() { return std::make_unique<Genie>(); }

}  // namespace bitwright::backends
