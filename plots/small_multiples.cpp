// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/small_multiples.h"

#include "plots/numbers.h"
#include "plots/ticks.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright::plots {
namespace {

constexpr int panel_width = 150, gap = 12;
constexpr double infinity = std::numeric_limits<double>::infinity();

void widen(const std::vector<double>& values, double& low, double& high)
{
    for (const double v : values) {
        if (!std::isfinite(v)) continue;
        low = std::min(low, v);
        high = std::max(high, v);
    }
}

}  // namespace

SmallMultiples::SmallMultiples(QWidget* parent) : Plot(parent)
{
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
}

bool SmallMultiples::isEmpty() const
{
    return std::ranges::all_of(panels_, [](const SmallPanel& panel) { return std::ranges::all_of(panel.lines, [](const SmallLine& line) { return line.x.empty(); }); });
}

void SmallMultiples::setPanels(std::vector<SmallPanel> panels)
{
    panels_ = std::move(panels);
    hovered_ = {};
    setSelected(panel_, line_);
}

void SmallMultiples::setXAxis(const QString& name)
{
    x_axis_ = name;
    update();
}

void SmallMultiples::setSharedY(bool on)
{
    shared_y_ = on;
    update();
}

void SmallMultiples::append(int panel, int line, double x, double y)
{
    SmallLine& to = panels_.at(static_cast<std::size_t>(panel)).lines.at(static_cast<std::size_t>(line));
    to.x.push_back(x);
    to.y.push_back(y);
    update();
}

void SmallMultiples::setSelected(int panel, int line)
{
    const bool there = panel >= 0 && panel < static_cast<int>(panels_.size()) && line >= 0 && line < static_cast<int>(panels_[static_cast<std::size_t>(panel)].lines.size());
    panel_ = there ? panel : -1;
    line_ = there ? line : -1;
    update();
}

void SmallMultiples::select(int panel, int line)
{
    if (panel == panel_ && line == line_) return;
    setSelected(panel, line);
    if (panel_ < 0) return;
    const SmallLine& chosen = panels_[static_cast<std::size_t>(panel_)].lines[static_cast<std::size_t>(line_)];
    announceValue(chosen.x.empty() ? chosen.name : sentenceOf({panel_, line_, chosen.x.size() - 1}));
    Q_EMIT lineSelected(panel_, line_);
}

int SmallMultiples::columnsFor(QSize size) const
{
    const int count = std::max(1, static_cast<int>(panels_.size()));
    const int fit = std::clamp(size.width() / panel_width, 1, count);
    return (count + (count + fit - 1) / fit - 1) / ((count + fit - 1) / fit);  // rows of equal length
}

SmallMultiples::Frame SmallMultiples::frameOf(int panel, QSize size) const
{
    const int count = static_cast<int>(panels_.size()), columns = columnsFor(size), rows = (count + columns - 1) / columns;
    const QFontMetrics small(plotStyle().caption_font);
    const int below = small.height() + 2;  // the common x axis
    const int width = (size.width() - gap) / columns, height = (size.height() - below) / rows;
    Frame frame{};
    frame.whole = QRect(gap + panel % columns * width, panel / columns * height, width - gap, height);
    frame.area = frame.whole.adjusted(0, small.height() + 4, 0, -6);
    frame.x_low = frame.y_low = infinity;
    frame.x_high = frame.y_high = -infinity;
    for (int i = 0; i < count; ++i) {
        for (const SmallLine& line : panels_[static_cast<std::size_t>(i)].lines) {
            widen(line.x, frame.x_low, frame.x_high);
            if (shared_y_ || i == panel) widen(line.y, frame.y_low, frame.y_high);
        }
    }
    if (!(frame.x_high > frame.x_low)) frame.x_high = frame.x_low + 1;
    if (!std::isfinite(frame.y_low)) frame.y_low = 0, frame.y_high = 1;
    if (frame.y_high == frame.y_low) frame.y_high += std::max(1e-12, std::fabs(frame.y_high) * 0.05), frame.y_low -= std::max(1e-12, std::fabs(frame.y_low) * 0.05);
    return frame;
}

QPointF SmallMultiples::Frame::at(double x, double y) const
{
    return {area.x() + (x - x_low) / (x_high - x_low) * area.width(), area.bottom() + 1 - (y - y_low) / (y_high - y_low) * area.height()};
}

