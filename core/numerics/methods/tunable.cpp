// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/tunable.h"

#include "core/numerics/quantize/kernels.h"
#include "core/recipe/placement.h"
#include "core/recipe/scale_ties.h"
#include "core/recipe/slices.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

using quantize::GridOf;

bool fake_quantized(const Recipe& recipe, const Site& site)
{
    const auto found = recipe.sites.find(site.name);
    return site.layer >= 0 && site.levels.simulated && found != recipe.sites.end() && found->second.scheme.kind == SchemeKind::uniform;
}

bool learnable_range(const Site& site, const Scheme& scheme)
{
    return !scheme.dynamic && scheme.granularity == Granularity::tensor && scheme.bits <= 8 && site.role != SiteRole::activation_sigmoid &&
           site.role != SiteRole::pv_input;
}

Recipe without_codes(Recipe recipe, const Model& model, const Latents& latents)
{
    forget_codes(recipe, [&](const std::string& site) { return latents.contains(model.sites->find(site)); });
    return recipe;
}

std::vector<float> floats_of(const at::Tensor& t) { return {t.const_data_ptr<float>(), t.const_data_ptr<float>() + t.numel()}; }

GridOf<float> in_floats(const Grid& grid) { return {grid.scale, grid.offset, static_cast<float>(grid.qmin), static_cast<float>(grid.qmax)}; }

at::Tensor leaf_of(std::int64_t n) { return at::zeros({n}, at::kFloat).set_requires_grad(true); }

double largest(const std::vector<float>& values)
{
    double out = 0;
    for (const float v : values) out = std::max(out, std::abs(static_cast<double>(v)));
    return out;
}

}  // namespace

TunableModel::TunableModel(const Model& model, const Recipe& start, const Tuning& tuning, const Latents& latents)
    : model_(model),
      start_(start),
      plain_(without_codes(start, model, latents)),
      base_(model, &plain_, {std::numeric_limits<std::int64_t>::max(), nullptr}),
      simulated_(model, start, Placement::paper)
{
    if (tuning.transforms || tuning.clipping) {
        for (const Transform& transform : start.transforms)
            if (const auto* codes = std::get_if<Codes>(&transform))
                throw bad_input("recipe", codes->site, "has fixed codes, so its scales and clips cannot be learned further; start from the recipe before them");
    }
    for (const Site& site : model_.sites->sites())
        if (site.kind == SiteKind::weight && site.layer >= 0) weights_[{site.weight_role, site.layer}].site = site.id;
    if (tuning.transforms) add_pairs();
    add_weights(tuning.clipping, latents);
    add_ranges(tuning.ranges);
    refresh();
}

std::size_t TunableModel::add(std::string name, TunableGroup group, std::vector<float> value)
{
    std::vector<float> gradient(value.size());
    parameters_.push_back({std::move(name), group, std::move(value), std::move(gradient)});
    return parameters_.size() - 1;
}

void TunableModel::add_pairs()
{
    const auto entry_of = [&](SiteId id) -> WeightEntry& {
        const Site& site = (*model_.sites)[id];
        return weights_.at({site.weight_role, site.layer});
    };
    for (LegalPair& legal : legal_pairs(model_)) {
        const int number = static_cast<int>(pairs_.size());
        std::int64_t count = 0;
        const auto ties = scale_ties(legal, count);
        const auto side = [&](bool repeated) {
            Side out;
            const std::int64_t n = repeated ? legal.channels * legal.repeat : legal.channels;
            for (std::int64_t c = 0; c < n; ++c)
                out.index.push_back(static_cast<std::size_t>(ties[static_cast<std::size_t>(repeated ? tied_index(legal, c) : c)]));
            out.leaf = leaf_of(n);
            return out;
        };
        const bool q_k = legal.pair == "q_k";
        Pair pair;
        pair.parameter = add("layers." + std::to_string(legal.layer) + "." + legal.pair + ".scale", TunableGroup::transforms,
                             std::vector<float>(static_cast<std::size_t>(count)));
        pair.producer = side(q_k && legal.repeat > 1);
        pair.consumer = side(!q_k && legal.repeat > 1);
        entry_of(legal.producer).rows = number;
        for (const SiteId consumer : legal.consumers) {
            WeightEntry& entry = entry_of(consumer);
            (q_k ? entry.rows : entry.columns) = number;
            entry.multiply_rows = q_k;
        }
        pair.legal = std::move(legal);
        pairs_.push_back(std::move(pair));
    }
}

