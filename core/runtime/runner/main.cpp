// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright-runner: runs a Package on whatever computer it lies on and writes what it measured as JSON lines. Static, needs nothing but a Linux kernel.
//   hello  version, isa, kernels, page, cores, threads, package, recipe, format, file_bytes
//   phase  name (load, prefill, decode), run (warm-up runs are negative: −W … −1), t0_ns, t1_ns, tokens
//   token  run, t_ns, id (when it was known)
//   end    rc, sha256 (of the output ids as little-endian int32; every run must give the same), peak_rss_bytes, cache_bytes, minor_faults, major_faults; or error
// Times are CLOCK_BOOTTIME, so that they can be joined with power samples. Lines are written between phases, never within one.
#include "core/runtime/engine.h"
#include "core/runtime/error.h"
#include "core/runtime/hash.h"
#include "core/runtime/json.h"
#include "core/runtime/runner/options.h"
#include "core/runtime/runner/selftest.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace bitwright::runner {
namespace {

std::int64_t now_ns()
{
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

/// Peak resident memory in bytes as the kernel counts it, 0 if it does not say.
std::uint64_t peak_rss_bytes()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word)
        if (word == "VmHWM:") {
            std::uint64_t kilobytes = 0;
            status >> kilobytes;
            return kilobytes * 1024;
        }
    return 0;
}

const char* isa() noexcept
{
#if defined(__aarch64__)
    return "aarch64";
#elif defined(__x86_64__)
    return "x86-64";
#else
    return "other";
#endif
}

/// Where the JSON lines go; every line is complete and flushed.
class Lines {
public:
    explicit Lines(const std::string& path) : path_(path)
    {
        if (!path.empty() && !(file_ = std::fopen(path.c_str(), "w"))) throw failure("--jsonl: " + path + ": " + std::strerror(errno));
    }
    ~Lines()
    {
        if (file_ != stdout) std::fclose(file_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    void write(const std::string& line)
    {
        if (std::fputs((line + "\n").c_str(), file_) < 0 || std::fflush(file_) != 0) throw failure((path_.empty() ? "standard output" : path_) + ": " + std::strerror(errno));
    }

private:
    std::string path_;
    std::FILE* file_ = stdout;
};

std::string number_field(const char* key, std::uint64_t value) { return std::string(",\"") + key + "\":" + std::to_string(value); }
std::string text_field(const char* key, std::string_view value) { return std::string(",\"") + key + "\":" + json::quoted(value); }
std::string phase_line(const char* name, std::int64_t run, std::int64_t t0, std::int64_t t1, std::int64_t tokens)
{
    return std::string("{\"type\":\"phase\",\"name\":\"") + name + "\",\"run\":" + std::to_string(run) + ",\"t0_ns\":" + std::to_string(t0) + ",\"t1_ns\":" + std::to_string(t1) +
           ",\"tokens\":" + std::to_string(tokens) + "}";
}

std::vector<std::int32_t> prompt_of(const Options& options, const ModelGraph& graph)
{
    if (!options.prompt_ids.empty()) return options.prompt_ids;
    std::vector<std::int32_t> ids(static_cast<std::size_t>(options.prompt_tokens));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>((static_cast<std::int64_t>(i) * 7919 + 1) % graph.vocab);
    return ids;
}

/// One run: prefill, then greedy decoding unless the mode is prefill. Returns the output ids.
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
    for (std::size_t i = 0; i < output.size(); ++i)
        lines.write("{\"type\":\"token\",\"run\":" + std::to_string(run) + ",\"t_ns\":" + std::to_string(times[i]) + ",\"id\":" + std::to_string(output[i]) + "}");
    return output;
}

void pin(std::uint64_t mask)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (int i = 0; i < 64; ++i)
        if (mask >> i & 1) CPU_SET(i, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) throw failure(std::string("--affinity: ") + std::strerror(errno) + "; use CPUs this computer has");
}

void measure(const Options& options, Lines& lines)
{
    if (options.affinity != 0) pin(options.affinity);
    const std::int64_t start = now_ns();
    const auto package = Package::open(options.package);
    Engine engine(package, {.threads = options.threads});
    const std::int64_t loaded = now_ns();
    lines.write(std::string("{\"type\":\"hello\"") + text_field("version", BITWRIGHT_VERSION) + text_field("isa", isa()) + text_field("kernels", "scalar") +
                number_field("page", static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))) + number_field("cores", std::thread::hardware_concurrency()) +
                number_field("threads", static_cast<std::uint64_t>(options.threads)) + text_field("package", options.package) + text_field("recipe", package->recipe_hash()) +
                number_field("format", package_format) + number_field("file_bytes", package->file_size()) + "}");
    lines.write(phase_line("load", 0, start, loaded, 0));

    const std::vector<std::int32_t> prompt = prompt_of(options, engine.graph());
    std::vector<std::int32_t> output;
    for (std::int64_t run = -options.warmup; run < options.runs; ++run) {
        std::vector<std::int32_t> ids = run_once(engine, options, prompt, run, lines);
        if (!output.empty() && ids != output) throw failure("run " + std::to_string(run) + " gave other tokens than the runs before it: this computer does not compute reliably");
        output = std::move(ids);
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    lines.write(std::string("{\"type\":\"end\",\"rc\":0") + text_field("sha256", sha256_hex(std::as_bytes(std::span(output)))) + number_field("peak_rss_bytes", peak_rss_bytes()) +
                number_field("cache_bytes", engine.cache_bytes()) + number_field("minor_faults", static_cast<std::uint64_t>(usage.ru_minflt)) +
                number_field("major_faults", static_cast<std::uint64_t>(usage.ru_majflt)) + "}");
}

int selftest()
{
    const std::string found = selftest_hash();
    const bool same = found == selftest_expected();
    std::printf("{\"type\":\"selftest\",\"ok\":%s,\"isa\":\"%s\",\"sha256\":\"%s\"}\n", same ? "true" : "false", isa(), found.c_str());
    if (!same) std::fprintf(stderr, "bitwright-runner: selftest: this processor's results differ from every other's (expected %s); do not trust its measurements\n", selftest_expected());
    return same ? 0 : 1;
}

int report(int code, const char* what, Lines* lines)
{
    std::fprintf(stderr, "bitwright-runner: %s\n", what);
    try {
        if (lines) lines->write("{\"type\":\"end\",\"rc\":" + std::to_string(code) + text_field("error", what) + "}");
    } catch (const std::exception&) {  // the first error is the one that counts
    }
    return code;
}

int run(int argc, const char* const* argv)
{
    std::unique_ptr<Lines> lines;
    try {
        const Options options = parse_options(argc, argv);
        if (options.help) {
            std::fputs(usage(), stdout);
            return 0;
        }
        if (options.selftest) return selftest();
        lines = std::make_unique<Lines>(options.jsonl);
        measure(options, *lines);
        return 0;
    } catch (const Error& error) {
        return report(static_cast<int>(error.kind()), error.what(), lines.get());
    } catch (const std::exception& error) {
        return report(1, error.what(), lines.get());
    }
}

}  // namespace
}  // namespace bitwright::runner

int main(int argc, char** argv) { return bitwright::runner::run(argc, argv); }
