// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/plots/examples.h"
#include "tests/support/shared_data.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QGuiApplication>
#include <QMenu>
#include <QPainter>
#include <QSignalSpy>
#include <QSvgRenderer>
#include <QTest>
#include <gtest/gtest.h>

#include <set>

namespace bitwright::plots {
namespace {

std::vector<std::unique_ptr<Plot>> filled()
{
    std::vector<std::unique_ptr<Plot>> plots;
    auto map = std::make_unique<HeatmapView>();
    map->setData(examples::heatmap(5, 40, 2));
    plots.push_back(std::move(map));
    auto range = std::make_unique<RangeHistogramView>();
    range->setData(examples::histogram());
    range->setRange(-5, 18);
    range->setGrid(IntegerGrid{23.0 / 255, 55, 0, 255});
    plots.push_back(std::move(range));
    auto curves = std::make_unique<CurvesView>();
    curves->setCurves(examples::layer_errors(22));
    plots.push_back(std::move(curves));
    auto scatter = std::make_unique<ScatterView>();
    scatter->setPoints(examples::recipes());
    plots.push_back(std::move(scatter));
    auto small = std::make_unique<SmallMultiples>();
    small->setPanels(examples::drifts());
    plots.push_back(std::move(small));
    auto timeline = std::make_unique<TimelineView>();
    const auto [tracks, bands] = examples::device_run();
    timeline->setTracks(tracks);
    timeline->setBands(bands);
    plots.push_back(std::move(timeline));
    for (const auto& plot : plots) {
        plot->resize(500, 300);
        plot->show();
        EXPECT_TRUE(QTest::qWaitForWindowExposed(plot.get()));
    }
    QTest::qWait(1);
    return plots;
}

QByteArray bytes_of(const QString& path)
{
    QFile file(path);
    EXPECT_TRUE(file.open(QIODevice::ReadOnly)) << path.toStdString();
    return file.readAll();
}

int colours_in(const QImage& image)
{
    std::set<QRgb> colours;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) colours.insert(image.pixel(x, y));
    }
    return static_cast<int>(colours.size());
}

TEST(Export, EveryPlotInEveryFormat)
{
    const QString folder = QString::fromStdString(test::scratch("plots_export").string());
    int i = 0;
    for (const auto& plot : filled()) {
        const QString stem = folder + QStringLiteral("/plot%1").arg(i++);
        const char* name = plot->metaObject()->className();
        for (const char* ending : {"png", "svg", "pdf", "csv"}) ASSERT_EQ(save_plot(*plot, stem + QLatin1Char('.') + QLatin1String(ending)), QString()) << name;
        const QImage png(stem + QStringLiteral(".png"));
        EXPECT_EQ(png.size(), QSize(1000, 600)) << name;
        EXPECT_GT(colours_in(png), 4) << name;
        QSvgRenderer svg(stem + QStringLiteral(".svg"));
        ASSERT_TRUE(svg.isValid()) << name;
        EXPECT_EQ(svg.viewBox(), QRect(0, 0, 500, 300)) << name;
        QImage drawn(500, 300, QImage::Format_RGB32);
        drawn.fill(Qt::white);
        QPainter painter(&drawn);
        svg.render(&painter);
        painter.end();
        EXPECT_GT(colours_in(drawn), 4) << name;
        const QByteArray pdf = bytes_of(stem + QStringLiteral(".pdf"));
        EXPECT_TRUE(pdf.startsWith("%PDF")) << name;
        EXPECT_GT(pdf.size(), 2000) << name;
        const QByteArray csv = bytes_of(stem + QStringLiteral(".csv"));
        const auto lines = csv.trimmed().split('\n');
        ASSERT_GT(lines.size(), 5) << name;
        for (const QByteArray& line : lines) {
            EXPECT_TRUE(line.contains('"') || line.count(',') == lines[0].count(',')) << name << ": " << line.toStdString();
        }
    }
}

TEST(Export, HeatmapTableHoldsTheVisibleValuesExactly)
{
    HeatmapView view;
    const Heatmap map = examples::heatmap(5, 40, 2);
    view.setData(map);
    view.resize(500, 300);
    view.setVisibleRange(QRectF(10, 1, 8, 3));
    const auto lines = view.csv().trimmed().split(QLatin1Char('\n'));
    ASSERT_EQ(lines.size(), 1 + 3 * 8);
    EXPECT_EQ(lines[0], QStringLiteral("layer,channel,abs max"));
    for (int i = 1; i < lines.size(); ++i) {
        const auto fields = lines[i].split(QLatin1Char(','));
        ASSERT_EQ(fields.size(), 3);
        const float value = (*map.values)[static_cast<std::size_t>(fields[0].toInt() * 40 + fields[1].toInt())];
        if (std::isnan(value)) {
            EXPECT_TRUE(fields[2].isEmpty());
        } else {
            EXPECT_EQ(fields[2].toFloat(), value);
        }
    }
}

TEST(Export, APlotThatWasNeverShownIsThePlotItWouldBe)
{
    const auto picture = [](bool shown) {
        CurvesView view;
        view.resize(500, 300);
        view.setCurves(examples::layer_errors(22));
        if (shown) {
            view.show();
            EXPECT_TRUE(QTest::qWaitForWindowExposed(&view));
            QTest::qWait(1);
        }
        return QImage::fromData(png_of(view));
    };
    EXPECT_EQ(picture(false), picture(true));
}

TEST(Export, NumbersInFilesKnowNoLocale)
{
    CurvesView view;
    view.setLocale(QLocale(QLocale::German));
    Curve curve;
    curve.name = QStringLiteral("a, \"b\"");
    curve.x = {0.5, 1.5};
    curve.y = {1.0 / 3, NAN};
    view.setCurves({curve});
    EXPECT_EQ(view.csv(), QStringLiteral("curve,x,y\n\"a, \"\"b\"\"\",0.5,0.3333333333333333\n\"a, \"\"b\"\"\",1.5,\n"));
}

TEST(Export, AFailureIsASentenceAndLeavesNothingBehind)
{
    const auto plots = filled();
    const QString folder = QString::fromStdString(test::scratch("plots_export_failed").string());
    const QString problem = save_plot(*plots[0], folder + QStringLiteral("/missing/map.png"));
    EXPECT_TRUE(problem.contains(QStringLiteral("map.png"))) << problem.toStdString();
    EXPECT_FALSE(save_plot(*plots[0], folder + QStringLiteral("/map.tiff")).isEmpty());
    EXPECT_FALSE(save_plot(*plots[0], folder).isEmpty());
    EXPECT_TRUE(QDir(folder).entryList(QDir::Files | QDir::NoDotAndDotDot).isEmpty());
}

TEST(Export, TheMenuCopiesTheImage)
{
    for (const auto& plot : filled()) {
        QContextMenuEvent event(QContextMenuEvent::Mouse, QPoint(50, 50), plot->mapToGlobal(QPoint(50, 50)));
        QApplication::sendEvent(plot.get(), &event);
        auto* menu = plot->findChild<QMenu*>();
        ASSERT_NE(menu, nullptr);
        ASSERT_GE(menu->actions().size(), 6);
        QGuiApplication::clipboard()->clear();
        menu->actions()[0]->trigger();
        EXPECT_EQ(QGuiApplication::clipboard()->image().size(), QSize(1000, 600));
        menu->close();
    }
}

}  // namespace
}  // namespace bitwright::plots
