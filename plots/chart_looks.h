// SPDX-License-Identifier: GPL-3.0-or-later
// QCustomPlot's counterparts of our markers and curves. Included by .cpp files of plots only.
#pragma once

#include "plots/qcp.h"
#include "plots/style.h"

namespace bitwright::plots {

[[nodiscard]] QCPScatterStyle scatter_of(int category, const Style& style, double size = 7, bool filled = true);

/// Texts at the right border, one above the other without overlap: y positions (pixels, middle) for wanted ones, `height` apart inside [top, bottom].
[[nodiscard]] std::vector<double> spread_labels(std::vector<double> wanted, double height, double top, double bottom);

}  // namespace bitwright::plots