void TunableModel::add_weights(bool clipping, const Latents& latents)
{
    for (const Site& site : model_.sites->sites()) {
        if (site.kind != SiteKind::weight || !fake_quantized(start_, site)) continue;
        WeightEntry& entry = weights_.at({site.weight_role, site.layer});
        const Scheme& scheme = scheme_of(site);
        entry.quantized = true;
        if (const auto found = latents.find(site.id); found != latents.end()) {
            add_latents(entry, site, found->second);
            continue;
        }
        const bool clips = !scheme.dynamic && (scheme.granularity == Granularity::tensor || scheme.granularity == Granularity::row);
        const bool linear = is_layer_linear(site.role), scaled = entry.columns >= 0 || entry.rows >= 0;
        entry.simulated = !clips || !(scaled || (clipping && linear));
        if (!entry.simulated) add_clipping(entry, site, clipping && linear);
    }
}

void TunableModel::add_latents(WeightEntry& entry, const Site& site, const std::vector<float>& latents)
{
    const at::Tensor weight = base_.weight(site.weight_role, site.layer).contiguous();
    const Shape shape = model_.description->shape(site.weight_role, site.layer);
    entry.grids = weight_grids(start_.sites.at(site.name), shape, {weight.const_data_ptr<float>(), static_cast<std::size_t>(weight.numel())}, start_.semantics);
    entry.fixed = at::empty(shape, at::kFloat).set_requires_grad(true);
    entry.latent = static_cast<std::ptrdiff_t>(add(site.name + ".latent", TunableGroup::rounding, latents));
}

void TunableModel::add_clipping(WeightEntry& entry, const Site& site, bool learned)
{
    const auto& [scheme, range] = start_.sites.at(site.name);
    const at::Tensor weight = base_.weight(site.weight_role, site.layer).contiguous();
    const bool per_row = scheme.granularity == Granularity::row && weight.dim() > 1;
    entry.grid = {scheme.bits, scheme.symmetric, per_row, start_.semantics, true};
    const std::int64_t slices = per_row ? weight.size(0) : 1, length = weight.numel() / slices;
    entry.upper = at::zeros({slices}, at::kFloat);
    entry.lower = at::zeros({slices}, at::kFloat);
    const auto given = [&](const Numbers& bounds) { return bounds && std::ssize(*bounds) == slices; };
    if (is_layer_linear(site.role) && given(range.min) && given(range.max)) {
        const auto factor = [](float bound, float extreme) {
            const double share = static_cast<double>(bound) / static_cast<double>(extreme);
            return share > 0 && std::isfinite(share) ? static_cast<float>(std::log(share)) : 0.0F;
        };
        for (std::int64_t i = 0; i < slices; ++i) {
            const auto [low, high] = std::minmax_element(weight.const_data_ptr<float>() + i * length, weight.const_data_ptr<float>() + (i + 1) * length);
            entry.upper.mutable_data_ptr<float>()[i] = factor((*range.max)[static_cast<std::size_t>(i)], *high);
            entry.lower.mutable_data_ptr<float>()[i] = factor((*range.min)[static_cast<std::size_t>(i)], *low);
        }
    }
    if (!learned) return;
    entry.first_upper = floats_of(entry.upper);
    entry.first_lower = floats_of(entry.lower);
    entry.upper.set_requires_grad(true);
    entry.lower.set_requires_grad(true);
    const std::vector<float> zeros(static_cast<std::size_t>(slices));
    entry.upper_parameter = static_cast<std::ptrdiff_t>(add(site.name + ".upper", TunableGroup::clipping, zeros));
    entry.lower_parameter = static_cast<std::ptrdiff_t>(add(site.name + ".lower", TunableGroup::clipping, zeros));
}

