// SPDX-License-Identifier: GPL-3.0-or-later
// llama.cpp's llama-bench (JSON lines, JSON, Markdown) and the performance lines of its other programs. Source: device specification §3.2; the package is the one
// `cmake --install` makes: bin/llama-bench, lib/*.so.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"

#include <nlohmann/json.hpp>

#include <map>

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "bin/llama-bench";

/// The runtime's libraries this phone can use: of the DSP's own, only the one for its Hexagon version.
bool wanted_library(std::string_view file, const Target& target)
{
    const auto name = file.substr(file.rfind('/') + 1);
    if (!name.starts_with("lib") || !name.ends_with(".so")) return false;
    return !name.starts_with("libggml-htp-") || name == "libggml-htp-" + target.hexagon + ".so";
}

std::vector<std::string_view> split_cells(std::string_view row)
{
    std::vector<std::string_view> cells;
    row = trimmed(row);
    if (row.starts_with('|')) row.remove_prefix(1);
    while (!row.empty() && cells.size() < 64) {
        const auto end = row.find('|');
        cells.push_back(trimmed(row.substr(0, end)));
        row.remove_prefix(end == std::string_view::npos ? row.size() : end + 1);
    }
    return cells;
}

class LlamaCpp final : public Backend {
public:
    std::string_view id() const noexcept override { return "llama.cpp"; }
    std::string_view name() const noexcept override { return "llama.cpp"; }
    Licence licence() const override { return {"MIT", "llama.cpp is free software; you bring a build of it for Android."}; }
    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override;
    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override;

protected:
    void line(Stream stream, std::string_view text) override;
    void conclude(Result& result) override;

private:
    void object(const std::string& text);
    void markdown(std::string_view row);
    void load_line(std::string_view text);
    void performance_line(std::string_view text);
    void add(std::string_view phase, std::int64_t tokens, std::int64_t depth, Quantity quantity);
    void judge(Result& result) const;

    JsonObjects json_;
    std::map<std::string, std::size_t> columns_;  ///< of the Markdown table
    std::map<std::string, double> buffers_;       ///< MiB of weights by buffer
    std::optional<std::int64_t> layers_, all_layers_;
    std::string layers_line_, buffer_line_, version_, backend_, error_;
    Result read_;
    bool several_lengths_ = false;
};

Support LlamaCpp::probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const
{
    Support support;
    std::vector<std::string> files{std::string(program)};
    if (accelerator == Accelerator::gpu) files.emplace_back("lib/libggml-opencl.so");
    if (accelerator == Accelerator::npu) files.emplace_back("lib/libggml-hexagon.so");
    if (accelerator == Accelerator::npu && !target.hexagon.empty()) files.push_back("lib/libggml-htp-" + target.hexagon + ".so");
    for (const auto& file : files)
        if (runtime.find(file).empty() && runtime.find(file.substr(file.find('/') + 1)).empty()) support.missing.push_back(file);
    if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
    else if (accelerator == Accelerator::npu && target.hexagon.empty()) support.reason = "Which Hexagon version this phone has is not known, so its NPU library cannot be chosen.";
    else if (accelerator == Accelerator::npu && target.hexagon_rpc == false) support.reason = "This phone has no libcdsprpc.so, the way to its NPU.";
    else if (!support.missing.empty()) support.reason = "The folder lacks files of llama.cpp; build it with the Snapdragon preset and install it there.";
    support.ok = support.reason.empty();
    return support;
}

Plan LlamaCpp::plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const
{
    const auto& model = needed(artifact, Role::model, "GGUF file");
    Plan plan;
    const auto bin = remote_path(run.remote_programs, "bin"), lib = remote_path(run.remote_programs, "lib");
    plan.folders = {bin, lib, run.remote_models, run.remote_run};
    auto bench = runtime.find(program);
    if (bench.empty()) bench = runtime.find("llama-bench");
    if (bench.empty()) throw bad_input(runtime.path.string(), std::string(program), "is missing; choose the folder of a llama.cpp package for Android");
    plan.pushes.push_back(push_of(runtime, bench, remote_path(bin, "llama-bench"), true));
    for (const auto& file : runtime.files)
        if (wanted_library(file, target)) plan.pushes.push_back(push_of(runtime, file, remote_path(lib, file.substr(file.rfind('/') + 1)), false));
    plan.pushes.push_back(push_of(model, run.remote_models));
    plan.environment = {{"LD_LIBRARY_PATH", lib}};
    if (run.accelerator == Accelerator::npu) plan.environment.insert(plan.environment.end(), {{"ADSP_LIBRARY_PATH", lib}, {"GGML_HEXAGON_NDEV", "1"}});
    plan.argv = {remote_path(bin, "llama-bench")};
    const auto* device = run.accelerator == Accelerator::npu ? "HTP0" : run.accelerator == Accelerator::gpu ? "GPUOpenCL" : "none";  // else -ngl 0 still sends large products there
    plan.argv.insert(plan.argv.end(), {"--device", device});
    plan.argv.insert(plan.argv.end(), {"--mmap", "0", "-m", plan.pushes.back().remote, "-t", std::to_string(run.threads), "--batch-size", "128", "-ngl",
                                       run.accelerator == Accelerator::cpu ? "0" : "99", "-p", std::to_string(run.prompt_tokens), "-n", std::to_string(run.generate),
                                       "-r", std::to_string(run.repeats), "-o", "jsonl", "-v"});  // -v: the load log is the proof of where it runs
    if (run.warmup == 0) plan.argv.emplace_back("--no-warmup");
    if (run.affinity != 0) plan.argv.insert(plan.argv.end(), {"-C", "0x" + hexadecimal_word(run.affinity), "--cpu-strict", "1"});
    plan.cwd = run.remote_run;
    plan.prompt_tokens = run.prompt_tokens, plan.generated_tokens = run.generate;
    plan.notes = {"llama-bench times the model alone: no tokenizer, no sampling, made-up tokens; it gives no time to first token and no hash of the output."};
    return plan;
}

