// SPDX-License-Identifier: GPL-3.0-or-later
// Where the parts of a heatmap lie for a given size: header (title, minimap, colour bar), row names, map, row margin, profile, column ticks.
#pragma once

#include <QRect>

namespace bitwright::plots {

struct HeatmapLayout {
    QSize size;
    QRect title, minimap, colours;     ///< minimap: null when everything is visible
    QRect row_names, map, row_margin;  ///< row_margin, profile: null when not shown
    QRect profile, column_ticks, column_axis;
};

}  // namespace bitwright::plots