void TunableModel::add_ranges(bool learned)
{
    activations_.resize(model_.sites->sites().size());
    for (const Site& site : model_.sites->sites()) {
        if (site.kind != SiteKind::activation || !fake_quantized(start_, site)) continue;
        const auto& [scheme, range] = start_.sites.at(site.name);
        if (!learned || !learnable_range(site, scheme)) continue;
        ActivationEntry& entry = activations_[static_cast<std::size_t>(site.id)];
        if (site.shares != no_site && activations_[static_cast<std::size_t>(site.shares)].scale.defined() && scheme_of((*model_.sites)[site.shares]) == scheme) {
            entry.same_as_shared = true;  // what arrives is on that grid already
            continue;
        }
        entry.limits = code_limits(scheme.bits, scheme.symmetric);
        entry.start = grid_of(range, 0, scheme, start_.semantics);
        entry.symmetric = scheme.symmetric;
        entry.scale = leaf_of(1);
        entry.offset = leaf_of(1);
        entry.scale_parameter = add(site.name + ".scale", TunableGroup::ranges, {0.0F});
        entry.zero_parameter = scheme.symmetric ? entry.scale_parameter : add(site.name + ".zero", TunableGroup::ranges, {0.0F});
    }
}

Grid TunableModel::grid_now(const ActivationEntry& entry) const
{
    Grid grid = entry.start;
    grid.scale *= std::exp(parameters_[entry.scale_parameter].value[0]);
    if (entry.symmetric) return grid;
    const float moved = parameters_[entry.zero_parameter].value[0] * static_cast<float>(grid.qmax);
    if (moved != 0) grid.offset = std::nearbyint(grid.offset + moved);
    if (start_.semantics == Semantics::bitwright) grid.offset = std::clamp(grid.offset, 0.0F, static_cast<float>(grid.qmax));
    return grid;
}

void TunableModel::refresh()
{
    const c10::NoGradGuard no_grad;
    const auto start_again = [](at::Tensor& leaf) {
        leaf.mutable_grad().reset();
        return leaf.mutable_data_ptr<float>();
    };
    for (Pair& pair : pairs_) {
        const auto& theta = parameters_[pair.parameter].value;
        for (Side* side : {&pair.producer, &pair.consumer}) {
            float* values = start_again(side->leaf);
            for (std::size_t i = 0; i < side->index.size(); ++i) values[i] = std::exp(theta[side->index[i]]);
        }
    }
    for (auto& [place, entry] : weights_) {
        if (entry.latent >= 0) {
            const float* latent = parameters_[static_cast<std::size_t>(entry.latent)].value.data();
            float* values = start_again(entry.fixed);
            Slices(scheme_of((*model_.sites)[entry.site]), entry.fixed.sizes().vec()).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
                quantize::latent_run(latent + begin, values + begin, static_cast<std::int64_t>(end - begin), in_floats(entry.grids[slice]));
            });
        }
        for (auto [leaf, parameter, first] : {std::tuple{&entry.upper, entry.upper_parameter, &entry.first_upper}, {&entry.lower, entry.lower_parameter, &entry.first_lower}}) {
            if (parameter < 0) continue;
            float* values = start_again(*leaf);
            const auto& theta = parameters_[static_cast<std::size_t>(parameter)].value;
            for (std::size_t i = 0; i < theta.size(); ++i) values[i] = (*first)[i] + theta[i];
        }
    }
    for (ActivationEntry& entry : activations_) {
        if (!entry.scale.defined()) continue;
        const Grid grid = grid_now(entry);
        *start_again(entry.scale) = grid.scale;
        *start_again(entry.offset) = grid.offset;
    }
}

