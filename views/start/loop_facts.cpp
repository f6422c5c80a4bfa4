// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/loop_facts.h"

#include "core/workspace/calibrations.h"
#include "core/workspace/desk.h"
#include "core/workspace/recipes.h"
#include "core/workspace/results.h"
#include "core/workspace/runs.h"

#include <nlohmann/json.hpp>

#include <set>

namespace bitwright::views {

LoopFacts read_loop_facts(const Workspace& workspace)
{
    LoopFacts facts;
    facts.open = true;
    facts.calibrated = !list_calibrations(workspace).empty();
    facts.looked = desk_value(workspace, "looked") == true;
    for (const auto& row : list_recipes(workspace)) {
        const bool by_hand = row.words || row.method == "by hand";
        (by_hand ? facts.tuned : facts.optimized) = true;
    }
    facts.measured = !list_runs(workspace, true).empty();
    std::set<std::pair<std::optional<std::int64_t>, std::optional<std::int64_t>>> evaluated;
    for (const auto& row : list_evaluations(workspace)) evaluated.emplace(row.recipe, row.package);
    facts.compared = evaluated.size() > 1;
    return facts;
}

}  // namespace bitwright::views
