// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/curves.h"

#include "plots/chart_looks.h"
#include "plots/numbers.h"

#include <QAccessible>

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t markers_up_to = 60;  // points of a curve that still get a marker each

constexpr double line_width = 1.6;

std::size_t visible_points(const Curve& curve, double from, double to)
{
    return static_cast<std::size_t>(std::ranges::upper_bound(curve.x, to) - std::ranges::lower_bound(curve.x, from));
}

QString point_csv(double v) { return QLatin1Char(',') + file_number(v); }

}  // namespace

struct CurvesView::State {
    CurveAxes axes;
    std::vector<Curve> curves;
    std::optional<CurveMarker> marker;
    int current_curve = -1, current_index = -1;

    struct Drawn {
        QCPGraph *line, *low, *high;
        QCPItemText* name;
    };
    std::vector<Drawn> drawn;
    QCPItemStraightLine* marker_line = nullptr;
    QCPItemText* marker_text = nullptr;
    QCPItemEllipse* ring = nullptr;
    int names_width = 0;
};

CurvesView::CurvesView(QWidget* parent) : Chart(parent), state_(std::make_unique<State>())
{
    auto& plot = canvas();
    state_->marker_line = new QCPItemStraightLine(&plot);
    state_->marker_text = new QCPItemText(&plot);
    state_->marker_text->position->setTypeX(QCPItemPosition::ptPlotCoords);
    state_->marker_text->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    state_->marker_text->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    state_->marker_text->setPadding(QMargins(4, 0, 4, 0));
    state_->ring = new QCPItemEllipse(&plot);
    for (QCPItemPosition* position : state_->ring->positions()) position->setType(QCPItemPosition::ptAbsolute);
    for (QCPAbstractItem* item : {static_cast<QCPAbstractItem*>(state_->marker_line), static_cast<QCPAbstractItem*>(state_->marker_text), static_cast<QCPAbstractItem*>(state_->ring)}) {
        item->setVisible(false);
        item->setSelectable(false);
    }
    connect(&plot, &QCustomPlot::afterLayout, this, [this] { placeNames(); });
    styleChanged();
}

CurvesView::~CurvesView() = default;

const std::vector<Curve>& CurvesView::curves() const noexcept { return state_->curves; }
std::pair<int, int> CurvesView::currentPoint() const noexcept { return {state_->current_curve, state_->current_index}; }
bool CurvesView::isEmpty() const
{
    return !state_ || std::ranges::all_of(state_->curves, [](const Curve& curve) { return curve.x.empty(); });
}

void CurvesView::setAxes(CurveAxes axes)
{
    state_->axes = std::move(axes);
    canvas().xAxis->setLabel(axis_text(state_->axes.x, state_->axes.x_unit));
    canvas().yAxis->setLabel(axis_text(state_->axes.y, state_->axes.y_unit));
    setAxisLogarithmic(*canvas().yAxis, state_->axes.logarithmic);
    if (state_->axes.counts) setAxisCounts(*canvas().xAxis);
    queueReplot();
}

void CurvesView::setLogarithmic(bool on)
{
    CurveAxes axes = state_->axes;
    axes.logarithmic = on;
    setAxes(std::move(axes));
}

void CurvesView::drawCurve(std::size_t index)
{
    const Curve& curve = state_->curves[index];
    const State::Drawn& drawn = state_->drawn[index];
    const auto vector = [](const std::vector<double>& v, std::size_t n) { return QVector<double>(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(std::min(n, v.size()))); };
    const std::size_t n = std::min(curve.x.size(), curve.y.size());
    const auto x = vector(curve.x, n);
    drawn.line->setData(x, vector(curve.y, n), true);
    const bool band = curve.low.size() == n && curve.high.size() == n && n > 0;
    drawn.low->setData(band ? x : QVector<double>(), band ? vector(curve.low, n) : QVector<double>(), true);
    drawn.high->setData(band ? x : QVector<double>(), band ? vector(curve.high, n) : QVector<double>(), true);
}

