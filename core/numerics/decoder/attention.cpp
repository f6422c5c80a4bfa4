// SPDX-License-Identifier: GPL-3.0-or-later
// Decoder::attention: projections, q/k norm, rotation, cache, and the two ways to attend: fused where no tap looks inside, else in the order of
// transformers' eager implementation.
#include "core/numerics/decoder/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <torch/version.h>
#if TORCH_VERSION_MAJOR >= 2
#include <ATen/ops/scaled_dot_product_attention.h>
#endif

#include <algorithm>
#include <tuple>

namespace bitwright {
namespace {

constexpr LinearPlace q_proj{WeightRole::q_proj, SiteRole::q_weight, SiteRole::q_output};
constexpr LinearPlace k_proj{WeightRole::k_proj, SiteRole::k_weight, SiteRole::k_output};
constexpr LinearPlace v_proj{WeightRole::v_proj, SiteRole::v_weight, SiteRole::v_output};
constexpr NormPlace q_norm{WeightRole::q_norm, SiteRole::q_norm_input, SiteRole::q_norm_weight, SiteRole::q_norm_output};
constexpr NormPlace k_norm{WeightRole::k_norm, SiteRole::k_norm_input, SiteRole::k_norm_weight, SiteRole::k_norm_output};

constexpr std::int64_t score_budget = std::int64_t{1} << 24;  ///< scores held at once (64 MB) where no tap needs the whole matrix

at::Tensor fused(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias, bool causal, double scale)
{
#if TORCH_VERSION_MAJOR >= 2
    return at::scaled_dot_product_attention(q, k, v, bias.defined() ? c10::optional<at::Tensor>(bias.unsqueeze(0)) : c10::nullopt, 0.0, causal, scale);
#else
    auto scores = at::matmul(q, k.transpose(-2, -1)) * scale;
    return at::matmul(at::softmax(bias.defined() ? scores + bias : scores, -1), v);
#endif
}

}  // namespace

bool Decoder::can_extend(const KvCache& cache, std::int64_t tokens) const
{
    const auto& ropes = model_.architecture().ropes;
    return cache.length == 0 || std::all_of(ropes.begin(), ropes.end(), [&](const Rope& rope) {
               return !rope.depends_on_length() || rope.inverse_frequencies(cache.length) == rope.inverse_frequencies(cache.length + tokens);
           });
}

at::Tensor Decoder::fused_attended(std::int64_t index, const at::Tensor& x, Tap& tap)
{
    const Architecture& a = model_.architecture();
    const LayerAttention& attention = a.attention.at(static_cast<std::size_t>(index));
    const std::int64_t tokens = x.size(1);
    if (tokens < 2 || a.qk_norm != QkNorm::none || a.attention_softcap != 0 || a.position == PositionKind::alibi || (attention.window > 0 && attention.window < tokens)) return {};
    const auto s = quantizers({SiteRole::q_output, SiteRole::qk_input, SiteRole::k_output, SiteRole::qk_input2, SiteRole::v_output, SiteRole::pv_input2, SiteRole::pv_output}, index, tap, x);
    const auto inner = quantizers({SiteRole::qk_output, SiteRole::pv_input}, index, tap, x);
    if (!s || !inner) return {};
    const bool whole = (*inner)[0].active() || (*inner)[1].active();
    if (!whole && options_.semantics == Semantics::bitwright) return {};  // LibTorch's own fused attention

    at::Tensor cos, sin;
    if (a.position == PositionKind::rope && attention.rope >= 0) std::tie(cos, sin) = positions_.angles(attention.rope, 0, tokens, tokens);
    const auto heads = [&](const LinearPlace& place, std::int64_t count, bool rotate, const Quantizer& before, const Quantizer& after) {
        return rotated_heads(product(place, index, x, tap), count, rotate ? cos : at::Tensor(), rotate ? sin : at::Tensor(), before, after);
    };
    const auto q = heads(q_proj, a.heads, true, (*s)[0], (*s)[1]), k = heads(k_proj, a.kv_heads, true, (*s)[2], (*s)[3]);
    const auto v = heads(v_proj, a.kv_heads, false, (*s)[4], (*s)[5]);
    const auto out = causal_attention(q, k, v, a.attention_scale, (*inner)[0], (*inner)[1]);
    const Quantizer& after = (*s)[6];
    return after.active() ? fake_quantize(out, after.scale, after.offset, after.limits) : out;
}

at::Tensor Decoder::attended(std::int64_t index, const at::Tensor& x, Tap& tap, KvCache* cache)
{
    if (!cache)
        if (auto fused = fused_attended(index, x, tap); fused.defined()) return fused;
    const Architecture& a = model_.architecture();
    const int rope = a.position == PositionKind::rope ? a.attention.at(static_cast<std::size_t>(index)).rope : -1;
    const std::int64_t past = cache ? cache->length : 0, length = past + x.size(1);
    const auto split = [&](const at::Tensor& y) { return y.unflatten(-1, {-1, a.head_dim}).transpose(1, 2); };
    const auto repeated = [&](const at::Tensor& y) { return a.heads == a.kv_heads ? y : y.repeat_interleave(a.heads / a.kv_heads, 1); };

    auto q = linear(q_proj, index, x, tap), k = linear(k_proj, index, x, tap), v = linear(v_proj, index, x, tap);
    if (a.qk_norm != QkNorm::none) {
        q = head_norm(q_norm, a.heads, index, q, tap);
        k = head_norm(k_norm, a.kv_heads, index, k, tap);
    }
    q = split(q);
    k = split(k);
    v = split(v);
    if (rope >= 0) {
        q = positions_.rotate(q, rope, past, length);
        k = positions_.rotate(k, rope, past, length);
    }
    if (cache) {
        const auto layer = static_cast<std::size_t>(index), layers = static_cast<std::size_t>(a.layers);
        cache->keys.resize(layers);
        cache->values.resize(layers);
        k = cache->keys[layer] = past ? at::cat({cache->keys[layer], k}, 2) : k;
        v = cache->values[layer] = past ? at::cat({cache->values[layer], v}, 2) : v;
    }

    q = tapped(SiteRole::qk_input, index, q, tap);
    k = tapped(SiteRole::qk_input2, index, repeated(k), tap);
    v = tapped(SiteRole::pv_input2, index, repeated(v), tap);
    return tapped(SiteRole::pv_output, index, attend(index, q, k, v, tap).transpose(1, 2).flatten(2), tap);
}

at::Tensor Decoder::attend(std::int64_t index, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Tap& tap)
{
    const Architecture& a = model_.architecture();
    const std::int64_t tokens = q.size(2), length = k.size(2), past = length - tokens;
    const std::int64_t limit = a.attention.at(static_cast<std::size_t>(index)).window, window = limit < length ? limit : 0;
    const bool whole = wanted(SiteRole::qk_output, index, tap) || wanted(SiteRole::pv_input, index, tap);
    const bool fuse = !whole && a.attention_softcap == 0 && options_.semantics == Semantics::bitwright;
    if (fuse && past == 0 && tokens > 1 && window == 0 && a.position != PositionKind::alibi) return fused(q, k, v, {}, true, a.attention_scale);

    const std::int64_t step = whole ? tokens : std::clamp<std::int64_t>(score_budget / (q.size(0) * q.size(1) * length), 1, tokens);
    std::vector<at::Tensor> blocks;
    for (std::int64_t row = 0; row < tokens; row += step) {
        const std::int64_t rows = std::min(step, tokens - row);
        const std::int64_t first_key = window && !whole ? std::max<std::int64_t>(0, past + row - window + 1) : 0, keys = past + row + rows - first_key;
        const auto bias = positions_.bias(window, past + row, rows, first_key, keys);
        const auto q_rows = q.narrow(2, row, rows), k_rows = k.narrow(2, first_key, keys), v_rows = v.narrow(2, first_key, keys);
        if (fuse) {
            blocks.push_back(fused(q_rows, k_rows, v_rows, bias, false, a.attention_scale));
            continue;
        }
        auto scores = tapped(SiteRole::qk_output, index, at::matmul(q_rows, k_rows.transpose(-2, -1)), tap) * a.attention_scale;
        if (a.attention_softcap != 0) scores = at::tanh(scores / a.attention_softcap) * a.attention_softcap;
        if (bias.defined()) scores = scores + bias;
        blocks.push_back(at::matmul(tapped(SiteRole::pv_input, index, at::softmax(scores, -1), tap), v_rows));
    }
    return blocks.size() == 1 ? blocks[0] : at::cat(blocks, 2);
}

}  // namespace bitwright
