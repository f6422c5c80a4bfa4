// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/scatter.h"

#include "plots/chart_looks.h"
#include "plots/numbers.h"
#include "plots/pareto.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

bool shown(const ScatterPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

std::pair<double, double> with_margin(double low, double high, bool logarithmic, double share)
{
    if (logarithmic && low > 0) {
        const double factor = high > low ? std::pow(high / low, share) : 1.5;
        return {low / factor, high * factor};
    }
    const double margin = high > low ? (high - low) * share : std::max(std::fabs(high) * 0.1, 1e-9);
    return {low - margin, high + margin};
}

}  // namespace

struct ScatterView::State {
    ScatterAxes axes;
    std::vector<ScatterPoint> points;
    bool front_shown = true;
    int selected = -1;

    std::vector<QCPGraph*> graphs;         // one per point: category, interval
    std::vector<QCPErrorBars*> intervals;  // null where there is none
    std::vector<QCPItemText*> labels;
    QCPGraph* front = nullptr;
    QCPItemEllipse* ring = nullptr;
};

ScatterView::ScatterView(QWidget* parent) : Chart(parent), state_(std::make_unique<State>())
{
    state_->front = canvas().addGraph();
    state_->front->setLineStyle(QCPGraph::lsStepLeft);
    state_->ring = new QCPItemEllipse(&canvas());
    state_->ring->setSelectable(false);
    state_->ring->setVisible(false);
    for (QCPItemPosition* position : state_->ring->positions()) position->setType(QCPItemPosition::ptAbsolute);
    connect(&canvas(), &QCustomPlot::afterLayout, this, [this] { placeLabels(); });
    styleChanged();
}

ScatterView::~ScatterView() = default;

const std::vector<ScatterPoint>& ScatterView::points() const noexcept { return state_->points; }
int ScatterView::selected() const noexcept { return state_->selected; }
bool ScatterView::isEmpty() const { return !state_ || std::ranges::none_of(state_->points, shown); }

void ScatterView::setAxes(ScatterAxes axes)
{
    state_->axes = std::move(axes);
    setAxisLogarithmic(*canvas().xAxis, state_->axes.logarithmic_x);
    setAxisLogarithmic(*canvas().yAxis, state_->axes.logarithmic_y);
    canvas().xAxis->setLabel(axis_text(state_->axes.x, state_->axes.x_unit));
    canvas().yAxis->setLabel(axis_text(state_->axes.y, state_->axes.y_unit));
    refit();
}

void ScatterView::setPoints(std::vector<ScatterPoint> points)
{
    state_->points = std::move(points);
    if (state_->selected >= static_cast<int>(state_->points.size())) state_->selected = -1;
    rebuild();
}

void ScatterView::setFrontShown(bool on)
{
    state_->front_shown = on;
    state_->front->setVisible(on);
    queueReplot();
}

std::vector<int> ScatterView::front() const
{
    std::vector<QPointF> where;
    for (const ScatterPoint& point : state_->points) where.emplace_back(point.faded ? NAN : point.x, point.y);
    return pareto_front(where);
}

void ScatterView::rebuild()
{
    for (QCPErrorBars* interval : state_->intervals) {
        if (interval) canvas().removePlottable(interval);
    }
    for (QCPGraph* graph : state_->graphs) canvas().removeGraph(graph);
    for (QCPItemText* label : state_->labels) canvas().removeItem(label);
    state_->graphs.clear();
    state_->intervals.clear();
    state_->labels.clear();
    for (const ScatterPoint& point : state_->points) {
        auto* graph = canvas().addGraph();
        graph->setLineStyle(QCPGraph::lsNone);
        if (shown(point)) graph->addData(point.x, point.y);
        QCPErrorBars* interval = nullptr;
        if (shown(point) && std::isfinite(point.y_low) && std::isfinite(point.y_high)) {
            interval = new QCPErrorBars(canvas().xAxis, canvas().yAxis);
            interval->setDataPlottable(graph);
            interval->addData(point.y - point.y_low, point.y_high - point.y);
            interval->setWhiskerWidth(5);
        }
        auto* label = new QCPItemText(&canvas());
        label->setSelectable(false);
        label->setClipToAxisRect(false);
        label->position->setType(QCPItemPosition::ptAbsolute);
        label->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
        label->setText(point.name);
        state_->graphs.push_back(graph);
        state_->intervals.push_back(interval);
        state_->labels.push_back(label);
    }
    QVector<double> x, y;
    for (const int i : front()) {
        x.append(state_->points[static_cast<std::size_t>(i)].x);
        y.append(state_->points[static_cast<std::size_t>(i)].y);
    }
    state_->front->setData(x, y, true);
    restyle();
    refit();
}