void CurvesView::setCurves(std::vector<Curve> curves)
{
    for (const State::Drawn& drawn : state_->drawn) {
        canvas().removeGraph(drawn.line);
        canvas().removeGraph(drawn.high);
        canvas().removeGraph(drawn.low);
        canvas().removeItem(drawn.name);
    }
    state_->drawn.clear();
    state_->curves.clear();
    state_->current_curve = state_->current_index = -1;
    for (Curve& curve : curves) addCurve(std::move(curve));
    refit();
}

int CurvesView::addCurve(Curve curve)
{
    State::Drawn drawn{};
    drawn.low = canvas().addGraph();
    drawn.high = canvas().addGraph();
    drawn.line = canvas().addGraph();
    drawn.high->setChannelFillGraph(drawn.low);
    drawn.line->setAdaptiveSampling(true);
    drawn.line->setAntialiased(true);
    drawn.name = new QCPItemText(&canvas());
    drawn.name->setClipToAxisRect(false);
    drawn.name->setSelectable(false);
    drawn.name->position->setType(QCPItemPosition::ptAbsolute);
    drawn.name->setPositionAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    state_->drawn.push_back(drawn);
    state_->curves.push_back(std::move(curve));
    drawCurve(state_->curves.size() - 1);
    restyle();
    refit();
    return static_cast<int>(state_->curves.size()) - 1;
}

void CurvesView::append(int curve, double x, double y)
{
    Curve& c = state_->curves.at(static_cast<std::size_t>(curve));
    c.x.push_back(x);
    c.y.push_back(y);
    state_->drawn[static_cast<std::size_t>(curve)].line->addData(x, y);
    if (c.x.size() == markers_up_to + 1) restyle();
    refit();
}

void CurvesView::setMarker(std::optional<CurveMarker> marker)
{
    state_->marker = std::move(marker);
    const bool on = state_->marker.has_value();
    state_->marker_line->setVisible(on);
    state_->marker_text->setVisible(on);
    if (on) {
        state_->marker_line->point1->setCoords(state_->marker->x, 1);
        state_->marker_line->point2->setCoords(state_->marker->x, 2);
        state_->marker_text->position->setCoords(state_->marker->x, 0);
        state_->marker_text->setText(state_->marker->text);
    }
    queueReplot();
}

void CurvesView::setCurrentPoint(int curve, int index)
{
    const bool there = curve >= 0 && curve < static_cast<int>(state_->curves.size()) && index >= 0 && index < static_cast<int>(state_->curves[static_cast<std::size_t>(curve)].x.size());
    state_->current_curve = there ? curve : -1;
    state_->current_index = there ? index : -1;
    queueReplot();
    announce();
}

QPointF CurvesView::positionOf(int curve, int index) const
{
    const Curve& c = state_->curves.at(static_cast<std::size_t>(curve));
    return {canvas().xAxis->coordToPixel(c.x.at(static_cast<std::size_t>(index))), canvas().yAxis->coordToPixel(c.y.at(static_cast<std::size_t>(index)))};
}

std::pair<double, double> CurvesView::extent() const
{
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Curve& curve : state_->curves) {
        if (curve.x.empty()) continue;
        low = std::min(low, curve.x.front());
        high = std::max(high, curve.x.back());
    }
    if (!(high > low)) return {std::isfinite(low) ? low - 0.5 : 0, std::isfinite(high) ? high + 0.5 : 1};
    const bool marked = std::ranges::all_of(state_->curves, [](const Curve& curve) { return curve.x.size() <= markers_up_to; });
    const double room = marked ? (high - low) * 0.015 : 0;  // for the half of a marker that lies beyond its point
    return {low - room, high + room};
}

