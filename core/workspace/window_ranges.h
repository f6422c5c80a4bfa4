// SPDX-License-Identifier: GPL-3.0-or-later
// The range of every site in each window of a calibration, kept as they are measured: an interrupted measurement goes on with the next window.
// Threading: as Workspace.
#pragma once

#include "core/statistics/convergence.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bitwright {

struct WindowRange {
    std::string site;
    float min = 0, max = 0;
};
/// Window `window` of a calibration; replaces what is there.
void put_window_ranges(Workspace& workspace, std::int64_t calibration, std::int64_t window, const std::vector<WindowRange>& ranges);
/// By window from 0 without a gap; empty: never measured.
[[nodiscard]] std::vector<std::vector<WindowRange>> get_window_ranges(const Workspace& workspace, std::int64_t calibration);

struct SiteConvergence {
    std::string site;
    RangeConvergence range;
};
/// Of every site over the windows measured, the least converged first; empty: none were.
[[nodiscard]] std::vector<SiteConvergence> site_convergence(const Workspace& workspace, std::int64_t calibration);

}  // namespace bitwright