QRect SmallMultiples::panelRect(int panel) const { return frameOf(panel, size()).whole; }

void SmallMultiples::draw(QPainter& painter, QSize size) const
{
    const Style& style = plotStyle();
    const QFontMetrics small(style.caption_font);
    painter.setFont(style.caption_font);
    for (int p = 0; p < static_cast<int>(panels_.size()); ++p) {
        const SmallPanel& panel = panels_[static_cast<std::size_t>(p)];
        const Frame frame = frameOf(p, size);
        const QString ends = QStringLiteral("%1 – %2").arg(number_text(frame.y_low, locale()), quantity_text(frame.y_high, panel.unit, locale()));
        const QRect head(frame.whole.x(), frame.whole.y(), frame.whole.width(), small.height() + 2);
        const int ends_width = small.horizontalAdvance(ends);
        const bool both = ends_width + small.horizontalAdvance(panel.title) + 8 <= head.width();
        painter.setPen(p == panel_ ? style.accent : style.text);
        painter.drawText(head, Qt::AlignLeft | Qt::AlignVCenter, small.elidedText(panel.title, Qt::ElideRight, both ? head.width() - ends_width - 8 : head.width()));
        painter.setPen(style.muted_text);
        if (both) painter.drawText(head, Qt::AlignRight | Qt::AlignVCenter, ends);
        painter.setPen(QPen(style.grid, 1));
        for (const int y : {frame.area.top(), frame.area.center().y(), frame.area.bottom() + 1}) painter.drawLine(frame.area.left(), y, frame.area.right(), y);

        painter.setRenderHint(QPainter::Antialiasing);
        for (int l = 0; l < static_cast<int>(panel.lines.size()); ++l) {
            const SmallLine& line = panel.lines[static_cast<std::size_t>(l)];
            const bool chosen = p == panel_ && l == line_;
            QColor colour = style.category(line.category);
            if (panel_ == p && !chosen) colour.setAlphaF(0.45f);
            painter.setPen(QPen(colour, chosen ? 2.4 : 1.3));
            QPolygonF run;
            const auto flush = [&] {
                if (run.size() == 1) painter.drawPoint(run.first());
                else if (run.size() > 1) painter.drawPolyline(run);
                run.clear();
            };
            for (std::size_t i = 0; i < std::min(line.x.size(), line.y.size()); ++i) {
                if (std::isfinite(line.y[i])) run.append(frame.at(line.x[i], line.y[i]));
                else flush();
            }
            flush();
        }
        painter.setRenderHint(QPainter::Antialiasing, false);
    }
    const Frame first = frameOf(0, size);
    painter.setPen(style.muted_text);
    painter.drawText(QRect(gap, size.height() - small.height() - 1, size.width() - 2 * gap, small.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     QStringLiteral("%1 %2 – %3").arg(x_axis_, tick_text(first.x_low, locale()), tick_text(first.x_high, locale())).trimmed());
}

void SmallMultiples::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    if (paintEmpty(painter, size())) return;
    draw(painter, size());
    if (hasFocus() && panel_ >= 0) {
        painter.setPen(QPen(plotStyle().accent, 1));
        painter.drawRect(panelRect(panel_).adjusted(-4, 0, 3, -3));
    }
    if (hovered_.panel >= 0) {
        const SmallLine& line = panels_[static_cast<std::size_t>(hovered_.panel)].lines[static_cast<std::size_t>(hovered_.line)];
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(plotStyle().category(line.category));
        painter.drawEllipse(frameOf(hovered_.panel, size()).at(line.x[hovered_.point], line.y[hovered_.point]), 3.5, 3.5);
        painter.setRenderHint(QPainter::Antialiasing, false);
        draw_readout(painter, plotStyle(), rect(), pointer_, sentenceOf(hovered_));
    }
}

void SmallMultiples::paintOn(QPaintDevice& device, QSize size) const
{
    QPainter painter(&device);
    if (!paintEmpty(painter, size)) draw(painter, size);
}

