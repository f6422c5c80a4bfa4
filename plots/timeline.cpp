// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/timeline.h"

#include "plots/chart_looks.h"
#include "plots/numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright::plots {

struct TimelineView::State {
    std::vector<TimelineTrack> tracks;
    std::vector<TimelineBand> bands;
    std::vector<QCPAxisRect*> rects;
    std::vector<QCPGraph*> graphs;
    std::vector<QCPItemRect*> stripes;  // bands × tracks
    std::vector<QCPItemText*> names;    // of the bands, in the first track
    QCPMarginGroup* margins = nullptr;
};

TimelineView::TimelineView(QWidget* parent) : Chart(parent), state_(std::make_unique<State>())
{
    canvas().plotLayout()->clear();
    canvas().plotLayout()->setRowSpacing(4);
    state_->margins = new QCPMarginGroup(&canvas());
    styleChanged();
}

TimelineView::~TimelineView() = default;

const std::vector<TimelineTrack>& TimelineView::tracks() const noexcept { return state_->tracks; }
const std::vector<TimelineBand>& TimelineView::bands() const noexcept { return state_->bands; }
bool TimelineView::isEmpty() const
{
    return !state_ || (state_->bands.empty() && std::ranges::all_of(state_->tracks, [](const TimelineTrack& track) { return track.seconds.empty(); })) || state_->tracks.empty();
}

QCPAxisRect& TimelineView::plotArea() const { return *state_->rects.front(); }

std::vector<QCPAxis*> TimelineView::timeAxes() const
{
    std::vector<QCPAxis*> axes;
    if (!state_) return axes;
    for (QCPAxisRect* rect : state_->rects) axes.push_back(rect->axis(QCPAxis::atBottom));
    return axes;
}

void TimelineView::setTracks(std::vector<TimelineTrack> tracks)
{
    for (QCPItemRect* stripe : state_->stripes) canvas().removeItem(stripe);
    for (QCPItemText* name : state_->names) canvas().removeItem(name);
    state_->stripes.clear();
    state_->names.clear();
    canvas().clearGraphs();
    canvas().plotLayout()->clear();
    state_->rects.clear();
    state_->graphs.clear();
    state_->tracks = std::move(tracks);
    for (std::size_t i = 0; i < state_->tracks.size(); ++i) {
        const TimelineTrack& track = state_->tracks[i];
        auto* rect = new QCPAxisRect(&canvas());
        canvas().plotLayout()->addElement(static_cast<int>(i), 0, rect);
        rect->setMinimumMargins(QMargins(8, 4, 12, i + 1 == state_->tracks.size() ? 4 : 0));
        rect->setMarginGroup(QCP::msLeft | QCP::msRight, state_->margins);
        rect->setMinimumSize(40, 24);
        const bool last = i + 1 == state_->tracks.size();
        rect->axis(QCPAxis::atBottom)->setTickLabels(last);
        rect->axis(QCPAxis::atBottom)->setLabel(last ? tr("time (s)") : QString());
        rect->axis(QCPAxis::atLeft)->setLabel(track.unit.isEmpty() ? track.name : track.name + QLatin1Char('\n') + track.unit);
        rect->axis(QCPAxis::atLeft)->ticker()->setTickCount(3);
        for (QCPAxis* axis : rect->axes()) axis->setLayer(QStringLiteral("axes"));
        auto* graph = canvas().addGraph(rect->axis(QCPAxis::atBottom), rect->axis(QCPAxis::atLeft));
        graph->setLineStyle(track.steps ? QCPGraph::lsStepLeft : QCPGraph::lsLine);
        graph->setData(QVector<double>(track.seconds.begin(), track.seconds.end()), QVector<double>(track.values.begin(), track.values.end()), true);
        state_->rects.push_back(rect);
        state_->graphs.push_back(graph);
    }
    drawBands();
    styleChanged();
    refit();
}

void TimelineView::clear()
{
    state_->bands.clear();
    setTracks({});
}

void TimelineView::append(int track, double second, double value)
{
    TimelineTrack& to = state_->tracks.at(static_cast<std::size_t>(track));
    to.seconds.push_back(second);
    to.values.push_back(value);
    state_->graphs[static_cast<std::size_t>(track)]->addData(second, value);
    refit();
}

void TimelineView::setBands(std::vector<TimelineBand> bands)
{
    state_->bands = std::move(bands);
    drawBands();
    refit();
}

