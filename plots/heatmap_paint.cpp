// SPDX-License-Identifier: GPL-3.0-or-later
// The heatmap on paper: layout and drawing.
#include "plots/heatmap.h"
#include "plots/heatmap_layout.h"
#include "plots/numbers.h"
#include "plots/ticks.h"

#include <QFontMetrics>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

constexpr int space = 8, profile_height = 56, margin_width = 96;

void caption(QPainter& painter, const Style& style, const QRect& where, int flags, const QString& text)
{
    painter.setFont(style.caption_font);
    painter.setPen(style.muted_text);
    painter.drawText(where, flags, text);
}

}  // namespace

HeatmapLayout HeatmapView::layoutFor(QSize size) const
{
    const QFontMetrics text(plotStyle().font), small(plotStyle().caption_font);
    HeatmapLayout layout;
    layout.size = size;
    const bool margins = margins_ && size.width() >= 360 && size.height() >= 220;
    const int header = margins_ ? text.height() + space : 0;

    int names = 0;
    if (margins_) {
        for (int row = 0; row < data_.rows; ++row) names = std::max(names, small.horizontalAdvance(rowName(row)));
        names = std::max(std::min(names, size.width() / 4), margins ? small.horizontalAdvance(number_text(scale_.high, locale())) : 0) + small.height() + 12;
    }
    const int axis = margins_ ? 2 * small.height() + 6 : 0, right = margins ? margin_width : margins_ ? space : 0, below = margins ? profile_height + 4 : 0;
    layout.map = QRect(names, header, std::max(1, size.width() - names - right), std::max(1, size.height() - header - axis - below));
    if (!margins_) return layout;

    layout.row_names = QRect(0, layout.map.y(), names, layout.map.height());
    if (margins) {
        layout.row_margin = QRect(layout.map.right() + 1 + 6, layout.map.y(), margin_width - 6 - space, layout.map.height());
        layout.profile = QRect(layout.map.x(), layout.map.bottom() + 1 + 4, layout.map.width(), profile_height);
    }
    const int ticks = margins ? layout.profile.bottom() + 1 : layout.map.bottom() + 1;
    layout.column_ticks = QRect(layout.map.x(), ticks + 2, layout.map.width(), small.height());
    layout.column_axis = QRect(layout.map.x(), layout.column_ticks.bottom() + 1, layout.map.width(), small.height());
    const int bar = std::clamp(size.width() / 4, 96, 200);
    layout.colours = QRect(size.width() - space - bar, 2, bar, header - 4);
    int title_right = layout.colours.left() - 2 * space;
    if (zoomed() && size.width() >= 480) {
        const int wide = std::min(200, size.width() / 5);
        layout.minimap = QRect(title_right - wide, 3, wide, header - 6);
        title_right = layout.minimap.left() - 2 * space;
    }
    layout.title = QRect(layout.map.x(), 0, title_right - layout.map.x(), header - 2);
    return layout;
}

QRectF HeatmapView::cellRectIn(const QRect& map, Cell cell) const
{
    const double width = map.width() / range_.width(), height = map.height() / range_.height();
    return {map.x() + (displayed(cell.column) - range_.x()) * width, map.y() + (cell.row - range_.y()) * height, width, height};
}

RasterLook HeatmapView::look(double pixel_ratio) const
{
    return {&plotStyle(), data_.differences ? Sequence::difference : plotStyle().sequence, scale_, threshold_, pixel_ratio};
}

void HeatmapView::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    if (paintEmpty(painter, size())) return;
    const HeatmapLayout layout = layoutFor(size());
    const double ratio = devicePixelRatioF();
    const QSize pixels = layout.map.size() * ratio;
    if (image_.size() != pixels || image_range_ != range_) {
        image_ = raster(pyramid_, range_, pixels, look(ratio));
        image_.setDevicePixelRatio(ratio);
        image_range_ = range_;
    }
    if (const QSize small = layout.minimap.size() * ratio; !layout.minimap.isEmpty() && overview_.size() != small)
        overview_ = raster(pyramid_, QRectF(0, 0, data_.columns, data_.rows), small, look(ratio));
    draw(painter, layout, image_);
    drawMinimap(painter, layout);
    drawCursor(painter, layout);
    drawHover(painter, layout);
}

