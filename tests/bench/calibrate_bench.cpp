// SPDX-License-Identifier: GPL-3.0-or-later
// calibrate_bench MODEL [TOKENS] [THREADS]: what observing costs over a plain forward (layers, final norm, lm_head; weights in memory).
// calibrate_bench MODEL TOKENS THREADS WINDOWS: a whole calibration of random ids; prints seconds and peak memory.
#include "core/numerics/decoder/observe_tap.h"
#include "core/numerics/decoder/weights.h"
#include "core/numerics/evaluate/calibrate.h"

#include <ATen/Parallel.h>
#include <ATen/ops/randint.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <sys/resource.h>

using namespace bitwright;

namespace {

double wall() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double processor() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void overhead(const Model& model, std::int64_t tokens, int threads)
{
    const Architecture& a = model.architecture();
    const c10::NoGradGuard no_grad;
    CheckpointWeights weights(model, nullptr, {.keep_bytes = std::int64_t{1} << 40});
    Decoder decoder(model, weights);
    const auto ids = at::randint(a.vocab, {1, tokens}, at::kLong);
    const auto forward = [&](Tap& tap) {
        auto x = decoder.embed(ids, tap);
        for (std::int64_t layer = 0; layer < a.layers; ++layer) x = decoder.layer(layer, x, tap);
        static_cast<void>(decoder.logits(decoder.finish(x, tap), tap));
    };
    Tap plain;
    ObserveTap observe(model, {Semantics::bitwright, tokens, 64, 0});
    forward(plain);
    double best[2] = {1e30, 1e30}, best_processor[2] = {1e30, 1e30};
    for (int round = 0; round < 7; ++round) {
        for (const int observed : {0, 1}) {
            observe.enter(round);
            const double w = wall(), p = processor();
            forward(observed ? static_cast<Tap&>(observe) : plain);
            best[observed] = std::min(best[observed], wall() - w);
            best_processor[observed] = std::min(best_processor[observed], processor() - p);
        }
    }
    std::printf("%lld layers, %lld tokens, %d threads, best of 7: plain %.3f s, observed %.3f s: +%.1f %% (processor %.3f and %.3f s: +%.1f %%)\n",
                static_cast<long long>(a.layers), static_cast<long long>(tokens), threads, best[0], best[1], 100 * (best[1] / best[0] - 1), best_processor[0],
                best_processor[1], 100 * (best_processor[1] / best_processor[0] - 1));
}

void calibration(const Model& model, std::int64_t tokens, std::int64_t count)
{
    TokenWindows windows;
    windows.count = count;
    windows.length = tokens;
    std::mt19937 generator(1);
    for (std::int64_t i = 0; i < count * tokens; ++i) windows.ids.push_back(static_cast<std::int32_t>(generator() % static_cast<unsigned>(model.architecture().vocab)));
    const double start = wall();
    const Statistics statistics = run_calibration(model, nullptr, windows, {}, Control());
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("%zu sites, %lld windows of %lld: %.1f s, peak %.2f GB, weights %.2f GB\n", statistics.sites.size(), static_cast<long long>(count),
                static_cast<long long>(tokens), wall() - start, static_cast<double>(usage.ru_maxrss) * 1024e-9, static_cast<double>(model.checkpoint->weight_bytes()) * 1e-9);
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "usage: calibrate_bench MODEL [TOKENS] [THREADS] [WINDOWS]\n");
        return 2;
    }
    try {
        const Model model = open_model(argv[1]);
        const std::int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 512;
        const int threads = argc > 3 ? std::atoi(argv[3]) : 1;
        at::set_num_threads(threads);
        if (argc > 4) calibration(model, tokens, std::atoll(argv[4]));
        else overhead(model, tokens, threads);
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
