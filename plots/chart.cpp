// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/chart.h"

#include "plots/numbers.h"
#include "plots/qcp.h"
#include "plots/ticks.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {
namespace {

/// Numbers at the axes as numbers.h writes them.
class Ticker : public QCPAxisTicker {
protected:
    QVector<QString> createLabelVector(const QVector<double>& ticks, const QLocale& locale, QChar, int) override
    {
        QVector<QString> labels;
        const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 0;
        for (const double tick : ticks) labels.append(step_text(tick, step, locale));
        return labels;
    }
};

class CountTicker : public Ticker {
protected:
    double getTickStep(const QCPRange& range) override { return std::max(1.0, std::round(Ticker::getTickStep(range))); }
};

/// Powers of ten; 1, 2 and 5 of each where the axis spans few of them (QCustomPlot's own falls back to even steps there).
class LogTicker : public QCPAxisTickerLog {
protected:
    QVector<double> createTickVector(double step, const QCPRange& range) override
    {
        if (!(range.lower > 0) || !(range.upper > range.lower) || range.upper / range.lower > 1000) return QCPAxisTickerLog::createTickVector(step, range);
        QVector<double> ticks;
        for (double power = std::pow(10.0, std::floor(std::log10(range.lower))); power <= range.upper; power *= 10)
            for (const double digit : {1.0, 2.0, 5.0})
                if (digit * power >= range.lower * (1 - 1e-9) && digit * power <= range.upper * (1 + 1e-9)) ticks.append(digit * power);
        return ticks.size() >= 2 ? ticks : QCPAxisTickerLog::createTickVector(step, range);
    }
    QString getTickLabel(double tick, const QLocale& locale, QChar, int) override { return power_text(tick, locale); }
};

}  // namespace

/// The text beside the pointer, above the canvas.
class Chart::Readout : public QWidget {
public:
    explicit Readout(Chart* chart) : QWidget(chart), chart_(chart) { setAttribute(Qt::WA_TransparentForMouseEvents); }
    void show(QPoint pointer, const QString& text)
    {
        pointer_ = pointer;
        text_ = text;
        setGeometry(chart_->rect());
        setVisible(!text.isEmpty());
        raise();
        update();
    }

protected:
    void paintEvent(QPaintEvent*) override
    {
        QPainter painter(this);
        draw_readout(painter, chart_->plotStyle(), rect(), pointer_, text_);
    }

private:
    Chart* chart_;
    QPoint pointer_;
    QString text_;
};

Chart::Chart(QWidget* parent) : Plot(parent), canvas_(new QCustomPlot(this)), readout_(new Readout(this))
{
    canvas_->setAttribute(Qt::WA_TransparentForMouseEvents);
    canvas_->setFocusPolicy(Qt::NoFocus);
    canvas_->setInteractions({});
    canvas_->setNoAntialiasingOnDrag(false);
    canvas_->axisRect()->setAutoMargins(QCP::msAll);
    canvas_->axisRect()->setMinimumMargins(QMargins(8, 10, 12, 4));
    canvas_->setAttribute(Qt::WA_Hover, false);
    readout_->hide();
    crosshair_ = new QCPItemLine(canvas_);
    crosshair_->setLayer(QStringLiteral("overlay"));
    crosshair_->setClipToAxisRect(false);
    crosshair_->setSelectable(false);
    crosshair_->start->setType(QCPItemPosition::ptAbsolute);
    crosshair_->end->setType(QCPItemPosition::ptAbsolute);
    crosshair_->setVisible(false);
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    connect(canvas_, &QCustomPlot::beforeReplot, this, [this] { fitY(); });
    connect(canvas_, &QCustomPlot::afterReplot, this, [this] { drawn_ = true; });
}

Chart::~Chart() = default;

