// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/measure.h"

#include "core/runtime/engine.h"
#include "core/runtime/error.h"
#include "core/runtime/hash.h"
#include "core/runtime/json.h"
#include "core/runtime/runner/machine.h"
#include "core/runtime/runner/sampler.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace bitwright::runner {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr int marker_waves = 3;

std::vector<std::int32_t> prompt_of(const Options& options, const ModelGraph& graph)
{
    if (!options.prompt_ids.empty()) return options.prompt_ids;
    std::vector<std::int32_t> ids(static_cast<std::size_t>(options.prompt_tokens));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>((static_cast<std::int64_t>(i) * 7919 + 1) % graph.vocab);
    return ids;
}

/// One run: prefill, then greedy decoding unless the mode is prefill. Returns the output ids. Nothing is written while it computes.
std::vector<std::int32_t> run_once(Engine& engine, const Options& options, const std::vector<std::int32_t>& prompt, std::int64_t run, Lines& lines)
{
    engine.reset();
    std::vector<std::int32_t> output;
    std::vector<std::int64_t> times;
    const std::int64_t start = now_ns();
    std::int32_t next = argmax(engine.prefill(prompt));
    const std::int64_t prefilled = now_ns();
    output.push_back(next);
    times.push_back(prefilled);
    const ModelGraph& graph = engine.graph();
    if (options.mode != Mode::prefill) {
        while (static_cast<std::int64_t>(output.size()) < options.tokens && engine.position() < graph.context && !(options.stop_at_eos && next == graph.eos)) {
            next = argmax(engine.decode(next));
            output.push_back(next);
            times.push_back(now_ns());
        }
    }
    if (options.mode != Mode::decode) lines.write(phase_line("prefill", run, start, prefilled, static_cast<std::int64_t>(prompt.size())));
    if (options.mode != Mode::prefill) lines.write(phase_line("decode", run, prefilled, times.back(), static_cast<std::int64_t>(output.size()) - 1));
    for (std::size_t i = 0; i < output.size(); ++i) lines.write("{\"type\":\"token\"" + number_field("run", run) + number_field("t_ns", times[i]) + number_field("id", output[i]) + "}");
    return output;
}

/// Seconds in which nothing is computed, as a phase.
void do_nothing(const char* name, std::int64_t run, std::int64_t seconds, Lines& lines)
{
    if (seconds == 0) return;
    const std::int64_t start = now_ns();
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    lines.write(phase_line(name, run, start, now_ns(), 0));
}