void HeatmapView::paintOn(QPaintDevice& device, QSize size) const
{
    QPainter painter(&device);
    if (paintEmpty(painter, size)) return;
    HeatmapLayout layout = layoutFor(size);
    layout.minimap = {};
    const double ratio = std::max(2.0, device.devicePixelRatioF());
    QImage image = raster(pyramid_, range_, layout.map.size() * ratio, look(ratio));
    image.setDevicePixelRatio(ratio);
    draw(painter, layout, image);
}

void HeatmapView::draw(QPainter& painter, const HeatmapLayout& layout, const QImage& image) const
{
    // pixel for pixel, also where the screen has 1.25 of them for one of ours
    const double ratio = image.devicePixelRatio();
    const auto snapped = [ratio](double at) { return std::round(at * ratio) / ratio; };
    painter.drawImage(QRectF(snapped(layout.map.x()), snapped(layout.map.y()), image.width() / ratio, image.height() / ratio), image, QRectF(image.rect()));
    drawMarks(painter, layout);
    if (layout.row_names.isEmpty()) return;
    drawHeader(painter, layout);
    drawRowAxis(painter, layout);
    drawColumnAxis(painter, layout);
    if (layout.profile.isEmpty()) return;
    drawRowMargin(painter, layout);
    drawProfile(painter, layout);
}

void HeatmapView::drawHeader(QPainter& painter, const HeatmapLayout& layout) const
{
    const Style& style = plotStyle();
    painter.setFont(style.font);
    painter.setPen(style.text);
    painter.drawText(layout.title, Qt::AlignLeft | Qt::AlignVCenter, QFontMetrics(style.font).elidedText(exportTitle(), Qt::ElideRight, layout.title.width()));

    // colour bar: low value, colours, high value and unit in one line
    const QFontMetrics small(style.caption_font);
    const QString low = (lowest_ < scale_.low ? QStringLiteral("≤ ") : QString()) + number_text(scale_.low, locale()), high = quantity_text(scale_.high, data_.unit, locale());
    const int high_width = std::min(small.horizontalAdvance(high), layout.colours.width() / 2), low_width = small.horizontalAdvance(low);
    const QRect whole = layout.colours;
    caption(painter, style, QRect(whole.right() - high_width, whole.y(), high_width + 1, whole.height()), Qt::AlignRight | Qt::AlignVCenter,
            small.elidedText(high, Qt::ElideRight, high_width + 1));
    caption(painter, style, QRect(whole.x(), whole.y(), low_width, whole.height()), Qt::AlignLeft | Qt::AlignVCenter, low);
    const QRect bar(whole.x() + low_width + 6, whole.center().y() - 4, std::max(16, whole.width() - low_width - high_width - 12), 9);
    const auto& colours = colours_of(look(1).sequence);
    QImage strip(256, 1, QImage::Format_RGB32);
    for (int i = 0; i < 256; ++i) strip.setPixel(i, 0, colours[static_cast<std::size_t>(i)]);
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    painter.drawImage(bar, strip);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    if (threshold_) {
        const double x = bar.x() + scale_.position(*threshold_) * bar.width();
        painter.fillRect(QRectF(x - 1, bar.y() - 3, 2, bar.height() + 6), style.text);
    }
}

