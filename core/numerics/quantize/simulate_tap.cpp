// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/simulate_tap.h"

#include "core/numerics/quantize/fake_quantize.h"
#include "core/recipe/grid.h"

#include <ATen/ops/aminmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <utility>

namespace bitwright {

namespace {

bool exists_at(const Site& site, Placement placement) { return placement == Placement::paper ? site.levels.simulated : site.levels.full; }

std::pair<at::Tensor, at::Tensor> tensors_of(std::int64_t slices, const std::function<Grid(std::size_t)>& grid)
{
    at::Tensor scale = at::empty({slices}, at::kFloat), offset = at::empty({slices}, at::kFloat);
    for (std::int64_t i = 0; i < slices; ++i) {
        const Grid g = grid(static_cast<std::size_t>(i));
        scale.mutable_data_ptr<float>()[i] = g.scale;
        offset.mutable_data_ptr<float>()[i] = g.offset;
    }
    return {scale, offset};
}

// A tensor laid out as [slices, values] and the way back.
struct Sliced {
    at::Tensor rows;
    std::function<at::Tensor(const at::Tensor&)> back;
};

Sliced sliced(const Site& site, const Scheme& scheme, const at::Tensor& x)
{
    const auto shape = x.sizes().vec();
    const auto as_rows = [&](std::int64_t length) {
        if (x.numel() % length != 0 || x.size(-1) % length != 0)
            throw bad_input(site.name, "group_size", std::to_string(length) + " does not divide " + std::to_string(x.size(-1)) + "; choose a divisor");
        return Sliced{x.reshape({-1, length}), [shape](const at::Tensor& y) { return y.view(shape); }};
    };
    const auto along = [](const at::Tensor& t, std::int64_t axis) {
        const at::Tensor front = t.movedim(axis, 0);
        const auto moved = front.sizes().vec();
        return Sliced{front.reshape({moved[0], -1}), [moved, axis](const at::Tensor& y) { return y.view(moved).movedim(0, axis); }};
    };
    const bool weight = site.kind == SiteKind::weight;
    switch (scheme.granularity) {
        case Granularity::tensor: return {x.reshape({1, -1}), [shape](const at::Tensor& y) { return y.view(shape); }};
        case Granularity::row: return weight && x.dim() == 1 ? Sliced{x.reshape({1, -1}), [shape](const at::Tensor& y) { return y.view(shape); }} : as_rows(x.size(-1));
        case Granularity::token: return as_rows(x.size(-1));
        case Granularity::group: return as_rows(scheme.group_size > 0 ? scheme.group_size : x.size(-1));
        case Granularity::channel: return along(x, !weight && x.dim() == 4 && site.channels == x.size(1) && site.channels != x.size(3) ? 1 : -1);
        case Granularity::head: {
            if (x.dim() == 4) return along(x, 1);
            throw bad_input(site.name, "granularity", "per head is for attention tensors; use row or tensor");
        }
    }
    return {x, [](const at::Tensor& y) { return y; }};
}

}  // namespace

SimulateTap::SimulateTap(const Model& model, const Recipe& recipe, Placement placement) : semantics_(recipe.semantics)
{
    entries_.resize(model.sites->sites().size());
    for (const Site& site : model.sites->sites()) {
        const auto found = recipe.sites.find(site.name);
        if (found == recipe.sites.end() || !exists_at(site, placement)) continue;
        const auto& [scheme, range] = found->second;
        if (scheme.kind == SchemeKind::floating) continue;
        if (scheme.kind != SchemeKind::uniform) throw bad_input(site.name, "kind", "only uniform grids can be simulated; set kind=uniform or kind=float");
        Entry& entry = entries_[static_cast<std::size_t>(site.id)];
        entry.active = true;
        entry.scheme = scheme;
        const Numbers& given = range.scale ? range.scale : range.min;
        if (scheme.dynamic || (site.kind == SiteKind::weight && !given)) continue;
        if (!given || given->empty()) throw bad_input(site.name, "range", "is missing; calibrate, or set min and max");
        std::tie(entry.scale, entry.offset) =
            tensors_of(static_cast<std::int64_t>(given->size()), [&](std::size_t i) { return grid_of(range, i, scheme, semantics_); });
    }
}

bool SimulateTap::wants(const Site& site) const { return entries_[static_cast<std::size_t>(site.id)].active; }
Quantizer SimulateTap::quantizer(const Site& site) const
{
    const Entry& entry = entries_[static_cast<std::size_t>(site.id)];
    if (!entry.active || !entry.scale.defined() || entry.scale.numel() != 1) return {};
    return {entry.scale, entry.offset, code_limits(entry.scheme.bits, entry.scheme.symmetric)};
}
at::Tensor SimulateTap::activation(const Site& site, const at::Tensor& x) { return quantize(site, x); }
at::Tensor SimulateTap::weight(const Site& site, const at::Tensor& w) { return quantize(site, w); }

at::Tensor SimulateTap::quantize(const Site& site, const at::Tensor& x) const
{
    const Entry& entry = entries_[static_cast<std::size_t>(site.id)];
    if (!entry.active) return x;
    const CodeLimits limits = code_limits(entry.scheme.bits, entry.scheme.symmetric);
    const auto like = [&](const at::Tensor& t) { return t.to(x.scalar_type()); };
    if (entry.scale.defined() && entry.scale.numel() == 1) return fake_quantize(x, like(entry.scale), like(entry.offset), limits);

    const Sliced slices = sliced(site, entry.scheme, x);
    at::Tensor scale = entry.scale, offset = entry.offset;
    if (!scale.defined()) {
        const auto [low, high] = at::aminmax(slices.rows.detach(), 1);
        const at::Tensor min = low.to(at::kFloat).contiguous(), max = high.to(at::kFloat).contiguous();
        std::tie(scale, offset) = tensors_of(min.numel(), [&](std::size_t i) {
            return grid_of(min.const_data_ptr<float>()[i], max.const_data_ptr<float>()[i], entry.scheme, semantics_);
        });
    }
    if (scale.numel() != slices.rows.size(0))
        throw bad_input(site.name, "range", std::to_string(scale.numel()) + " pairs for " + std::to_string(slices.rows.size(0)) + " slices; calibrate again");
    return slices.back(fake_quantize(slices.rows, like(scale), like(offset), limits));
}

}  // namespace bitwright