void ScatterView::setSelected(int point)
{
    state_->selected = point >= 0 && point < static_cast<int>(state_->points.size()) ? point : -1;
    queueReplot();
    announceValue(state_->selected < 0 ? QString() : sentenceOf(state_->selected));
}

void ScatterView::select(int point)
{
    if (point == state_->selected) return;
    setSelected(point);
    Q_EMIT pointSelected(state_->selected);
}

QPointF ScatterView::positionOf(int point) const
{
    const ScatterPoint& p = state_->points.at(static_cast<std::size_t>(point));
    return {canvas().xAxis->coordToPixel(p.x), canvas().yAxis->coordToPixel(p.y)};
}

std::pair<double, double> ScatterView::extent() const
{
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const ScatterPoint& point : state_->points) {
        if (!shown(point)) continue;
        low = std::min(low, point.x);
        high = std::max(high, point.x);
    }
    return with_margin(low, high, state_->axes.logarithmic_x, 0.08);
}

void ScatterView::fitY()
{
    if (isEmpty()) return;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const ScatterPoint& point : state_->points) {
        if (!shown(point)) continue;
        for (const double y : {point.y, point.y_low, point.y_high}) {
            if (!std::isfinite(y)) continue;
            low = std::min(low, y);
            high = std::max(high, y);
        }
    }
    const auto [from, to] = with_margin(low, high, state_->axes.logarithmic_y, 0.1);
    canvas().yAxis->setRange(from, to);
}

/// Each label takes the first of eight places around its point that no point and no earlier label covers; the front's points choose first. Without place: none.
void ScatterView::placeLabels()
{
    const QRectF area = plotArea().rect();
    const QFontMetricsF metrics(plotStyle().caption_font);
    std::vector<QRectF> taken;
    for (int i = 0; i < static_cast<int>(state_->points.size()); ++i) {
        if (!shown(state_->points[static_cast<std::size_t>(i)])) continue;
        const QPointF at = positionOf(i);
        taken.emplace_back(at.x() - 5, at.y() - 5, 10, 10);
    }
    std::vector<int> order = front();
    if (state_->selected >= 0) order.insert(order.begin(), state_->selected);
    for (int i = 0; i < static_cast<int>(state_->points.size()); ++i) order.push_back(i);
    std::vector<char> done(state_->points.size(), 0);
    for (const int i : order) {
        if (std::exchange(done[static_cast<std::size_t>(i)], 1)) continue;
        QCPItemText& label = *state_->labels[static_cast<std::size_t>(i)];
        label.setVisible(false);
        const ScatterPoint& point = state_->points[static_cast<std::size_t>(i)];
        if (!shown(point) || point.name.isEmpty()) continue;
        const QPointF at = positionOf(i);
        if (!area.contains(at)) continue;
        const double w = metrics.horizontalAdvance(point.name) + 2, h = metrics.height();
        for (const QPointF& offset : {QPointF(8, -h / 2), QPointF(-8 - w, -h / 2), QPointF(-w / 2, -8 - h), QPointF(-w / 2, 8), QPointF(6, -6 - h), QPointF(6, 6), QPointF(-6 - w, -6 - h),
                                      QPointF(-6 - w, 6)}) {
            const QRectF place(at + offset, QSizeF(w, h));
            if (!area.contains(place) || std::ranges::any_of(taken, [&place](const QRectF& other) { return other.intersects(place); })) continue;
            label.position->setCoords(place.topLeft());
            label.setVisible(true);
            taken.push_back(place);
            break;
        }
    }
    const bool ringed = state_->selected >= 0 && shown(state_->points[static_cast<std::size_t>(state_->selected)]);
    state_->ring->setVisible(ringed);
    if (ringed) {
        const QPointF at = positionOf(state_->selected);
        state_->ring->topLeft->setCoords(at - QPointF(8, 8));
        state_->ring->bottomRight->setCoords(at + QPointF(8, 8));
    }
}

