// SPDX-License-Identifier: GPL-3.0-or-later
// Round places for ticks, and the small text that follows the pointer.
#pragma once

#include "plots/style.h"

#include <QPoint>
#include <QRect>
#include <QString>

#include <vector>

class QPainter;

namespace bitwright::plots {

/// At most about `count` multiples of 1, 2 or 5·10ⁿ inside [low, high]; `whole`: whole numbers only.
[[nodiscard]] std::vector<double> nice_ticks(double low, double high, int count, bool whole = false);

/// A text on a plate beside `pointer`, kept inside `bounds`.
void draw_readout(QPainter& painter, const Style& style, const QRect& bounds, QPoint pointer, const QString& text);

}  // namespace bitwright::plots
