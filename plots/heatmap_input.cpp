// SPDX-License-Identifier: GPL-3.0-or-later
// Mouse and keys of the heatmap.
#include "plots/heatmap.h"
#include "plots/heatmap_layout.h"

#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace bitwright::plots {

QRectF HeatmapView::box() const
{
    if (gesture_ != Gesture::box || !moved_) return {};
    return QRectF(QRect(press_, pointer_).normalized()) & QRectF(mapRect());
}

void HeatmapView::hover(Cell cell)
{
    if (cell == hovered_) return;
    hovered_ = cell;
    update();
    Q_EMIT cellHovered(cell.row, cell.column);
}

/// `at`: the displayed column that stays where it is.
void HeatmapView::zoomColumns(double factor, double at)
{
    const double width = std::clamp(range_.width() * factor, std::min(4.0, static_cast<double>(data_.columns)), static_cast<double>(data_.columns));
    const double share = range_.width() > 0 ? (at - range_.x()) / range_.width() : 0;
    setVisibleRange(QRectF(at - share * width, range_.y(), width, range_.height()));
}

void HeatmapView::zoomRows(double factor, double at)
{
    const double height = std::clamp(range_.height() * factor, 1.0, static_cast<double>(data_.rows));
    const double share = range_.height() > 0 ? (at - range_.y()) / range_.height() : 0;
    setVisibleRange(QRectF(range_.x(), at - share * height, range_.width(), height));
}

void HeatmapView::centreOn(QPoint in_minimap)
{
    const QRect map = layoutFor(size()).minimap;
    if (map.isEmpty()) return;
    const double x = static_cast<double>(in_minimap.x() - map.x()) / map.width() * data_.columns, y = static_cast<double>(in_minimap.y() - map.y()) / map.height() * data_.rows;
    setVisibleRange(QRectF(x - range_.width() / 2, y - range_.height() / 2, range_.width(), range_.height()));
}

void HeatmapView::mousePressEvent(QMouseEvent* event)
{
    if (isEmpty() || gesture_ != Gesture::none) return event->ignore();
    press_ = pointer_ = event->position().toPoint();
    press_range_ = range_;
    moved_ = false;
    const HeatmapLayout layout = layoutFor(size());
    const bool pan = event->button() == Qt::MiddleButton || (event->button() == Qt::LeftButton && event->modifiers().testFlag(Qt::ShiftModifier));
    if (event->button() == Qt::LeftButton && layout.minimap.contains(press_)) {
        gesture_ = Gesture::minimap;
        centreOn(press_);
    } else if (pan && layout.map.contains(press_)) {
        gesture_ = Gesture::pan;
        setCursor(Qt::ClosedHandCursor);
    } else if (event->button() == Qt::LeftButton && layout.map.contains(press_)) {
        gesture_ = Gesture::box;
    }
}

void HeatmapView::mouseMoveEvent(QMouseEvent* event)
{
    if (isEmpty()) return;
    pointer_ = event->position().toPoint();
    moved_ = moved_ || (pointer_ - press_).manhattanLength() >= QApplication::startDragDistance();
    const QRect map = mapRect();
    switch (gesture_) {
        case Gesture::pan:
            setVisibleRange(press_range_.translated(-(pointer_.x() - press_.x()) * press_range_.width() / map.width(), -(pointer_.y() - press_.y()) * press_range_.height() / map.height()));
            break;
        case Gesture::minimap: centreOn(pointer_); break;
        case Gesture::box: update(); break;
        case Gesture::none:
            hover(cellAt(event->position()));
            if (hovered_.valid()) update();  // the text follows the pointer
            break;
    }
}

