// SPDX-License-Identifier: GPL-3.0-or-later
// Mouse and keys of the range histogram, and what they may do to the range.
#include "plots/numbers.h"
#include "plots/range_accessible.h"
#include "plots/range_state.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

constexpr int frame_ms = 16, grip = 7;  // pixels beside a line that still take it

}  // namespace

double RangeHistogramView::narrowest() const
{
    if (state_->grid) return state_->grid->scale;
    const auto n = std::max<std::size_t>(1, state_->histogram.counts.size());
    return (state_->histogram.high - state_->histogram.low) / static_cast<double>(n);
}

RangeHandle RangeHistogramView::handleNear(QPointF position) const
{
    if (!state_->has_range || isEmpty() || !plotArea().rect().adjusted(-grip, -24, grip, grip).contains(position.toPoint())) return RangeHandle::none;
    const double to_minimum = std::fabs(pixelOf(state_->range.minimum) - position.x()), to_maximum = std::fabs(pixelOf(state_->range.maximum) - position.x());
    if (std::min(to_minimum, to_maximum) > grip) return RangeHandle::none;
    if (to_minimum == to_maximum) return position.x() < pixelOf(state_->range.minimum) ? RangeHandle::minimum : RangeHandle::maximum;
    return to_minimum < to_maximum ? RangeHandle::minimum : RangeHandle::maximum;
}

void RangeHistogramView::move(RangeHandle handle, double value)
{
    if (state_->read_only) {
        Q_EMIT refused(state_->read_only_why.isEmpty() ? tr("This range cannot be changed here.") : state_->read_only_why);
        return;
    }
    if (!state_->editing) {
        state_->editing = true;
        state_->before = state_->range;
    }
    const Moved result = moved(state_->range, handle == RangeHandle::minimum, value, narrowest(), state_->symmetric);
    if (result.refusal == Refusal::none) {
        state_->refusal_told = false;
    } else if (!state_->refusal_told) {
        state_->refusal_told = true;
        Q_EMIT refused(state_->symmetric ? tr("A symmetric range has 0 in its middle and at least one code.") : tr("The minimum stays below the maximum, at least one code apart."));
    }
    if (result.range == state_->range) return;
    state_->range = result.range;
    place();
    replotOverlay();
    changed();
}

void RangeHistogramView::changed()
{
    if (state_->since.isValid() && state_->since.elapsed() < frame_ms) {
        state_->pending = true;
        if (!state_->frame.isActive()) state_->frame.start(static_cast<int>(frame_ms - state_->since.elapsed()));
        return;
    }
    state_->pending = true;
    flush();
}

void RangeHistogramView::flush()
{
    state_->frame.stop();
    if (!state_->pending) return;
    state_->pending = false;
    state_->since.start();
    Q_EMIT rangeDragged(state_->range.minimum, state_->range.maximum);
}

void RangeHistogramView::finish()
{
    flush();
    state_->dragging = false;
    if (!state_->editing) return;
    state_->editing = false;
    state_->refusal_told = false;
    Q_EMIT rangeReleased(state_->range.minimum, state_->range.maximum);
    announce_range(*this);
}

void RangeHistogramView::cancel()
{
    state_->dragging = false;
    state_->pending = false;
    state_->frame.stop();
    if (!state_->editing) return;
    state_->editing = false;
    state_->refusal_told = false;
    state_->range = state_->before;
    place();
    replotOverlay();
    Q_EMIT rangeDragged(state_->range.minimum, state_->range.maximum);
    Q_EMIT rangeReleased(state_->range.minimum, state_->range.maximum);
    announce_range(*this);
}

void RangeHistogramView::mousePressEvent(QMouseEvent* event)
{
    const RangeHandle handle = event->button() == Qt::LeftButton ? handleNear(event->position()) : RangeHandle::none;
    if (handle == RangeHandle::none || event->modifiers().testFlag(Qt::ShiftModifier)) return Chart::mousePressEvent(event);
    if (state_->editing) finish();
    setCurrentHandle(handle);
    hideCrosshair();
    state_->dragging = true;
    state_->grab = event->position().x() - pixelOf(handle == RangeHandle::minimum ? state_->range.minimum : state_->range.maximum);
}

