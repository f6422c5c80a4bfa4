// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/bench/engine_speed.h"

#include "core/runtime/bench/synthetic_package.h"
#include "core/runtime/engine.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/kernels/laid_out.h"
#include "core/runtime/kernels/packed_linear.h"
#include "core/runtime/random.h"
#include "core/runtime/workers.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <sched.h>

namespace bitwright {
namespace {

double clock_seconds(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Seconds `work` takes: of this thread's processor where it works alone, else by the clock.
template <typename Work>
double seconds(int threads, Work&& work)
{
    const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const double start = clock_seconds(clock);
    work();
    return clock_seconds(clock) - start;
}

struct Best {
    double seconds = 1e300;
    void operator()(double measured) { seconds = std::min(seconds, measured); }
};

/// One linear with random codes, its inputs and its panels.
struct Product {
    std::vector<std::uint8_t> bytes, group_scales, shifts;
    std::vector<std::int32_t> multipliers;
    std::vector<std::int16_t> in, out;
    PackedStorage storage;
    Linear op;
    PackedLinear linear;
    PackedInput input;
    static constexpr std::int64_t rows = 5632, cols = 2048, tokens = 512;

    Product(const KernelSet& kernels, int bits, std::int64_t group, Workers& workers)
    {
        Random random(static_cast<std::uint64_t>(bits + group));
        bytes.resize(static_cast<std::size_t>(rows * cols * bits / 8));
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
        if (group != 0) group_scales.assign(static_cast<std::size_t>(rows * cols / group), 7);
        multipliers.assign(static_cast<std::size_t>(rows), 1'500'000'000);
        shifts.assign(static_cast<std::size_t>(rows), 44);
        in.resize(static_cast<std::size_t>(tokens * cols));
        for (auto& code : in) code = static_cast<std::int8_t>(random.next());
        out.resize(static_cast<std::size_t>(tokens * rows));
        Linear rows_of;
        rows_of.weight = {rows, cols, bits, bytes, {}};
        rows_of.group = group;
        rows_of.group_scales = group_scales;
        rows_of.multipliers = multipliers;
        rows_of.shifts = shifts;
        op = packed(rows_of, kernels.layout, storage, workers);
        linear = PackedLinear(op, kernels);
        input.prepare(linear, kernels, tokens);
    }
    void run(Workers& workers)
    {
        const std::int64_t grain = input.token_grain(), panels = std::max<std::int64_t>(1, (384 << 10) / linear.panel_bytes());
        workers.run((tokens + grain - 1) / grain, 4, [&](std::int64_t first, std::int64_t last) { input.pack(in, first * grain, std::min(tokens, last * grain)); });
        workers.run(linear.panels(), panels, [&](std::int64_t first, std::int64_t last) { linear.run(input, in, first, last, std::span(out)); });
    }
    static constexpr double operations = 2.0 * rows * cols * tokens;
};

/// Reads all bytes once and does nothing with them.
std::uint64_t sweep(const std::vector<std::span<const std::uint8_t>>& spans, const KernelSet& kernels, Workers& workers)
{
    std::atomic<std::uint64_t> all = 0;
    constexpr std::size_t piece = 1 << 20;
    std::vector<std::span<const std::uint8_t>> pieces;
    for (auto rest : spans)
        for (; rest.size() >= 256; rest = rest.subspan(std::min(piece, rest.size()))) pieces.push_back(rest.first(std::min(piece, rest.size())));
    workers.run(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t p = first; p < last; ++p) all.fetch_xor(kernels.read(pieces[static_cast<std::size_t>(p)].data(), std::ssize(pieces[static_cast<std::size_t>(p)])));
    });
    return all.load();
}

std::int64_t status_bytes(const char* wanted)
{
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word)
        if (word == wanted) {
            std::int64_t kilobytes = 0;
            status >> kilobytes;
            return kilobytes * 1024;
        }
    return 0;
}

/// Something else that keeps processor 1 busy while this lives.
class BusyCore {
public:
    BusyCore()
        : thread_([this] {
              cpu_set_t set;
              CPU_ZERO(&set);
              CPU_SET(1, &set);
              (void)sched_setaffinity(0, sizeof set, &set);
              while (!stop_.load(std::memory_order_relaxed)) {
              }
          })
    {
    }
    ~BusyCore()
    {
        stop_.store(true);
        thread_.join();
    }
    BusyCore(const BusyCore&) = delete;
    BusyCore& operator=(const BusyCore&) = delete;

private:
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

/// The speed of a whole package.
class Measured {
public:
    Measured(std::shared_ptr<const Package> package, int threads, const KernelSet& kernels, const std::optional<LayoutCache>& cache)
        : engine_(std::move(package), {.threads = threads, .kernels = &kernels, .layout_cache = cache}), workers_(threads), threads_(threads)
    {
        // The engine's own panels are what decoding reads; the embedding is read one row at a time.
        graph_ = engine_.graph();
        for_each_linear(graph_, [&](const std::string&, Linear& op) {
            weights_.push_back(op.weight.bytes);
            if (!op.group_scales.empty()) weights_.push_back(op.group_scales);
            products_ += 2.0 * static_cast<double>(op.weight.rows) * static_cast<double>(op.weight.cols);
        });
        logit_products_ = 2.0 * static_cast<double>(graph_.lm_head.weight.rows) * static_cast<double>(graph_.lm_head.weight.cols);
    }
    [[nodiscard]] Engine& engine() { return engine_; }
    [[nodiscard]] double weight_bytes() const
    {
        double bytes = 0;
        for (const auto& span : weights_) bytes += static_cast<double>(span.size());
        return bytes;
    }
    /// Seconds of one prompt, and the products its linears make (logits of the last token only).
    double prefill(std::int64_t tokens)
    {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
        for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>((static_cast<std::int64_t>(i) * 7919 + 1) % graph_.vocab);
        engine_.reset();
        return seconds(threads_, [&] { next_ = argmax(engine_.prefill(ids)); });
    }
    [[nodiscard]] double prefill_products(std::int64_t tokens) const { return (products_ - logit_products_) * static_cast<double>(tokens) + logit_products_; }
    double decode() { return seconds(threads_, [&] { next_ = argmax(engine_.decode(next_)); }); }
    double read() { return seconds(threads_, [&] { sink_ = sweep(weights_, engine_.kernels(), workers_); }); }

private:
    Engine engine_;
    Workers workers_;
    int threads_;
    ModelGraph graph_;
    std::vector<std::span<const std::uint8_t>> weights_;
    double products_ = 0, logit_products_ = 0;
    std::int32_t next_ = 1;
    volatile std::uint64_t sink_ = 0;
};

class Bench {
public:
    Bench(const EngineSpeedRequest& request, const Control& control) : request_(request), control_(control), kernels_(chosen_kernels()), workers_(request.threads) { speed_.kernels = kernels_.name; }

