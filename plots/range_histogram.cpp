// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/range_histogram.h"

#include "plots/numbers.h"
#include "plots/qcp.h"
#include "plots/range_accessible.h"
#include "plots/range_rule.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

constexpr int frame_ms = 16, grip = 7;  // pixels beside a line that still take it

/// Codes as ticks: every one where there is room, else powers of two apart.
class CodeTicker : public QCPAxisTicker {
public:
    IntegerGrid grid;
    double pixels_per_code = 1;

protected:
    double getTickStep(const QCPRange&) override
    {
        double codes = 1;
        while (codes * pixels_per_code < 44 && codes < 65536) codes *= 2;  // room for a number
        return codes * grid.scale;
    }
    int getSubTickCount(double step) override
    {
        const double codes = std::round(step / grid.scale);
        double between = codes;  // the finest that leaves four pixels
        while (between > 1 && codes / between * pixels_per_code < 4) between /= 2;
        return static_cast<int>(between) - 1;
    }
    QVector<double> createTickVector(double step, const QCPRange& range) override
    {
        const double codes = std::max(1.0, std::round(step / grid.scale));
        QVector<double> ticks;
        const double first = std::max<double>(grid.qmin, std::floor(range.lower / grid.scale + grid.offset)), last = std::min<double>(grid.qmax, std::ceil(range.upper / grid.scale + grid.offset));
        for (double code = std::ceil(first / codes) * codes; code <= last; code += codes) ticks.append(grid.value(code));
        return ticks;
    }
    QString getTickLabel(double tick, const QLocale& locale, QChar, int) override { return tick_text(std::round(tick / grid.scale + grid.offset), locale); }
};

}  // namespace

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
    QSharedPointer<CodeTicker> codes;
    double highest = 1;
};

