// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/range_histogram.h"

#include "plots/numbers.h"
#include "plots/range_accessible.h"
#include "plots/range_state.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

constexpr double below_one = 0.1;  // empty bins on the logarithmic axis: below what is shown

}  // namespace

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
    setAxisLogarithmic(*plot.yAxis, true);
    plot.yAxis->setLabel(tr("count"));
    state_->codes = QSharedPointer<CodeTicker>::create();
    plot.xAxis2->setTicker(state_->codes);
    for (const std::size_t side : {0u, 1u}) {
        auto* tail = state_->tails[side] = new QCPItemRect(&plot);
        auto* line = state_->lines[side] = new QCPItemStraightLine(&plot);
        auto* label = state_->labels[side] = new QCPItemText(&plot);
        auto* knob = state_->knobs[side] = new QCPItemRect(&plot);
        for (QCPAbstractItem* item : {static_cast<QCPAbstractItem*>(tail), static_cast<QCPAbstractItem*>(line), static_cast<QCPAbstractItem*>(label), static_cast<QCPAbstractItem*>(knob)}) {
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
        knob->setClipToAxisRect(false);
        for (QCPItemPosition* position : {knob->topLeft, knob->bottomRight}) {
            position->setParentAnchor(label->position);
            position->setType(QCPItemPosition::ptAbsolute);
        }
        knob->topLeft->setCoords(-3, 22);
        knob->bottomRight->setCoords(3, 42);
    }
    state_->frame.setSingleShot(true);
    connect(&state_->frame, &QTimer::timeout, this, [this] { flush(); });
    connect(&plot, &QCustomPlot::afterLayout, this, [this] { align_labels(); });
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
        y.append(std::max(below_one, histogram.counts[static_cast<std::size_t>(i)]));
    }
    if (n > 0) {
        x.append(histogram.high);
        y.append(below_one);
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
    canvas().xAxis2->setVisible(grid.has_value());
    if (grid) state_->codes->grid = *grid;
    queueReplot();
}

void RangeHistogramView::setRange(double minimum, double maximum)
{
    if (state_->dragging || state_->editing) return;
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
    canvas().yAxis->setRange(0.6, highest * 3);
    canvas().xAxis2->setRange(canvas().xAxis->range());
    if (state_->grid) {
        state_->codes->pixels_per_code = std::fabs(pixelOf(state_->grid->scale) - pixelOf(0));
        const bool each = state_->codes->pixels_per_code >= 4;
        canvas().xAxis2->grid()->setVisible(each);
        canvas().xAxis2->grid()->setSubGridVisible(each);
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
        state_->knobs[side]->setVisible(state_->has_range);
        if (!state_->has_range) continue;
        state_->tails[side]->topLeft->setCoords(side ? at : -far, 0);
        state_->tails[side]->bottomRight->setCoords(side ? far : at, 1);
        state_->lines[side]->point1->setCoords(at, 1);
        state_->lines[side]->point2->setCoords(at, 10);
        state_->labels[side]->position->setCoords(at, 0.02);
        state_->labels[side]->setText(number_text(at, locale()));
    }
}

/// The values stand outside their lines; inside where the edge would cut them off.
void RangeHistogramView::align_labels()
{
    if (!state_->has_range) return;
    const QFontMetrics metrics(state_->labels[0]->font());
    const auto& axis = *canvas().xAxis;
    for (const std::size_t side : {0u, 1u}) {
        const double at = axis.coordToPixel(side ? state_->range.maximum : state_->range.minimum);
        const int width = metrics.horizontalAdvance(state_->labels[side]->text()) + 8;
        const double room = side ? canvas().axisRect()->right() - at : at - canvas().axisRect()->left();
        const bool left_of_line = (side == 0) == (room >= width);
        state_->labels[side]->setPositionAlignment((left_of_line ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignTop);
    }
}

void RangeHistogramView::restyle()
{
    if (!state_) return;
    const Style& style = plotStyle();
    state_->bins->setPen(QPen(Qt::NoPen));
    QColor fill = style.muted_text;
    fill.setAlphaF(0.5f);
    state_->bins->setBrush(fill);
    state_->outline->setPen(QPen(style.category(1), 1.5));
    QColor tail = style.category(5);
    tail.setAlphaF(0.16f);
    for (const std::size_t side : {0u, 1u}) {
        const bool current = state_->handle == (side ? RangeHandle::maximum : RangeHandle::minimum);
        state_->tails[side]->setPen(QPen(Qt::NoPen));
        state_->tails[side]->setBrush(tail);
        state_->lines[side]->setPen(QPen(style.accent, current ? 3 : 1.5));
        state_->knobs[side]->setPen(QPen(style.background, 1));
        state_->knobs[side]->setBrush(style.accent);
        state_->labels[side]->setFont(style.caption_font);
        state_->labels[side]->setColor(current ? style.accent : style.text);
        state_->labels[side]->setBrush(style.background);
    }
    canvas().xAxis2->grid()->setSubGridPen(QPen(style.grid, 1));
    canvas().xAxis2->grid()->setPen(QPen(style.grid.darker(style.dark ? 80 : 108), 1));
    canvas().xAxis2->setSubTicks(true);
    canvas().xAxis2->setTickLength(5, 0);
    canvas().xAxis2->setSubTickLength(3, 0);
    canvas().xAxis2->setTickPen(QPen(style.muted_text, 1));
    canvas().xAxis2->setSubTickPen(QPen(style.muted_text, 1));
    canvas().xAxis2->setLabel(tr("code"));
}

void RangeHistogramView::titleChanged() { announce_range(*this); }

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

}  // namespace bitwright::plots
