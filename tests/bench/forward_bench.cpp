// SPDX-License-Identifier: GPL-3.0-or-later
// forward_bench MODEL [TOKENS] [THREADS]: the decoder layers' forward against LibTorch's matrix products of the same shapes alone.
#include "core/numerics/decoder/weights.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

using namespace bitwright;

namespace {

double best_seconds(const std::function<void()>& work)
{
    double best = 1e30;
    for (int repeat = 0; repeat < 7; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

int bench(int argc, char** argv)
{
    const Model model = open_model(argv[1]);
    const Architecture& a = model.architecture();
    const std::int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 512;
    const int threads = argc > 3 ? std::atoi(argv[3]) : static_cast<int>(std::thread::hardware_concurrency());
    at::set_num_threads(threads);
    const c10::NoGradGuard no_grad;

    CheckpointWeights weights(model, nullptr, {.keep_bytes = std::int64_t{1} << 40});
    Decoder decoder(model, weights);
    Tap tap;
    const auto embedded = decoder.embed(at::randint(a.vocab, {1, tokens}, at::kLong), tap);
    const auto forward = [&] {
        auto x = embedded;
        for (std::int64_t layer = 0; layer < a.layers; ++layer) x = decoder.layer(layer, x, tap);
    };
    const auto start = std::chrono::steady_clock::now();
    forward();
    const double first = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    const WeightRole linears[] = {WeightRole::q_proj, WeightRole::k_proj, WeightRole::v_proj, WeightRole::o_proj,
                                  WeightRole::gate_proj, WeightRole::up_proj, WeightRole::down_proj};
    std::vector<std::pair<at::Tensor, at::Tensor>> products;
    for (std::int64_t layer = 0; layer < a.layers; ++layer) {
        for (const WeightRole role : linears) {
            const auto w = weights.weight(role, layer);
            if (w.defined()) products.emplace_back(at::randn({1, tokens, w.size(1)}), w);
        }
    }
    const auto multiply = [&] {
        for (const auto& [x, w] : products) static_cast<void>(at::linear(x, w));
    };
    multiply();
    const double whole = best_seconds(forward), alone = best_seconds(multiply);
    std::printf("%lld layers, %lld tokens, %d threads: first pass (reads weights) %.3f s, forward %.3f s, matrix products alone %.3f s, ratio %.3f\n",
                static_cast<long long>(a.layers), static_cast<long long>(tokens), threads, first, whole, alone, whole / alone);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "forward_bench MODEL [TOKENS] [THREADS]\n");
        return 2;
    }
    try {
        return bench(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
