// SPDX-License-Identifier: GPL-3.0-or-later
// What the runner wrote during a stored run. Threading: as Workspace.
#pragma once

#include "core/exchange/runner_log.h"
#include "core/workspace/workspace.h"

namespace bitwright {

/// Throws Error (bad_input) when the run kept something else than our runner's lines.
[[nodiscard]] RunnerLog stored_log(const Workspace& workspace, const RunRow& run);

}  // namespace bitwright
