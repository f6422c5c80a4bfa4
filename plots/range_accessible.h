// SPDX-License-Identifier: GPL-3.0-or-later
// The range histogram for screen readers: a slider whose value is the current handle's, said as a sentence.
// Threading: GUI thread.
#pragma once

namespace bitwright::plots {

class RangeHistogramView;

void install_range_accessibility();
void announce_range(RangeHistogramView& view);

}  // namespace bitwright::plots
