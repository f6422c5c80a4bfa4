// SPDX-License-Identifier: GPL-3.0-or-later
// What a workspace knows, gathered into a Report: the newest evaluation of each recipe at each level, speed where it was measured, error per layer, outliers.
// Threading: as Workspace.
#pragma once

#include "core/exchange/report.h"
#include "core/workspace/workspace.h"

#include <string>
#include <vector>

namespace bitwright {

struct ComparisonRequest {
    std::vector<std::int64_t> recipes, runs;  ///< both empty: everything
    std::string baseline;                     ///< name of a row, "recipe:N", or "" = the float model
    std::string title = "Comparison";
};
/// Throws Error (bad_input) when there is nothing to compare or no such baseline.
[[nodiscard]] Report gather_comparison(Workspace& workspace, const ComparisonRequest& request);

}  // namespace bitwright