    EngineSpeed run()
    {
        if (request_.package.empty()) {
            const auto path = request_.folder / "synthetic.safetensors";
            cache_ = LayoutCache{request_.folder / "layouts"};
            const auto remove = [&] {
                std::error_code ignored;
                std::filesystem::remove(path, ignored);
                std::filesystem::remove_all(cache_->folder, ignored);
            };
            const std::pair<const char*, SyntheticShape> shapes[] = {{"w8", {.layers = request_.layers}}, {"w4", {.layers = request_.layers, .weight_bits = 4}}, {"w4_g32", {.layers = request_.layers, .weight_bits = 4, .group = 32}}};
            try {
                for (const auto& [name, shape] : shapes) {
                    control_.report({"write package", 0, 0});
                    write_synthetic_package(shape, path);
                    package(Package::open(path), name);
                    remove();
                }
            } catch (...) {
                remove();
                throw;
            }
        } else {
            const auto opened = Package::open(request_.package);
            const bool narrow = opened->graph().layers.front().q_proj.weight.stored_bits == 4;
            package(opened, !narrow ? "w8" : opened->graph().layers.front().q_proj.group != 0 ? "w4_g32" : "w4");
        }
        products();
        return std::move(speed_);
    }

private:
    void put(const std::string& name, double value) { speed_.figures.emplace_back(name, value); }

    double spin()
    {
        constexpr std::int64_t rounds = 400'000;
        return seconds(request_.threads, [&] { workers_.run(request_.threads, 1, [&](std::int64_t, std::int64_t) { kernels_.spin(rounds); }); }) /
               (2.0 * static_cast<double>(rounds * kernels_.spin_products) * request_.threads);  // seconds per operation
    }

    void products()
    {
        control_.report({"products", 0, 0});
        Product w8(kernels_, 8, 0, workers_), w4(kernels_, 4, 0, workers_), grouped(kernels_, 4, 32, workers_);
        Best peak, best8, best4, best_grouped;
        for (int round = 0; round < 12; ++round) {
            control_.check();
            if (kernels_.spin) peak(spin());
            best8(seconds(request_.threads, [&] { w8.run(workers_); }));
            best4(seconds(request_.threads, [&] { w4.run(workers_); }));
            best_grouped(seconds(request_.threads, [&] { grouped.run(workers_); }));
        }
        const auto rate = [](const Best& best) { return Product::operations / best.seconds * 1e-9; };
        if (kernels_.spin) {
            put("peak_gop_s", 1e-9 / peak.seconds);
            put("gemm_w8a8_of_peak", rate(best8) * peak.seconds * 1e9);
        }
        put("gemm_w8a8_gop_s", rate(best8));
        put("gemm_w4a8_of_w8a8", best8.seconds / best4.seconds);
        put("gemm_w4a8_g32_of_w8a8", best8.seconds / best_grouped.seconds);
    }

