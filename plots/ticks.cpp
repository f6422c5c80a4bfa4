// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/ticks.h"

#include <QFontMetrics>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace bitwright::plots {

std::vector<double> nice_ticks(double low, double high, int count, bool whole)
{
    std::vector<double> ticks;
    if (!(high > low) || count < 1 || !std::isfinite(low) || !std::isfinite(high)) return ticks;
    const double least = (high - low) / count, power = std::pow(10.0, std::floor(std::log10(least)));
    double step = 10 * power;
    for (const double nice : {1.0, 2.0, 5.0}) {
        if (nice * power >= least * (1 - 1e-9)) {
            step = nice * power;
            break;
        }
    }
    if (whole) step = std::max(1.0, step);
    for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k) ticks.push_back(k * step);
    return ticks;
}

void draw_readout(QPainter& painter, const Style& style, const QRect& bounds, QPoint pointer, const QString& text)
{
    if (text.isEmpty()) return;
    const QFontMetrics metrics(style.caption_font);
    QRect plate = metrics.boundingRect(QRect(0, 0, std::min(360, bounds.width() - 16), 400), Qt::TextWordWrap, text).adjusted(-8, -4, 8, 4);
    plate.moveTopLeft(pointer + QPoint(14, 14));
    if (plate.right() > bounds.right() - 2) plate.moveRight(std::max(pointer.x() - 10, bounds.left() + plate.width() + 2));
    if (plate.bottom() > bounds.bottom() - 2) plate.moveBottom(std::max(pointer.y() - 8, bounds.top() + plate.height() + 2));
    painter.save();
    painter.setPen(QPen(style.muted_text, 1));
    painter.setBrush(style.background);
    painter.drawRect(plate);
    painter.setPen(style.text);
    painter.setFont(style.caption_font);
    painter.drawText(plate.adjusted(8, 4, -8, -4), Qt::TextWordWrap, text);
    painter.restore();
}

}  // namespace bitwright::plots
