// SPDX-License-Identifier: GPL-3.0-or-later
// What commands print of phones and of runs on them.
// Threading: pure functions; reading as Workspace.
#pragma once

#include "app/cli/host.h"
#include "app/jobs/phone_session.h"
#include "core/workspace/runs.h"

namespace bitwright::cli {

/// {kind, name, identity}; identity null for this computer.
[[nodiscard]] Json device_json(const Conditions& conditions);
/// The keys measure prints of a run on a phone beside those of every run. An empty object for runs on this computer.
[[nodiscard]] Json phone_run_json(const Workspace& workspace, const RunRow& run);
/// The list of energies as measure prints it.
[[nodiscard]] Json energies_json(const std::vector<EnergyRow>& energies);
/// {quantity: [indices of outliers]}, quantities without one left out.
[[nodiscard]] Json outliers_json(const RunRow& run);
/// Facts of a connected phone as `devices` prints them.
[[nodiscard]] Json facts_json(const PhoneSession& phone);

}  // namespace bitwright::cli
