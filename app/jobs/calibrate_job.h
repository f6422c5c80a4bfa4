// SPDX-License-Identifier: GPL-3.0-or-later
// Calibration with a workspace around it: the same one is never done twice.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/numerics/numerics.h"
#include "core/workspace/calibrations.h"

namespace bitwright {

struct CalibrateRequest {
    TokenWindows windows;
    std::optional<TokenWindows> held_out;       ///< kept with the calibration for methods to check themselves on; not observed
    std::optional<std::filesystem::path> text;  ///< where the windows were cut from
    std::optional<Recipe> recipe;               ///< observe after its transforms
    CalibrateOptions options;
};
struct CalibrateOutcome {
    CalibrationRow row;
    bool reused = false;
};
[[nodiscard]] CalibrateOutcome calibrate(JobEnvironment& environment, OpenedModel& model, const CalibrateRequest& request);

}  // namespace bitwright
