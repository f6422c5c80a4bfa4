// SPDX-License-Identifier: GPL-3.0-or-later
// Round to nearest: the placement's schemes, ranges by rule or by search, no transforms of its own. SeqMSE is the same with the search as its default.
#include "core/numerics/methods/range_search.h"
#include "core/numerics/methods/resources.h"

namespace bitwright {

namespace {

RangeChoice read_options(MethodOptions& options, const MethodRequest& request)
{
    RangeChoice choice = read_range_choice(options, request, request.method == "seqmse" ? "seqmse" : "minmax");
    options.finish();
    return choice;
}

}  // namespace

void read_rtn_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_rtn(MethodContext& context)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const RangeChoice choice = read_options(options, request);
    Recipe recipe = fresh_recipe(request, choice.common);
    (void)choose_ranges(context, recipe, choice);
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

}  // namespace bitwright
