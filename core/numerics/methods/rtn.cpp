// SPDX-License-Identifier: GPL-3.0-or-later
// Round to nearest: the placement's schemes, ranges by rule, no transforms of its own.
#include "core/numerics/methods/recipe_steps.h"
#include "core/numerics/methods/resources.h"

namespace bitwright {

namespace {

CommonOptions read_options(MethodOptions& options, const MethodRequest& request)
{
    CommonOptions common = read_common(options, request, Semantics::bitwright);
    options.finish();
    return common;
}

}  // namespace

void read_rtn_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_rtn(MethodContext& context)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const CommonOptions common = read_options(options, request);
    Recipe recipe = fresh_recipe(request, common);
    set_ranges(recipe, request.model, observe(context, recipe), common.range, context.control);
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

}  // namespace bitwright
