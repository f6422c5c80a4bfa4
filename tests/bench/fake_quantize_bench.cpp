// SPDX-License-Identifier: GPL-3.0-or-later
// fake_quantize_bench [THREADS]: fused fake quantization, forward and backward with a learned and with a fixed grid, against the composition of LibTorch
// operations and against the copy bandwidth of the same run. Bytes that have to move: forward 8 per value, backward 12 (learned: x, gradient in and out) or
// 8 1/8 (fixed: gradient in and out, mask).
#include "core/numerics/quantize/fake_quantize.h"
#include "core/numerics/quantize/kernels.h"
#include "core/numerics/tensor_pool.h"
#include "tests/bench/bench_time.h"
#include "tests/bench/composite_twin.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <cstdio>
#include <cstdlib>

using namespace bitwright;
using bench::Best;

int main(int argc, char** argv)
{
    at::set_num_threads(argc > 1 ? std::atoi(argv[1]) : 1);
    constexpr int rounds = 9;
    constexpr const char* paths[] = {"plain", "AVX2", "AVX-512"};
    std::printf("%d threads, %s loops, processor time, best of %d\n", at::get_num_threads(), paths[static_cast<int>(quantize::kernel_path())], rounds);
    for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{512, 2048}, {512, 5632}, {8192, 5632}}) {
        at::Tensor x = at::randn({rows, columns}).set_requires_grad(true), scale = at::tensor({0.02F}), offset = at::tensor({120.F});
        const at::Tensor g = at::randn({rows, columns});
        at::Tensor to = at::empty_like(g);
        Best copy, composite, learned, fixed;
        const auto step = [&](auto quantize, bool learn) {
            x.mutable_grad().reset();
            scale.set_requires_grad(learn).mutable_grad().reset();
            offset.set_requires_grad(learn).mutable_grad().reset();
            quantize(x, scale, offset, CodeLimits{0, 255}).backward(g);
        };
        const auto fused = [](const at::Tensor& v, const at::Tensor& s, const at::Tensor& o, CodeLimits limits) { return fake_quantize(v, s, o, limits); };
        for (int round = 0; round < rounds; ++round) composite.run([&] { step(bench::composite_fake_quantize, true); });  // with the system's allocator
        const TensorPool pool;
        for (int round = 0; round < rounds; ++round) {
            copy.run([&] { to.copy_(g); });
            learned.run([&] { step(fused, true); });
            fixed.run([&] { step(fused, false); });
        }
        const double n = static_cast<double>(rows * columns), bandwidth = 8 * n / copy.processor_seconds;
        std::printf("%lld x %lld: composite %.2f ns per value; learned grid %.2f (%.1f times faster, %.2f of the bandwidth), fixed grid %.2f (%.2f of the bandwidth); copy %.1f GB/s\n",
                    static_cast<long long>(rows), static_cast<long long>(columns), 1e9 * composite.processor_seconds / n, 1e9 * learned.processor_seconds / n,
                    composite.processor_seconds / learned.processor_seconds, 20 * n / learned.processor_seconds / bandwidth, 1e9 * fixed.processor_seconds / n,
                    16.125 * n / fixed.processor_seconds / bandwidth, bandwidth * 1e-9);
    }
    return 0;
}