void TimelineView::openBand(double second, const QString& name, int category)
{
    state_->bands.push_back({second, -std::numeric_limits<double>::infinity(), name, category});
    drawBands();
    refit();
}

void TimelineView::closeBand(double second)
{
    if (state_->bands.empty() || state_->bands.back().to >= state_->bands.back().from) return;
    state_->bands.back().to = second;
    refit();
}

void TimelineView::drawBands()
{
    for (QCPItemRect* stripe : state_->stripes) canvas().removeItem(stripe);
    for (QCPItemText* name : state_->names) canvas().removeItem(name);
    state_->stripes.clear();
    state_->names.clear();
    for (std::size_t b = 0; b < state_->bands.size(); ++b) {
        for (QCPAxisRect* rect : state_->rects) {
            auto* stripe = new QCPItemRect(&canvas());
            stripe->setLayer(QStringLiteral("background"));
            stripe->setSelectable(false);
            stripe->setClipAxisRect(rect);
            for (QCPItemPosition* position : stripe->positions()) {
                position->setAxes(rect->axis(QCPAxis::atBottom), rect->axis(QCPAxis::atLeft));
                position->setAxisRect(rect);
                position->setTypeX(QCPItemPosition::ptPlotCoords);
                position->setTypeY(QCPItemPosition::ptAxisRectRatio);
            }
            state_->stripes.push_back(stripe);
        }
        if (state_->rects.empty()) continue;
        auto* name = new QCPItemText(&canvas());
        name->setSelectable(false);
        name->setClipAxisRect(state_->rects.front());
        name->position->setAxes(state_->rects.front()->axis(QCPAxis::atBottom), state_->rects.front()->axis(QCPAxis::atLeft));
        name->position->setAxisRect(state_->rects.front());
        name->position->setTypeX(QCPItemPosition::ptPlotCoords);
        name->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        name->setPositionAlignment(Qt::AlignHCenter | Qt::AlignTop);
        state_->names.push_back(name);
    }
    restyle();
}

std::pair<double, double> TimelineView::extent() const
{
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const TimelineTrack& track : state_->tracks) {
        if (track.seconds.empty()) continue;
        low = std::min(low, track.seconds.front());
        high = std::max(high, track.seconds.back());
    }
    for (const TimelineBand& band : state_->bands) {
        low = std::min(low, band.from);
        high = std::max({high, band.from, band.to});
    }
    if (!std::isfinite(low)) return {0, 1};
    return {low, high > low ? high : low + 1};
}

void TimelineView::fitY()
{
    if (isEmpty()) return;
    const auto [from, to] = visibleRange();
    for (std::size_t i = 0; i < state_->tracks.size(); ++i) {
        const TimelineTrack& track = state_->tracks[i];
        double low = std::numeric_limits<double>::infinity(), high = -low;
        const auto first = static_cast<std::size_t>(std::ranges::lower_bound(track.seconds, from) - track.seconds.begin());
        for (std::size_t k = first; k < std::min(track.seconds.size(), track.values.size()) && track.seconds[k] <= to; ++k) {
            if (!std::isfinite(track.values[k])) continue;
            low = std::min(low, track.values[k]);
            high = std::max(high, track.values[k]);
        }
        if (!(high >= low)) low = 0, high = 1;
        if (!std::isnan(track.low)) low = std::min(low, track.low);
        const double margin = high > low ? (high - low) * 0.12 : std::max(1e-9, std::fabs(high) * 0.1);
        state_->rects[i]->axis(QCPAxis::atLeft)->setRange(std::isnan(track.low) || low < track.low ? low - margin : low, high + margin * (i == 0 && !state_->bands.empty() ? 2.5 : 1));
    }
    const double now = extent().second;
    const QFontMetrics metrics(plotStyle().caption_font);
    QCPAxis* axis = state_->rects.front()->axis(QCPAxis::atBottom);
    for (std::size_t b = 0; b < state_->bands.size(); ++b) {
        const TimelineBand& band = state_->bands[b];
        const double end = band.to >= band.from ? band.to : now;
        for (std::size_t i = 0; i < state_->rects.size(); ++i) {
            QCPItemRect& stripe = *state_->stripes[b * state_->rects.size() + i];
            stripe.topLeft->setCoords(band.from, 0);
            stripe.bottomRight->setCoords(end, 1);
        }
        const double left = std::max(band.from, from), right = std::min(end, to);
        QCPItemText& name = *state_->names[b];
        const double room = right > left ? axis->coordToPixel(right) - axis->coordToPixel(left) : 0;
        name.setText(metrics.elidedText(band.name, Qt::ElideRight, std::max(0, static_cast<int>(room) - 6)));
        name.setVisible(room >= 24);
        name.position->setCoords((left + right) / 2, 0.01);
    }
}

