// SPDX-License-Identifier: GPL-3.0-or-later
// SmoothQuant (Xiao et al. 2023, arXiv 2211.10438) in closed form (mobilequant §3): `static` smooths norm→linear pairs, `edge` also up→down and v→o; both with
// static ranges. `dynamic` is the original: the linears' inputs and attention's operands on a grid per token, taken at run time, everything else in float.
#include "core/numerics/methods/range_search.h"
#include "core/numerics/methods/resources.h"
#include "core/recipe/linear_inputs.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr double floor_of_both = 1e-5;

bool smoothed(const LegalPair& pair, bool edge)
{
    if (pair.pair == "norm_qkv" || pair.pair == "norm_mlp") return true;
    return edge && (pair.pair == "up_down" || (pair.pair == "v_o" && pair.repeat == 1));
}

struct SmoothQuantOptions {
    RangeChoice ranges;
    double alpha = 0.5;
};

SmoothQuantOptions read_options(MethodOptions& options, const MethodRequest& request)
{
    SmoothQuantOptions read{read_range_choice(options, request)};
    read.alpha = options.number("alpha", read.alpha, 0, 1);
    options.finish();
    return read;
}

MethodOutcome run(MethodContext& context, bool edge)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const auto [ranges, alpha] = read_options(options, request);
    Recipe recipe = fresh_recipe(request, ranges.common);
    add_smoothquant(recipe, request.model, observe(context, recipe), alpha, edge, context.control);
    (void)choose_ranges(context, recipe, ranges);
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

struct DynamicOptions {
    CommonOptions common;
    double alpha = 0.5;
};

DynamicOptions read_dynamic_options(MethodOptions& options, const MethodRequest& request)
{
    DynamicOptions read{read_common(options, request, Semantics::bitwright)};
    read.alpha = options.number("alpha", read.alpha, 0, 1);
    options.finish();
    return read;
}

// What the original quantizes (its level O1): inputs of linears and of both products of attention; norms, softmax and the residual stay in float.
bool quantized_per_token(const Site& site, const Model& model)
{
    const bool attention = site.role == SiteRole::qk_input || site.role == SiteRole::qk_input2 || site.role == SiteRole::pv_input || site.role == SiteRole::pv_input2;
    return site.layer >= 0 && site.kind == SiteKind::activation && (attention || !linears_reading(model, site.id).empty());
}

}  // namespace

std::vector<float> column_abs_max(const Model& model, const Recipe& recipe, const LegalPair& pair)
{
    std::vector<float> out;
    for (const SiteId consumer : pair.consumers) {
        const MaterializedWeight w = materialize(model, &recipe, consumer);
        out.resize(static_cast<std::size_t>(w.shape.back()));
        for (std::size_t i = 0; i < w.weight.size(); i += out.size())
            for (std::size_t c = 0; c < out.size(); ++c) out[c] = std::max(out[c], std::abs(w.weight[i + c]));
    }
    return out;
}

std::vector<float> smoothquant_scales(std::span<const float> activation_abs_max, std::span<const float> weight_abs_max, double alpha)
{
    std::vector<float> scales(activation_abs_max.size());
    for (std::size_t c = 0; c < scales.size(); ++c) {
        const double w = std::max(static_cast<double>(weight_abs_max[c]), floor_of_both);
        const double s = std::pow(static_cast<double>(activation_abs_max[c]), alpha) / std::pow(w, 1 - alpha);
        scales[c] = static_cast<float>(std::max(s, floor_of_both));
    }
    return scales;
}

void add_smoothquant(Recipe& recipe, const Model& model, const Statistics& statistics, double alpha, bool edge, const Control& control)
{
    for (const LegalPair& pair : legal_pairs(model)) {
        control.check();
        if (!smoothed(pair, edge)) continue;
        const Site& site = (*model.sites)[pair.activation];
        const SiteStatistics* seen = statistics.find(site.name);
        if (!seen || std::ssize(seen->channel_abs_max) != pair.channels)
            throw bad_input("statistics", site.name, "has no absolute maximum per channel; calibrate this model");
        recipe.transforms.emplace_back(
            ScalePair{pair.pair, pair.layer, numbers(smoothquant_scales(seen->channel_abs_max, column_abs_max(model, recipe, pair), alpha))});
    }
}

void read_smoothquant_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }
MethodOutcome run_smoothquant_static(MethodContext& context) { return run(context, false); }
MethodOutcome run_smoothquant_edge(MethodContext& context) { return run(context, true); }

void read_smoothquant_dynamic_options(MethodOptions& options, const MethodRequest& request) { (void)read_dynamic_options(options, request); }

MethodOutcome run_smoothquant_dynamic(MethodContext& context)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const auto [common, alpha] = read_dynamic_options(options, request);
    Recipe recipe = fresh_recipe(request, common);
    add_smoothquant(recipe, request.model, observe(context, recipe), alpha, false, context.control);
    for (const Site& site : request.model.sites->sites()) {
        Scheme& scheme = recipe.sites.at(site.name).scheme;
        if (is_layer_linear(site.role)) {
            scheme.symmetric = true;
        } else if (quantized_per_token(site, request.model)) {
            scheme = {.bits = request.activation_bits, .symmetric = true, .granularity = Granularity::token, .dynamic = true};
        } else {
            scheme.kind = SchemeKind::floating;
        }
    }
    set_ranges(recipe, request.model, {}, common.range, context.control);  // of the weights: nothing else has one
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

}  // namespace bitwright
