// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/rotation_learning.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

std::vector<float> floats_of(const at::Tensor& t)
{
    const at::Tensor flat = t.detach().contiguous();
    return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

bool contains(const std::vector<SiteId>& sites, SiteId site) { return std::find(sites.begin(), sites.end(), site) != sites.end(); }

}  // namespace

at::Tensor cayley_step(const at::Tensor& q, const at::Tensor& gradient, double rate)
{
    const at::Tensor x = q.to(at::kDouble), g = gradient.to(at::kDouble);
    const at::Tensor product = at::matmul(g, x.t()), w = product - product.t();
    const double length = w.norm().item<double>();
    if (!(length > 0)) return q.clone();
    const at::Tensor half = w * (std::min(rate, 1 / length) / 2), one = at::eye(q.size(0), at::kDouble);
    return at::linalg_solve(one + half, at::matmul(one - half, x)).to(at::kFloat);
}

RotationLearning::RotationLearning(const Model& model, const Recipe& start, int activation_bits)
    : model_(model),
      start_(start),
      plain_(without_rotations(start)),
      quantized_(dynamic_activations(model, start, activation_bits)),
      base_(model, &plain_, {std::numeric_limits<std::int64_t>::max(), nullptr}),
      simulated_(model, quantized_, Placement::paper)
{
    for (const Transform& transform : start_.transforms) {
        const ScalePair* rotation = rotation_in(transform);
        if (!rotation) continue;
        auto legal = legal_rotation(model_, rotation->pair, rotation->layer);
        if (!legal) throw bad_input("recipe", rotation->pair, "is no rotation of this model");
        const std::int64_t n = legal->size;
        at::Tensor q = at::tensor(*rotation->scale).view({n, n});
        at::Tensor momentum = at::zeros_like(q);
        rotations_.push_back({*std::move(legal), rotation->pair + (rotation->layer < 0 ? "" : "." + std::to_string(rotation->layer)), q.set_requires_grad(true), momentum});
    }
    for (const Site& site : model_.sites->sites())
        if (site.kind == SiteKind::weight) sites_[{site.weight_role, site.layer}] = site.id;
}

Recipe RotationLearning::without_rotations(const Recipe& recipe)
{
    Recipe out = recipe;
    std::erase_if(out.transforms, [](const Transform& transform) { return rotation_in(transform) != nullptr; });
    return out;
}

Recipe RotationLearning::dynamic_activations(const Model& model, const Recipe& recipe, int bits)
{
    Recipe out;
    out.semantics = recipe.semantics;
    for (const Site& site : model.sites->sites()) {
        const auto found = recipe.sites.find(site.name);
        if (site.kind != SiteKind::activation || found == recipe.sites.end() || found->second.scheme.kind != SchemeKind::uniform || found->second.scheme.bits > 8) continue;
        out.sites[site.name].scheme = {.bits = bits, .symmetric = found->second.scheme.symmetric, .dynamic = true};
    }
    return out;
}

// `value` [rows, cols], or [rows] of a bias; runs of n along the side that the rotation turns.
at::Tensor RotationLearning::turned(SiteId site, at::Tensor value, bool bias) const
{
    for (const Learned& rotation : rotations_) {
        const std::int64_t n = rotation.legal.size;
        if (!bias && contains(rotation.legal.columns, site)) value = at::matmul(value.reshape({-1, n}), rotation.q).view(value.sizes());
        if (contains(rotation.legal.rows, site)) {
            const auto shape = value.sizes().vec();
            value = at::matmul(rotation.q.t(), value.reshape({shape[0] / n, n, -1})).reshape(shape);
        }
    }
    return value;
}

at::Tensor RotationLearning::weight(WeightRole role, std::int64_t layer)
{
    const at::Tensor base = base_.weight(role, layer);
    const auto site = sites_.find({role, layer});
    return base.defined() && site != sites_.end() ? turned(site->second, base, false) : base;
}

at::Tensor RotationLearning::bias(WeightRole role, std::int64_t layer)
{
    const at::Tensor base = base_.bias(role, layer);
    const auto site = sites_.find({role, layer});
    return base.defined() && site != sites_.end() ? turned(site->second, base, true) : base;
}

at::Tensor RotationLearning::embedding_rows(const at::Tensor& ids)
{
    return turned(sites_.at({WeightRole::embedding, -1}), base_.embedding_rows(ids), false);
}

double RotationLearning::step(double rate)
{
    const c10::NoGradGuard no_grad;
    double square = 0;
    for (Learned& rotation : rotations_) {
        const at::Tensor gradient = rotation.q.grad();
        if (!gradient.defined()) continue;
        square += std::pow(gradient.norm().item<double>(), 2);
        rotation.momentum = 0.9 * rotation.momentum + gradient;
        rotation.q.mutable_grad().reset();
        rotation.q.copy_(cayley_step(rotation.q, rotation.momentum, rate));
    }
    return std::sqrt(square);
}

std::vector<at::Tensor> RotationLearning::gradients() const
{
    std::vector<at::Tensor> out;
    for (const Learned& rotation : rotations_) out.push_back(rotation.q.grad());
    return out;
}

Recipe RotationLearning::recipe() const
{
    Recipe out = start_;
    auto learned = rotations_.begin();
    for (Transform& transform : out.transforms)
        if (const ScalePair* rotation = rotation_in(transform)) transform = ScalePair{rotation->pair, rotation->layer, numbers(floats_of((learned++)->q))};
    return out;
}

std::vector<MethodCheckpoint::Parameter> RotationLearning::parameters() const
{
    std::vector<MethodCheckpoint::Parameter> out;
    for (const Learned& rotation : rotations_) out.push_back({rotation.name, floats_of(rotation.q), {floats_of(rotation.momentum), {}}});
    return out;
}

void RotationLearning::restore(const std::vector<MethodCheckpoint::Parameter>& parameters, const std::string& file)
{
    const c10::NoGradGuard no_grad;
    bool fits = parameters.size() == rotations_.size();
    for (std::size_t i = 0; fits && i < parameters.size(); ++i) {
        Learned& rotation = rotations_[i];
        const auto size = static_cast<std::size_t>(rotation.q.numel());
        fits = parameters[i].name == rotation.name && parameters[i].value.size() == size && parameters[i].moments.first.size() == size;
        if (!fits) break;
        rotation.q.copy_(at::tensor(parameters[i].value).view_as(rotation.q));
        rotation.momentum = at::tensor(parameters[i].moments.first).view_as(rotation.q);
    }
    if (!fits) throw bad_input(file, "parameters", "do not fit this model and recipe; start afresh");
}

}  // namespace bitwright
