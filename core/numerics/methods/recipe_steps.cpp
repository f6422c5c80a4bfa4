// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/recipe_steps.h"

#include "core/numerics/methods/resources.h"
#include "core/statistics/calibration.h"

#include <algorithm>
#include <limits>

namespace bitwright {

CommonOptions read_common(MethodOptions& options, const MethodRequest& request, Semantics fallback, const std::string& range, bool may_search)
{
    if (request.weight_bits < 2 || request.weight_bits > 16 || request.activation_bits < 2 || request.activation_bits > 16)
        throw usage_error(request.method + ": weights and activations have 2 to 16 bits");
    CommonOptions common;
    const Semantics inherited = request.from ? request.from->semantics : fallback;
    common.semantics = *semantics_named(options.word("semantics", std::string(name_of(inherited)), {"authors", "bitwright"}));
    const std::string rule = options.text("range", range);
    if (may_search && (rule == "best" || rule == "seqmse")) common.range_search = rule;
    else if (rule == "best" || rule == "seqmse") throw usage_error(request.method + ": range=" + rule + " is a search this method does not make; use minmax, percentile:P or mse");
    else common.range = parse_range_rule(rule);
    PlacementOptions& placement = common.placement;
    placement.weight_bits = request.weight_bits;
    placement.activation_bits = request.activation_bits;
    placement.symmetric_weights = request.symmetric_weights;
    placement.weight_scheme = request.weight_scheme;
    placement.softmax_input_8bit = options.word("softmax_input_bits", "16", {"8", "16"}) == "8";
    placement.softmax_output_8bit = options.word("softmax_output_bits", "16", {"8", "16"}) == "8";
    return common;
}

Recipe fresh_recipe(const MethodRequest& request, const CommonOptions& common)
{
    Recipe recipe = base_recipe(request.model, common.placement, common.semantics);
    if (request.from) {
        validate(*request.from, request.model);
        recipe.model_hash = request.from->model_hash;
        recipe.transforms = request.from->transforms;
        forget_codes(recipe, [](const std::string&) { return true; });  // they belong to the grids of that recipe
        recipe.parent = recipe_hash(*request.from);
    }
    return recipe;
}

Statistics observe(MethodContext& context, const Recipe& recipe)
{
    const MethodRequest& request = context.request;
    const bool transformed = !recipe.transforms.empty();
    const Statistics* given = request.statistics;
    if (!transformed && given && given->transforms.empty() && given->token_hash == request.calibration.hash() && semantics_of(*given) == recipe.semantics) return *given;
    CalibrateOptions options;
    options.semantics = recipe.semantics;
    options.reservoir_rows = 0;  // previews are no business of a method
    return context.numerics.calibrate(request.model, transformed ? &recipe : nullptr, request.calibration, options, context.control);
}

void set_ranges_by_width(Recipe& recipe, const Model& model, const Statistics& statistics, const RangeRule& narrow, const RangeRule& weights, const Control& control)
{
    set_ranges(recipe, model, statistics, {}, control);
    for (const Site& site : model.sites->sites()) {
        const auto found = recipe.sites.find(site.name);
        if (found == recipe.sites.end()) continue;
        auto& [scheme, range] = found->second;
        if (scheme.kind != SchemeKind::uniform || scheme.dynamic) continue;
        control.check();
        if (is_layer_linear(site.role) && weights.kind != RangeKind::minmax) {
            const MaterializedWeight weight = materialize(model, &recipe, site.id);
            range = weight_range(weight.weight, weight.shape, scheme, recipe.semantics, weights, control);
        } else if (site.role == SiteRole::activation_sigmoid || site.role == SiteRole::pv_input) {
            range = {numbers({0}), numbers({1}), nullptr, nullptr, "by definition"};
        } else if (site.kind == SiteKind::activation && scheme.bits <= 8 && scheme.granularity == Granularity::tensor) {
            const SiteStatistics* seen = statistics.find(site.name);
            if (seen && seen->count > 0) range = activation_range(*seen, site, scheme, recipe.semantics, narrow);
        }
        if (const auto shared = site.shares == no_site ? recipe.sites.end() : recipe.sites.find((*model.sites)[site.shares].name);
            shared != recipe.sites.end() && shared->second.scheme == scheme)
            range = shared->second.range;
    }
}

TokenWindows first_windows(const TokenWindows& windows, std::int64_t count)
{
    TokenWindows first = windows;
    first.count = std::min(windows.count, count);
    first.ids.resize(static_cast<std::size_t>(first.count * first.length));
    return first;
}

void sign(Recipe& recipe, const MethodRequest& request, const MethodOptions& options, std::int64_t steps)
{
    recipe.made_by = {request.method, options.json(), request.calibration.hash(), "Bitwright " BITWRIGHT_VERSION, request.seed, steps};
}

MethodOutcome closed_form_outcome(Recipe recipe, double cpu_before)
{
    MethodOutcome outcome;
    outcome.recipe = std::move(recipe);
    outcome.cpu_seconds = process_cpu_seconds() - cpu_before;
    outcome.seconds_per_step = std::numeric_limits<double>::quiet_NaN();
    outcome.peak_rss_bytes = peak_rss_bytes();
    return outcome;
}

}  // namespace bitwright