void HeatmapView::mouseReleaseEvent(QMouseEvent* event)
{
    pointer_ = event->position().toPoint();
    const QRectF dragged = box();
    const Gesture gesture = gesture_;
    gesture_ = Gesture::none;
    if (gesture == Gesture::pan) unsetCursor();
    if (gesture != Gesture::box) return;
    if (!moved_) {
        const Cell marked = markAt(event->position());
        return setCurrentCell(marked.valid() ? marked : cellAt(event->position()), false);
    }
    const QRect map = mapRect();
    const double cell_height = map.height() / range_.height();
    QRectF range = range_;
    if (dragged.width() >= 3) {
        range.setLeft(range_.x() + (dragged.left() - map.x()) / map.width() * range_.width());
        range.setRight(range_.x() + (dragged.right() - map.x()) / map.width() * range_.width());
    }
    if (dragged.height() >= std::max(8.0, cell_height / 2)) {  // a flat box zooms columns only; rows are shown whole
        range.setTop(std::floor(range_.y() + (dragged.top() - map.y()) / cell_height));
        range.setBottom(std::ceil(range_.y() + (dragged.bottom() - map.y()) / cell_height));
    }
    setVisibleRange(range);
    update();
}

void HeatmapView::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (isEmpty() || event->button() != Qt::LeftButton) return;
    const Cell cell = cellAt(event->position());
    if (!cell.valid()) return resetView();
    setCurrentCell(cell, false);
    Q_EMIT cellActivated(cell.row, cell.column);
}

void HeatmapView::wheelEvent(QWheelEvent* event)
{
    const QRect map = mapRect();
    if (isEmpty() || map.isEmpty()) return event->ignore();
    const QPointF at = event->position();
    const double steps = event->angleDelta().y() / 120.0, across = event->angleDelta().x() / 120.0;
    const double column = range_.x() + std::clamp((at.x() - map.x()) / map.width(), 0.0, 1.0) * range_.width();
    const double row = range_.y() + std::clamp((at.y() - map.y()) / map.height(), 0.0, 1.0) * range_.height();
    if (event->modifiers().testFlag(Qt::ShiftModifier)) setVisibleRange(range_.translated(-(steps + across) * range_.width() / 8, 0));
    else if (event->modifiers().testFlag(Qt::ControlModifier)) zoomRows(std::pow(0.8, steps), row);
    else if (std::fabs(across) > std::fabs(steps)) setVisibleRange(range_.translated(-across * range_.width() / 8, 0));
    else zoomColumns(std::pow(0.8, steps), column);
    hover(cellAt(at));
    event->accept();
}

void HeatmapView::keyPressEvent(QKeyEvent* event)
{
    if (isEmpty()) return QWidget::keyPressEvent(event);
    const int page = std::max(1, static_cast<int>(range_.width() / 10));
    const double at = current_.valid() ? displayed(current_.column) + 0.5 : range_.center().x();
    switch (event->key()) {
        case Qt::Key_Left: return moveCursor(0, -1);
        case Qt::Key_Right: return moveCursor(0, 1);
        case Qt::Key_Up: return moveCursor(-1, 0);
        case Qt::Key_Down: return moveCursor(1, 0);
        case Qt::Key_Home: return moveCursor(0, -data_.columns);
        case Qt::Key_End: return moveCursor(0, data_.columns);
        case Qt::Key_PageUp: return moveCursor(0, -page);
        case Qt::Key_PageDown: return moveCursor(0, page);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (current_.valid()) Q_EMIT cellActivated(current_.row, current_.column);
            return;
        case Qt::Key_Plus:
        case Qt::Key_Equal: return zoomColumns(0.5, at);
        case Qt::Key_Minus: return zoomColumns(2, at);
        case Qt::Key_0: return resetView();
        case Qt::Key_Escape:
            if (gesture_ == Gesture::none) break;
            if (gesture_ == Gesture::pan) setVisibleRange(press_range_);
            gesture_ = Gesture::none;
            unsetCursor();
            return update();
        default: break;
    }
    QWidget::keyPressEvent(event);
}

void HeatmapView::leaveEvent(QEvent* event)
{
    hover({});
    QWidget::leaveEvent(event);
}
void HeatmapView::focusInEvent(QFocusEvent* event)
{
    update();
    QWidget::focusInEvent(event);
}
void HeatmapView::focusOutEvent(QFocusEvent* event)
{
    update();
    QWidget::focusOutEvent(event);
}

bool HeatmapView::event(QEvent* event)
{
    if (event->type() == QEvent::LocaleChange || event->type() == QEvent::LanguageChange) update();
    return Plot::event(event);
}

}  // namespace bitwright::plots
