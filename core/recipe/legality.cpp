// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/legality.h"

#include "core/recipe/rotations.h"
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"

#include <cmath>

namespace bitwright {
namespace {

bool is_attention_matrix(SiteRole role) { return role == SiteRole::qk_output || role == SiteRole::pv_input; }
bool has_heads(SiteRole role) { return is_attention_matrix(role) || role == SiteRole::qk_input || role == SiteRole::qk_input2 || role == SiteRole::pv_input2; }

std::string weight_fault(const Model& model, const Site& site, const Scheme& scheme)
{
    if (scheme.dynamic) return "a weight has no dynamic range; use dynamic=false";
    const Shape shape = model.description->shape(site.weight_role, site.layer);
    if (is_norm(site.weight_role)) {
        const bool per_head = scheme.granularity == Granularity::head && shape.size() == 2;
        return scheme.granularity == Granularity::tensor || per_head ? "" : "a norm weight is quantized per tensor; use granularity=tensor";
    }
    switch (scheme.granularity) {
        case Granularity::tensor:
        case Granularity::row:
        case Granularity::channel:
            return "";
        case Granularity::group:
            if (scheme.group_size <= 0) return "a group needs its size; use granularity=group:32, 64 or 128";
            if (shape.back() % scheme.group_size != 0) {
                return "a group of " + std::to_string(scheme.group_size) + " does not divide its " + std::to_string(shape.back()) + " inputs; use a divisor";
            }
            return "";
        default:
            return "a weight is quantized per tensor, row, channel or group, not per " + std::string(name_of(scheme.granularity));
    }
}

std::string activation_fault(const Site& site, const Scheme& scheme)
{
    switch (scheme.granularity) {
        case Granularity::tensor:
        case Granularity::channel:
            return "";
        case Granularity::head:
            return has_heads(site.role) ? "" : "only attention's tensors have heads; use granularity=tensor";
        case Granularity::token:
            return scheme.dynamic ? "" : "a range per token cannot be known beforehand; add dynamic=true, or use granularity=tensor";
        default:
            return "an activation is quantized per tensor, channel, head or token, not per " + std::string(name_of(scheme.granularity));
    }
}

std::string vector_fault(const char* name, const Numbers& values, std::size_t expected)
{
    if (values->size() != expected)
        return std::string(name) + " has " + std::to_string(values->size()) + " numbers where the scheme needs " + std::to_string(expected);
    for (const float value : *values) {
        if (!std::isfinite(value)) return std::string(name) + " is not finite";
    }
    return "";
}

Error misfit(const std::string& field, const std::string& what) { return bad_input("recipe", field, what); }

std::string scale_fault(const LegalPair& pair, const Numbers& scale)
{
    if (!scale) return "has no scales";
    if (auto fault = vector_fault("scale", scale, static_cast<std::size_t>(pair.channels)); !fault.empty()) return fault;
    for (const float s : *scale) {
        if (s == 0) return "a scale is 0; scales divide the producer";
        if (pair.positive_only && s < 0) return "a scale is negative, which ReLU does not let pass";
    }
    if (pair.tied_rope_pairs) {
        for (std::int64_t c = 0; c < pair.channels; ++c) {
            const std::int64_t i = c % pair.head_dim;
            if (i < pair.rope_dims / 2 && (*scale)[static_cast<std::size_t>(c)] != (*scale)[static_cast<std::size_t>(c + pair.rope_dims / 2)]) {
                return "channels " + std::to_string(c) + " and " + std::to_string(c + pair.rope_dims / 2) + " are rotated together (RoPE) and need one scale";
            }
        }
    }
    return "";
}

struct TransformCheck {
    const Recipe& recipe;
    const Model& model;