void TunableModel::collect()
{
    for (TunableParameter& parameter : parameters_) std::fill(parameter.gradient.begin(), parameter.gradient.end(), 0.0F);
    const auto gradient_of = [](const at::Tensor& leaf) { return leaf.grad().defined() ? leaf.grad().contiguous() : at::Tensor(); };
    for (const Pair& pair : pairs_) {
        auto& to = parameters_[pair.parameter].gradient;
        for (const Side* side : {&pair.producer, &pair.consumer}) {
            const at::Tensor gradient = gradient_of(side->leaf);
            if (!gradient.defined()) continue;
            for (std::size_t i = 0; i < side->index.size(); ++i) to[side->index[i]] += gradient.const_data_ptr<float>()[i] * side->leaf.const_data_ptr<float>()[i];
        }
    }
    for (const auto& [place, entry] : weights_) {
        if (entry.latent >= 0) {
            TunableParameter& parameter = parameters_[static_cast<std::size_t>(entry.latent)];
            if (const at::Tensor gradient = gradient_of(entry.fixed); gradient.defined())
                Slices(scheme_of((*model_.sites)[entry.site]), entry.fixed.sizes().vec()).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
                    quantize::latent_backward_run(parameter.value.data() + begin, gradient.const_data_ptr<float>() + begin, parameter.gradient.data() + begin,
                                                  static_cast<std::int64_t>(end - begin), in_floats(entry.grids[slice]));
                });
        }
        for (const auto& [leaf, parameter] : {std::pair{&entry.upper, entry.upper_parameter}, {&entry.lower, entry.lower_parameter}})
            if (const at::Tensor gradient = parameter < 0 ? at::Tensor() : gradient_of(*leaf); gradient.defined())
                parameters_[static_cast<std::size_t>(parameter)].gradient = floats_of(gradient);
    }
    for (const ActivationEntry& entry : activations_) {
        if (!entry.scale.defined()) continue;
        if (entry.scale.grad().defined())
            parameters_[entry.scale_parameter].gradient[0] = entry.scale.grad().item<float>() * entry.scale.item<float>();
        if (!entry.symmetric && entry.offset.grad().defined())
            parameters_[entry.zero_parameter].gradient[0] = entry.offset.grad().item<float>() * static_cast<float>(entry.start.qmax);
    }
}

WeightScales TunableModel::scales_of(const WeightEntry& entry) const
{
    WeightScales scales{{}, {}, entry.multiply_rows};
    if (entry.columns >= 0) scales.columns = pairs_[static_cast<std::size_t>(entry.columns)].consumer.leaf;
    if (entry.rows >= 0) {
        const Pair& pair = pairs_[static_cast<std::size_t>(entry.rows)];
        scales.rows = entry.multiply_rows ? pair.consumer.leaf : pair.producer.leaf;
    }
    return scales;
}

at::Tensor TunableModel::weight(WeightRole role, std::int64_t layer)
{
    const auto found = weights_.find({role, layer});
    if (found == weights_.end()) return base_.weight(role, layer);
    WeightEntry& entry = found->second;
    if (entry.fixed.defined()) return entry.fixed;
    const at::Tensor base = base_.weight(role, layer);
    if (!base.defined()) return base;
    if (entry.upper.defined()) return clip_and_fake_quantize(base, scales_of(entry), entry.upper, entry.lower, entry.grid);
    const at::Tensor scaled = scale_weight(base, scales_of(entry));
    if (!entry.quantized) return scaled;
    const at::Tensor quantized = simulated_.weight((*model_.sites)[entry.site], scaled);
    if (entry.columns < 0 && entry.rows < 0) entry.fixed = quantized.detach();
    return quantized;
}

at::Tensor TunableModel::bias(WeightRole role, std::int64_t layer)
{
    const at::Tensor base = base_.bias(role, layer);
    const auto found = weights_.find({role, layer});
    if (!base.defined() || found == weights_.end()) return base;
    const WeightScales scales = scales_of(found->second);
    return scale_weight(base, {{}, scales.rows, scales.multiply_rows});
}

