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
#include <ctime>
#include <functional>
#include <thread>

using namespace bitwright;

namespace {

double wall() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double processor() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Best {
    double wall_seconds = 1e30, processor_seconds = 1e30;

    void run(const std::function<void()>& work)
    {
        const double w = wall(), p = processor();
        work();
        wall_seconds = std::min(wall_seconds, wall() - w);
        processor_seconds = std::min(processor_seconds, processor() - p);
    }
};

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
    Best first, whole, alone;
    first.run(forward);

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
    for (int round = 0; round < 9; ++round) {
        whole.run(forward);
        alone.run(multiply);
    }
    std::printf("%lld layers, %lld tokens, %d threads, best of 9: first pass (reads weights) %.3f s, forward %.3f s, matrix products alone %.3f s, ratio %.3f "
                "(processor time %.3f)\n",
                static_cast<long long>(a.layers), static_cast<long long>(tokens), threads, first.wall_seconds, whole.wall_seconds, alone.wall_seconds,
                whole.wall_seconds / alone.wall_seconds, whole.processor_seconds / alone.processor_seconds);
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
