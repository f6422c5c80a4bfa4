// SPDX-License-Identifier: GPL-3.0-or-later
// Energy of a run on a phone as rows of the workspace: from the samples its log holds, or from an external meter's record of the same run.
// Threading: pure functions; importing as Workspace.
#pragma once

#include "core/workspace/device_runs.h"
#include "device_bridge/energy/energy.h"
#include "device_bridge/energy/sources.h"
#include "device_bridge/run/phone_run.h"

#include <filesystem>
#include <vector>

namespace bitwright {

/// One row per phase that has a number, and one per phase that was refused; phase "run" with the reason where nothing has one. The whole report is the detail of the
/// first row. with the choice of the source. Empty when the run was not sampled.
[[nodiscard]] std::vector<EnergyRow> energies_of(const CollectedRun& run, const SourceChoice& choice);

struct ImportedEnergy {
    std::string columns;    ///< what was read as what
    std::string alignment;  ///< a sentence
    std::vector<EnergyRow> rows;
};
/// Energy of a run on a phone from an external meter's record (CSV) of it; the rows take the place of those the run had. The run must have been measured with a
/// marker, which is found in the record. Throws Error (bad_input).
[[nodiscard]] ImportedEnergy import_energy(Workspace& workspace, std::int64_t run, const std::filesystem::path& csv);

}  // namespace bitwright