at::Tensor TunableModel::activation(const Site& site, const at::Tensor& x)
{
    const ActivationEntry& entry = activations_[static_cast<std::size_t>(site.id)];
    if (entry.same_as_shared) return x;
    if (!entry.scale.defined()) return simulated_.activation(site, x);
    return fake_quantize(x, entry.scale, entry.offset, entry.limits);
}

Quantizer TunableModel::quantizer(const Site& site) const
{
    const ActivationEntry& entry = activations_[static_cast<std::size_t>(site.id)];
    if (entry.scale.defined()) return {entry.scale, entry.offset, entry.limits};
    return simulated_.quantizer(site);
}

Recipe TunableModel::recipe()
{
    Recipe out = plain_;
    for (const Pair& pair : pairs_) {
        std::int64_t count = 0;
        std::vector<float> scales;
        for (const std::int64_t i : scale_ties(pair.legal, count)) scales.push_back(std::exp(parameters_[pair.parameter].value[static_cast<std::size_t>(i)]));
        out.transforms.emplace_back(ScalePair{pair.legal.pair, pair.legal.layer, numbers(std::move(scales))});
    }
    for (const Site& site : model_.sites->sites()) {
        const auto decision = out.sites.find(site.name);
        if (decision == out.sites.end()) continue;
        Range& range = decision->second.range;
        if (site.kind == SiteKind::activation) {
            const ActivationEntry& entry = activations_[static_cast<std::size_t>(site.id)];
            if (entry.same_as_shared) range = out.sites.at((*model_.sites)[site.shares].name).range;
            if (!entry.scale.defined()) continue;
            const Grid grid = grid_now(entry);
            float min = 0, max = 0;
            range_of(grid, entry.symmetric, min, max);
            range = {numbers({min}), numbers({max}), numbers({grid.scale}), numbers({grid.offset}), "learned"};
            continue;
        }
        const auto found = weights_.find({site.weight_role, site.layer});
        if (found == weights_.end()) continue;
        const WeightEntry& entry = found->second;
        if (entry.latent >= 0) {
            const auto& latent = parameters_[static_cast<std::size_t>(entry.latent)].value;
            std::vector<std::int16_t> codes(latent.size());
            Slices(scheme_of(site), entry.fixed.sizes().vec()).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
                const Grid& grid = entry.grids[slice];
                for (std::size_t i = begin; i < end; ++i) codes[i] = static_cast<std::int16_t>(std::clamp(static_cast<std::int32_t>(std::nearbyint(latent[i])), grid.qmin, grid.qmax));
            });
            out.transforms.emplace_back(Codes{site.name, std::make_shared<const std::vector<std::int16_t>>(std::move(codes))});
        } else if (entry.upper.defined()) {
            const ClipBounds bounds = clip_bounds(base_.weight(site.weight_role, site.layer), scales_of(entry), entry.upper, entry.lower, entry.grid);
            range = {numbers(floats_of(bounds.min)), numbers(floats_of(bounds.max)), numbers(floats_of(bounds.scale)), numbers(floats_of(bounds.offset)), "learned"};
        }
    }
    return out;
}

std::vector<Drift> TunableModel::drift() const
{
    std::vector<Drift> out;
    for (const TunableParameter& parameter : parameters_) {
        const std::string::size_type dot = parameter.name.rfind('.');
        const std::string suffix = parameter.name.substr(dot), name = parameter.name.substr(0, dot);
        if (parameter.group == TunableGroup::rounding || suffix == ".zero") continue;  // codes and zero points move by counts, not by ratios
        const double moved = largest(parameter.value) * std::log2(std::exp(1.0));
        const auto what = parameter.group == TunableGroup::transforms ? Drift::What::scale_pair
                          : parameter.group == TunableGroup::clipping ? Drift::What::weight_clip
                                                                      : Drift::What::activation_range;
        if (!out.empty() && out.back().name == name) {
            out.back().log2_ratio = std::max(out.back().log2_ratio, moved);
        } else {
            out.push_back({name, what, moved});
        }
    }
    return out;
}

}  // namespace bitwright
