// SPDX-License-Identifier: GPL-3.0-or-later
// Packages with a workspace around them: exported with a row that remembers what the export changed.
// Threading: one job at a time.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"
#include "core/exchange/package_export.h"
#include "core/runtime/package.h"
#include "core/workspace/runs.h"

namespace bitwright {

/// Row of a package file, with its recipe where the workspace has it.
[[nodiscard]] PackageRow put_package_file(Workspace& workspace, const Package& package, const PackageReport* report = nullptr);
/// Exports to `path` and stores the row. @return row and report
[[nodiscard]] std::pair<PackageRow, PackageReport> export_with_row(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe,
                                                                   const std::filesystem::path& path);
/// The package of a recipe, exported into the workspace's data folder once.
[[nodiscard]] std::filesystem::path package_of(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe);

}  // namespace bitwright
