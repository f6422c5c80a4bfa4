// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/weights.h"

#include "core/recipe/rotations.h"
#include "core/recipe/transforms.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

namespace bitwright {
namespace {

at::Tensor tensor_of(std::vector<float> values, const Shape& shape)
{
    auto owner = std::make_shared<std::vector<float>>(std::move(values));
    return at::from_blob(owner->data(), shape, [owner](void*) {}, at::kFloat);
}

at::Tensor read_source(const Model& model, const WeightSource& source, const Shape& shape)
{
    auto values = at::empty(shape, at::kFloat);
    read_weight(*model.checkpoint, source, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    return values;
}

bool changes(const Recipe& recipe, const std::string& site)
{
    return std::any_of(recipe.transforms.begin(), recipe.transforms.end(), [&](const Transform& transform) {
        const auto* clip = std::get_if<Clip>(&transform);
        const auto* codes = std::get_if<Codes>(&transform);
        return (clip && clip->site == site) || (codes && codes->site == site) || rotation_in(transform);
    });
}

}  // namespace

CheckpointWeights::CheckpointWeights(const Model& model, const Recipe* recipe, WeightOptions options)
    : model_(model), recipe_(recipe), options_(options), streams_(4 * model.description->parameter_count() > options.keep_bytes)
{
    for (const Site& site : model_.sites->sites()) {
        if (site.kind == SiteKind::weight) sites_[{site.weight_role, site.layer}] = site.id;
    }
}

CheckpointWeights::~CheckpointWeights() = default;

at::Tensor CheckpointWeights::weight(WeightRole role, std::int64_t layer) { return held(role, layer).weight; }
at::Tensor CheckpointWeights::bias(WeightRole role, std::int64_t layer) { return held(role, layer).bias; }

const CheckpointWeights::Held& CheckpointWeights::held(WeightRole role, std::int64_t layer)
{
    const auto found = held_.find({layer, role});
    if (found != held_.end()) return found->second;
    if (streams_) drop_others(layer);
    const Held& kept = held_[{layer, role}] = read(role, layer);
    for (const auto& tensor : kept.tensors) model_.checkpoint->release(tensor);  // it is here as float
    return kept;
}

CheckpointWeights::Held CheckpointWeights::read(WeightRole role, std::int64_t layer) const
{
    Held held;
    const auto source = model_.description->weight(role, layer), bias = model_.description->bias(role, layer);
    if (source) held.tensors.push_back(source->tensor);
    if (bias) held.tensors.push_back(bias->tensor);
    const auto site = sites_.find({role, layer});
    if (recipe_ && source && site != sites_.end()) {
        auto made = materialize(model_, recipe_, site->second);
        const auto width = static_cast<std::int64_t>(made.bias.size());
        held.weight = tensor_of(std::move(made.weight), made.shape);
        if (width) held.bias = tensor_of(std::move(made.bias), {width});
    } else {
        if (source) held.weight = read_source(model_, *source, model_.description->shape(role, layer));
        if (bias) held.bias = read_source(model_, *bias, {static_cast<std::int64_t>(weight_size(*model_.checkpoint, *bias))});
    }
    if (options_.tap && held.weight.defined() && site != sites_.end()) held.weight = options_.tap->weight((*model_.sites)[site->second], held.weight);
    return held;
}

void CheckpointWeights::drop_others(std::int64_t layer)
{
    for (auto entry = held_.begin(); entry != held_.end();) {
        if (entry->first.first == layer) {
            ++entry;
            continue;
        }
        for (const auto& tensor : entry->second.tensors) model_.checkpoint->release(tensor);
        entry = held_.erase(entry);
    }
}

// A large vocabulary is not widened for the few rows a window reads.
at::Tensor CheckpointWeights::embedding_rows(const at::Tensor& ids)
{
    const auto source = model_.description->weight(WeightRole::embedding, -1);
    const auto site = sites_.find({WeightRole::embedding, -1});
    const Site* place = site == sites_.end() ? nullptr : &(*model_.sites)[site->second];
    const bool changed = place && ((options_.tap && options_.tap->wants(*place)) || (recipe_ && changes(*recipe_, place->name)));
    if (!streams_ || changed || !source || source->transposed || source->count != 0 || source->add != 0) return WeightProvider::embedding_rows(ids);

    const std::int64_t width = model_.checkpoint->entry(source->tensor).shape.back();
    std::vector<std::int64_t> shape = ids.sizes().vec();
    shape.push_back(width);
    auto rows = at::empty(shape, at::kFloat);
    const auto flat = ids.contiguous();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
        const auto row = static_cast<std::size_t>(flat.data_ptr<std::int64_t>()[i]), columns = static_cast<std::size_t>(width);
        model_.checkpoint->read_float(source->tensor, row * columns, std::span<float>(rows.data_ptr<float>() + i * width, columns));
    }
    return rows;
}

}  // namespace bitwright
