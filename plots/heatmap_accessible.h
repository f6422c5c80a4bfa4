// SPDX-License-Identifier: GPL-3.0-or-later
// The heatmap for screen readers: a table whose cells are made when somebody asks for them (there may be a million), and whose focused cell is the cursor's, so
// that a move of the cursor is spoken: "layer 3, channel 17: 61.2, 14 times the median". Columns count as displayed.
// Threading: GUI thread.
#pragma once

namespace bitwright::plots {

class HeatmapView;

/// Once per process is enough; more does nothing.
void install_heatmap_accessibility();
void announce_heatmap_cell(HeatmapView& view);
/// Shape or order changed: cells known so far are gone.
void announce_heatmap_reset(HeatmapView& view);

}  // namespace bitwright::plots
