// SPDX-License-Identifier: GPL-3.0-or-later
// The fused parts of a layer against the same formulas composed of LibTorch operations: values to the bit in float32, gradients against float64.
#include "core/numerics/quantize/fused.h"

#include "core/numerics/quantize/kernels.h"
#include "core/numerics/tensor_pool.h"
#include "tests/numerics/torch_support.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

namespace bitwright {
namespace {

using at::Tensor;
using test::largest_difference;

Tensor composed(const Tensor& x, const Quantizer& q)
{
    if (!q.active()) return x;
    const Tensor v = x / q.scale, r = v + (at::round(v) - v).detach();
    return (at::clamp(r + q.offset, q.limits.min, q.limits.max) - q.offset) * q.scale;
}
// In float32 the straight-through sum v + (r − v) is not always r: the values are compared without it.
Tensor composed_values(const Tensor& x, const Quantizer& q)
{
    return q.active() ? (at::clamp(at::round(x / q.scale) + q.offset, q.limits.min, q.limits.max) - q.offset) * q.scale : x;
}

Quantizer grid(double scale, double offset, int bits) { return {at::full({1}, scale), at::full({1}, offset), code_limits(bits, false)}; }
Tensor leaf(const Tensor& t, at::ScalarType type) { return t.detach().to(type).clone().set_requires_grad(true); }
Quantizer leaf(const Quantizer& q, at::ScalarType type) { return q.active() ? Quantizer{leaf(q.scale, type), leaf(q.offset, type), q.limits} : q; }

struct Case {
    std::vector<Tensor> tensors;
    std::vector<Quantizer> grids;
};
using Part = std::function<Tensor(const Case&)>;
using Quantize = Tensor (*)(const Tensor&, const Quantizer&);
using Formula = std::function<Tensor(const Case&, Quantize)>;

Case leaves(const Case& from, at::ScalarType type)
{
    Case out;
    for (const Tensor& t : from.tensors) out.tensors.push_back(leaf(t, type));
    for (const Quantizer& q : from.grids) out.grids.push_back(leaf(q, type));
    return out;
}

// @param close of gradients, relative to the largest. @param values_close 0 but where matrix products of other shapes round otherwise
void compare(const Case& given, const Part& part, const Formula& formula, double close, double values_close = 0)
{
    const Case fused = leaves(given, at::kFloat), exact = leaves(given, at::kDouble);
    const Tensor out = part(fused);
    EXPECT_LE(largest_difference(out, formula(given, composed_values)), values_close);
    {
        const c10::NoGradGuard no_grad;
        EXPECT_EQ(largest_difference(out, part(given)), 0) << "without a graph";
    }
    at::manual_seed(11);
    const Tensor g = at::randn_like(out.detach());
    out.backward(g);
    formula(exact, composed).backward(g.to(at::kDouble));
    for (std::size_t i = 0; i < given.tensors.size(); ++i) EXPECT_LT(test::relative_difference(fused.tensors[i].grad(), exact.tensors[i].grad()), close) << "tensor " << i;
    for (std::size_t i = 0; i < given.grids.size(); ++i) {
        if (!given.grids[i].active()) continue;
        const double size = g.abs().sum().item<double>();
        EXPECT_LT(largest_difference(fused.grids[i].scale.grad(), exact.grids[i].scale.grad()), close * std::max(1.0, std::abs(exact.grids[i].scale.grad().item<double>())) + 1e-6 * size) << "scale " << i;
        EXPECT_LT(largest_difference(fused.grids[i].offset.grad(), exact.grids[i].offset.grad()), close * size) << "offset " << i;
    }
    // every instruction set, and threads, give the same bits
    for (const auto path : {quantize::KernelPath::plain, quantize::KernelPath::avx2, quantize::KernelPath::avx512}) {
        if (!quantize::force_kernel_path(path)) continue;
        for (const int threads : {1, 2}) {
            at::set_num_threads(threads);
            const Case again = leaves(given, at::kFloat);
            const Tensor same = part(again);
            EXPECT_EQ(largest_difference(same, out), 0);
            same.backward(g);
            for (std::size_t i = 0; i < given.tensors.size(); ++i) EXPECT_EQ(largest_difference(again.tensors[i].grad(), fused.tensors[i].grad()), 0) << i;
            for (std::size_t i = 0; i < given.grids.size(); ++i)
                if (given.grids[i].active()) {
                    EXPECT_EQ(largest_difference(again.grids[i].scale.grad(), fused.grids[i].scale.grad()), 0);
                }
        }
    }
    quantize::force_kernel_path(std::nullopt);
    at::set_num_threads(1);
}

TEST(FusedParts, AddedBranch)
{
    at::manual_seed(1);
    for (const Quantizer& q : {Quantizer{}, grid(0.011, 120, 8)})
        compare({{at::randn({2, 37, 96}), at::randn({2, 37, 96})}, {q}}, [](const Case& c) { return add_quantized(c.tensors[0], c.tensors[1], c.grids[0]); },
                [](const Case& c, Quantize fq) { return c.tensors[0] + fq(c.tensors[1], c.grids[0]); }, 1e-6);
}

TEST(FusedParts, Norms)
{
    at::manual_seed(2);
    for (const RowNorm kind : {RowNorm::length, RowNorm::root_mean_square})
        for (const bool quantized : {false, true}) {
            const Case given{{at::randn({1, 45, 128}) * 3, at::rand({128}) + 0.5}, {quantized ? grid(2e-4, 32000, 16) : Quantizer{}, quantized ? grid(0.02, 121, 8) : Quantizer{}}};
            compare(given, [&](const Case& c) { return normed(c.tensors[0], c.tensors[1], kind, 1e-5, c.grids[0], c.grids[1]); },
                    [&](const Case& c, Quantize fq) {
                        const Tensor x = fq(c.tensors[0], c.grids[0]);
                        const Tensor unit = kind == RowNorm::length ? x / at::linalg_vector_norm(x, 2, {-1}, true).clamp_min(1e-12) * std::sqrt(128.0)
                                                                    : x * at::rsqrt(x.square().mean(-1, true) + 1e-5);
                        return fq(unit * c.tensors[1], c.grids[1]);
                    },
                    quantized ? 1e-3 : 2e-6);
        }
}

TEST(FusedParts, RotatedHeads)
{
    at::manual_seed(3);
    const Tensor angles = at::randn({33, 6}), cos = angles.cos(), sin = angles.sin();
    for (const bool rotate : {false, true})
        for (const bool quantized : {false, true}) {
            const Case given{{at::randn({2, 33, 48})}, {quantized ? grid(0.02, 120, 8) : Quantizer{}, quantized ? grid(0.021, 118, 8) : Quantizer{}}};
            compare(given, [&](const Case& c) { return rotated_heads(c.tensors[0], 3, rotate ? cos : Tensor(), rotate ? sin : Tensor(), c.grids[0], c.grids[1]); },
                    [&](const Case& c, Quantize fq) {
                        Tensor x = fq(c.tensors[0], c.grids[0]).unflatten(-1, {3, 16}).transpose(1, 2);
                        if (rotate) {  // 12 of 16 dimensions
                            const Tensor low = x.narrow(-1, 0, 6), high = x.narrow(-1, 6, 6), co = cos.to(x.scalar_type()), si = sin.to(x.scalar_type());
                            x = at::cat({low * co - high * si, high * co + low * si, x.narrow(-1, 12, 4)}, -1);
                        }
                        return fq(x, c.grids[1]);
                    },
                    quantized ? 0.05 : 2e-6);  // a code at a tie is another one in float64
        }
}

TEST(FusedParts, GatedMlp)
{
    at::manual_seed(4);
    for (const bool quantized : {false, true}) {
        Case given{{at::randn({1, 61, 300}) * 2, at::randn({1, 61, 300})}, std::vector<Quantizer>(5)};
        if (quantized) given.grids = {grid(0.05, 120, 8), grid(1.0 / 255, 0, 8), grid(0.03, 20, 8), grid(0.02, 130, 8), grid(0.05, 125, 8)};
        compare(given, [](const Case& c) { return gated_silu(c.tensors[0], c.tensors[1], {c.grids[0], c.grids[1], c.grids[2], c.grids[3], c.grids[4]}); },
                [](const Case& c, Quantize fq) {
                    const Tensor g = fq(c.tensors[0], c.grids[0]);
                    return fq(fq(g * fq(at::sigmoid(g), c.grids[1]), c.grids[2]) * fq(c.tensors[1], c.grids[3]), c.grids[4]);
                },
                quantized ? 0.3 : 2e-6);
    }
}

Tensor whole_attention(const Case& c, Quantize fq, std::int64_t group)
{
    const Tensor &q = c.tensors[0], k = c.tensors[1].repeat_interleave(group, 1), v = c.tensors[2].repeat_interleave(group, 1);
    const std::int64_t n = q.size(2);
    const Tensor visible = at::ones({n, n}, at::kBool).tril();
    const Tensor lowest = at::full({1}, q.scalar_type() == at::kDouble ? std::numeric_limits<double>::lowest() : static_cast<double>(std::numeric_limits<float>::lowest()), q.options().requires_grad(false));
    const Tensor scores = fq(at::matmul(q, k.transpose(-2, -1)), c.grids[0]) * 0.25;
    const Tensor p = fq(at::softmax(at::where(visible, scores, lowest), -1), c.grids[1]);
    return at::matmul(p, v).transpose(1, 2).flatten(2);
}

TEST(FusedParts, CausalAttention)
{
    at::manual_seed(5);
    for (const std::int64_t tokens : {2, 17, 64, 150})
        compare({{at::randn({2, 4, tokens, 16}), at::randn({2, 2, tokens, 16}), at::randn({2, 2, tokens, 16})}, {Quantizer{}, Quantizer{}}},
                [](const Case& c) { return causal_attention(c.tensors[0], c.tensors[1], c.tensors[2], 0.25, c.grids[0], c.grids[1]); },
                [](const Case& c, Quantize fq) { return whole_attention(c, fq, 2); }, 5e-6, 1e-6);
}

// ∂/∂scale and ∂/∂offset as sums over the whole matrices, and the gradient of what was quantized.
struct GridGradient {
    double scale, offset;
    Tensor x;
    GridGradient(const Tensor& values, const Tensor& g, const Quantizer& q)
    {
        const Tensor v = values / q.scale, r = at::round(v), code = r + q.offset, low = code < q.limits.min, high = code > q.limits.max;
        const Tensor t = at::where(low, q.limits.min - q.offset, at::where(high, q.limits.max - q.offset, r - v));
        scale = (g * t).sum(at::kDouble).item<double>();
        x = g * low.logical_or(high).logical_not();
        offset = -(q.scale.item<double>() * (g - x).sum(at::kDouble).item<double>());
    }
};

TEST(FusedParts, QuantizedAttentionAgainstItsFormulas)
{
    at::manual_seed(7);
    for (const std::int64_t tokens : {2, 17, 128, 150, 1100}) {
        const std::int64_t batch = tokens > 1000 ? 1 : 2;
        const Case plain{{at::randn({batch, 4, tokens, 16}), at::randn({batch, 2, tokens, 16}), at::randn({batch, 2, tokens, 16})},
                         {grid(3e-3, 6000, 16), grid(0.9 / 65535, 0.25, 16)}};  // both clip, and the learned offset is no integer
        const Case fused = leaves(plain, at::kFloat);
        const Tensor out = causal_attention(fused.tensors[0], fused.tensors[1], fused.tensors[2], 0.25, fused.grids[0], fused.grids[1]);
        const Tensor g = at::randn_like(out.detach());
        out.backward(g);

        const Tensor &q = plain.tensors[0], k = plain.tensors[1].repeat_interleave(2, 1), v = plain.tensors[2].repeat_interleave(2, 1);
        const Tensor visible = at::ones({tokens, tokens}, at::kBool).tril(), lowest = at::full({1}, static_cast<double>(std::numeric_limits<float>::lowest()));
        const Tensor scores = at::matmul(q, k.transpose(-2, -1));
        const Tensor p = at::softmax(at::where(visible, composed_values(scores, plain.grids[0]) * 0.25, lowest), -1), pq = composed_values(p, plain.grids[1]);
        EXPECT_LE(largest_difference(out, at::matmul(pq, v).transpose(1, 2).flatten(2)), 1e-4);
        const Tensor heads = g.unflatten(-1, {4, 16}).transpose(1, 2);
        const GridGradient to_p(p, at::matmul(heads, v.transpose(-2, -1)), plain.grids[1]);
        const GridGradient to_scores(scores, p * (to_p.x - (to_p.x * p).sum(-1, true)) * 0.25, plain.grids[0]);
        const auto ungrouped = [](const Tensor& t) { return t.unflatten(1, {2, 2}).sum(2); };
        EXPECT_LT(test::relative_difference(fused.tensors[0].grad(), at::matmul(to_scores.x, k)), 1e-4) << tokens;
        EXPECT_LT(test::relative_difference(fused.tensors[1].grad(), ungrouped(at::matmul(to_scores.x.transpose(-2, -1), q))), 1e-4) << tokens;
        EXPECT_LT(test::relative_difference(fused.tensors[2].grad(), ungrouped(at::matmul(pq.transpose(-2, -1), heads))), 1e-4) << tokens;
        const double close = 1e-4, size = g.abs().sum().item<double>();
        EXPECT_NEAR(fused.grids[0].scale.grad().item<double>(), to_scores.scale, close * size) << tokens;
        EXPECT_NEAR(fused.grids[0].offset.grad().item<double>(), to_scores.offset, 1e-6 * size) << tokens;
        EXPECT_NEAR(fused.grids[1].scale.grad().item<double>(), to_p.scale, close * (size + std::abs(to_p.scale))) << tokens;
        EXPECT_NEAR(fused.grids[1].offset.grad().item<double>(), to_p.offset, 1e-6 * size) << tokens;
    }
}

// A learned offset beyond the codes: then what the mask removes is not 0 after the quantizer, and counts in products and in the grid's gradient.
TEST(FusedParts, AttentionWhoseGridDoesNotHoldZero)
{
    at::manual_seed(6);
    const Tensor q = at::randn({1, 2, 150, 16}), k = at::randn({1, 1, 150, 16}), v = at::randn({1, 1, 150, 16}), g = at::randn({1, 150, 32});
    for (const double offset : {-3.0, 70000.0}) {
        const Quantizer scores, probabilities = grid(1e-3, offset, 16);
        const Case one = leaves({{q, k, v}, {scores, probabilities}}, at::kFloat), two = leaves({{q, k, v}, {scores, probabilities}}, at::kDouble);
        const Tensor a = causal_attention(one.tensors[0], one.tensors[1], one.tensors[2], 0.25, one.grids[0], one.grids[1]), b = whole_attention(two, composed, 2);
        EXPECT_LT(test::relative_difference(a, b), 1e-5);
        a.backward(g);
        b.backward(g.to(at::kDouble));
        for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(largest_difference(one.tensors[i].grad(), two.tensors[i].grad()), 1e-4 * (1 + two.tensors[i].grad().abs().max().item<double>()));
        EXPECT_LT(test::relative_difference(one.grids[1].scale.grad(), two.grids[1].scale.grad()), 1e-4);
        EXPECT_LT(test::relative_difference(one.grids[1].offset.grad(), two.grids[1].offset.grad()), 1e-4);
    }
}

TEST(TensorPools, KeepLargeTensorsForTheNextOfTheirSize)
{
    const TensorPool::Use before = TensorPool::use();
    {
        const TensorPool pool;
        static_cast<void>(at::ones({1 << 20}));
        const TensorPool::Use once = TensorPool::use();
        EXPECT_GE(once.idle, std::uint64_t{4} << 20);
        for (int i = 0; i < 5; ++i) static_cast<void>(at::ones({1 << 20}));
        const TensorPool::Use more = TensorPool::use();
        EXPECT_EQ(more.fresh, once.fresh);
        EXPECT_GE(more.reused, once.reused + 5);
        const Tensor kept = at::full({1 << 20}, 7.F);
        for (int size = 1; size < 60; ++size) static_cast<void>(at::zeros({size << 18}));  // many sizes: idle memory stays bounded
        EXPECT_LE(TensorPool::use().live + TensorPool::use().idle, (std::uint64_t{64} << 20) * 2 + (std::uint64_t{64} << 20) / 8);
        EXPECT_EQ(kept.min().item<float>(), 7.F);
    }
    EXPECT_EQ(TensorPool::use().idle, 0U);
    EXPECT_EQ(TensorPool::use().live, before.live);
}

}  // namespace
}  // namespace bitwright