    void package(const std::shared_ptr<const Package>& package, const std::string& name)
    {
        { const Measured first(package, request_.threads, kernels_, cache_); }  // lays it out where that was not done before
        const double start = clock_seconds(CLOCK_MONOTONIC);
        Measured measured(Package::open(package->path()), request_.threads, kernels_, cache_);
        const double started = clock_seconds(CLOCK_MONOTONIC);
        (void)measured.decode();
        if (!start_known_) {
            put("warm_start_ms", 1e3 * (started - start));
            put("first_token_ms", 1e3 * (clock_seconds(CLOCK_MONOTONIC) - started));
        }
        start_known_ = true;
        const std::int64_t prompt = std::min(request_.prompt, package->graph().context - request_.generated);
        Best prefill, peak;
        for (int round = 0; round < 3; ++round) {
            control_.check();
            control_.report({"prefill", round, 3});
            if (kernels_.spin) peak(spin());
            prefill(measured.prefill(prompt));
        }
        if (!rss_known_) put("peak_rss_of_weights_and_kv", static_cast<double>(status_bytes("VmHWM:")) / (static_cast<double>(package->file_size()) + static_cast<double>(measured.engine().cache_bytes())));
        rss_known_ = true;  // later packages stand on the peak of the first
        put("prefill_tokens_per_s_" + name, static_cast<double>(prompt) / prefill.seconds);
        if (kernels_.spin && name == "w8") put("prefill_of_ceiling", measured.prefill_products(prompt) * peak.seconds / prefill.seconds);
        Best decode, read;
        for (std::int64_t i = 0; i < request_.generated; ++i) {
            control_.check();
            decode(measured.decode());
            read(measured.read());
        }
        put("decode_tokens_per_s_" + name, 1 / decode.seconds);
        put("sweep_gb_s_" + name, measured.weight_bytes() / read.seconds * 1e-9);
        put("decode_" + name + "_of_sweep", read.seconds / decode.seconds);
        if (!attention_known_) attention(measured);
        attention_known_ = true;
        if (name == "w8" && request_.busy_core && std::thread::hardware_concurrency() >= 2) busy_core(package);
    }

    /// Its share where the context is nearly full.
    void attention(Measured& measured)
    {
        const std::int64_t prompt = measured.engine().graph().context - request_.generated;
        double of_prefill = 1, of_decode = 1, seconds = 0;
        measured.engine().set_attention_clock(&seconds);
        const auto share = [&](double whole) { return std::exchange(seconds, 0) / whole; };
        for (int round = 0; round < 2; ++round) {
            control_.check();
            seconds = 0;
            of_prefill = std::min(of_prefill, share(measured.prefill(prompt)));
            for (std::int64_t i = 0; i < request_.generated; ++i) of_decode = std::min(of_decode, share(measured.decode()));
        }
        measured.engine().set_attention_clock(nullptr);
        put("attention_context", static_cast<double>(prompt));
        put("attention_of_prefill", of_prefill);
        put("attention_of_decode", of_decode);
    }

    void busy_core(const std::shared_ptr<const Package>& package)
    {
        const auto rate = [&](int threads) {
            Measured measured(package, threads, kernels_, cache_);
            (void)measured.prefill(8);
            const double start = clock_seconds(CLOCK_MONOTONIC);
            for (std::int64_t i = 0; i < request_.generated; ++i) (void)measured.decode();
            return static_cast<double>(request_.generated) / (clock_seconds(CLOCK_MONOTONIC) - start);
        };
        const double alone = rate(1);
        const BusyCore busy;
        const double beside = rate(2);
        put("decode_t1_tokens_per_s", alone);
        put("busy_core_decode_t2_tokens_per_s", beside);
        put("busy_core_decode_of_t1", beside / alone);
    }

    const EngineSpeedRequest& request_;
    const Control& control_;
    const KernelSet& kernels_;
    Workers workers_;
    EngineSpeed speed_;
    std::optional<LayoutCache> cache_;  ///< absent: the user's own
    bool start_known_ = false, rss_known_ = false, attention_known_ = false;
};

}  // namespace

EngineSpeed measure_engine(const EngineSpeedRequest& request, const Control& control)
{
    if (request.threads < 1) throw usage_error("threads: must be at least 1");
    return Bench(request, control).run();
}

}  // namespace bitwright
