// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/simulated_badge.h"

#include <QApplication>
#include <QFontMetrics>
#include <QPainter>
#include <QPainterPath>

namespace bitwright::views {
namespace {

QString word() { return QApplication::translate("Badge", "simulated"); }

QFont smaller(QFont font)
{
    font.setPointSizeF(font.pointSizeF() - 1);
    font.setBold(false);
    return font;
}

}  // namespace

QSize simulated_badge_size(const QFont& font)
{
    const QFontMetrics metrics(smaller(font));
    return {metrics.horizontalAdvance(word()) + 12, metrics.height() + 2};
}

void paint_simulated_badge(QPainter& painter, const QPoint& top_left, const QFont& font, const QPalette& palette)
{
    const QRectF frame = QRectF(top_left, QSizeF(simulated_badge_size(font))).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath outline;
    outline.addRoundedRect(frame, 3, 3);
    painter.fillPath(outline, palette.color(QPalette::Base));
    painter.setClipPath(outline);
    auto stripes = palette.color(QPalette::WindowText);
    stripes.setAlphaF(0.16F);
    painter.setPen(QPen(stripes, 3));
    for (double x = frame.left() - frame.height(); x < frame.right() + 3; x += 7) painter.drawLine(QPointF(x, frame.bottom() + 1), QPointF(x + frame.height() + 2, frame.top() - 1));
    painter.setClipping(false);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(palette.color(QPalette::PlaceholderText));
    painter.drawPath(outline);
    painter.setPen(palette.color(QPalette::WindowText));
    painter.setFont(smaller(font));
    painter.drawText(frame, Qt::AlignCenter, word());
    painter.restore();
}

QPixmap simulated_badge()
{
    const auto size = simulated_badge_size(QApplication::font());
    const qreal ratio = qApp->devicePixelRatio();
    QPixmap pixmap(size * ratio);
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paint_simulated_badge(painter, {}, QApplication::font(), QApplication::palette());
    return pixmap;
}

}  // namespace bitwright::views
