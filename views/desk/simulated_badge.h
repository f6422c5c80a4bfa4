// SPDX-License-Identifier: GPL-3.0-or-later
// The striped badge of everything that a simulated device measured: wherever its figures stand, they say what they are.
// Threading: UI thread.
#pragma once

#include <QFont>
#include <QPalette>
#include <QPixmap>

class QPainter;

namespace bitwright::views {

/// Of the badge in this font.
[[nodiscard]] QSize simulated_badge_size(const QFont& font);
void paint_simulated_badge(QPainter& painter, const QPoint& top_left, const QFont& font, const QPalette& palette);
/// For item views.
[[nodiscard]] QPixmap simulated_badge();

}  // namespace bitwright::views