void CurvesView::fitY()
{
    if (isEmpty()) return;
    const auto [from, to] = visibleRange();
    const bool logarithmic = state_->axes.logarithmic;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto take = [&](double v) {
        if (!std::isfinite(v) || (logarithmic && v <= 0)) return;
        low = std::min(low, v);
        high = std::max(high, v);
    };
    for (const Curve& curve : state_->curves) {
        const auto first = static_cast<std::size_t>(std::ranges::lower_bound(curve.x, from) - curve.x.begin());
        for (std::size_t i = first; i < std::min(curve.x.size(), curve.y.size()) && curve.x[i] <= to; ++i) {
            take(curve.y[i]);
            if (i < curve.low.size()) take(curve.low[i]);
            if (i < curve.high.size()) take(curve.high[i]);
        }
    }
    if (!(high >= low)) low = logarithmic ? 0.1 : 0, high = 1;
    if (logarithmic) {
        const double factor = high > low ? std::pow(high / low, 0.06) : 1.5;
        low /= factor;
        high *= factor;
    } else {
        const double margin = high > low ? (high - low) * 0.06 : std::max(std::fabs(high) * 0.1, 1e-12);
        low -= low >= 0 && low - margin < 0 ? low : margin;  // what is never negative starts at 0
        high += margin;
    }
    if (!std::isnan(state_->axes.y_low)) low = state_->axes.y_low;
    if (!std::isnan(state_->axes.y_high)) high = state_->axes.y_high;
    if (high > low) canvas().yAxis->setRange(low, high);

    for (std::size_t c = 0; c < state_->curves.size(); ++c) {  // a smooth wide pen over a hundred points per pixel costs 30 ms and shows nothing
        const bool dense = visible_points(state_->curves[c], from, to) > 3 * static_cast<std::size_t>(std::max(1, plotArea().width()));
        QCPGraph& line = *state_->drawn[c].line;
        if (line.antialiased() != dense) continue;
        line.setAntialiased(!dense);
        QPen pen = line.pen();
        pen.setWidthF(dense ? 1 : line_width);
        line.setPen(pen);
    }

    // room for the names at the curves' ends
    const QFontMetrics metrics(plotStyle().caption_font);
    int width = 0;
    if (state_->curves.size() > 1 || !state_->curves[0].name.isEmpty()) {
        for (const Curve& curve : state_->curves)
            if (!curve.x.empty()) width = std::max(width, metrics.horizontalAdvance(curve.name));
    }
    state_->names_width = std::min(width + 2, std::max(60, canvas().width() / 3));
    plotArea().setMinimumMargins(QMargins(8, 10, state_->names_width > 0 ? state_->names_width + 16 : 12, 4));
}

