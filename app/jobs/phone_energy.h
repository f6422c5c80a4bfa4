// SPDX-License-Identifier: GPL-3.0-or-later
// Energy of a run on a phone as rows of the workspace: from the samples its log holds, or from an external meter's record of the same run.
// Threading: pure functions; importing as Workspace.
#pragma once

#include "core/workspace/device_runs.h"
#include "device_bridge/energy/energy.h"
#include "device_bridge/run/phone_run.h"

#include <filesystem>
#include <vector>

namespace bitwright {

/// One row per phase that has a number, and one per phase that was refused; phase "run" with the reason where nothing has one. The whole report is the detail of the
/// first row. Empty when the run was not sampled.
[[nodiscard]] std::vector<EnergyRow> energies_of(const CollectedRun& run);
[[nodiscard]] std::vector<EnergyRow> energy_rows(const EnergyReport& report);

}  // namespace bitwright
