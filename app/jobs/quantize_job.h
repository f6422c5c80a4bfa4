// SPDX-License-Identifier: GPL-3.0-or-later
// A method with a workspace around it: continues from its checkpoint, stores the recipe.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/numerics/numerics.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/recipes.h"

namespace bitwright {

struct QuantizeRequest {
    MethodRequest method;  ///< model, calibration, statistics and paths are filled in by quantize()
    CalibrationRow calibration;
    std::optional<RecipeRow> from;  ///< row of method.from, when it is in the workspace
    std::optional<std::string> name;
};
struct QuantizeOutcome {
    RecipeRow row;  ///< empty when paused
    bool resumed = false, reused = false;
    std::optional<Recipe> paused_at;  ///< the recipe as it stands; also in the job's checkpoint (load_recipe), to evaluate, store or start another run from
};
/// Ends the job done or, when the control asked for a pause, paused; called again with the same request it goes on.
[[nodiscard]] QuantizeOutcome quantize(JobEnvironment& environment, OpenedModel& model, QuantizeRequest request);

}  // namespace bitwright
