// SPDX-License-Identifier: GPL-3.0-or-later
// Causal attention by head and query block: scores, their quantizer, softmax, the probabilities' quantizer and the product with the values while the block is
// in cache; keys that no query of the block sees are left out. The backward pass computes scores and probabilities of a block again.
// What is left out is exactly what the whole matrices would add: a masked probability is 0, and the rare grid that does not hold 0 (a learned offset beyond its
// codes) maps it to one constant, whose share of products and gradients is added from suffix sums.
#include "core/numerics/quantize/fused_parts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <cmath>
#include <limits>

namespace bitwright {
namespace {

using namespace fused;

constexpr std::int64_t key_step = 16;  // keys of a block end on a multiple: LibTorch's vectors then sum rows in the same lanes as whole ones

struct Shape {
    std::int64_t batch, heads, key_heads, tokens, dims, group, rows;
    Shape(const Tensor& q, const Tensor& k)
        : batch(q.size(0)), heads(q.size(1)), key_heads(k.size(1)), tokens(q.size(2)), dims(q.size(3)), group(heads / key_heads),
          rows(tokens > 1024 ? 64 : 128)
    {
    }
    [[nodiscard]] std::int64_t keys(std::int64_t last_row) const { return std::min(tokens, (last_row + key_step - 1) / key_step * key_step); }
};

struct Quantizers {
    Loop scores, probabilities;
    float scale;
    float masked = 0;        // what a masked probability becomes
    double masked_slope = 0; // ∂/∂scale of it
    Quantizers(const variable_list& grids, const std::array<CodeLimits, 2>& limits, double by)
        : scores(grids[0], grids[1], limits[0]), probabilities(grids[2], grids[3], limits[1]), scale(static_cast<float>(by))
    {
        if (!probabilities.active) return;
        const auto& g = probabilities.grid;
        float zero = 0;
        probabilities.forward(&zero, &masked, 1);
        if (g.offset < g.qmin) masked_slope = static_cast<double>(g.qmin - g.offset);
        if (g.offset > g.qmax) masked_slope = static_cast<double>(g.qmax - g.offset);
    }
};

// What one thread needs for one block of rows.
class Block {
public:
    explicit Block(const Shape& shape) : space_(at::empty({4, shape.rows * shape.tokens})) {}
    Tensor matrix(std::int64_t which, std::int64_t rows, std::int64_t keys) { return space_.select(0, which).narrow(0, 0, rows * keys).view({rows, keys}); }

private:
    Tensor space_;
};

// Scores as they come from the product → masked, quantized, scaled. Rows first … of the sequence.
void to_logits(const float* scores, float* out, std::int64_t first, std::int64_t rows, std::int64_t keys, const Quantizers& q)
{
    q.scores.forward(scores, out, rows * keys);
    for (std::int64_t r = 0; r < rows; ++r) {
        float* row = out + r * keys;
        const std::int64_t seen = std::min(keys, first + r + 1);
        quantize::scale_run<float>(row, nullptr, row, seen, q.scale, false);
        std::fill(row + seen, row + keys, std::numeric_limits<float>::lowest());
    }
}

// Σ of the rows after each block end, of what masked probabilities are multiplied with. [blocks, dims]
std::vector<std::vector<double>> suffix_sums(const Tensor& values, const Shape& shape)
{
    const float* v = values.const_data_ptr<float>();
    std::vector<std::vector<double>> out;
    for (std::int64_t first = 0; first < shape.tokens; first += shape.rows) {
        std::vector<double> sum(static_cast<std::size_t>(shape.dims));
        for (std::int64_t t = shape.keys(std::min(shape.tokens, first + shape.rows)); t < shape.tokens; ++t)
            for (std::int64_t d = 0; d < shape.dims; ++d) sum[static_cast<std::size_t>(d)] += static_cast<double>(v[t * shape.dims + d]);
        out.push_back(std::move(sum));
    }
    return out;
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Quantizers& quantizers)
{
    const Shape shape(q, k);
    Tensor out = at::empty({shape.batch, shape.tokens, shape.heads * shape.dims}, q.options());
    in_tasks(shape.batch * shape.heads, 1, [&](std::int64_t, std::int64_t, std::int64_t task) {
        const c10::NoGradGuard no_grad;  // on every thread
        const std::int64_t b = task / shape.heads, h = task % shape.heads;
        const Tensor queries = q[b][h], keys_t = k[b][h / shape.group].t(), values = v[b][h / shape.group];
        Tensor to = out[b].narrow(1, h * shape.dims, shape.dims);
        const auto suffix = quantizers.masked != 0 ? suffix_sums(values, shape) : std::vector<std::vector<double>>();
        Block block(shape);
        for (std::int64_t first = 0; first < shape.tokens; first += shape.rows) {
            const std::int64_t rows = std::min(shape.rows, shape.tokens - first), keys = shape.keys(first + rows);
            Tensor scores = block.matrix(0, rows, keys), p = block.matrix(1, rows, keys);
            at::mm_out(scores, queries.narrow(0, first, rows), keys_t.narrow(1, 0, keys));
            float* s = scores.mutable_data_ptr<float>();
            to_logits(s, s, first, rows, keys, quantizers);
            at::_softmax_out(p, scores, -1, false);
            float* probabilities = p.mutable_data_ptr<float>();
            quantizers.probabilities.forward(probabilities, probabilities, rows * keys);
            Tensor to_rows = to.narrow(0, first, rows);
            at::mm_out(to_rows, p, values.narrow(0, 0, keys));
            if (suffix.empty()) continue;
            const auto& rest = suffix[static_cast<std::size_t>(first / shape.rows)];
            for (std::int64_t r = 0; r < rows; ++r) {
                float* row = to_rows.mutable_data_ptr<float>() + r * to_rows.stride(0);
                for (std::int64_t d = 0; d < shape.dims; ++d) row[d] += quantizers.masked * static_cast<float>(rest[static_cast<std::size_t>(d)]);
            }
        }
    });
    return out;
}

class CausalAttention : public Function<CausalAttention> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& s0, const Tensor& o0, const Tensor& s1,
                          const Tensor& o1, double scale, std::array<CodeLimits, 2> limits)
    {
        context->save_for_backward({q, k, v, s0, o0, s1, o1});
        context->saved_data["limits"] = std::vector<std::int64_t>{limits[0].min, limits[0].max, limits[1].min, limits[1].max};
        context->saved_data["scale"] = scale;
        return attention(q, k, v, Quantizers({s0, o0, s1, o1}, limits, scale));
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const c10::NoGradGuard no_grad;
        const auto saved = context->get_saved_variables();
        const auto kept = context->saved_data["limits"].toIntVector();
        const Quantizers quantizers({saved[3], saved[4], saved[5], saved[6]}, {CodeLimits{kept[0], kept[1]}, CodeLimits{kept[2], kept[3]}},
                                    context->saved_data["scale"].toDouble());
        const Tensor &q = saved[0], &k = saved[1], &v = saved[2], grad = grads[0].contiguous();
        const Shape shape(q, k);
        Tensor to_q = at::empty_like(q), to_k = at::zeros_like(k), to_v = at::zeros_like(v);
        Sums sums(shape.batch * shape.key_heads, 2);
        in_tasks(shape.batch * shape.key_heads, 1, [&](std::int64_t, std::int64_t, std::int64_t task) {
            const c10::NoGradGuard without;  // on every thread
            const std::int64_t b = task / shape.key_heads, head = task % shape.key_heads;
            Block block(shape);
            for (std::int64_t i = 0; i < shape.group; ++i)
                head_backward(shape, quantizers, block, q[b][head * shape.group + i], k[b][head], v[b][head],
                              grad[b].narrow(1, (head * shape.group + i) * shape.dims, shape.dims), to_q[b][head * shape.group + i], to_k[b][head], to_v[b][head],
                              sums.of(task, 0), sums.of(task, 1));
        });
        const auto [score_scale, score_offset] = sums.gradients(0, saved[3], saved[4]);
        const auto [probability_scale, probability_offset] = sums.gradients(1, saved[5], saved[6]);
        return {to_q, to_k, to_v, score_scale, score_offset, probability_scale, probability_offset, Tensor(), Tensor()};
    }

private:
    static void head_backward(const Shape& shape, const Quantizers& quantizers, Block& block, const Tensor& queries, const Tensor& keys_all, const Tensor& values_all,
                              const Tensor& grad, Tensor to_q, Tensor to_k, Tensor to_v, double* score_sums, double* probability_sums)
    {
        const auto suffix = quantizers.masked != 0 ? suffix_sums(values_all, shape) : std::vector<std::vector<double>>();
        for (std::int64_t first = 0; first < shape.tokens; first += shape.rows) {
            const std::int64_t rows = std::min(shape.rows, shape.tokens - first), keys = shape.keys(first + rows);
            const Tensor q_rows = queries.narrow(0, first, rows), k_rows = keys_all.narrow(0, 0, keys), v_rows = values_all.narrow(0, 0, keys),
                         g_rows = grad.narrow(0, first, rows);
            Tensor raw = block.matrix(0, rows, keys), p = block.matrix(1, rows, keys), work = block.matrix(2, rows, keys), d = block.matrix(3, rows, keys);
            at::mm_out(raw, q_rows, k_rows.t());
            float *scores = raw.mutable_data_ptr<float>(), *logits = work.mutable_data_ptr<float>(), *g = d.mutable_data_ptr<float>();
            to_logits(scores, logits, first, rows, keys, quantizers);
            at::_softmax_out(p, work, -1, false);
            const float* probabilities = p.const_data_ptr<float>();
            quantizers.probabilities.forward(probabilities, logits, rows * keys);
            Tensor v_part = to_v.narrow(0, 0, keys), k_part = to_k.narrow(0, 0, keys), q_part = to_q.narrow(0, first, rows);
            at::addmm_out(v_part, v_part, work.t(), g_rows);
            at::mm_out(d, g_rows, v_rows.t());
            quantizers.probabilities.backward(probabilities, g, g, rows * keys, probability_sums);
            for (std::int64_t r = 0; r < rows; ++r) {
                const std::int64_t seen = std::min(keys, first + r + 1);
                quantize::softmax_backward_run(probabilities + r * keys, g + r * keys, seen, quantizers.scale);
                std::fill(g + r * keys + seen, g + (r + 1) * keys, 0.F);
            }
            quantizers.scores.backward(scores, g, g, rows * keys, score_sums);
            at::mm_out(q_part, d, k_rows);
            at::addmm_out(k_part, k_part, d.t(), q_rows);
            if (!suffix.empty()) masked_share(shape, quantizers, g_rows, suffix[static_cast<std::size_t>(first / shape.rows)], keys, to_v, probability_sums);
        }
    }