void TimelineView::restyle()
{
    if (!state_) return;
    const Style& style = plotStyle();
    for (std::size_t i = 0; i < state_->graphs.size(); ++i) {
        const TimelineTrack& track = state_->tracks[i];
        state_->graphs[i]->setPen(QPen(style.category(track.category), 1.6));
        state_->graphs[i]->setScatterStyle(!track.steps && track.seconds.size() <= 60 ? scatter_of(track.category, style, 5) : QCPScatterStyle(QCPScatterStyle::ssNone));
    }
    for (std::size_t b = 0; b < state_->bands.size() && !state_->rects.empty(); ++b) {
        const int category = state_->bands[b].category;
        QColor colour = category < 0 ? style.muted_text : style.category(category);
        colour.setAlphaF(category < 0 ? 0.08f : 0.13f);
        for (std::size_t i = 0; i < state_->rects.size(); ++i) {
            QCPItemRect& stripe = *state_->stripes[b * state_->rects.size() + i];
            stripe.setPen(QPen(Qt::NoPen));
            stripe.setBrush(colour);
        }
        state_->names[b]->setFont(style.caption_font);
        state_->names[b]->setColor(style.muted_text);
    }
}

int TimelineView::bandAt(double second) const
{
    for (int b = static_cast<int>(state_->bands.size()) - 1; b >= 0; --b) {
        const TimelineBand& band = state_->bands[static_cast<std::size_t>(b)];
        if (second >= band.from && (band.to < band.from || second <= band.to)) return b;
    }
    return -1;
}

void TimelineView::mousePressEvent(QMouseEvent* event)
{
    if (isEmpty()) return event->ignore();
    Chart::mousePressEvent(event);
    if (panning() || event->button() != Qt::LeftButton) return;
    if (const int band = bandAt(plotArea().axis(QCPAxis::atBottom)->pixelToCoord(event->position().x())); band >= 0) Q_EMIT bandClicked(band);
    event->accept();
}

void TimelineView::mouseMoveEvent(QMouseEvent* event)
{
    if (isEmpty()) return;
    if (panning()) return Chart::mouseMoveEvent(event);
    const QCPAxis* axis = plotArea().axis(QCPAxis::atBottom);
    const double second = axis->pixelToCoord(event->position().x());
    if (!axis->range().contains(second)) return hideCrosshair();
    QString text = quantity_text(second, tr("s"), locale());
    if (const int band = bandAt(second); band >= 0) text += QStringLiteral("  ") + state_->bands[static_cast<std::size_t>(band)].name;
    for (const TimelineTrack& track : state_->tracks) {
        const auto above = std::ranges::upper_bound(track.seconds, second);
        if (above == track.seconds.begin()) continue;
        text += QStringLiteral("\n%1  %2").arg(track.name, quantity_text(track.values[static_cast<std::size_t>(above - track.seconds.begin()) - 1], track.unit, locale()));
    }
    showCrosshair(event->position().x(), event->position().toPoint(), text);
}

QString TimelineView::csv() const
{
    QString out = QStringLiteral("track,unit,second,value,run\n");
    if (isEmpty()) return out;
    const auto [from, to] = visibleRange();
    for (const TimelineTrack& track : state_->tracks) {
        for (std::size_t i = 0; i < std::min(track.seconds.size(), track.values.size()); ++i) {
            if (track.seconds[i] < from || track.seconds[i] > to) continue;
            const int band = bandAt(track.seconds[i]);
            out += file_field(track.name) + QLatin1Char(',') + file_field(track.unit) + QLatin1Char(',') + file_number(track.seconds[i]) + QLatin1Char(',') + file_number(track.values[i]) +
                   QLatin1Char(',') + (band < 0 ? QString() : file_field(state_->bands[static_cast<std::size_t>(band)].name)) + QLatin1Char('\n');
        }
    }
    return out;
}

}  // namespace bitwright::plots