    void rotation(const ScalePair& t) const
    {
        const std::string field = t.pair + (t.layer < 0 ? "" : " of layer " + std::to_string(t.layer));
        const auto legal = legal_rotation(model, t.pair, t.layer);
        const std::string obstacle = rotation_obstacle(model, t.pair);
        if (!legal) throw misfit(field, "is no rotation of this model, which " + (obstacle.empty() ? std::string("has no such layer") : obstacle));
        if (const auto fault = rotation_fault(*legal, t.scale); !fault.empty()) throw misfit(field, fault);
        if (t.layer >= 0) return;
        Recipe before = recipe;  // up to this rotation
        before.transforms.resize(static_cast<std::size_t>(std::find_if(recipe.transforms.begin(), recipe.transforms.end(), [&](const Transform& other) { return rotation_in(other) == &t; }) - recipe.transforms.begin()));
        for (const Site& site : model.sites->sites()) {
            if (site.role != SiteRole::attention_norm_weight && site.role != SiteRole::mlp_norm_weight && site.role != SiteRole::final_norm_weight) continue;
            for (const float weight : materialize(model, &before, site.id).weight)
                if (!(std::fabs(weight - 1) < 1e-5F)) throw misfit(field, "comes before " + site.name + " is folded into what reads it; make the recipe again");
        }
    }
    void operator()(const ScalePair& t) const
    {
        if (is_rotation(t)) return rotation(t);
        const std::string field = t.pair + " of layer " + std::to_string(t.layer);
        const auto pair = legal_pair(model, t.pair, t.layer);
        if (!pair) throw misfit(field, "is no legal scale pair of " + recipe.architecture + "; remove it");
        if (const auto fault = scale_fault(*pair, t.scale); !fault.empty()) throw misfit(field, fault);
    }
    void operator()(const Clip& t) const
    {
        const auto [site, decision] = weight_of(t.site);
        const std::size_t expected = range_size(model, *site, decision->scheme);
        for (const auto& [name, values] : {std::pair{"clip min", t.min}, {"clip max", t.max}}) {
            if (!values) throw misfit(t.site, std::string(name) + " is missing");
            if (const auto fault = vector_fault(name, values, expected); !fault.empty()) throw misfit(t.site, fault);
        }
    }
    void operator()(const Codes& t) const
    {
        const auto [site, decision] = weight_of(t.site);
        const auto expected = static_cast<std::size_t>(element_count(model.description->shape(site->weight_role, site->layer)));
        if (!t.codes || t.codes->size() != expected)
            throw misfit(t.site, "has " + std::to_string(t.codes ? t.codes->size() : 0) + " codes for " + std::to_string(expected) + " weights");
        const Scheme& scheme = decision->scheme;
        if (scheme.kind != SchemeKind::uniform) throw misfit(t.site, "has codes but no uniform scheme");
        const int shift = scheme.symmetric || scheme.bits == 16 ? 1 << (scheme.bits - 1) : 0;
        const int low = -shift, high = (1 << scheme.bits) - 1 - shift;
        for (const int code : *t.codes) {
            if (code < low || code > high)
                throw misfit(t.site, "code " + std::to_string(code) + " is outside " + std::to_string(low) + " … " + std::to_string(high));
        }
    }
    std::pair<const Site*, const SiteDecision*> weight_of(const std::string& name) const
    {
        const SiteId id = model.sites->find(name);
        if (id == no_site || (*model.sites)[id].kind != SiteKind::weight) throw misfit(name, "is no weight of this model");
        const auto found = recipe.sites.find(name);
        if (found == recipe.sites.end()) throw misfit(name, "is transformed but has no scheme");
        return {&(*model.sites)[id], &found->second};
    }
};

}  // namespace

std::string scheme_fault(const Model& model, const Site& site, const Scheme& scheme)
{
    if (scheme.kind == SchemeKind::floating) return "";
    if (scheme.bits < 2 || scheme.bits > 16) return std::to_string(scheme.bits) + " bits are outside 2 … 16";
    if (scheme.integer_group_scales && scheme.granularity != Granularity::group) return "integer group scales need groups; use granularity=group:N";
    return site.kind == SiteKind::weight ? weight_fault(model, site, scheme) : activation_fault(site, scheme);
}

std::size_t range_size(const Model& model, const Site& site, const Scheme& scheme)
{
    if (site.kind == SiteKind::weight) return Slices(scheme, model.description->shape(site.weight_role, site.layer)).count();
    if (scheme.granularity == Granularity::head) return static_cast<std::size_t>(model.architecture().heads);
    return scheme.granularity == Granularity::channel ? static_cast<std::size_t>(site.channels) : 1;
}

std::string range_fault(const Model& model, const Site& site, const Scheme& scheme, const Range& range)
{
    if (scheme.kind == SchemeKind::floating || scheme.dynamic) return "";
    const std::size_t expected = range_size(model, site, scheme);
    if (!range.scale && !range.min && !range.max) return site.kind == SiteKind::weight ? "" : "has no range; calibrate, or set min and max";
    for (const auto& [name, values] : {std::pair{"min", range.min}, {"max", range.max}, {"scale", range.scale}, {"offset", range.offset}}) {
        if (!values) continue;
        if (auto fault = vector_fault(name, values, expected); !fault.empty()) return fault;
    }
    if (range.offset && !range.scale) return "has an offset without a scale";
    if (range.scale) {
        for (const float scale : *range.scale) {
            if (scale <= 0) return "its scale is not positive";
        }
        return "";
    }
    if (!range.min || !range.max) return "needs both min and max";
    for (std::size_t i = 0; i < expected; ++i) {
        if ((*range.min)[i] > (*range.max)[i]) return "min is above max";
    }
    return "";
}

void validate(const Recipe& recipe, const Model& model)
{
    const std::string fingerprint = architecture_fingerprint(model.architecture());
    if (recipe.architecture != fingerprint) {
        throw misfit("architecture",
                     "it was made for \"" + recipe.architecture + "\" but this model is \"" + fingerprint + "\"; use the model it was made for");
    }
    for (const auto& [name, decision] : recipe.sites) {
        const SiteId id = model.sites->find(name);
        if (id == no_site) throw misfit(name, "is no site of this model");
        const Site& site = (*model.sites)[id];
        if (const auto fault = scheme_fault(model, site, decision.scheme); !fault.empty()) throw misfit(name, fault);
        if (const auto fault = range_fault(model, site, decision.scheme, decision.range); !fault.empty()) throw misfit(name, fault);
    }
    for (const Transform& transform : recipe.transforms) std::visit(TransformCheck{recipe, model}, transform);
}

}  // namespace bitwright