RangeHistogramView::RangeHistogramView(QWidget* parent) : Chart(parent), state_(std::make_unique<State>())
{
    install_range_accessibility();
    auto& plot = canvas();
    state_->bins = plot.addGraph();
    state_->outline = plot.addGraph();
    for (QCPGraph* graph : {state_->bins, state_->outline}) {
        graph->setLineStyle(QCPGraph::lsStepLeft);
        graph->setAdaptiveSampling(true);
        graph->setAntialiased(false);
    }
    plot.yAxis->setScaleType(QCPAxis::stLogarithmic);
    plot.yAxis->setTicker(QSharedPointer<QCPAxisTickerLog>::create());
    plot.yAxis->setNumberFormat(QStringLiteral("eb"));
    plot.yAxis->setNumberPrecision(0);
    plot.yAxis->setLabel(tr("count"));
    plot.xAxis2->setVisible(true);
    state_->codes = QSharedPointer<CodeTicker>::create();
    plot.xAxis2->setTicker(state_->codes);
    for (const std::size_t side : {0u, 1u}) {
        auto* tail = state_->tails[side] = new QCPItemRect(&plot);
        auto* line = state_->lines[side] = new QCPItemStraightLine(&plot);
        auto* label = state_->labels[side] = new QCPItemText(&plot);
        for (QCPAbstractItem* item : {static_cast<QCPAbstractItem*>(tail), static_cast<QCPAbstractItem*>(line), static_cast<QCPAbstractItem*>(label)}) {
            item->setLayer(QStringLiteral("overlay"));
            item->setSelectable(false);
            item->setVisible(false);
        }
        for (QCPItemPosition* position : tail->positions()) {
            position->setTypeX(QCPItemPosition::ptPlotCoords);
            position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        }
        label->position->setTypeX(QCPItemPosition::ptPlotCoords);
        label->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        label->setPositionAlignment((side ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignTop);
        label->setPadding(QMargins(3, 1, 3, 1));
    }
    state_->frame.setSingleShot(true);
    connect(&state_->frame, &QTimer::timeout, this, [this] { flush(); });
    styleChanged();
}

RangeHistogramView::~RangeHistogramView() = default;

const RangeHistogram& RangeHistogramView::data() const noexcept { return state_->histogram; }
const std::optional<IntegerGrid>& RangeHistogramView::grid() const noexcept { return state_->grid; }
bool RangeHistogramView::hasRange() const noexcept { return state_->has_range; }
double RangeHistogramView::minimum() const noexcept { return state_->range.minimum; }
double RangeHistogramView::maximum() const noexcept { return state_->range.maximum; }
bool RangeHistogramView::symmetric() const noexcept { return state_->symmetric; }
RangeHandle RangeHistogramView::currentHandle() const noexcept { return state_->handle; }
bool RangeHistogramView::dragging() const noexcept { return state_->dragging; }
bool RangeHistogramView::isEmpty() const { return !state_ || state_->histogram.counts.empty() || !(state_->histogram.high > state_->histogram.low); }

namespace {

void fill_steps(QCPGraph& graph, const RangeHistogram& histogram)
{
    const auto n = static_cast<int>(histogram.counts.size());
    QVector<double> x, y;
    x.reserve(n + 1);
    y.reserve(n + 1);
    for (int i = 0; i < n; ++i) {
        x.append(histogram.low + (histogram.high - histogram.low) * i / n);
        y.append(std::max(0.5, histogram.counts[static_cast<std::size_t>(i)]));  // none lies on the floor of the logarithmic axis
    }
    if (n > 0) {
        x.append(histogram.high);
        y.append(0.5);
    }
    graph.setData(x, y, true);
}

}  // namespace

void RangeHistogramView::setData(RangeHistogram histogram)
{
    const bool same = histogram.low == state_->histogram.low && histogram.high == state_->histogram.high;
    state_->histogram = std::move(histogram);
    state_->highest = 1;
    for (const double count : state_->histogram.counts) state_->highest = std::max(state_->highest, count);
    fill_steps(*state_->bins, state_->histogram);
    canvas().xAxis->setLabel(axis_text(state_->histogram.value_axis, state_->histogram.unit));
    place();
    if (same) refit();
    else resetView();
}

void RangeHistogramView::setComparison(RangeHistogram histogram, const QString& name)
{
    state_->compared = std::move(histogram);
    state_->compared_name = name;
    fill_steps(*state_->outline, state_->compared);
    refit();
}

void RangeHistogramView::setGrid(std::optional<IntegerGrid> grid)
{
    if (grid && (!(grid->scale > 0) || !std::isfinite(grid->scale) || !std::isfinite(grid->offset) || grid->qmin >= grid->qmax)) grid.reset();
    state_->grid = grid;
    canvas().xAxis2->setTicks(grid.has_value());
    canvas().xAxis2->setTickLabels(grid.has_value());
    if (grid) state_->codes->grid = *grid;
    queueReplot();
}

void RangeHistogramView::setRange(double minimum, double maximum)
{
    if (state_->dragging) return;
    state_->editing = false;
    state_->has_range = std::isfinite(minimum) && std::isfinite(maximum) && minimum < maximum;
    if (state_->has_range) state_->range = {minimum, maximum};
    place();
    refit();
    announce_range(*this);
}

void RangeHistogramView::setReadOnly(bool on, const QString& why)
{
    if (on) cancel();
    state_->read_only = on;
    state_->read_only_why = why;
}

void RangeHistogramView::setSymmetric(bool on) { state_->symmetric = on; }

void RangeHistogramView::setCurrentHandle(RangeHandle handle)
{
    if (handle == state_->handle) return;
    state_->handle = handle;
    restyle();
    replotOverlay();
    Q_EMIT handleChanged(handle);
    announce_range(*this);
}

double RangeHistogramView::pixelOf(double value) const { return canvas().xAxis->coordToPixel(value); }
double RangeHistogramView::valueAt(double pixel) const { return canvas().xAxis->pixelToCoord(pixel); }

QString RangeHistogramView::rangeSentence() const
{
    if (!state_->has_range) return tr("No range");
    const QString low = quantity_text(state_->range.minimum, state_->histogram.unit, locale()), high = quantity_text(state_->range.maximum, state_->histogram.unit, locale());
    if (state_->handle == RangeHandle::minimum) return tr("minimum %1, maximum %2").arg(low, high);
    return tr("maximum %2, minimum %1").arg(low, high);
}

std::pair<double, double> RangeHistogramView::extent() const
{
    double low = state_->histogram.low, high = state_->histogram.high;
    if (!state_->compared.counts.empty()) {
        low = std::min(low, state_->compared.low);
        high = std::max(high, state_->compared.high);
    }
    if (state_->has_range) {  // both lines within reach
        const ClipRange range = state_->editing ? state_->before : state_->range;
        low = std::min(low, range.minimum);
        high = std::max(high, range.maximum);
    }
    const double margin = (high - low) * 0.04;
    return {low - margin, high + margin};
}

void RangeHistogramView::fitY()
{
    double highest = state_->highest;
    for (const double count : state_->compared.counts) highest = std::max(highest, count);
    canvas().yAxis->setRange(0.5, highest * 3);
    canvas().xAxis2->setRange(canvas().xAxis->range());
    if (state_->grid) {
        state_->codes->pixels_per_code = std::fabs(pixelOf(state_->grid->scale) - pixelOf(0));
        const bool each = state_->codes->pixels_per_code >= 4;
        canvas().xAxis2->grid()->setVisible(true);
        canvas().xAxis2->grid()->setSubGridVisible(true);
        canvas().xAxis->grid()->setVisible(!each);
    } else {
        canvas().xAxis2->grid()->setVisible(false);
        canvas().xAxis->grid()->setVisible(true);
    }
}

void RangeHistogramView::place()
{
    const ClipRange range = state_->range;
    const double far = 1e3 * std::max(std::fabs(extent().first), std::fabs(extent().second)) + 1e3;
    for (const std::size_t side : {0u, 1u}) {
        const double at = side ? range.maximum : range.minimum;
        state_->tails[side]->setVisible(state_->has_range);
        state_->lines[side]->setVisible(state_->has_range);
        state_->labels[side]->setVisible(state_->has_range);
        if (!state_->has_range) continue;
        state_->tails[side]->topLeft->setCoords(side ? at : -far, 0);
        state_->tails[side]->bottomRight->setCoords(side ? far : at, 1);
        state_->lines[side]->point1->setCoords(at, 1);
        state_->lines[side]->point2->setCoords(at, 10);
        state_->labels[side]->position->setCoords(at, 0.02);
        state_->labels[side]->setText(number_text(at, locale()));
    }
}

void RangeHistogramView::restyle()
{
    if (!state_) return;
    const Style& style = plotStyle();
    state_->bins->setPen(QPen(style.muted_text, 1));
    QColor fill = style.muted_text;
    fill.setAlphaF(0.35f);
    state_->bins->setBrush(fill);
    state_->outline->setPen(QPen(category_colour(1, style.dark), 1.5));
    QColor tail = category_colour(5, style.dark);
    tail.setAlphaF(0.16f);
    for (const std::size_t side : {0u, 1u}) {
        const bool current = state_->handle == (side ? RangeHandle::maximum : RangeHandle::minimum);
        state_->tails[side]->setPen(QPen(Qt::NoPen));
        state_->tails[side]->setBrush(tail);
        state_->lines[side]->setPen(QPen(style.accent, current ? 3 : 1.5));
        state_->labels[side]->setFont(style.caption_font);
        state_->labels[side]->setColor(current ? style.accent : style.text);
        state_->labels[side]->setBrush(style.background);
    }
    canvas().xAxis2->grid()->setSubGridPen(QPen(style.grid, 1));
    canvas().xAxis2->grid()->setPen(QPen(style.grid.darker(style.dark ? 80 : 108), 1));
    canvas().xAxis2->setLabel(QString());
}

void RangeHistogramView::titleChanged() { announce_range(*this); }

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
    if (state_->range == state_->before) return;
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
    if (state_->range == state_->before) return;
    state_->range = state_->before;
    place();
    replotOverlay();
    Q_EMIT rangeDragged(state_->range.minimum, state_->range.maximum);
    Q_EMIT rangeReleased(state_->range.minimum, state_->range.maximum);
    announce_range(*this);
}

QString RangeHistogramView::csv() const
{
    const bool compared = state_->compared.counts.size() == state_->histogram.counts.size() && state_->compared.low == state_->histogram.low && state_->compared.high == state_->histogram.high;
    QString out = QStringLiteral("low,high,count");
    if (compared) out += QLatin1Char(',') + file_field(state_->compared_name.isEmpty() ? QStringLiteral("compared") : state_->compared_name);
    out += QLatin1Char('\n');
    const auto [from, to] = visibleRange();
    const auto n = state_->histogram.counts.size();
    for (std::size_t i = 0; i < n; ++i) {
        const double width = (state_->histogram.high - state_->histogram.low) / static_cast<double>(n), low = state_->histogram.low + width * static_cast<double>(i);
        if (low + width <= from || low >= to) continue;
        out += file_number(low) + QLatin1Char(',') + file_number(low + width) + QLatin1Char(',') + file_number(state_->histogram.counts[i]);
        if (compared) out += QLatin1Char(',') + file_number(state_->compared.counts[i]);
        out += QLatin1Char('\n');
    }
    return out;
}

// ── mouse and keys ──

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