void HeatmapView::drawMinimap(QPainter& painter, const HeatmapLayout& layout) const
{
    if (layout.minimap.isEmpty()) return;
    const QRectF whole(layout.minimap);
    painter.drawImage(whole, overview_, QRectF(overview_.rect()));
    const QRectF seen(whole.x() + range_.x() / data_.columns * whole.width(), whole.y() + range_.y() / data_.rows * whole.height(),
                      std::max(3.0, range_.width() / data_.columns * whole.width()), std::max(3.0, range_.height() / data_.rows * whole.height()));
    QPainterPath outside;
    outside.addRect(whole);
    QPainterPath window;
    window.addRect(seen);
    QColor veil = plotStyle().background;
    veil.setAlphaF(0.6f);
    painter.fillPath(outside.subtracted(window), veil);
    painter.setPen(QPen(plotStyle().text, 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(seen.adjusted(0, 0, -1, -1));
}

void HeatmapView::drawRowAxis(QPainter& painter, const HeatmapLayout& layout) const
{
    const Style& style = plotStyle();
    const QFontMetrics small(style.caption_font);
    const double height = layout.map.height() / range_.height();
    int step = 1;
    for (const int nice : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
        step = nice;
        if (nice * height >= small.height()) break;
    }
    const int right = layout.row_names.right() - 6;
    painter.setFont(style.caption_font);
    painter.setPen(style.muted_text);
    const QRect names(layout.row_names.x() + small.height(), 0, right - layout.row_names.x() - small.height(), small.height());
    for (int row = static_cast<int>(range_.top()); row < std::min(data_.rows, static_cast<int>(std::ceil(range_.bottom()))); ++row) {
        const double middle = layout.map.y() + (row + 0.5 - range_.y()) * height;
        if (row % step || middle < layout.map.top() || middle > layout.map.bottom()) continue;
        painter.setPen(row == current_.row ? style.text : style.muted_text);
        painter.drawText(names.translated(0, static_cast<int>(std::lround(middle - small.height() / 2.0))), Qt::AlignRight | Qt::AlignVCenter,
                         small.elidedText(rowName(row), Qt::ElideMiddle, names.width()));
    }
    painter.save();
    painter.translate(layout.row_names.x(), layout.map.bottom());
    painter.rotate(-90);
    caption(painter, style, QRect(0, 0, layout.map.height(), small.height()), Qt::AlignHCenter | Qt::AlignTop, data_.row_axis);
    painter.restore();
}

void HeatmapView::drawColumnAxis(QPainter& painter, const HeatmapLayout& layout) const
{
    const Style& style = plotStyle();
    const QFontMetrics small(style.caption_font);
    const double width = layout.map.width() / range_.width();
    const double room = small.horizontalAdvance(tick_text(data_.columns, locale())) + 24.0;
    int covered = -1;
    painter.setFont(style.caption_font);
    for (const double tick : nice_ticks(range_.left(), range_.right(), std::max(1, static_cast<int>(layout.map.width() / room)), true)) {
        const int column = static_cast<int>(tick);
        if (column >= data_.columns) continue;
        const int x = static_cast<int>(std::lround(layout.map.x() + (column + (width >= 3 ? 0.5 : 0.0) - range_.x()) * width));
        if (x < layout.map.left() || x > layout.map.right()) continue;
        const bool single = width * 1.0 >= room / 2 && !order_.empty();  // each column has room: its own number in every order
        const QString text = tick_text(single ? dataColumn(column) : column, locale());
        const int half = small.horizontalAdvance(text) / 2 + 1;
        if (x - half <= covered || x + half > layout.size.width()) continue;
        covered = x + half + 6;
        painter.setPen(style.grid);
        if (!layout.profile.isEmpty()) painter.drawLine(x, layout.profile.top(), x, layout.profile.bottom());
        painter.setPen(style.muted_text);
        painter.drawText(QRect(x - half, layout.column_ticks.y(), 2 * half, layout.column_ticks.height()), Qt::AlignCenter, text);
    }
    caption(painter, style, layout.column_axis, Qt::AlignCenter, order_.empty() ? data_.column_axis : tr("%1, in order of rank").arg(data_.column_axis));
}

void HeatmapView::drawRowMargin(QPainter& painter, const HeatmapLayout& layout) const
{
    const Style& style = plotStyle();
    const QFontMetrics small(style.caption_font);
    const QRect area = layout.row_margin;
    const double height = layout.map.height() / range_.height(), thick = std::clamp(height * 0.6, 1.0, 10.0);
    const double zero = area.x() + (data_.differences ? 0.5 : 0) * area.width();
    painter.save();
    painter.setClipRect(area.adjusted(-2, 0, 3, 0));
    QColor bar = style.muted_text;
    bar.setAlphaF(0.35f);
    for (int row = static_cast<int>(range_.top()); row < std::min(data_.rows, static_cast<int>(std::ceil(range_.bottom()))); ++row) {
        const auto r = static_cast<std::size_t>(row);
        const double middle = layout.map.y() + (row + 0.5 - range_.y()) * height;
        const auto x_of = [&](double value) { return area.x() + scale_.position(value) * area.width(); };
        if (!std::isnan(row_maximum_[r])) {
            const double to = x_of(row_maximum_[r]);
            painter.fillRect(QRectF(std::min(zero, to), middle - thick / 2, std::max(1.0, std::fabs(to - zero)), thick), bar);
            painter.fillRect(QRectF(x_of(row_median_[r]) - 1, middle - thick / 2, 2, thick), style.text);
        }
        if (const float here = current_.valid() ? valueAt({row, current_.column}) : NAN; !std::isnan(here) && height >= 4) {
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(Qt::NoPen);
            painter.setBrush(style.accent);
            painter.drawEllipse(QPointF(x_of(here), middle), 2.5, 2.5);
            painter.setRenderHint(QPainter::Antialiasing, false);
        }
    }
    painter.restore();

    // legend below, beside the profile: bar, tick, dot
    int y = layout.profile.y();
    const auto line = [&](const QColor& colour, const QRectF& mark, const QString& text) {
        painter.fillRect(mark.translated(area.x(), y + small.height() / 2.0), colour);
        caption(painter, style, QRect(area.x() + 16, y, layout.size.width() - area.x() - 16, small.height()), Qt::AlignLeft | Qt::AlignVCenter, text);
        y += small.height();
    };
    line(bar, QRectF(0, -3, 12, 6), tr("max"));
    line(style.text, QRectF(5, -4, 2, 8), tr("median"));
    if (current_.valid()) {
        const QString number = QString::number(current_.column), name = (data_.column_axis + QLatin1Char(' ') + number).trimmed();
        line(style.accent, QRectF(4, -2, 5, 5), small.horizontalAdvance(name) <= layout.size.width() - area.x() - 16 ? name : number);
    }
}

void HeatmapView::drawProfile(QPainter& painter, const HeatmapLayout& layout) const
{
    if (!current_.valid()) return;
    const Style& style = plotStyle();
    const QRect area = layout.profile;
    const double base = data_.differences ? area.y() + area.height() / 2.0 : area.bottom() + 1;
    painter.setPen(style.grid);
    painter.drawLine(QPointF(area.left(), std::min<double>(base, area.bottom())), QPointF(area.right(), std::min<double>(base, area.bottom())));
    QColor colour = style.muted_text;
    colour.setAlphaF(0.55f);
    std::vector<QRectF> bars;
    for (int x = 0; x < area.width(); ++x) {
        const Run run = run_of_pixel(range_.x(), range_.width(), area.width(), x, data_.columns);
        const float value = pyramid_.maximum(current_.row, run.begin, run.end);
        if (std::isnan(value)) continue;
        const double top = area.bottom() + 1 - scale_.position(value) * area.height();
        bars.emplace_back(area.x() + x, std::min(top, base), 1, std::max(1.0, std::fabs(base - top)));
    }
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawRects(bars.data(), static_cast<int>(bars.size()));
    if (const float here = valueAt(current_); !std::isnan(here)) {  // the cursor's column
        const QRectF cell = cellRectIn(layout.map, current_) & QRectF(area.x(), layout.map.y(), area.width(), layout.map.height());
        const double top = area.bottom() + 1 - scale_.position(here) * area.height();
        if (!cell.isEmpty()) painter.fillRect(QRectF(cell.center().x() - std::max(2.0, cell.width() - 1) / 2, std::min(top, base), std::max(2.0, cell.width() - 1), std::max(1.0, std::fabs(base - top))), style.accent);
    }
    if (threshold_) {
        const double y = area.bottom() + 1 - scale_.position(*threshold_) * area.height();
        painter.setPen(QPen(style.text, 1, Qt::DashLine));
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
    }
    const QFontMetrics small(style.caption_font);
    const int gap = 6, width = layout.row_names.width() - gap;
    caption(painter, style, QRect(0, area.y() - 2, width, small.height()), Qt::AlignRight | Qt::AlignTop, number_text(scale_.high, locale()));
    caption(painter, style, QRect(0, area.bottom() - small.height() + 2, width, small.height()), Qt::AlignRight | Qt::AlignBottom, number_text(scale_.low, locale()));
    const QString name = (data_.row_axis + QLatin1Char(' ') + rowName(current_.row)).trimmed();
    const QRect plate(area.x(), area.y(), small.horizontalAdvance(name) + 8, small.height());
    QColor paper = style.background;
    paper.setAlphaF(0.8f);
    painter.fillRect(plate, paper);
    painter.setFont(style.caption_font);
    painter.setPen(style.text);
    painter.drawText(plate, Qt::AlignCenter, name);
}

/// Wide enough to be seen, and hit, where a column is narrower.
QRectF HeatmapView::outlineIn(const QRect& map, Cell cell) const
{
    const QRectF where = cellRectIn(map, cell);
    return where.width() < 7 ? QRectF(where.center().x() - 3.5, where.y(), 7, where.height()) : where;
}

Cell HeatmapView::markAt(QPointF position) const
{
    const QRect map = mapRect();
    Cell nearest;
    double least = 0;
    for (const Cell cell : marks_) {
        const QRectF where = outlineIn(map, cell);
        const double distance = std::abs(where.center().x() - position.x());
        if (!where.contains(position) || (nearest.valid() && distance >= least)) continue;
        nearest = cell;
        least = distance;
    }
    return nearest;
}

void HeatmapView::drawMarks(QPainter& painter, const HeatmapLayout& layout) const
{
    if (marks_.empty()) return;
    painter.save();
    painter.setClipRect(layout.map);
    painter.setBrush(Qt::NoBrush);
    QRectF last;
    for (const Cell cell : marks_) {
        QRectF where = outlineIn(layout.map, cell);
        if (where.right() < layout.map.left() || where.left() > layout.map.right() || where.bottom() < layout.map.top() || where.top() > layout.map.bottom()) continue;
        where.adjust(0.5, 0.5, -0.5, -0.5);
        if (where.toAlignedRect() == last.toAlignedRect()) continue;
        last = where;
        painter.setPen(QPen(QColor(0, 0, 0, 160), 3));
        painter.drawRect(where.adjusted(1, 1, -1, -1));
        painter.setPen(QPen(Qt::white, 1));
        painter.drawRect(where.adjusted(1, 1, -1, -1));
    }
    painter.restore();
}

void HeatmapView::drawCursor(QPainter& painter, const HeatmapLayout& layout) const
{
    painter.save();
    painter.setClipRect(layout.map);
    painter.setBrush(Qt::NoBrush);
    if (current_.valid()) {
        QRectF where = cellRectIn(layout.map, current_);
        if (where.width() < 12) where = QRectF(where.center().x() - 6, where.y(), 12, where.height());
        painter.setPen(QPen(plotStyle().background, hasFocus() ? 4 : 3));
        painter.drawRect(where);
        painter.setPen(QPen(plotStyle().accent, hasFocus() ? 2 : 1));
        painter.drawRect(where);
    }
    if (const QRectF dragged = box(); !dragged.isEmpty()) {
        QColor veil = plotStyle().background;
        veil.setAlphaF(0.35f);
        painter.fillRect(dragged, veil);
        painter.setPen(QPen(plotStyle().text, 1));
        painter.drawRect(dragged.adjusted(0, 0, -1, -1));
    }
    painter.restore();
}

void HeatmapView::drawHover(QPainter& painter, const HeatmapLayout& layout) const
{
    if (!hovered_.valid() || gesture_ != Gesture::none) return;
    const QRectF cell = cellRectIn(layout.map, hovered_);
    painter.save();
    painter.setClipRect(layout.map);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(plotStyle().text, 1));
    painter.drawRect(cell.width() >= 4 ? cell.adjusted(0, 0, -1, -1) : QRectF(cell.center().x() - 2, cell.y(), 4, cell.height() - 1));
    painter.restore();
    draw_readout(painter, plotStyle(), QRect(QPoint(0, 0), layout.size), pointer_, description(hovered_));
}

}  // namespace bitwright::plots
