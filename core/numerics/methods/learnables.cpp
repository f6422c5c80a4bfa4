// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/learnables.h"

#include "core/recipe/grid.h"
#include "core/recipe/scale_ties.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace bitwright {
namespace {

constexpr float smallest_scale = 1e-2F;
constexpr float first_factor = 4.0F;  // σ(4) = 0.982

bool fake_quantized(const Recipe& recipe, const Site& site)
{
    const auto found = recipe.sites.find(site.name);
    return site.layer >= 0 && site.levels.simulated && found != recipe.sites.end() && found->second.scheme.kind == SchemeKind::uniform;
}

Numbers numbers_of(const at::Tensor& t)
{
    const at::Tensor flat = t.detach().contiguous();
    return numbers({flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()});
}

// Takes the clips out of `recipe` that are the last transform of their weight.
std::map<std::string, Clip> take_final_clips(Recipe& recipe, const Model& model)
{
    std::map<std::string, Clip> taken;
    std::set<std::string> touched;
    for (std::size_t i = recipe.transforms.size(); i-- > 0;) {
        if (const auto* pair = std::get_if<ScalePair>(&recipe.transforms[i])) {
            const auto legal = legal_pair(model, pair->pair, pair->layer);
            if (!legal) continue;
            touched.insert((*model.sites)[legal->producer].name);
            for (const SiteId consumer : legal->consumers) touched.insert((*model.sites)[consumer].name);
        } else if (const auto* clip = std::get_if<Clip>(&recipe.transforms[i]); clip && touched.insert(clip->site).second) {
            taken.emplace(clip->site, *clip);
            recipe.transforms.erase(recipe.transforms.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    return taken;
}

// The factor u whose σ(u) times `extreme` is `bound`; the usual first one where there is none.
float factor_of(float bound, float extreme)
{
    const double share = static_cast<double>(bound) / static_cast<double>(extreme);
    if (!(share > 0 && share < 1)) return first_factor;
    return static_cast<float>(std::log(share / (1 - share)));
}

// The learned bounds, but never inside the grid: a symmetric grid and one on the scale floor reach beyond them, and what was optimized saturates at the grid's
// end. So the recipe's weights have the codes that the optimizer saw.
Clip clip_of(const std::string& site, const ClipBounds& bounds, const WeightGrid& grid)
{
    std::vector<float> low = *numbers_of(bounds.min), high = *numbers_of(bounds.max);
    const CodeLimits limits = code_limits(grid.bits, grid.symmetric);
    for (std::size_t i = 0; i < low.size(); ++i) {
        const float scale = bounds.scale.const_data_ptr<float>()[i], offset = bounds.offset.const_data_ptr<float>()[i];
        const float first = (static_cast<float>(limits.min) - offset) * scale, last = (static_cast<float>(limits.max) - offset) * scale;
        if (!grid.symmetric && high[i] - low[i] > (last - first) - 0.5F * scale) continue;
        low[i] = std::min(low[i], first);
        high[i] = std::max(high[i], last);
    }
    return {site, numbers(std::move(low)), numbers(std::move(high))};
}

double largest_log2_ratio(const at::Tensor& now, const at::Tensor& first)
{
    double out = 0;
    for (std::int64_t i = 0; i < now.numel(); ++i) {
        const double ratio = static_cast<double>(now.const_data_ptr<float>()[i]) / static_cast<double>(first.const_data_ptr<float>()[i]);
        out = std::max(out, ratio > 0 ? std::abs(std::log2(ratio)) : std::numeric_limits<double>::infinity());
    }
    return out;
}

}  // namespace

bool learned_in_paper(const LegalPair& pair) noexcept { return (pair.pair != "v_o" && pair.pair != "q_k") || pair.repeat == 1; }

LearnableModel::LearnableModel(const Model& model, const Recipe& start, const Learned& learned)
    : model_(model),
      start_(start),
      learned_(learned),
      plain_(start),
      base_(model, &plain_, {std::numeric_limits<std::int64_t>::max(), nullptr}),
      simulated_(model, start, Placement::paper)
{
    for (const Transform& transform : start.transforms)
        if (const auto* codes = std::get_if<Codes>(&transform))
            throw bad_input("recipe", codes->site, "has fixed codes, which cannot be optimized further; start from the recipe before them");
    if (learned_.lwc) clips_ = take_final_clips(plain_, model);  // base_ reads no weight before
    for (const Site& site : model_.sites->sites())
        if (site.kind == SiteKind::weight && site.layer >= 0) weights_[{site.weight_role, site.layer}].site = site.id;
    if (learned_.let) add_pairs();
    add_weights();
    activations_.resize(model_.sites->sites().size());
    if (learned_.lrl) add_activations();
}

at::Tensor LearnableModel::add(std::string name, LearnableGroup group, at::Tensor value)
{
    at::Tensor first = value.clone();
    value.set_requires_grad(true);
    learnables_.push_back({std::move(name), group, value, std::move(first)});
    return value;
}

void LearnableModel::add_pairs()
{
    const auto entry_of = [&](SiteId id) -> WeightEntry& {
        const Site& site = (*model_.sites)[id];
        return weights_.at({site.weight_role, site.layer});
    };
    for (LegalPair& legal : legal_pairs(model_)) {
        if (!learned_in_paper(legal) || (legal.pair == "up_down" && !learned_.up_down)) continue;
        const int index = static_cast<int>(pairs_.size());
        Pair pair;
        std::int64_t count = legal.channels;
        if (legal.tied_rope_pairs) {
            const auto ties = scale_ties(legal, count);
            pair.spread = at::empty({legal.channels}, at::kLong);
            std::copy(ties.begin(), ties.end(), pair.spread.mutable_data_ptr<std::int64_t>());
        }
        pair.value = add("layers." + std::to_string(legal.layer) + "." + legal.pair + ".scale", LearnableGroup::let, at::full({count}, 1.0F));
        entry_of(legal.producer).rows = index;
        for (const SiteId consumer : legal.consumers) {
            WeightEntry& entry = entry_of(consumer);
            if (legal.pair == "q_k") {
                entry.rows = index;
                entry.multiply_rows = true;
            } else {
                entry.columns = index;
            }
        }
        pair.legal = std::move(legal);
        pairs_.push_back(std::move(pair));
    }
}

void LearnableModel::add_weights()
{
    for (const Site& site : model_.sites->sites()) {
        if (site.kind != SiteKind::weight || !fake_quantized(start_, site)) continue;
        const Scheme& scheme = start_.sites.at(site.name).scheme;
        if (scheme.dynamic || (scheme.granularity != Granularity::tensor && scheme.granularity != Granularity::row))
            throw bad_input("recipe", site.name, "clipping is learned per tensor or per row only; set granularity=tensor or granularity=row");
        WeightEntry& entry = weights_.at({site.weight_role, site.layer});
        const Shape shape = model_.description->shape(site.weight_role, site.layer);
        const bool per_row = scheme.granularity == Granularity::row && shape.size() > 1;
        entry.grid = {scheme.bits, scheme.symmetric, per_row, start_.semantics};
        const std::int64_t slices = per_row ? shape[0] : 1;
        if (!learned_.lwc) {
            if (entry.columns < 0 && entry.rows < 0) continue;
            entry.grid.log_factors = true;  // of factor 0: the weight's own min and max under its scales
            entry.upper = at::zeros({slices}, at::kFloat);
            entry.lower = at::zeros({slices}, at::kFloat);
            continue;
        }
        const auto [upper, lower] = first_factors(site, slices);
        entry.upper = add(site.name + ".upper", LearnableGroup::lwc, upper);
        entry.lower = add(site.name + ".lower", LearnableGroup::lwc, lower);
    }
}

std::pair<at::Tensor, at::Tensor> LearnableModel::first_factors(const Site& site, std::int64_t slices)
{
    at::Tensor upper = at::full({slices}, first_factor), lower = at::full({slices}, first_factor);
    const auto clip = clips_.find(site.name);
    if (clip == clips_.end()) return {upper, lower};
    const Range& range = start_.sites.at(site.name).range;  // the learned bounds themselves; the clip may reach to the end of the grid
    const Numbers &min = range.min ? range.min : clip->second.min, &max = range.max ? range.max : clip->second.max;
    if (std::ssize(*min) != slices || std::ssize(*max) != slices) return {upper, lower};
    const at::Tensor weight = base_.weight(site.weight_role, site.layer).contiguous();
    const std::int64_t length = weight.numel() / slices;
    for (std::int64_t i = 0; i < slices; ++i) {
        const auto [low, high] = std::minmax_element(weight.const_data_ptr<float>() + i * length, weight.const_data_ptr<float>() + (i + 1) * length);
        upper.mutable_data_ptr<float>()[i] = factor_of((*max)[static_cast<std::size_t>(i)], *high);
        lower.mutable_data_ptr<float>()[i] = factor_of((*min)[static_cast<std::size_t>(i)], *low);
    }
    return {upper, lower};
}

void LearnableModel::add_activations()
{
    for (const Site& site : model_.sites->sites()) {
        if (site.kind != SiteKind::activation || !fake_quantized(start_, site)) continue;
        const auto& [scheme, range] = start_.sites.at(site.name);
        if (scheme.dynamic || scheme.granularity != Granularity::tensor) continue;
        const Grid grid = grid_of(range, 0, scheme, start_.semantics);
        Quantizer& entry = activations_[static_cast<std::size_t>(site.id)];
        entry.limits = code_limits(scheme.bits, scheme.symmetric);
        entry.scale = add(site.name + ".scale", LearnableGroup::lrl, at::full({1}, grid.scale));
        entry.offset = add(site.name + ".offset", LearnableGroup::lrl, at::full({1}, grid.offset));
    }
}

void LearnableModel::truncate_scales()
{
    for (Pair& pair : pairs_) {
        float* values = pair.value.mutable_data_ptr<float>();
        for (std::int64_t i = 0; i < pair.value.numel(); ++i) {
            if (pair.legal.positive_only) values[i] = std::max(values[i], smallest_scale);
            if (std::abs(values[i]) < smallest_scale) values[i] = std::copysign(smallest_scale, values[i]);
        }
    }
}

WeightScales LearnableModel::scales_of(const WeightEntry& entry) const
{
    const auto channels = [&](int pair) { return pair < 0 ? at::Tensor() : pairs_[static_cast<std::size_t>(pair)].channels(); };
    return {channels(entry.columns), channels(entry.rows), entry.multiply_rows};
}

at::Tensor LearnableModel::weight(WeightRole role, std::int64_t layer)
{
    const at::Tensor base = base_.weight(role, layer);
    const auto found = weights_.find({role, layer});
    if (!base.defined() || found == weights_.end()) return base;
    WeightEntry& entry = found->second;
    if (entry.fixed.defined()) return entry.fixed;
    if (!entry.upper.defined()) {
        const at::Tensor quantized = simulated_.weight((*model_.sites)[entry.site], scale_weight(base, scales_of(entry)));
        if (entry.columns < 0 && entry.rows < 0) entry.fixed = quantized;
        return quantized;
    }
    return clip_and_fake_quantize(base, scales_of(entry), entry.upper, entry.lower, entry.grid);
}

at::Tensor LearnableModel::bias(WeightRole role, std::int64_t layer)
{
    const at::Tensor base = base_.bias(role, layer);
    const auto found = weights_.find({role, layer});
    if (!base.defined() || found == weights_.end()) return base;
    const WeightScales scales = scales_of(found->second);
    return scale_weight(base, {{}, scales.rows, scales.multiply_rows});
}

at::Tensor LearnableModel::activation(const Site& site, const at::Tensor& x)
{
    const Quantizer& entry = activations_[static_cast<std::size_t>(site.id)];
    if (!entry.active()) return simulated_.activation(site, x);
    return fake_quantize(x, entry.scale, entry.offset, entry.limits);
}

Quantizer LearnableModel::quantizer(const Site& site) const
{
    const Quantizer& entry = activations_[static_cast<std::size_t>(site.id)];
    return entry.active() ? entry : simulated_.quantizer(site);
}

Recipe LearnableModel::recipe()
{
    Recipe out = plain_;
    for (const Pair& pair : pairs_) out.transforms.emplace_back(ScalePair{pair.legal.pair, pair.legal.layer, numbers_of(pair.channels())});
    for (const Site& site : model_.sites->sites()) {
        if (site.kind == SiteKind::weight) {
            const auto found = weights_.find({site.weight_role, site.layer});
            if (found == weights_.end() || !found->second.upper.defined()) continue;
            const WeightEntry& entry = found->second;
            const ClipBounds bounds = clip_bounds(base_.weight(site.weight_role, site.layer), scales_of(entry), entry.upper, entry.lower, entry.grid);
            const Numbers min = numbers_of(bounds.min), max = numbers_of(bounds.max);
            if (learned_.lwc) out.transforms.emplace_back(clip_of(site.name, bounds, entry.grid));
            out.sites.at(site.name).range = {min, max, nullptr, nullptr, learned_.lwc ? "learned clipping" : "min-max"};
        } else if (const Quantizer& entry = activations_[static_cast<std::size_t>(site.id)]; entry.active()) {
            SiteDecision& decision = out.sites.at(site.name);
            const Grid grid{entry.scale.item<float>(), entry.offset.item<float>(), static_cast<std::int32_t>(entry.limits.min),
                            static_cast<std::int32_t>(entry.limits.max)};
            float min = 0, max = 0;
            range_of(grid, decision.scheme.symmetric, min, max);
            decision.range = {numbers({min}), numbers({max}), numbers({grid.scale}), numbers({grid.offset}), "learned"};
        }
    }
    return out;
}

std::vector<Drift> LearnableModel::drift() const
{
    std::vector<Drift> out;
    const auto moved = [&](const Learnable& learnable, std::string_view suffix, Drift::What what) {
        if (!learnable.name.ends_with(suffix)) return;
        const bool clip = what == Drift::What::weight_clip;
        const at::Tensor now = learnable.value.detach(), &first = learnable.first;
        const double ratio = clip ? largest_log2_ratio(at::sigmoid(now), at::sigmoid(first)) : largest_log2_ratio(now, first);
        std::string name = learnable.name.substr(0, learnable.name.size() - suffix.size());
        if (!out.empty() && out.back().name == name) {
            out.back().log2_ratio = std::max(out.back().log2_ratio, ratio);
        } else {
            out.push_back({std::move(name), what, ratio});
        }
    };
    for (const Learnable& learnable : learnables_) {
        switch (learnable.group) {
            case LearnableGroup::let: moved(learnable, ".scale", Drift::What::scale_pair); break;
            case LearnableGroup::lwc:
                moved(learnable, ".upper", Drift::What::weight_clip);
                moved(learnable, ".lower", Drift::What::weight_clip);
                break;
            case LearnableGroup::lrl: moved(learnable, ".scale", Drift::What::activation_range); break;  // offsets hardly move, and not in ratios
        }
    }
    return out;
}

}  // namespace bitwright
