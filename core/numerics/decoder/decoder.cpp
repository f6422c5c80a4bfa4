// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

#include <cmath>

namespace bitwright {
namespace {

constexpr NormPlace embedding_norm{WeightRole::embedding_norm, SiteRole::embedding_norm_input, SiteRole::embedding_norm_weight, SiteRole::embedding_norm_output};
constexpr NormPlace attention_norm{WeightRole::attention_norm, SiteRole::attention_norm_input, SiteRole::attention_norm_weight, SiteRole::attention_norm_output};
constexpr NormPlace mlp_norm{WeightRole::mlp_norm, SiteRole::mlp_norm_input, SiteRole::mlp_norm_weight, SiteRole::mlp_norm_output};
constexpr NormPlace attention_branch_norm{WeightRole::post_attention_norm, SiteRole::attention_branch_norm_input, SiteRole::attention_branch_norm_weight,
                                          SiteRole::attention_branch_norm_output};
constexpr NormPlace mlp_branch_norm{WeightRole::post_mlp_norm, SiteRole::mlp_branch_norm_input, SiteRole::mlp_branch_norm_weight,
                                    SiteRole::mlp_branch_norm_output};
constexpr NormPlace final_norm{WeightRole::final_norm, SiteRole::final_norm_input, SiteRole::final_norm_weight, SiteRole::final_norm_output};

constexpr LinearPlace project_in{WeightRole::project_in, SiteRole::project_in_weight, SiteRole::project_in_output};
constexpr LinearPlace o_proj{WeightRole::o_proj, SiteRole::o_weight, SiteRole::o_output};
constexpr LinearPlace gate{WeightRole::gate_proj, SiteRole::gate_weight, SiteRole::gate_output};
constexpr LinearPlace up{WeightRole::up_proj, SiteRole::up_weight, SiteRole::up_output};
constexpr LinearPlace down{WeightRole::down_proj, SiteRole::down_weight, SiteRole::down_output};
constexpr LinearPlace project_out{WeightRole::project_out, SiteRole::project_out_weight, SiteRole::project_out_output};
constexpr LinearPlace lm_head{WeightRole::lm_head, SiteRole::lm_head_weight, SiteRole::lm_head_output};

constexpr std::int64_t whole_model = -1;

}  // namespace

at::Tensor WeightProvider::embedding_rows(const at::Tensor& ids) { return at::embedding(weight(WeightRole::embedding, whole_model), ids); }

Decoder::Decoder(const Model& model, WeightProvider& weights, DecoderOptions options)
    : model_(model), weights_(weights), options_(options), dtype_(options.double_precision ? at::kDouble : at::kFloat),
      positions_(model_.architecture(), options.semantics, dtype_)
{
}

const Site* Decoder::site(SiteRole role, std::int64_t layer) const noexcept
{
    const SiteId id = model_.sites->find(role, layer);
    return id == no_site ? nullptr : &(*model_.sites)[id];
}

at::Tensor Decoder::tapped(SiteRole role, std::int64_t layer, const at::Tensor& x, Tap& tap) const
{
    if (options_.control) options_.control->check();
    const Site* place = site(role, layer);
    return place ? tap.activation(*place, x) : x;
}

bool Decoder::wanted(SiteRole role, std::int64_t layer, Tap& tap) const
{
    const Site* place = site(role, layer);
    return place && tap.wants(*place);
}

std::optional<std::vector<Quantizer>> Decoder::quantizers(std::initializer_list<SiteRole> roles, std::int64_t layer, Tap& tap, const at::Tensor& x) const
{
    if (x.scalar_type() != at::kFloat || !x.device().is_cpu()) return std::nullopt;  // elsewhere the parts are LibTorch's own operations
    std::vector<Quantizer> out;
    for (const SiteRole role : roles) {
        Quantizer& q = out.emplace_back();
        const Site* place = site(role, layer);
        if (!place || !tap.wants(*place)) continue;
        q = tap.quantizer(*place);
        if (!q.active() || q.scale.scalar_type() != at::kFloat) return std::nullopt;
    }
    if (options_.control) options_.control->check();
    return out;
}

at::Tensor Decoder::weight(WeightRole role, SiteRole site_role, std::int64_t layer, Tap& tap)
{
    const auto plain = weights_.weight(role, layer);
    if (!plain.defined()) return plain;
    const auto w = plain.to(dtype_);
    const Site* place = site(site_role, layer);
    return place ? tap.weight(*place, w) : w;
}

at::Tensor Decoder::bias(WeightRole role, std::int64_t layer)
{
    const auto b = weights_.bias(role, layer);
    return b.defined() ? b.to(dtype_) : b;
}

at::Tensor Decoder::product(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap)
{
    return at::linear(x, weight(place.role, place.weight, layer, tap), bias(place.role, layer));
}

at::Tensor Decoder::linear(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap)
{
    return tapped(place.output, layer, product(place, layer, x, tap), tap);
}

at::Tensor Decoder::added_linear(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, const at::Tensor& residual, Tap& tap)
{
    const at::Tensor y = product(place, layer, x, tap);
    const double multiplier = model_.architecture().residual_multiplier;
    const auto q = multiplier == 1 ? quantizers({place.output}, layer, tap, y) : std::nullopt;
    if (q) return add_quantized(residual, y, (*q)[0]);
    const at::Tensor branch = tapped(place.output, layer, y, tap);
    return multiplier == 1 ? residual + branch : residual + branch * multiplier;
}

at::Tensor Decoder::norm(const NormPlace& place, NormKind kind, std::int64_t layer, const at::Tensor& input, Tap& tap, std::int64_t groups)
{
    auto x = tapped(place.input, layer, input, tap);
    if (groups > 1) x = x.unflatten(-1, {groups, -1});
    const auto w = weight(place.role, place.weight, layer, tap), b = bias(place.role, layer);
    const double eps = model_.architecture().norm_eps;
    const std::int64_t width = x.size(-1);
    const auto normed = [&]() -> at::Tensor {
        if (kind == NormKind::layer && w.dim() == 1) return at::layer_norm(x, {width}, w, b, eps);
        at::Tensor y;
        if (kind == NormKind::layer) {
            y = at::layer_norm(x, {width}, {}, {}, eps) * w;  // a row of weights per head
        } else if (options_.semantics == Semantics::authors && (place.role == WeightRole::attention_norm || place.role == WeightRole::mlp_norm)) {
            // mobilequant §1.3: the authors' block norms are L2 norms without eps; the final norm is not
            y = x / at::linalg_vector_norm(x, 2, {-1}, true).clamp_min(1e-12) * std::sqrt(static_cast<double>(width)) * w;
        } else {
            y = x * at::rsqrt(x.square().mean(-1, true) + eps) * w;
        }
        return b.defined() ? y + b : y;
    };
    return groups > 1 ? normed().flatten(-2) : normed();
}

at::Tensor Decoder::block_norm(const NormPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap)
{
    const Architecture& a = model_.architecture();
    const auto q = a.norm == NormKind::rms ? quantizers({place.input, place.output}, layer, tap, x) : std::nullopt;
    if (q && !bias(place.role, layer).defined()) {
        const at::Tensor w = weight(place.role, place.weight, layer, tap);
        const bool length = options_.semantics == Semantics::authors && (place.role == WeightRole::attention_norm || place.role == WeightRole::mlp_norm);
        if (w.dim() == 1) return normed(x, w, length ? RowNorm::length : RowNorm::root_mean_square, a.norm_eps, (*q)[0], (*q)[1]);
    }
    return tapped(place.output, layer, norm(place, a.norm, layer, x, tap), tap);
}

at::Tensor Decoder::head_norm(const NormPlace& place, std::int64_t heads, std::int64_t layer, const at::Tensor& x, Tap& tap)
{
    const Architecture& a = model_.architecture();
    const auto y = norm(place, a.qk_norm_kind, layer, x, tap, a.qk_norm == QkNorm::per_head ? heads : 1);
    return tapped(place.output, layer, y, tap);
}

at::Tensor Decoder::embed(const at::Tensor& ids, Tap& tap, std::int64_t first_position)
{
    const Architecture& a = model_.architecture();
    if (ids.numel() && (ids.min().item<std::int64_t>() < 0 || ids.max().item<std::int64_t>() >= a.vocab)) {
        throw bad_input("", "token ids", "an id is outside the vocabulary of " + std::to_string(a.vocab) + "; use the model's own tokenizer");
    }
    auto x = wanted(SiteRole::embedding_weight, whole_model, tap)
                 ? at::embedding(weight(WeightRole::embedding, SiteRole::embedding_weight, whole_model, tap), ids)
                 : weights_.embedding_rows(ids).to(dtype_);
    if (a.embedding_scale != 1) x = x * a.embedding_scale;
    if (a.embedding_norm) x = tapped(embedding_norm.output, whole_model, norm(embedding_norm, a.norm, whole_model, x, tap), tap);
    if (model_.description->weight(WeightRole::project_in, whole_model)) x = linear(project_in, whole_model, x, tap);
    if (a.position == PositionKind::learned) {
        const auto rows = weight(WeightRole::position_embedding, SiteRole::position_weight, whole_model, tap);
        const std::int64_t first = first_position + a.position_offset, tokens = ids.size(-1);
        if (first + tokens > rows.size(0)) {
            throw bad_input("", "token ids", std::to_string(first_position + tokens) + " tokens, but the model knows " +
                                                 std::to_string(rows.size(0) - a.position_offset) + " positions; use shorter windows");
        }
        x = x + rows.narrow(0, first, tokens);
    }
    return tapped(SiteRole::residual_embedding, whole_model, x, tap);
}

at::Tensor Decoder::layer(std::int64_t index, const at::Tensor& x, Tap& tap, KvCache* cache)
{
    const Architecture& a = model_.architecture();
    const BlockLayout& block = a.block;
    const auto normed = [&](bool there, const NormPlace& place, const at::Tensor& y) { return there ? block_norm(place, index, y, tap) : y; };
    const auto added = [&](const at::Tensor& residual, const LinearPlace& place, const at::Tensor& read, bool norm_there, const NormPlace& branch_norm) {
        if (!norm_there) return added_linear(place, index, read, residual, tap);
        const auto branch = block_norm(branch_norm, index, linear(place, index, read, tap), tap);
        return a.residual_multiplier == 1 ? residual + branch : residual + branch * a.residual_multiplier;
    };
    const bool before = !block.norm_after_residual;

    auto input = normed(before && block.pre_attention_norm, attention_norm, x);
    auto residual = block.residual_from_norm ? input : x;
    residual = added(residual, o_proj, attended(index, input, tap, cache), block.post_attention_norm, attention_branch_norm);
    if (block.parallel) {
        if (!block.mlp_shares_attention_norm) input = normed(block.pre_mlp_norm, mlp_norm, x);
    } else {
        residual = tapped(SiteRole::residual_attention, index, residual, tap);
        residual = normed(!before && block.pre_attention_norm, attention_norm, residual);
        input = normed(before && block.pre_mlp_norm, mlp_norm, residual);
        if (block.residual_from_norm) residual = input;
    }
    residual = added(residual, down, fed(index, input, tap), block.post_mlp_norm, mlp_branch_norm);
    residual = tapped(SiteRole::residual_mlp, index, residual, tap);
    residual = normed(!before && block.pre_mlp_norm, mlp_norm, residual);

    if (cache && index == a.layers - 1) cache->length += x.size(1);
    return residual;
}

at::Tensor Decoder::fed(std::int64_t index, const at::Tensor& x, Tap& tap)
{
    const Architecture& a = model_.architecture();
    const auto sigmoid = [&] { return options_.semantics == Semantics::authors || wanted(SiteRole::activation_sigmoid, index, tap); };
    if (a.gated_mlp && a.activation == Activation::silu && sigmoid()) {
        const auto q = quantizers({SiteRole::gate_output, SiteRole::activation_sigmoid, SiteRole::activation_output, SiteRole::up_output, SiteRole::down_input}, index, tap, x);
        if (q) {
            const at::Tensor g = product(gate, index, x, tap);
            return gated_silu(g, product(up, index, x, tap), {(*q)[0], (*q)[1], (*q)[2], (*q)[3], (*q)[4]});
        }
    }
    auto hidden = a.gated_mlp ? activate(index, linear(gate, index, x, tap), tap) * linear(up, index, x, tap) : activate(index, linear(up, index, x, tap), tap);
    return tapped(SiteRole::down_input, index, hidden, tap);
}

at::Tensor Decoder::activate(std::int64_t index, const at::Tensor& x, Tap& tap)
{
    const bool authors = options_.semantics == Semantics::authors;
    const auto activated = [&] {
        switch (model_.architecture().activation) {
        case Activation::silu:
            if (authors || wanted(SiteRole::activation_sigmoid, index, tap)) return x * tapped(SiteRole::activation_sigmoid, index, at::sigmoid(x), tap);
            return at::silu(x);
        case Activation::gelu: return at::gelu(x);
        case Activation::gelu_tanh: return at::gelu(x, authors ? "none" : "tanh");  // mobilequant §1.4: exact erf replaces tanh GELU
        case Activation::relu: return at::relu(x);
        }
        return x;
    };
    return tapped(SiteRole::activation_output, index, activated(), tap);
}

at::Tensor Decoder::finish(const at::Tensor& x, Tap& tap)
{
    const Architecture& a = model_.architecture();
    auto y = x;
    if (a.final_norm) y = tapped(final_norm.output, whole_model, norm(final_norm, a.norm, whole_model, y, tap), tap);
    if (model_.description->weight(WeightRole::project_out, whole_model)) y = linear(project_out, whole_model, y, tap);
    return y;
}

at::Tensor Decoder::logits(const at::Tensor& final, Tap& tap)
{
    const Architecture& a = model_.architecture();
    auto y = linear(lm_head, whole_model, final, tap);
    if (a.logit_multiplier != 1) y = y * a.logit_multiplier;
    if (a.final_softcap != 0) y = at::tanh(y / a.final_softcap) * a.final_softcap;
    return y;
}

}  // namespace bitwright
