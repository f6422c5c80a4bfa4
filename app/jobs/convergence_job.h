// SPDX-License-Identifier: GPL-3.0-or-later
// Range convergence with a workspace around it: each window of a calibration measured alone, stored as it is done.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/window_ranges.h"

#include <vector>

namespace bitwright {

/// Measures the windows that were not yet, on the plain model. Throws Error (bad_input) for a calibration made after transforms, or of another model.
/// @return the least converged first
[[nodiscard]] std::vector<SiteConvergence> measure_convergence(JobEnvironment& environment, OpenedModel& model, const CalibrationRow& calibration);

}  // namespace bitwright
