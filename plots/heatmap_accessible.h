// SPDX-License-Identifier: GPL-3.0-or-later
// The heatmap for screen readers: its value is the sentence about the cursor's cell, and a move of the cursor is announced.
// Threading: GUI thread.
#pragma once

namespace bitwright::plots {

class HeatmapView;

/// Once per process is enough; more does nothing.
void install_heatmap_accessibility();
void announce_heatmap_cell(HeatmapView& view);
void announce_heatmap_reset(HeatmapView& view);

}  // namespace bitwright::plots
