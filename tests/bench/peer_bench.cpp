// SPDX-License-Identifier: GPL-3.0-or-later
// peer_bench: the engine's 8-bit product beside oneDNN's (u8 · s8 → s8, one scale per output), one thread each, by turns in one process;
// OMP_NUM_THREADS=1 keeps oneDNN to one. What is timed is the same on both sides: packed weights, tokens as 8-bit codes in rows, requantized 8-bit
// outputs in rows (ours in 16-bit words).
#include "core/runtime/kernels/packed_linear.h"
#include "core/runtime/kernels/packing.h"
#include "core/runtime/random.h"
#include "core/runtime/workers.h"
#include "tests/bench/bench_time.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace {

using namespace bitwright;

/// tokens × cols → rows, random codes.
struct Ours {
    std::vector<std::uint8_t> bytes, shifts;
    std::vector<std::int32_t> multipliers;
    std::vector<std::int16_t> in, out;
    PackedStorage storage;
    Linear op;
    PackedLinear linear;
    PackedInput input;

    Ours(std::int64_t rows, std::int64_t cols, std::int64_t tokens)
        : bytes(static_cast<std::size_t>(rows * cols)), shifts(static_cast<std::size_t>(rows), 44), multipliers(shifts.size(), 1'500'000'000),
          in(static_cast<std::size_t>(tokens * cols)), out(static_cast<std::size_t>(tokens * rows))
    {
        Random random(1);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
        for (auto& code : in) code = static_cast<std::int8_t>(random.next());
        Linear in_rows;
        in_rows.weight = {rows, cols, 8, bytes, {}};
        in_rows.multipliers = multipliers;
        in_rows.shifts = shifts;
        Workers alone(1);
        op = packed(in_rows, chosen_kernels().layout, storage, alone);
        linear = PackedLinear(op, chosen_kernels());
        input.prepare(linear, chosen_kernels(), tokens);
    }
    void run()
    {
        input.pack(in, 0, static_cast<std::int64_t>(in.size()) / op.weight.cols);
        linear.run(input, in, 0, linear.panels(), std::span(out));
    }
};

struct Theirs {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    dnnl::inner_product_forward::primitive_desc how;
    dnnl::inner_product_forward product;
    dnnl::memory source, weights, result;

    Theirs(std::int64_t rows, std::int64_t cols, std::int64_t tokens)
    {
        using dt = dnnl::memory::data_type;
        using tag = dnnl::memory::format_tag;
        dnnl::primitive_attr scales;
        scales.set_output_scales(2, std::vector<float>(static_cast<std::size_t>(rows), 1e-4F));
        const dnnl::memory::desc in({tokens, cols}, dt::u8, tag::ab), by({rows, cols}, dt::s8, tag::any), out({tokens, rows}, dt::s8, tag::ab);
        const dnnl::inner_product_forward::desc what(dnnl::prop_kind::forward_inference, in, by, out);
        how = {what, scales, engine};
        product = dnnl::inner_product_forward(how);
        source = {how.src_desc(), engine};
        weights = {how.weights_desc(), engine};
        result = {how.dst_desc(), engine};
        for (dnnl::memory* memory : {&source, &weights})
            std::fill_n(static_cast<std::uint8_t*>(memory->get_data_handle()), memory->get_desc().get_size(), std::uint8_t{3});
    }
    void run()
    {
        product.execute(stream, {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, result}});
        stream.wait();
    }
};

}  // namespace

int main()
{
    constexpr std::int64_t shapes[][3] = {{5632, 2048, 512}, {2048, 5632, 512}, {2048, 2048, 512}, {2048, 2048, 128}};
    std::printf("%-24s %12s %12s %8s\n", "rows x cols, tokens", "ours GOP/s", "oneDNN", "ratio");
    for (const auto& [rows, cols, tokens] : shapes) {
        Ours ours(rows, cols, tokens);
        Theirs theirs(rows, cols, tokens);
        bench::Best ours_best, theirs_best;
        for (int round = 0; round < 20; ++round) {
            ours_best.run([&] { ours.run(); });
            theirs_best.run([&] { theirs.run(); });
        }
        const double best_ours = ours_best.processor_seconds, best_theirs = theirs_best.processor_seconds;
        const double operations = 2e-9 * static_cast<double>(rows * cols * tokens);
        const auto number = [](std::int64_t value) { return static_cast<long>(value); };
        std::printf("%5ld x %5ld, %4ld       %12.1f %12.1f %8.3f\n", number(rows), number(cols), number(tokens), operations / best_ours,
                    operations / best_theirs, best_theirs / best_ours);
    }
}