QCPAxisRect& Chart::plotArea() const { return *canvas_->axisRect(); }
void Chart::setAxisLogarithmic(QCPAxis& axis, bool on)
{
    if ((axis.scaleType() == QCPAxis::stLogarithmic) == on) return;
    axis.setScaleType(on ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis.setTicker(on ? QSharedPointer<QCPAxisTicker>(new LogTicker) : QSharedPointer<QCPAxisTicker>(new Ticker));
}

void Chart::setAxisCounts(QCPAxis& axis) { axis.setTicker(QSharedPointer<CountTicker>::create()); }

std::vector<QCPAxis*> Chart::timeAxes() const { return {plotArea().axis(QCPAxis::atBottom)}; }

void Chart::styleAxis(QCPAxis& axis) const
{
    const Style& style = plotStyle();
    if (const QCPAxisTicker& given = *axis.ticker(); typeid(given) == typeid(QCPAxisTicker)) axis.setTicker(QSharedPointer<Ticker>::create());
    axis.setBasePen(QPen(Qt::NoPen));
    axis.setTickPen(QPen(Qt::NoPen));
    axis.setSubTickPen(QPen(Qt::NoPen));
    axis.setTickLength(0);
    axis.setSubTicks(false);
    axis.setTickLabelFont(style.caption_font);
    axis.setLabelFont(style.caption_font);
    axis.setTickLabelColor(style.muted_text);
    axis.setLabelColor(style.muted_text);
    axis.setTickLabelPadding(4);
    axis.setLabelPadding(3);
    axis.grid()->setPen(QPen(style.grid, 1));
    axis.grid()->setZeroLinePen(QPen(style.grid, 1));
    axis.grid()->setSubGridVisible(false);
    axis.grid()->setAntialiased(false);
}

void Chart::styleChanged()
{
    canvas_->setBackground(QBrush(plotStyle().background));
    for (QCPAxisRect* rect : canvas_->axisRects()) {
        for (QCPAxis* axis : rect->axes()) styleAxis(*axis);
    }
    crosshair_->setPen(QPen(plotStyle().muted_text, 1));
    restyle();
    queueReplot();
    update();
}

void Chart::queueReplot()
{
    canvas_->setVisible(!isEmpty());
    if (isEmpty() || canvas_->viewport().isEmpty()) return update();  // hidden and never laid out: drawn when it is shown
    canvas_->replot(QCustomPlot::rpQueuedReplot);
}

void Chart::replotOverlay()
{
    if (drawn_) canvas_->layer(QStringLiteral("overlay"))->replot();
    else queueReplot();
}

void Chart::applyRange(double low, double high)
{
    const auto axes = timeAxes();
    if (axes.empty()) return;
    const QCPRange before = axes.front()->range();
    for (QCPAxis* axis : axes) axis->setRange(low, high);
    queueReplot();
    if (before.lower != low || before.upper != high) Q_EMIT viewChanged(low, high);
}

std::pair<double, double> Chart::visibleRange() const
{
    const auto axes = timeAxes();
    if (axes.empty()) return {0, 1};
    return {axes.front()->range().lower, axes.front()->range().upper};
}

void Chart::setVisibleRange(double low, double high)
{
    if (isEmpty() || !std::isfinite(low) || !std::isfinite(high) || !(high > low)) return;
    const auto [first, last] = extent();
    const double whole = last - first, length = std::clamp(high - low, whole * 1e-6, whole);
    low = std::clamp(low, first, last - length);
    zoomed_ = length < whole * (1 - 1e-9);
    applyRange(zoomed_ ? low : first, zoomed_ ? low + length : last);
}

void Chart::resetView()
{
    zoomed_ = false;
    refit();
}

void Chart::refit()
{
    if (!zoomed_ && !isEmpty()) {
        const auto [first, last] = extent();
        applyRange(first, last);
    }
    queueReplot();
}

void Chart::zoom(double factor, double at)
{
    const auto [low, high] = visibleRange();
    setVisibleRange(at - (at - low) * factor, at + (high - at) * factor);
}

void Chart::wheelEvent(QWheelEvent* event)
{
    const auto axes = timeAxes();
    if (isEmpty() || axes.empty()) return event->ignore();
    const auto [low, high] = visibleRange();
    const double steps = event->angleDelta().y() / 120.0, across = event->angleDelta().x() / 120.0;
    if (event->modifiers().testFlag(Qt::ShiftModifier) || std::fabs(across) > std::fabs(steps)) {
        const double by = -(steps + across) * (high - low) / 8;
        setVisibleRange(low + by, high + by);
    } else {
        zoom(std::pow(0.8, steps), std::clamp(axes.front()->pixelToCoord(event->position().x()), low, high));
    }
    hideCrosshair();
    event->accept();
}

void Chart::mousePressEvent(QMouseEvent* event)
{
    const bool pan = event->button() == Qt::MiddleButton || (event->button() == Qt::LeftButton && event->modifiers().testFlag(Qt::ShiftModifier));
    if (isEmpty() || !pan) return event->ignore();
    panning_ = true;
    pan_from_ = event->position();
    pan_range_ = visibleRange();
    setCursor(Qt::ClosedHandCursor);
    hideCrosshair();
}

void Chart::mouseMoveEvent(QMouseEvent* event)
{
    if (!panning_) return event->ignore();
    const double by = (pan_from_.x() - event->position().x()) * (pan_range_.second - pan_range_.first) / std::max(1, plotArea().width());
    setVisibleRange(pan_range_.first + by, pan_range_.second + by);
}

void Chart::mouseReleaseEvent(QMouseEvent* event)
{
    if (!panning_) return event->ignore();
    panning_ = false;
    unsetCursor();
}

void Chart::mouseDoubleClickEvent(QMouseEvent* event)
{
    if (event->button() == Qt::LeftButton) resetView();
}

void Chart::keyPressEvent(QKeyEvent* event)
{
    const auto [low, high] = visibleRange();
    switch (event->key()) {
        case Qt::Key_Plus:
        case Qt::Key_Equal: return zoom(0.5, (low + high) / 2);
        case Qt::Key_Minus: return zoom(2, (low + high) / 2);
        case Qt::Key_0: return resetView();
        default: QWidget::keyPressEvent(event);
    }
}

void Chart::showCrosshair(double x, QPoint pointer, const QString& text)
{
    const QRect area = plotArea().rect();
    crosshair_->start->setCoords(x, area.top());
    crosshair_->end->setCoords(x, area.bottom() + 1);
    crosshair_->setVisible(x >= area.left() && x <= area.right() + 1);
    replotOverlay();
    readout_->show(pointer, text);
}

void Chart::hideCrosshair()
{
    readout_->hide();
    if (!crosshair_->visible()) return;
    crosshair_->setVisible(false);
    replotOverlay();
}

void Chart::leaveEvent(QEvent* event)
{
    hideCrosshair();
    Plot::leaveEvent(event);
}

bool Chart::event(QEvent* event)
{
    if (event->type() == QEvent::LocaleChange) {
        canvas_->setLocale(locale());
        queueReplot();
    }
    return Plot::event(event);
}

void Chart::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintEmpty(painter, size());
}

