// SPDX-License-Identifier: GPL-3.0-or-later
// GPTQ as a method of its own: least-squares grids, static ranges, the codes by compensation; no transforms of its own.
#include "core/numerics/methods/gptq.h"
#include "core/numerics/methods/recipe_steps.h"
#include "core/numerics/methods/resources.h"

namespace bitwright {
namespace {

struct Options {
    CommonOptions common;
    RangeRule weight_range;
    GptqOptions gptq;
};

Options read_options(MethodOptions& options, const MethodRequest& request)
{
    Options read{read_common(options, request, Semantics::bitwright, "mse"), parse_range_rule(options.text("weight_range", request.weight_bits < 8 ? "mse" : "minmax")),
                 read_gptq_options(options, "fixed", 32)};
    options.finish();
    return read;
}

}  // namespace

void read_gptq_method_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_gptq(MethodContext& context)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const Options read = read_options(options, request);
    Recipe recipe = fresh_recipe(request, read.common);
    set_ranges_by_width(recipe, request.model, observe(context, recipe), read.common.range, read.weight_range, context.control);
    (void)add_gptq(recipe, request.model, request.calibration, read.gptq, context.control);
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

}  // namespace bitwright
