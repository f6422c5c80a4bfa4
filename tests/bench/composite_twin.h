// SPDX-License-Identifier: GPL-3.0-or-later
// What the fused step is measured against: the same twin with every fake quantization composed of LibTorch operations (x/s, round with a straight-through
// gradient, + o, clamp, − o, × s; for weights scales, extremes, factors and grid before that), as MobileQuant's reference does it. The decoder then takes its
// general way: attention matrices as a whole, no fused part. It works on the learnables of the twin it is given.
#pragma once

#include "core/numerics/methods/learnables.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sigmoid.h>

#include <map>
#include <string>

namespace bitwright::bench {

inline at::Tensor composite_fake_quantize(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& offset, CodeLimits limits)
{
    const at::Tensor v = x / scale;
    const at::Tensor rounded = (at::round(v) - v).detach() + v;
    return (at::clamp(rounded + offset, limits.min, limits.max) - offset) * scale;
}

/// Models whose norm→linear and up→down pairs alone are learned (grouped-query attention).
class CompositeTwin final : public WeightProvider, public Tap {
public:
    CompositeTwin(const Model& model, const Recipe& start, LearnableModel& twin) : model_(model), recipe_(start), base_(twin.start_weights())
    {
        for (const Learnable& learnable : twin.learnables()) values_[learnable.name] = learnable.value;
    }

    at::Tensor weight(WeightRole role, std::int64_t layer) override
    {
        at::Tensor w = base_.weight(role, layer);
        if (layer < 0 || !w.defined()) return w;
        const std::string at = "layers." + std::to_string(layer) + ".";
        const auto scale = [&](const char* pair) { return values_.at(at + pair + ".scale"); };
        switch (role) {
            case WeightRole::attention_norm: w = w / scale("norm_qkv"); break;
            case WeightRole::mlp_norm: w = w / scale("norm_mlp"); break;
            case WeightRole::q_proj: case WeightRole::k_proj: case WeightRole::v_proj: w = w * scale("norm_qkv"); break;
            case WeightRole::gate_proj: w = w * scale("norm_mlp"); break;
            case WeightRole::up_proj: w = w * scale("norm_mlp") / scale("up_down").unsqueeze(1); break;
            case WeightRole::down_proj: w = w * scale("up_down"); break;
            default: break;
        }
        for (const Site& site : model_.sites->sites()) {
            if (site.kind != SiteKind::weight || site.weight_role != role || site.layer != layer) continue;
            const Scheme& scheme = recipe_.sites.at(site.name).scheme;
            const at::Tensor upper = at::sigmoid(values_.at(site.name + ".upper")), lower = at::sigmoid(values_.at(site.name + ".lower"));
            const bool rows = upper.numel() > 1;
            const at::Tensor high = rows ? w.amax(1, true) * upper.unsqueeze(1) : w.amax() * upper, low = rows ? w.amin(1, true) * lower.unsqueeze(1) : w.amin() * lower;
            const CodeLimits limits = code_limits(scheme.bits, scheme.symmetric);
            const at::Tensor step = ((high - low) / static_cast<double>(limits.max)).clamp(1e-5, 1e6);
            return composite_fake_quantize(w, step, -at::round(low / step).detach(), limits);
        }
        return w;
    }
    at::Tensor bias(WeightRole role, std::int64_t layer) override { return base_.bias(role, layer); }
    at::Tensor embedding_rows(const at::Tensor& ids) override { return base_.embedding_rows(ids); }
    at::Tensor weight(const Site&, const at::Tensor& w) override { return w; }
    [[nodiscard]] bool wants(const Site& site) const override { return values_.contains(site.name + ".scale"); }
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        const auto scale = values_.find(site.name + ".scale");
        if (site.kind != SiteKind::activation || scale == values_.end()) return x;
        const Scheme& scheme = recipe_.sites.at(site.name).scheme;
        return composite_fake_quantize(x, scale->second, values_.at(site.name + ".offset"), code_limits(scheme.bits, scheme.symmetric));
    }

private:
    const Model model_;
    const Recipe& recipe_;
    WeightProvider& base_;
    std::map<std::string, at::Tensor> values_;
};

}  // namespace bitwright::bench
