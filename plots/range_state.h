// SPDX-License-Identifier: GPL-3.0-or-later
// What a RangeHistogramView remembers and draws with; for its two .cpp files only.
#pragma once

#include "plots/code_ticker.h"
#include "plots/qcp.h"
#include "plots/range_histogram.h"
#include "plots/range_rule.h"

namespace bitwright::plots {

struct RangeHistogramView::State {
    RangeHistogram histogram, compared;
    QString compared_name, read_only_why;
    std::optional<IntegerGrid> grid;
    ClipRange range, before;  ///< before: where Esc goes back to
    bool has_range = false, symmetric = false, read_only = false, editing = false, dragging = false, refusal_told = false;
    RangeHandle handle = RangeHandle::none;
    double grab = 0;  ///< pointer minus line when it was taken, in pixels
    QTimer frame;
    QElapsedTimer since;
    bool pending = false;

    QCPGraph* bins = nullptr;
    QCPGraph* outline = nullptr;
    QCPItemRect* tails[2] = {nullptr, nullptr};
    QCPItemStraightLine* lines[2] = {nullptr, nullptr};
    QCPItemText* labels[2] = {nullptr, nullptr};
    QCPItemRect* knobs[2] = {nullptr, nullptr};
    QSharedPointer<CodeTicker> codes;
    double highest = 1;
};

}  // namespace bitwright::plots