/// Waits before `run` until the battery is cool enough. A phase "cool"; one "cool_limit" where the wait was given up.
void cool(const Options& options, const std::string& battery, std::int64_t run, Lines& lines)
{
    if (options.cool_to_dC == 0) return;
    const std::int64_t start = now_ns();
    for (;;) {
        const auto temperature = battery_temperature(battery);
        if (!temperature) throw failure("--cool-to: the battery does not tell its temperature any more");
        const bool given_up = now_ns() - start > options.cool_limit * second;
        if (*temperature <= options.cool_to_dC || given_up) return lines.write(phase_line(given_up ? "cool_limit" : "cool", run, start, now_ns(), 0));
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
}

/// A square wave of load on all threads, each second of load a phase.
void mark(int threads, int first, Lines& lines)
{
    for (int wave = first; wave < first + marker_waves; ++wave) {
        const std::int64_t start = now_ns();
        std::vector<std::thread> load;
        for (int i = 0; i < threads; ++i)
            load.emplace_back([start] {
                while (now_ns() - start < second) {
                }
            });
        for (auto& thread : load) thread.join();
        lines.write(phase_line("marker", wave, start, now_ns(), 0));
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

std::string hello(const Options& options, const Package* package, const KernelSet& kernels, const std::string& battery)
{
    std::string sets;
    for (const auto& name : instruction_sets()) sets += (sets.empty() ? "" : ",") + json::quoted(name);
    std::string line = std::string("{\"type\":\"hello\"") + text_field("version", BITWRIGHT_VERSION) + text_field("isa", isa()) + text_field("kernels", kernels.name) + ",\"hwcap\":[" + sets +
                       "]" + number_field("page", sysconf(_SC_PAGESIZE)) + number_field("cores", std::thread::hardware_concurrency()) + number_field("threads", options.threads) +
                       number_field("pid", getpid());
    if (is_emulated()) line += ",\"emulated\":true";
    if (options.affinity != 0) line += number_field("affinity", static_cast<std::int64_t>(options.affinity));
    if (!battery.empty()) line += text_field("battery", battery);
    if (package)
        line += text_field("package", options.package) + text_field("recipe", package->recipe_hash()) + number_field("format", package_format) +
                number_field("file_bytes", static_cast<std::int64_t>(package->file_size()));
    return line + "}";
}

std::string end_line(const std::optional<std::vector<std::int32_t>>& output, const Engine* engine)
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::string line = "{\"type\":\"end\",\"rc\":0";
    if (output) line += text_field("sha256", sha256_hex(std::as_bytes(std::span(*output))));
    line += number_field("peak_rss_bytes", peak_rss_bytes());
    if (engine) line += number_field("cache_bytes", static_cast<std::int64_t>(engine->cache_bytes()));
    return line + number_field("minor_faults", usage.ru_minflt) + number_field("major_faults", usage.ru_majflt) + "}";
}

/// The warm-up, then the batches, each at least `runs` runs and `seconds` long. Runs are numbered through.
std::vector<std::int32_t> run_all(Engine& engine, const Options& options, const std::string& battery, Lines& lines)
{
    const std::vector<std::int32_t> prompt = prompt_of(options, engine.graph());
    std::vector<std::int32_t> output;
    const auto one = [&](std::int64_t run) {
        std::vector<std::int32_t> ids = run_once(engine, options, prompt, run, lines);
        if (!output.empty() && ids != output) throw failure("run " + std::to_string(run) + " gave other tokens than the runs before it: this computer does not compute reliably");
        output = std::move(ids);
    };
    for (std::int64_t run = -options.warmup; run < 0; ++run) one(run);
    std::int64_t run = 0;
    for (std::int64_t batch = 0; batch < options.batches; ++batch) {
        const bool rests = options.batches > 1;  // between batches, and after the warm-up; else between runs
        if (rests) do_nothing("rest", run, options.rest, lines);
        if (rests || batch == 0) cool(options, battery, run, lines);
        const std::int64_t first = run, start = now_ns();
        for (; run - first < options.runs || now_ns() - start < options.seconds * second; ++run) {
            if (!rests && run > 0) {
                do_nothing("rest", run, options.rest, lines);
                cool(options, battery, run, lines);
            }
            one(run);
        }
        if (rests) lines.write(phase_line("batch", batch, start, now_ns(), (run - first) * (options.mode == Mode::prefill ? static_cast<std::int64_t>(prompt.size()) : static_cast<std::int64_t>(output.size()) - 1)));
    }
    return output;
}

}  // namespace

void measure(const Options& options, Lines& lines)
{
    std::optional<Sampler> sampler;
    if (options.battery != "none") sampler.emplace(lines, options.battery, options.sysfs, options.samples_per_second, options.affinity);
    const std::string battery = sampler ? sampler->battery() : std::string();
    if (options.cool_to_dC > 0 && !battery_temperature(battery)) throw failure("--cool-to: no battery tells its temperature here; leave it out, or use --rest");
    if (options.affinity != 0) pin(options.affinity);
    const std::int64_t start = now_ns();
    std::shared_ptr<const Package> package;
    std::unique_ptr<Engine> engine;
    const KernelSet& kernels = chosen_kernels();
    if (!options.package.empty()) {
        package = Package::open(options.package);
        engine = std::make_unique<Engine>(package, EngineOptions{.threads = options.threads, .kernels = &kernels, .layout_cache = LayoutCache{std::filesystem::path(options.package).parent_path() / "."}});
    }
    const std::int64_t loaded = now_ns();
    lines.write(hello(options, package.get(), kernels, battery));
    if (package) lines.write(phase_line("load", 0, start, loaded, 0));
    if (options.marker) mark(options.threads, 0, lines);
    std::optional<std::vector<std::int32_t>> output;
    if (options.mode == Mode::idle) {
        do_nothing("idle", 0, options.seconds, lines);
    } else {
        do_nothing("idle", 0, options.idle, lines);
        output = run_all(*engine, options, battery, lines);
        do_nothing("idle", 1, options.idle, lines);
    }
    if (options.marker) mark(options.threads, marker_waves, lines);  // again at the end: how much faster the meter's clock runs
    sampler.reset();
    lines.write(end_line(output, engine.get()));
}

}  // namespace bitwright::runner