SmallMultiples::Hit SmallMultiples::hitAt(QPointF position) const
{
    Hit best;
    if (isEmpty()) return best;
    for (int p = 0; p < static_cast<int>(panels_.size()); ++p) {
        const Frame frame = frameOf(p, size());
        if (!QRectF(frame.whole).contains(position)) continue;
        double nearest = 12;
        for (int l = 0; l < static_cast<int>(panels_[static_cast<std::size_t>(p)].lines.size()); ++l) {
            const SmallLine& line = panels_[static_cast<std::size_t>(p)].lines[static_cast<std::size_t>(l)];
            for (std::size_t i = 0; i < std::min(line.x.size(), line.y.size()); ++i) {
                if (!std::isfinite(line.y[i])) continue;
                const QPointF here = frame.at(line.x[i], line.y[i]), next = i + 1 < line.x.size() && std::isfinite(line.y[i + 1]) ? frame.at(line.x[i + 1], line.y[i + 1]) : here;
                // distance to the stretch from here to next
                const QPointF along = next - here;
                const double square = QPointF::dotProduct(along, along), share = square > 0 ? std::clamp(QPointF::dotProduct(position - here, along) / square, 0.0, 1.0) : 0;
                const QPointF by = position - (here + share * along);
                if (const double distance = std::hypot(by.x(), by.y()); distance < nearest) {
                    nearest = distance;
                    best = {p, l, share > 0.5 ? i + 1 : i};
                }
            }
        }
    }
    return best;
}

QString SmallMultiples::sentenceOf(const Hit& hit) const
{
    const SmallPanel& panel = panels_[static_cast<std::size_t>(hit.panel)];
    const SmallLine& line = panel.lines[static_cast<std::size_t>(hit.line)];
    return QStringLiteral("%1: %2, %3 %4").arg(line.name, quantity_text(line.y[hit.point], panel.unit, locale()), x_axis_, tick_text(line.x[hit.point], locale()));
}

void SmallMultiples::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton) return event->ignore();
    if (const Hit hit = hitAt(event->position()); hit.panel >= 0) select(hit.panel, hit.line);
}

void SmallMultiples::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (const Hit hit = hitAt(event->position()); event->button() == Qt::LeftButton && hit.panel >= 0) Q_EMIT lineActivated(hit.panel, hit.line);
}

void SmallMultiples::mouseMoveEvent(QMouseEvent* event)
{
    pointer_ = event->position().toPoint();
    const bool had = hovered_.panel >= 0;
    hovered_ = hitAt(event->position());
    if (had || hovered_.panel >= 0) update();
}

void SmallMultiples::leaveEvent(QEvent* event)
{
    hovered_ = {};
    update();
    Plot::leaveEvent(event);
}

void SmallMultiples::keyPressEvent(QKeyEvent* event)
{
    if (isEmpty()) return Plot::keyPressEvent(event);
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && panel_ >= 0) {
        Q_EMIT lineActivated(panel_, line_);
        return;
    }
    const int columns = columnsFor(size()), count = static_cast<int>(panels_.size());
    int by = 0;
    switch (event->key()) {
        case Qt::Key_Left: by = -1; break;
        case Qt::Key_Right: by = 1; break;
        case Qt::Key_Up: by = -columns; break;
        case Qt::Key_Down: by = columns; break;
        default: return Plot::keyPressEvent(event);
    }
    if (panel_ < 0) return select(0, 0);
    if (event->modifiers().testFlag(Qt::ControlModifier)) {
        const int lines = static_cast<int>(panels_[static_cast<std::size_t>(panel_)].lines.size());
        return select(panel_, std::clamp(line_ + (by > 0 ? 1 : -1), 0, lines - 1));
    }
    const int to = panel_ + by;
    if (to < 0 || to >= count || panels_[static_cast<std::size_t>(to)].lines.empty()) return;
    select(to, std::min(line_, static_cast<int>(panels_[static_cast<std::size_t>(to)].lines.size()) - 1));
}

QString SmallMultiples::csv() const
{
    QString out = QStringLiteral("panel,line,%1,value\n").arg(file_field(x_axis_.isEmpty() ? QStringLiteral("x") : x_axis_));
    for (const SmallPanel& panel : panels_) {
        for (const SmallLine& line : panel.lines) {
            for (std::size_t i = 0; i < std::min(line.x.size(), line.y.size()); ++i)
                out += file_field(panel.title) + QLatin1Char(',') + file_field(line.name) + QLatin1Char(',') + file_number(line.x[i]) + QLatin1Char(',') + file_number(line.y[i]) + QLatin1Char('\n');
        }
    }
    return out;
}

}  // namespace bitwright::plots
