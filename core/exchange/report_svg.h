// SPDX-License-Identifier: GPL-3.0-or-later
// Plots of a report as inline SVG. Text takes the page's colour (currentColor); a method's colour is the CSS class s0 … s7 of its category. Internal to exchange.
// Threading: pure functions.
#pragma once

#include "core/exchange/report.h"

#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// `text` for HTML and SVG content and attributes.
[[nodiscard]] std::string escaped(std::string_view text);

/// Lines over layers with axes, a light grid and names beside the lines' ends. A method's second line is dashed.
[[nodiscard]] std::string curves_svg(const ReportCurves& curves);
/// Layers × channels on a logarithmic viridis scale with its legend; several channels in a pixel show their maximum, unmeasured ones are hatched.
[[nodiscard]] std::string heatmap_svg(const ReportHeatmap& heatmap);

/// Values folded into at most `columns` columns of equal width (the last may be narrower), each the maximum of its members; NaN only where all are.
[[nodiscard]] std::vector<float> folded_by_maximum(const ReportHeatmap& heatmap, std::size_t columns);

}  // namespace bitwright
