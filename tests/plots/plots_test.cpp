// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/plots/examples.h"

#include "plots/chart.h"

#include <QTest>
#include <gtest/gtest.h>

namespace bitwright::plots {
namespace {

std::vector<std::unique_ptr<Plot>> one_of_each()
{
    std::vector<std::unique_ptr<Plot>> plots;
    plots.push_back(std::make_unique<HeatmapView>());
    plots.push_back(std::make_unique<RangeHistogramView>());
    plots.push_back(std::make_unique<CurvesView>());
    plots.push_back(std::make_unique<ScatterView>());
    plots.push_back(std::make_unique<SmallMultiples>());
    plots.push_back(std::make_unique<TimelineView>());
    return plots;
}

bool holds_other_colours(const QImage& image)
{
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            if (image.pixel(x, y) != image.pixel(0, 0)) return true;
        }
    }
    return false;
}

TEST(Plots, SayThatTheyAreEmpty)
{
    for (const auto& plot : one_of_each()) {
        plot->resize(400, 240);
        plot->setEmptyText(QStringLiteral("Nothing calibrated yet"));
        plot->show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(plot.get()));
        EXPECT_TRUE(plot->isEmpty());
        QImage image = plot->grab().toImage();
        EXPECT_TRUE(holds_other_colours(image)) << plot->metaObject()->className();
        plot->setEmptyText(QString());
        QTest::qWait(5);
        EXPECT_FALSE(holds_other_colours(plot->grab().toImage())) << plot->metaObject()->className();
        plot->setStyle(default_style(true));
        EXPECT_EQ(plot->grab().toImage().pixelColor(0, 0), default_style(true).background) << plot->metaObject()->className();
        // no data: no gesture does harm
        QTest::mouseClick(plot.get(), Qt::LeftButton, {}, QPoint(200, 120));
        QTest::mouseDClick(plot.get(), Qt::LeftButton, {}, QPoint(200, 120));
        QTest::mouseMove(plot.get(), QPoint(100, 100));
        for (const auto key : {Qt::Key_Left, Qt::Key_Right, Qt::Key_Up, Qt::Key_Down, Qt::Key_Plus, Qt::Key_Minus, Qt::Key_0, Qt::Key_Return, Qt::Key_Home, Qt::Key_Escape})
            QTest::keyClick(plot.get(), key);
        QTest::qWait(1);
    }
}

}  // namespace
}  // namespace bitwright::plots