/// Names stand beside the last visible value of their curve.
void CurvesView::placeNames()
{
    if (state_->marker) {  // its words stand where there is room for them
        const auto& axis = *canvas().xAxis;
        const bool right = axis.coordToPixel(state_->marker->x) + QFontMetrics(state_->marker_text->font()).horizontalAdvance(state_->marker->text) + 8 <= axis.axisRect()->right();
        state_->marker_text->setPositionAlignment((right ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignTop);
    }
    const QRect area = plotArea().rect();
    const auto [from, to] = visibleRange();
    const QFontMetrics metrics(plotStyle().caption_font);
    std::vector<double> wanted;
    std::vector<QCPItemText*> names;  // of the curves that have something to be named
    for (std::size_t c = 0; c < state_->curves.size(); ++c) {
        const Curve& curve = state_->curves[c];
        state_->drawn[c].name->setText(metrics.elidedText(curve.x.empty() ? QString() : curve.name, Qt::ElideMiddle, state_->names_width));
        if (curve.x.empty()) continue;
        names.push_back(state_->drawn[c].name);
        double last = none;
        auto i = static_cast<std::size_t>(std::ranges::upper_bound(curve.x, to) - curve.x.begin());
        i = std::min(i, curve.y.size());
        while (i > 0 && std::isnan(last)) last = curve.y[--i];
        const double at = std::isnan(last) ? area.bottom() : canvas().yAxis->coordToPixel(last);
        wanted.push_back(std::isfinite(at) ? std::clamp<double>(at, area.top(), area.bottom()) : area.bottom());
    }
    const auto places = spread_labels(wanted, metrics.height(), area.top() - 4, area.bottom() + 6);
    for (std::size_t i = 0; i < names.size(); ++i) names[i]->position->setCoords(area.right() + 8, places[i]);
    // the current point
    const bool there = state_->current_curve >= 0;
    state_->ring->setVisible(there);
    if (there) {
        const QPointF at = positionOf(state_->current_curve, state_->current_index);
        state_->ring->setVisible(std::isfinite(at.y()));
        state_->ring->topLeft->setCoords(at - QPointF(6, 6));
        state_->ring->bottomRight->setCoords(at + QPointF(6, 6));
    }
}

void CurvesView::restyle()
{
    if (!state_) return;
    const Style& style = plotStyle();
    for (std::size_t i = 0; i < state_->drawn.size(); ++i) {
        const Curve& curve = state_->curves[i];
        QColor colour = style.category(curve.category);
        if (curve.faded) colour.setAlphaF(0.4f);
        QPen pen(colour, state_->drawn[i].line->antialiased() ? line_width : 1);
        if (curve.dashed) pen.setStyle(Qt::DashLine);
        state_->drawn[i].line->setPen(pen);
        state_->drawn[i].line->setScatterStyle(curve.x.size() <= markers_up_to ? scatter_of(curve.category, style, 5) : QCPScatterStyle(QCPScatterStyle::ssNone));
        QColor band = colour;
        band.setAlphaF(0.15f);
        state_->drawn[i].low->setPen(QPen(Qt::NoPen));
        state_->drawn[i].high->setPen(QPen(Qt::NoPen));
        state_->drawn[i].high->setBrush(band);
        state_->drawn[i].name->setFont(style.caption_font);
        state_->drawn[i].name->setColor(curve.faded ? style.muted_text : colour);
    }
    state_->marker_line->setPen(QPen(style.text, 1, Qt::DashLine));
    state_->marker_text->setFont(style.caption_font);
    state_->marker_text->setColor(style.text);
    state_->marker_text->setBrush(style.background);
    state_->ring->setPen(QPen(style.accent, 2));
}

QString CurvesView::pointText(std::size_t curve, std::size_t index) const
{
    const Curve& c = state_->curves[curve];
    return tr("%1: %2 at %3 %4").arg(c.name, quantity_text(c.y[index], state_->axes.y_unit, locale()), state_->axes.x, tick_text(c.x[index], locale())).trimmed();
}

void CurvesView::announce()
{
    const bool there = state_->current_curve >= 0;
    const QString text = there ? pointText(static_cast<std::size_t>(state_->current_curve), static_cast<std::size_t>(state_->current_index)) : QString();
    announceValue(text);
}

void CurvesView::mousePressEvent(QMouseEvent* event)
{
    Chart::mousePressEvent(event);
    if (isEmpty() || panning() || event->button() != Qt::LeftButton) return;
    double nearest = 8;
    std::pair<int, int> found{-1, -1};
    for (std::size_t c = 0; c < state_->curves.size(); ++c) {
        const Curve& curve = state_->curves[c];
        const double from = canvas().xAxis->pixelToCoord(event->position().x() - nearest), to = canvas().xAxis->pixelToCoord(event->position().x() + nearest);
        for (auto i = static_cast<std::size_t>(std::ranges::lower_bound(curve.x, from) - curve.x.begin()); i < std::min(curve.x.size(), curve.y.size()) && curve.x[i] <= to; ++i) {
            const double distance = std::hypot(canvas().xAxis->coordToPixel(curve.x[i]) - event->position().x(), canvas().yAxis->coordToPixel(curve.y[i]) - event->position().y());
            if (distance < nearest) {
                nearest = distance;
                found = {static_cast<int>(c), static_cast<int>(i)};
            }
        }
    }
    if (found.first < 0) return;
    event->accept();
    setCurrentPoint(found.first, found.second);
    Q_EMIT pointActivated(found.first, found.second);
}

void CurvesView::mouseMoveEvent(QMouseEvent* event)
{
    if (panning()) return Chart::mouseMoveEvent(event);
    const QPoint at = event->position().toPoint();
    if (isEmpty() || !plotArea().rect().contains(at)) return hideCrosshair();
    const double x = canvas().xAxis->pixelToCoord(event->position().x());
    const auto nearest = [](const Curve& curve, double to) {
        const auto above = static_cast<std::size_t>(std::ranges::lower_bound(curve.x, to) - curve.x.begin());
        return above > 0 && (above == curve.x.size() || to - curve.x[above - 1] < curve.x[above] - to) ? above - 1 : above;
    };
    double best = none;
    for (const Curve& curve : state_->curves) {
        if (curve.x.empty()) continue;
        if (const double there = curve.x[nearest(curve, x)]; std::isnan(best) || std::fabs(there - x) < std::fabs(best - x)) best = there;
    }
    if (std::isnan(best)) return hideCrosshair();
    QString text = QStringLiteral("%1 %2").arg(state_->axes.x, tick_text(best, locale())).trimmed();
    for (const Curve& curve : state_->curves) {
        if (curve.x.empty()) continue;
        const auto i = nearest(curve, best);  // of a curve measured more rarely: its nearest point, and where that is
        if (i >= curve.y.size() || std::fabs(canvas().xAxis->coordToPixel(curve.x[i]) - canvas().xAxis->coordToPixel(best)) > 40) continue;
        text += QStringLiteral("\n%1  %2").arg(curve.name, quantity_text(curve.y[i], state_->axes.y_unit, locale()));
        if (curve.x[i] != best) text += tr(" at %1").arg(tick_text(curve.x[i], locale()));
    }
    showCrosshair(canvas().xAxis->coordToPixel(best), at, text);
    Q_EMIT pointHovered(best);
}

void CurvesView::keyPressEvent(QKeyEvent* event)
{
    const int along = event->key() == Qt::Key_Left ? -1 : event->key() == Qt::Key_Right ? 1 : 0, across = event->key() == Qt::Key_Up ? -1 : event->key() == Qt::Key_Down ? 1 : 0;
    if (isEmpty() || (along == 0 && across == 0)) {
        if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && state_->current_curve >= 0) {
            Q_EMIT pointActivated(state_->current_curve, state_->current_index);
            return;
        }
        return Chart::keyPressEvent(event);
    }
    const int count = static_cast<int>(state_->curves.size());
    int curve = state_->current_curve < 0 ? 0 : (state_->current_curve + across + count) % count;
    for (int tries = 0; tries < count && state_->curves[static_cast<std::size_t>(curve)].x.empty(); ++tries) curve = (curve + (across < 0 ? count - 1 : 1)) % count;
    const int last = static_cast<int>(state_->curves[static_cast<std::size_t>(curve)].x.size()) - 1;
    setCurrentPoint(curve, state_->current_index < 0 ? last : std::clamp(state_->current_index + along, 0, last));
}

QString CurvesView::csv() const
{
    const bool bands = std::ranges::any_of(state_->curves, [](const Curve& curve) { return !curve.low.empty(); });
    QString out = QStringLiteral("curve,") + file_field(state_->axes.x.isEmpty() ? QStringLiteral("x") : axis_text(state_->axes.x, state_->axes.x_unit)) + QLatin1Char(',') +
                  file_field(state_->axes.y.isEmpty() ? QStringLiteral("y") : axis_text(state_->axes.y, state_->axes.y_unit)) + (bands ? QStringLiteral(",low,high\n") : QStringLiteral("\n"));
    const auto [from, to] = visibleRange();
    for (const Curve& curve : state_->curves) {
        for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
            if (curve.x[i] < from || curve.x[i] > to) continue;
            out += file_field(curve.name) + point_csv(curve.x[i]) + point_csv(curve.y[i]);
            if (bands) out += point_csv(i < curve.low.size() ? curve.low[i] : none) + point_csv(i < curve.high.size() ? curve.high[i] : none);
            out += QLatin1Char('\n');
        }
    }
    return out;
}

}  // namespace bitwright::plots