void RangeHistogramView::mouseMoveEvent(QMouseEvent* event)
{
    if (panning()) return Chart::mouseMoveEvent(event);
    if (state_->dragging) return move(state_->handle, valueAt(event->position().x() - state_->grab));
    const RangeHandle near = handleNear(event->position());
    if (near != RangeHandle::none) setCursor(Qt::SizeHorCursor);
    else unsetCursor();
    const QPoint at = event->position().toPoint();
    if (isEmpty() || near != RangeHandle::none || !plotArea().rect().contains(at)) return hideCrosshair();
    const RangeHistogram& h = state_->histogram;
    const double value = valueAt(event->position().x()), width = (h.high - h.low) / static_cast<double>(h.counts.size());
    QString text = quantity_text(value, h.unit, locale());
    if (value >= h.low && value < h.high) text = tr("%1: %2").arg(text, number_text(h.counts[std::min(h.counts.size() - 1, static_cast<std::size_t>((value - h.low) / width))], locale()));
    if (state_->grid) {
        const double code = std::clamp(std::nearbyint(value / state_->grid->scale + state_->grid->offset), double(state_->grid->qmin), double(state_->grid->qmax));
        text += tr(", code %1").arg(tick_text(code, locale()));
    }
    showCrosshair(event->position().x(), at, text);
}

void RangeHistogramView::mouseReleaseEvent(QMouseEvent* event)
{
    if (panning()) return Chart::mouseReleaseEvent(event);
    if (state_->dragging && event->button() == Qt::LeftButton) {
        finish();
        refit();
    }
}

void RangeHistogramView::keyPressEvent(QKeyEvent* event)
{
    const int direction = event->key() == Qt::Key_Left ? -1 : event->key() == Qt::Key_Right ? 1 : 0;
    if (direction != 0 && state_->has_range) {
        if (state_->handle == RangeHandle::none) setCurrentHandle(RangeHandle::maximum);
        const double step = state_->grid ? state_->grid->scale : narrowest();
        const double at = state_->handle == RangeHandle::minimum ? state_->range.minimum : state_->range.maximum;
        move(state_->handle, at + direction * (event->modifiers().testFlag(Qt::ShiftModifier) ? 10 : 1) * step);
        return;
    }
    if (event->key() == Qt::Key_Escape && (state_->editing || state_->dragging)) return cancel();
    Chart::keyPressEvent(event);
}

void RangeHistogramView::keyReleaseEvent(QKeyEvent* event)
{
    if ((event->key() == Qt::Key_Left || event->key() == Qt::Key_Right) && !event->isAutoRepeat() && !state_->dragging) return finish();
    Chart::keyReleaseEvent(event);
}

void RangeHistogramView::focusInEvent(QFocusEvent* event)
{
    if (state_->has_range && event->reason() == Qt::TabFocusReason) setCurrentHandle(RangeHandle::minimum);
    if (state_->has_range && event->reason() == Qt::BacktabFocusReason) setCurrentHandle(RangeHandle::maximum);
    Chart::focusInEvent(event);
}

void RangeHistogramView::focusOutEvent(QFocusEvent* event)
{
    if (!state_->dragging) finish();
    if (event->reason() != Qt::PopupFocusReason && event->reason() != Qt::ActiveWindowFocusReason) setCurrentHandle(RangeHandle::none);
    Chart::focusOutEvent(event);
}

bool RangeHistogramView::focusNextPrevChild(bool next)
{
    const RangeHandle other = next ? RangeHandle::maximum : RangeHandle::minimum;
    if (hasFocus() && state_->has_range && state_->handle != RangeHandle::none && state_->handle != other) {
        finish();
        setCurrentHandle(other);
        return true;
    }
    return Chart::focusNextPrevChild(next);
}

bool RangeHistogramView::event(QEvent* event)
{
    // Esc while dragging is ours before any shortcut's
    if (event->type() == QEvent::ShortcutOverride && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape && (state_->editing || state_->dragging)) {
        event->accept();
        return true;
    }
    return Chart::event(event);
}

}  // namespace bitwright::plots