void Chart::resizeEvent(QResizeEvent* event)
{
    canvas_->setGeometry(rect());
    Plot::resizeEvent(event);
}

void Chart::paintOn(QPaintDevice& device, QSize size) const
{
    if (isEmpty()) {
        QPainter painter(&device);
        paintEmpty(painter, size);
        return;
    }
    if (!drawn_) {  // never on screen: axes and margins find their places in two replots
        canvas_->setGeometry(QRect(QPoint(0, 0), size));
        canvas_->setViewport(canvas_->geometry());  // a hidden widget is not told that it was resized
        canvas_->replot(QCustomPlot::rpImmediateRefresh);
        canvas_->replot(QCustomPlot::rpImmediateRefresh);
    }
    const bool crossed = crosshair_->visible();
    crosshair_->setVisible(false);
    QCPPainter painter;
    if (painter.begin(&device)) {
        painter.fillRect(QRect(QPoint(0, 0), size), plotStyle().background);
        if (device.paintEngine() && device.paintEngine()->type() == QPaintEngine::Pdf) painter.setMode(QCPPainter::pmVectorized);
        canvas_->toPainter(&painter, size.width(), size.height());
        painter.end();
    }
    crosshair_->setVisible(crossed);
    // drawing for another size moved what lies at pixels; back to this one
    canvas_->replot(QCustomPlot::rpQueuedReplot);
}

}  // namespace bitwright::plots
