// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/layer_errors_job.h"

#include "app/jobs/local_machine.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

std::optional<double> finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

}  // namespace

std::vector<LayerErrorRow> store_layer_errors(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe, std::int64_t recipe_row,
                                              ScoringWindows scoring, std::int64_t windows)
{
    scoring.limit(std::min(windows, scoring.windows.count));
    const auto tokens = scoring.windows.hash();
    auto& workspace = environment.workspace;
    if (!environment.fresh)
        if (auto known = get_layer_errors(workspace, recipe_row, "paper", tokens); !known.empty()) return known;
    auto& numerics = opened_numerics();
    std::vector<LayerErrorRow> rows;
    for (const auto& layer : numerics.layer_errors(model.model(), recipe, Placement::paper, scoring.windows, environment.control))
        rows.push_back({layer.layer, finite(layer.sqnr_db), finite(layer.cosine), finite(layer.introduced_sqnr_db)});
    const auto conditions = put_conditions(workspace, numeric_conditions());
    put_layer_errors(workspace, recipe_row, model.row(workspace, environment.control), "paper", tokens, conditions, rows);
    return rows;
}

}  // namespace bitwright
