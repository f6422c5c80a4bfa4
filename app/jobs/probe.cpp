// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/probe.h"

#include "app/jobs/local_machine.h"
#include "core/recipe/site_groups.h"
#include "core/workspace/results.h"

namespace bitwright {

Prober::Prober(JobEnvironment& environment, OpenedModel& model, const TokenWindows& windows, Placement placement)
    : environment_(environment), model_(model), windows_(windows), placement_(placement), token_hash_(windows.hash()), model_row_(model.row(environment.workspace, environment.control))
{
}

std::int64_t Prober::conditions()
{
    if (!conditions_) conditions_ = put_conditions(environment_.workspace, numeric_conditions());
    return *conditions_;
}

Probe Prober::operator()(const Recipe& recipe)
{
    const ProbeKey key{decisions_hash(recipe), model_row_, token_hash_, placement()};
    if (const auto known = environment_.fresh ? std::nullopt : find_probe(environment_.workspace, key)) return *known;
    EvaluateOptions options;
    options.level = Level::simulated;
    options.placement = placement_;
    options.against_float = true;
    Probe probe;
    for (const auto& score : opened_numerics().evaluate(model_.model(), &recipe, windows_, options, environment_.control)) {
        probe.tokens += score.tokens;
        probe.nll_sum += score.nll_sum;
        probe.kl_sum += score.agreement->kl_sum;
        probe.same_top += score.agreement->same_top;
    }
    ++computed_;
    put_probe(environment_.workspace, key, probe, conditions());
    return probe;
}

}  // namespace bitwright