void ScatterView::restyle()
{
    if (!state_) return;
    const Style& style = plotStyle();
    state_->front->setPen(QPen(style.muted_text, 1.2, Qt::DashLine));
    state_->ring->setPen(QPen(style.accent, 2));
    for (std::size_t i = 0; i < state_->graphs.size(); ++i) {
        const ScatterPoint& point = state_->points[i];
        state_->graphs[i]->setScatterStyle(scatter_of(point.category, style, 8, !point.faded));
        if (state_->intervals[i]) state_->intervals[i]->setPen(QPen(style.category(point.category), 1));
        state_->labels[i]->setFont(style.caption_font);
        state_->labels[i]->setBrush(style.background);
        state_->labels[i]->setColor(point.faded ? style.muted_text : style.text);
    }
}

QString ScatterView::sentenceOf(int point) const
{
    const ScatterPoint& p = state_->points[static_cast<std::size_t>(point)];
    if (!p.sentence.isEmpty()) return p.sentence;
    return tr("%1: %2 %3, %4 %5").arg(p.name, state_->axes.x, quantity_text(p.x, state_->axes.x_unit, locale()), state_->axes.y, quantity_text(p.y, state_->axes.y_unit, locale()));
}

int ScatterView::pointNear(QPointF position) const
{
    int found = -1;
    double nearest = 10;
    for (int i = 0; i < static_cast<int>(state_->points.size()); ++i) {
        if (!shown(state_->points[static_cast<std::size_t>(i)])) continue;
        const QPointF by = positionOf(i) - position;
        if (const double distance = std::hypot(by.x(), by.y()); distance < nearest) {
            nearest = distance;
            found = i;
        }
    }
    return found;
}

void ScatterView::mousePressEvent(QMouseEvent* event)
{
    Chart::mousePressEvent(event);
    if (isEmpty() || panning() || event->button() != Qt::LeftButton) return;
    select(pointNear(event->position()));
    event->accept();
}

void ScatterView::mouseMoveEvent(QMouseEvent* event)
{
    if (panning()) return Chart::mouseMoveEvent(event);
    const int near = isEmpty() ? -1 : pointNear(event->position());
    if (near < 0) return hideCrosshair();
    showCrosshair(-1, event->position().toPoint(), sentenceOf(near));
}

void ScatterView::mouseDoubleClickEvent(QMouseEvent* event)
{
    const int near = isEmpty() ? -1 : pointNear(event->position());
    if (near < 0) return Chart::mouseDoubleClickEvent(event);
    select(near);
    Q_EMIT pointActivated(near);
}

void ScatterView::keyPressEvent(QKeyEvent* event)
{
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && state_->selected >= 0) {
        Q_EMIT pointActivated(state_->selected);
        return;
    }
    if (isEmpty() || (event->key() != Qt::Key_Left && event->key() != Qt::Key_Right)) return Chart::keyPressEvent(event);
    std::vector<int> order;
    for (int i = 0; i < static_cast<int>(state_->points.size()); ++i) {
        if (shown(state_->points[static_cast<std::size_t>(i)])) order.push_back(i);
    }
    std::ranges::stable_sort(order, {}, [this](int i) { return state_->points[static_cast<std::size_t>(i)].x; });
    const auto here = std::ranges::find(order, state_->selected);
    if (here == order.end()) return select(order.front());
    const auto at = here - order.begin() + (event->key() == Qt::Key_Left ? -1 : 1);
    select(order[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, std::ssize(order) - 1))]);
}

QString ScatterView::csv() const
{
    const auto column = [](const QString& name, const QString& unit, const char* otherwise) { return file_field(name.isEmpty() ? QString::fromLatin1(otherwise) : axis_text(name, unit)); };
    QString out = QStringLiteral("name,") + column(state_->axes.x, state_->axes.x_unit, "x") + QLatin1Char(',') + column(state_->axes.y, state_->axes.y_unit, "y") + QStringLiteral(",low,high,on the front\n");
    const auto on_front = front();
    for (int i = 0; i < static_cast<int>(state_->points.size()); ++i) {
        const ScatterPoint& p = state_->points[static_cast<std::size_t>(i)];
        out += file_field(p.name);
        for (const double v : {p.x, p.y, p.y_low, p.y_high}) out += QLatin1Char(',') + file_number(v);
        out += std::ranges::find(on_front, i) != on_front.end() ? QStringLiteral(",yes\n") : QStringLiteral(",no\n");
    }
    return out;
}

}  // namespace bitwright::plots
