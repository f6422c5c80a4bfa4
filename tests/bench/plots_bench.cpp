// SPDX-License-Identifier: GPL-3.0-or-later
// plots_bench [FOLDER]: what a frame of each plot costs in processor time; with a folder, a picture of each plot in both styles goes there.
#include "tests/plots/examples.h"

#include <QApplication>
#include <QDir>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPixmap>
#include <QWheelEvent>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

using namespace bitwright::plots;

namespace {

void report(const char* what, std::vector<double> milliseconds)
{
    std::ranges::sort(milliseconds);
    const auto at = [&milliseconds](double share) { return milliseconds[static_cast<std::size_t>(share * static_cast<double>(milliseconds.size() - 1))]; };
    std::printf("%-58s p50 %7.2f ms   p95 %7.2f ms   max %7.2f ms   (%zu)\n", what, at(0.5), at(0.95), milliseconds.back(), milliseconds.size());
}

/// Processor time from the event to the painted frame: all of it is spent here (nothing waits, nothing is drawn elsewhere), and it does not depend on who else
/// uses the machine.
double frame(QWidget& widget, const std::function<void()>& act)
{
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
    };
    const double start = now();
    act();
    QApplication::processEvents();
    widget.repaint();
    return now() - start;
}

void wheel(QWidget& widget, QPointF at, int delta, Qt::KeyboardModifiers modifiers = {})
{
    QWheelEvent event(at, widget.mapToGlobal(at), {}, QPoint(0, delta), Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&widget, &event);
}

void mouse(QWidget& widget, QEvent::Type type, QPointF at, Qt::MouseButton button, Qt::MouseButtons buttons, Qt::KeyboardModifiers modifiers = {})
{
    QMouseEvent event(type, at, widget.mapToGlobal(at), button, buttons, modifiers);
    QApplication::sendEvent(&widget, &event);
}

void heatmaps()
{
    const Heatmap map = examples::heatmap(22, 16384, 20);
    std::vector<double> open, zoom, pan, hover, step;
    for (int round = 0; round < 10; ++round) {
        HeatmapView view;
        view.resize(1200, 640);
        view.show();
        QApplication::processEvents();
        open.push_back(frame(view, [&] { view.setData(map); }));
        if (round > 0) continue;
        for (int i = 0; i < 120; ++i) zoom.push_back(frame(view, [&] { wheel(view, {600.0 + i, 300}, i < 30 || i % 20 < 10 ? 120 : -120); }));
        for (int i = 0; i < 100; ++i) pan.push_back(frame(view, [&] { view.setVisibleRange(view.visibleRange().translated(i % 2 ? 30 : -10, 0)); }));
        for (int i = 0; i < 100; ++i) hover.push_back(frame(view, [&] { mouse(view, QEvent::MouseMove, QPointF(100 + 9 * i, 60 + 4 * i), Qt::NoButton, Qt::NoButton); }));
        view.resetView();
        for (int i = 0; i < 100; ++i) {
            step.push_back(frame(view, [&] {
                QKeyEvent key(QEvent::KeyPress, i % 3 ? Qt::Key_Right : Qt::Key_Down, {});
                QApplication::sendEvent(&view, &key);
            }));
        }
    }
    report("heatmap 22 x 16384, data to first frame", open);
    report("heatmap, wheel zoom to frame", zoom);
    report("heatmap, pan to frame", pan);
    report("heatmap, hover to frame", hover);
    report("heatmap, cursor key to frame", step);
}

void drags()
{
    RangeHistogramView view;
    view.resize(360, 260);
    view.setData(examples::histogram(1, 2048));
    view.setRange(-6, 18);
    view.show();
    QApplication::processEvents();
    QObject::connect(&view, &RangeHistogramView::rangeDragged, &view, [&view](double low, double high) { view.setGrid(IntegerGrid{(high - low) / 255, std::nearbyint(-low * 255 / (high - low)), 0, 255}); });
    view.setGrid(IntegerGrid{24.0 / 255, 64, 0, 255});
    QApplication::processEvents();
    const double from = view.pixelOf(18);
    mouse(view, QEvent::MouseButtonPress, {from, 100}, Qt::LeftButton, Qt::LeftButton);
    std::vector<double> drag;
    for (int i = 0; i < 200; ++i) drag.push_back(frame(view, [&] { mouse(view, QEvent::MouseMove, {from - 60 * std::fabs(std::sin(i * 0.1)), 100}, Qt::NoButton, Qt::LeftButton); }));
    mouse(view, QEvent::MouseButtonRelease, {from, 100}, Qt::LeftButton, Qt::NoButton);
    report("range histogram, 2048 bins, drag to frame", drag);
}

