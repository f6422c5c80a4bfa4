// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/layer_walk.h"

#include "core/recipe/linear_inputs.h"
#include "core/recipe/placement.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace bitwright {

TokenWindows cut(const TokenWindows& windows, std::int64_t count, std::int64_t slice)
{
    TokenWindows out;
    out.length = std::min(slice, windows.length);
    for (std::int64_t i = 0; i < std::min(count, windows.count); ++i)
        for (std::int64_t from = 0; from + out.length <= windows.length; from += out.length, ++out.count)
            out.ids.insert(out.ids.end(), windows.window(i) + from, windows.window(i) + from + out.length);
    return out;
}

std::vector<LinearInput> open_linears(const Model& model, const Recipe& recipe, std::int64_t layer)
{
    std::vector<LinearInput> out;
    for (const Site& site : model.sites->sites()) {
        if (site.layer != layer || !is_layer_linear(site.role)) continue;
        const auto decision = recipe.sites.find(site.name);
        const bool fits = decision != recipe.sites.end() && decision->second.scheme.kind == SchemeKind::uniform && !decision->second.scheme.dynamic;
        const bool fixed = std::any_of(recipe.transforms.begin(), recipe.transforms.end(), [&](const Transform& transform) {
            const auto* codes = std::get_if<Codes>(&transform);
            return codes && codes->site == site.name;
        });
        if (const SiteId input = input_of_linear(model, site.id); fits && !fixed && input != no_site) out.push_back({&site, input});
    }
    return out;
}

at::Tensor CaptureTap::activation(const Site& site, const at::Tensor& x)
{
    const at::Tensor y = inner_.activation(site, x);
    const auto found = hessians.find(site.id);
    if (found == hessians.end()) return y;
    const at::Tensor rows = y.reshape({-1, y.size(-1)}), squares = at::matmul(rows.t(), rows).to(at::kDouble);
    found->second = found->second.defined() ? found->second + squares : squares;
    return y;
}

LayerWalk::LayerWalk(const Model& model, const Recipe& start, Tap& tap, const TokenWindows& slices, const Control& control)
    : weights_(model, start, tap), decoder_(model, weights_, {.semantics = start.semantics, .control = &control})
{
    const c10::NoGradGuard no_grad;
    const std::int64_t batch = std::max<std::int64_t>(1, 512 / slices.length);
    for (std::int64_t first = 0; first < slices.count; first += batch) {
        const std::int64_t n = std::min(batch, slices.count - first);
        at::Tensor ids = at::empty({n, slices.length}, at::kLong);
        std::copy_n(slices.window(first), n * slices.length, ids.mutable_data_ptr<std::int64_t>());
        hidden_.push_back(decoder_.embed(ids, tap));
    }
}

void LayerWalk::enter(std::int64_t layer)
{
    weights_.replaced.clear();
    weights_.layer = layer;
}

std::vector<at::Tensor> LayerWalk::outputs(Tap& tap)
{
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> out;
    for (const at::Tensor& x : hidden_) out.push_back(decoder_.layer(weights_.layer, x, tap));
    return out;
}

void LayerWalk::advance(Tap& tap)
{
    const c10::NoGradGuard no_grad;
    for (at::Tensor& x : hidden_) x = decoder_.layer(weights_.layer, x, tap);
}

}  // namespace bitwright