void LlamaCpp::line(Stream, std::string_view text)
{
    const bool was_inside = json_.inside();
    if (const auto found = json_.line(text)) object(*found);
    if (was_inside || json_.inside()) return;
    if (text.starts_with('|')) return markdown(text);
    if (text.starts_with("build: ")) version_ = shown(text.substr(7), 60);
    if (text.starts_with("error: ") && error_.empty()) error_ = shown(text.substr(7));
    load_line(text);
    performance_line(text);
}

/// A phase's numbers for one length; of several lengths the first is kept.
void LlamaCpp::add(std::string_view phase, std::int64_t tokens, std::int64_t depth, Quantity quantity)
{
    auto& known = phase == "prefill" ? read_.prompt_tokens : read_.generated_tokens;
    if (depth != 0 || (phase != "mixed" && known && *known != tokens)) {
        several_lengths_ = true;
        return;
    }
    if (phase != "mixed") known = tokens;
    const auto found = std::ranges::find(read_.quantities, quantity.name, &Quantity::name);
    if (found == read_.quantities.end()) read_.quantities.push_back(std::move(quantity));
    else found->samples.insert(found->samples.end(), quantity.samples.begin(), quantity.samples.end());
}

void LlamaCpp::object(const std::string& text)
{
    const auto row = nlohmann::json::parse(text, nullptr, false);
    if (!row.is_object()) return;
    const auto number = [&](const char* key) -> std::optional<double> {
        const auto found = row.find(key);
        return found != row.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    const auto word = [&](const char* key) { return row.contains(key) && row[key].is_string() ? shown(row[key].get<std::string>(), 60) : std::string(); };
    const auto prompt = number("n_prompt"), generated = number("n_gen"), mean = number("avg_ts");
    const auto count = [](std::optional<double> value) { return value && *value > 0 && *value < 1e12 ? static_cast<std::int64_t>(*value) : 0; };
    const auto prompts = count(prompt), tokens = count(generated);
    if (!prompt || !generated || (prompts == 0 && tokens == 0)) return;
    const std::string phase = tokens == 0 ? "prefill" : prompts == 0 ? "decode" : "mixed";
    Quantity quantity{phase + "_tokens_per_s", "1/s", {}};
    if (const auto samples = row.find("samples_ts"); samples != row.end() && samples->is_array())
        for (const auto& sample : *samples)
            if (sample.is_number() && sample.get<double>() > 0 && quantity.samples.size() < most_samples) quantity.samples.push_back(sample.get<double>());
    if (quantity.samples.empty() && mean && *mean > 0) quantity.summary = {.count = 0, .mean = mean, .deviation = number("stddev_ts")};
    add(phase, tokens == 0 ? prompts : tokens, count(number("n_depth")), std::move(quantity));
    backend_ = word("backends");
    if (const auto commit = word("build_commit"); !commit.empty()) version_ = commit + (number("build_number") ? " (" + std::to_string(count(number("build_number"))) + ")" : "");
}

/// "| llama 1B Q4_0 | 729.75 MiB | 1.24 B | HTP | 99 | 4 | 128 | 0 | pp128 | 169.42 ± 1.75 |", columns as the header names them.
void LlamaCpp::markdown(std::string_view row)
{
    const auto cells = split_cells(row);
    if (std::ranges::find(cells, "t/s") != cells.end()) {
        columns_.clear();
        for (std::size_t i = 0; i < cells.size(); ++i) columns_.emplace(cells[i], i);
        return;
    }
    const auto cell = [&](const char* name) {
        const auto found = columns_.find(name);
        return found != columns_.end() && found->second < cells.size() ? cells[found->second] : std::string_view();
    };
    const auto test = cell("test"), speed = cell("t/s");
    const auto mean = leading_number(speed);
    if (test.size() < 3 || !mean || *mean <= 0 || test.find('+') != std::string_view::npos) return;
    const auto tokens = leading_integer(test.substr(2));
    const auto phase = test.starts_with("pp") ? "prefill" : test.starts_with("tg") ? "decode" : "";
    if (!tokens || *tokens < 1 || !*phase) return;
    Quantity quantity{std::string(phase) + "_tokens_per_s", "1/s", {}, Quantity::Summary{.count = 0, .mean = mean, .deviation = number_after(speed, "\u00b1")}};
    add(phase, *tokens, integer_after(test, "@ d").value_or(0), std::move(quantity));
    if (backend_.empty()) backend_ = shown(cell("backend"), 60);
}

void LlamaCpp::load_line(std::string_view text)
{
    if (const auto rest = after(text, "offloaded ")) {
        const auto done = leading_integer(*rest), total = integer_after(*rest, "/");
        if (done && total && rest->find("layers") != std::string_view::npos) layers_ = done, all_layers_ = total, layers_line_ = shown(text);
    }
    const auto size = number_after(text, "model buffer size =");
    if (!size || *size < 0) return;
    const auto begin = after(text, "load_tensors:").value_or(text);
    const auto name = shown(begin.substr(0, begin.find("model buffer size")), 40);
    if (buffers_.size() < 32 || buffers_.contains(name)) buffers_[name] = *size;
    if (name.starts_with("HTP") ? name.ends_with("-REPACK") : name.find("OpenCL") != std::string::npos || name.find("Vulkan") != std::string::npos) buffer_line_ = shown(text);
}

/// "llama_perf_context_print: prompt eval time = 80.76 ms / 11 tokens ( …" and its older and newer prefixes.
void LlamaCpp::performance_line(std::string_view text)
{
    const auto perf = text.find("_perf_"), timings = text.find("print_timings:");
    if (perf == std::string_view::npos && timings == std::string_view::npos) return;
    const auto ms = number_after(text, "time =");
    if (!ms || !(*ms > 0)) return;
    if (text.find("load time =") != std::string_view::npos) return add_sample(read_, "load_s", "s", *ms * 1e-3);
    const auto tokens = integer_after(text, " ms /");
    if (text.find(" eval time =") == std::string_view::npos || !tokens || *tokens < 1) return;
    const bool prompt = text.find("prompt eval time =") != std::string_view::npos;
    (prompt ? read_.prompt_tokens : read_.generated_tokens) = tokens;
    add_sample(read_, prompt ? "prefill_tokens_per_s" : "decode_tokens_per_s", "1/s", static_cast<double>(*tokens) / (*ms * 1e-3));
}

void LlamaCpp::judge(Result& result) const
{
    double accelerated = 0, on_cpu = 0;
    std::string device;
    for (const auto& [buffer, size] : buffers_) {
        const bool npu = buffer.starts_with("HTP"), gpu = buffer.find("OpenCL") != std::string::npos || buffer.find("Vulkan") != std::string::npos;
        if (buffer.starts_with("CPU")) on_cpu += size;
        if (!(asked() == Accelerator::gpu ? gpu : asked() == Accelerator::npu ? npu : gpu || npu) || (npu && !buffer.ends_with("-REPACK"))) continue;
        accelerated += size;
        device = buffer;
    }
    auto& proof = result.offload;
    proof.done = layers_, proof.total = all_layers_;
    if (asked() == Accelerator::cpu && accelerated == 0) {
        proof.evidence = layers_line_;
    } else if (accelerated > 0 && layers_ != 0) {
        proof.state = Offload::verified, proof.device = device, proof.evidence = buffer_line_;
    } else if (layers_ == 0 || (!backend_.empty() && backend_ == "CPU")) {
        proof.state = Offload::cpu, proof.device = "CPU", proof.evidence = layers_line_.empty() ? "backend " + backend_ : layers_line_;
    } else {
        proof.device = backend_, proof.evidence = layers_line_;
    }
    if (proof.state == Offload::verified && on_cpu > accelerated)
        result.warnings.push_back("Most of the weights stayed in buffers of the CPU: their format may be one the accelerator cannot multiply (the NPU takes Q4_0, Q8_0, MXFP4).");
}

void LlamaCpp::conclude(Result& result)
{
    result.quantities = read_.quantities;
    result.prompt_tokens = read_.prompt_tokens, result.generated_tokens = read_.generated_tokens;
    result.version = version_;
    if (result.quantities.empty() && !error_.empty()) result.error = "llama.cpp says: " + error_ + ".";
    if (several_lengths_) result.warnings.emplace_back("The output holds several lengths or depths; only the first of each phase is kept.");
    judge(result);
}

}  // namespace

std::unique_ptr<Backend> make_llama_cpp() { return std::make_unique<LlamaCpp>(); }

}  // namespace bitwright::backends
