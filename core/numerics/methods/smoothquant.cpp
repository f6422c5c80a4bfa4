// SPDX-License-Identifier: GPL-3.0-or-later
// SmoothQuant (Xiao et al. 2023) with static ranges, in closed form (mobilequant §3): `static` smooths norm→linear pairs, `edge` also up→down and v→o.
#include "core/numerics/methods/recipe_steps.h"
#include "core/numerics/methods/resources.h"

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
    CommonOptions common;
    double alpha = 0.5;
};

SmoothQuantOptions read_options(MethodOptions& options, const MethodRequest& request)
{
    SmoothQuantOptions read;
    read.common = read_common(options, request, Semantics::bitwright);
    read.alpha = options.number("alpha", read.alpha, 0, 1);
    options.finish();
    return read;
}

MethodOutcome run(MethodContext& context, bool edge)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const auto [common, alpha] = read_options(options, request);
    Recipe recipe = fresh_recipe(request, common);
    add_smoothquant(recipe, request.model, observe(context, recipe), alpha, edge, context.control);
    set_ranges(recipe, request.model, observe(context, recipe), common.range, context.control);
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
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

}  // namespace bitwright