    // What the keys after the block add where a masked probability is not 0: to the values' gradient, and to that of the grid.
    static void masked_share(const Shape& shape, const Quantizers& quantizers, const Tensor& g_rows, const std::vector<double>& rest, std::int64_t keys, Tensor& to_v,
                             double* probability_sums)
    {
        double sum = 0;
        const Tensor total = g_rows.sum(0);
        for (std::int64_t d = 0; d < shape.dims; ++d) sum += static_cast<double>(total.const_data_ptr<float>()[d]) * rest[static_cast<std::size_t>(d)];
        probability_sums[0] += sum * quantizers.masked_slope;
        probability_sums[1] -= sum * static_cast<double>(quantizers.probabilities.grid.scale);
        if (keys == shape.tokens) return;
        Tensor after = to_v.narrow(0, keys, shape.tokens - keys);
        after.add_(total, static_cast<double>(quantizers.masked));
    }
};

}  // namespace

Tensor causal_attention(const Tensor& q, const Tensor& k, const Tensor& v, double scale, const Quantizer& scores, const Quantizer& probabilities)
{
    const Tensor a = q.contiguous(), b = k.contiguous(), c = v.contiguous(), s0 = given(scores.scale), o0 = given(scores.offset),
                 s1 = given(probabilities.scale), o1 = given(probabilities.offset);
    const std::array limits{scores.limits, probabilities.limits};
    if (!recorded(a, b, c, s0, o0, s1, o1)) return attention(a, b, c, Quantizers({s0, o0, s1, o1}, limits, scale));
    return CausalAttention::apply(a, b, c, s0, o0, s1, o1, scale, limits);
}

}  // namespace bitwright
