// SPDX-License-Identifier: GPL-3.0-or-later
// step_bench MODEL [TOKENS] [ROUNDS] [THREADS]: one MobileQuant step (W8A8, paper mode) against the composition of LibTorch operations and against the fp32
// floor, LibTorch's products of the layers' linears alone (forward, gradient of the input, gradient of the weight), all in one run. Processor time, best of
// ROUNDS. ROUNDS 0: our step with recomputation only, for its peak of memory.
#include "core/numerics/evaluate/calibrate.h"
#include "core/numerics/methods/end_to_end.h"
#include "core/numerics/methods/resources.h"
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "tests/bench/bench_time.h"
#include "tests/bench/composite_twin.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace bitwright;
using bench::Best;

namespace {

TokenWindows random_windows(const Model& model, std::int64_t count, std::int64_t length)
{
    TokenWindows windows;
    windows.count = count;
    windows.length = length;
    std::mt19937 generator(1);
    for (std::int64_t i = 0; i < count * length; ++i) windows.ids.push_back(static_cast<std::int32_t>(generator() % static_cast<unsigned>(model.architecture().vocab)));
    return windows;
}

Recipe start_of(const Model& model, const TokenWindows& windows)
{
    Recipe recipe = base_recipe(model, {}, Semantics::authors);
    CalibrateOptions options;
    options.semantics = Semantics::authors;
    options.reservoir_rows = 0;
    set_ranges(recipe, model, run_calibration(model, nullptr, windows, options, Control()), {});
    return recipe;
}

struct Products {
    std::vector<at::Tensor> x, w, g;
    void run() const
    {
        const c10::NoGradGuard no_grad;
        for (std::size_t i = 0; i < x.size(); ++i) {
            static_cast<void>(at::linear(x[i], w[i]));
            static_cast<void>(g[i].mm(w[i]));
            static_cast<void>(g[i].t().mm(x[i]));
        }
    }
};

int run(int argc, char** argv)
{
    const Model model = open_model(argv[1]);
    const Architecture& a = model.architecture();
    const std::int64_t tokens = argc > 2 ? std::atoll(argv[2]) : 512, rounds = argc > 3 ? std::atoll(argv[3]) : 3;
    at::set_num_threads(argc > 4 ? std::atoi(argv[4]) : 1);
    const TokenWindows windows = random_windows(model, 1, tokens);
    const Recipe start = start_of(model, windows);
    if (rounds == 0) {
        const Control control;
        EndToEnd again(model, start, windows, {.recompute = true, .target_bytes = 0}, control);
        static_cast<void>(again.loss_and_gradients(0));
        const double p = bench::processor();
        static_cast<void>(again.loss_and_gradients(0));
        std::printf("%lld layers, %lld tokens: one step with recomputation %.1f s, peak %.2f GiB\n", static_cast<long long>(a.layers), static_cast<long long>(tokens),
                    bench::processor() - p, static_cast<double>(peak_rss_bytes()) / 1073741824.0);
        return 0;
    }
    LearnableModel learnables(model, start);
    bench::CompositeTwin twin(model, start, learnables);
    Decoder composed(model, twin, {Semantics::authors});
    Tap none;
    Decoder plain(model, learnables.start_weights(), {Semantics::authors});
    at::Tensor ids = at::empty({1, tokens}, at::kLong), wanted;
    std::copy_n(windows.window(0), tokens, ids.mutable_data_ptr<std::int64_t>());
    const auto layers = [&](Decoder& decoder, Tap& tap) {
        at::Tensor x;
        {
            const c10::NoGradGuard no_grad;
            x = decoder.embed(ids, tap);
        }
        for (std::int64_t layer = 0; layer < a.layers; ++layer) x = decoder.layer(layer, x, tap);
        return x;
    };
    {
        const c10::NoGradGuard no_grad;
        wanted = layers(plain, none);
    }
    double composed_loss = 0;
    const auto composite_step = [&] {
        for (Learnable& learnable : learnables.learnables()) learnable.value.mutable_grad().reset();
        const at::Tensor loss = at::mse_loss(layers(composed, twin), wanted);
        loss.backward();
        composed_loss = loss.item<double>();
    };
    Products products;
    for (std::int64_t layer = 0; layer < a.layers; ++layer) {
        for (const WeightRole role : {WeightRole::q_proj, WeightRole::k_proj, WeightRole::v_proj, WeightRole::o_proj, WeightRole::gate_proj, WeightRole::up_proj,
                                      WeightRole::down_proj}) {
            const at::Tensor w = learnables.start_weights().weight(role, layer);
            if (!w.defined()) continue;
            products.w.push_back(w);
            products.x.push_back(at::randn({tokens, w.size(1)}));
            products.g.push_back(at::randn({tokens, w.size(0)}));
        }
    }
    products.run();
    Best floor, composite, pooled, ours, recomputing;
    double loss = 0;
    for (std::int64_t round = 0; round < rounds; ++round) {  // with the system's allocator, as a program without a pool runs
        floor.run([&] { products.run(); });
        composite.run(composite_step);
    }
    const Control control;
    EndToEnd again(model, start, windows, {.recompute = true}, control), whole(model, start, windows, {.recompute = false}, control);
    static_cast<void>(again.loss_and_gradients(0));
    static_cast<void>(whole.loss_and_gradients(0));
    for (std::int64_t round = 0; round < rounds; ++round) {
        floor.run([&] { products.run(); });
        ours.run([&] { loss = whole.loss_and_gradients(0); });
        recomputing.run([&] { static_cast<void>(again.loss_and_gradients(0)); });
        pooled.run(composite_step);
    }
    const double unit = floor.processor_seconds;
    const auto line = [&](const char* name, const Best& best) {
        std::printf("%-28s %8.4f s  %6.3f floors  %6.3f of the composite\n", name, best.processor_seconds, best.processor_seconds / unit,
                    best.processor_seconds / composite.processor_seconds);
    };
    std::printf("%lld layers, %lld tokens, %d threads, W8A8, processor time, best of %lld\n", static_cast<long long>(a.layers), static_cast<long long>(tokens),
                at::get_num_threads(), static_cast<long long>(rounds));
    line("floor (products alone)", floor);
    line("composite operations", composite);
    line("composite, pooled tensors", pooled);
    line("step, graph kept", ours);
    line("step, recomputing layers", recomputing);
    double worst = 0;
    std::string where;
    for (std::size_t i = 0; i < learnables.learnables().size(); ++i) {
        const at::Tensor &one = learnables.learnables()[i].value.grad(), &two = whole.learnables().learnables()[i].value.grad();
        if (learnables.learnables()[i].group != LearnableGroup::let || !one.defined()) continue;
        const double off = ((one - two).norm() / one.norm()).item<double>();
        if (off <= worst) continue;
        worst = off;
        where = learnables.learnables()[i].name;
    }
    std::printf("loss %.9g, of the composite %.9g; gradients of the scale pairs differ by at most %.2g (%s)\n", loss, composed_loss, worst, where.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "step_bench MODEL [TOKENS] [ROUNDS] [THREADS]\n");
        return 2;
    }
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