void appends()
{
    CurvesView view;
    view.resize(640, 360);
    view.setAxes({QStringLiteral("step"), QStringLiteral("loss")});
    view.setCurves(examples::losses(100000));
    view.show();
    QApplication::processEvents();
    std::vector<double> times;
    for (int i = 0; i < 100; ++i) times.push_back(frame(view, [&] { view.append(0, 100000 + i, 1.6); }));
    report("curves, append to 100000 points to frame", times);
}

void pictures(const QString& folder)
{
    for (const bool dark : {false, true}) {
        const auto shoot = [&](Plot& plot, const char* name, QSize size) {
            plot.setStyle(default_style(dark));
            plot.resize(size);
            plot.show();
            for (int i = 0; i < 5; ++i) QApplication::processEvents();
            plot.grab().save(QDir(folder).filePath(QStringLiteral("%1-%2.png").arg(QString::fromLatin1(name), dark ? QStringLiteral("dark") : QStringLiteral("light"))));
        };
        HeatmapView map;
        map.setData(examples::heatmap(22, 16384, 20));
        map.setMarks({{5, 17}, {7, 1014}, {12, 2011}});
        shoot(map, "heatmap", {860, 480});
        map.setVisibleRange(QRectF(990, 2, 48, 12));
        map.setCurrentCell({7, 1014});
        map.setThreshold(4);
        mouse(map, QEvent::MouseMove, map.cellRect({8, 1014}).center() + QPointF(60, 20), Qt::NoButton, Qt::NoButton);
        shoot(map, "heatmap-zoomed", {860, 480});

        RangeHistogramView range;
        range.setData(examples::histogram());
        range.setComparison(examples::histogram(0.6), QStringLiteral("after"));
        range.setRange(-5, 18.4);
        range.setGrid(IntegerGrid{23.4 / 255, 54, 0, 255});
        range.setCurrentHandle(RangeHandle::maximum);
        shoot(range, "range", {420, 260});
        range.setVisibleRange(15, 20);
        shoot(range, "range-zoomed", {420, 260});

        CurvesView loss;
        loss.setAxes({QStringLiteral("step"), QStringLiteral("loss")});
        loss.setCurves(examples::losses(1000));
        loss.setMarker(CurveMarker{412, QStringLiteral("best step 412")});
        shoot(loss, "loss", {560, 300});
        mouse(loss, QEvent::MouseMove, {250, 120}, Qt::NoButton, Qt::NoButton);
        shoot(loss, "loss-hover", {560, 300});
        CurvesView errors;
        errors.setAxes({QStringLiteral("layer"), QStringLiteral("relative error"), {}, {}, true});
        errors.setCurves(examples::layer_errors(22));
        shoot(errors, "errors", {560, 300});

        ScatterView scatter;
        scatter.setAxes({QStringLiteral("prefill"), QStringLiteral("perplexity"), QStringLiteral("ms")});
        scatter.setPoints(examples::recipes());
        scatter.setSelected(6);
        shoot(scatter, "scatter", {560, 360});

        SmallMultiples small;
        small.setXAxis(QStringLiteral("step"));
        small.setPanels(examples::drifts());
        small.setSelected(3, 2);
        shoot(small, "small", {560, 240});

        TimelineView timeline;
        const auto [tracks, bands] = examples::device_run();
        timeline.setTracks(tracks);
        timeline.setBands(bands);
        shoot(timeline, "timeline", {640, 320});

        CurvesView empty;
        empty.setEmptyText(QStringLiteral("Nothing optimized yet. Choose a method and press Start."));
        shoot(empty, "empty", {420, 200});
    }
}

}  // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    if (argc > 1) {
        pictures(QString::fromLocal8Bit(argv[1]));
        return 0;
    }
    heatmaps();
    drags();
    appends();
    return 0;
}
