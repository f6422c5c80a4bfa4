// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/numbers.h"
#include "plots/pareto.h"
#include "plots/ticks.h"
#include "tests/plots/examples.h"

#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <gtest/gtest.h>

namespace bitwright::plots {
namespace {

template <typename View>
void show(View& view, QSize size = {560, 320})
{
    view.resize(size);
    view.show();
    EXPECT_TRUE(QTest::qWaitForWindowExposed(&view));
    QTest::qWait(1);
}

TEST(Pareto, KeepsWhatNobodyBeats)
{
    std::mt19937 random(2);
    std::uniform_int_distribution<int> value(0, 12);
    for (int round = 0; round < 200; ++round) {
        std::vector<QPointF> points;
        for (int i = 0; i < 25; ++i) points.emplace_back(value(random), i % 11 == 0 ? NAN : value(random));
        const auto front = pareto_front(points);
        for (int i = 0; i < 25; ++i) {
            const QPointF& p = points[static_cast<std::size_t>(i)];
            bool beaten = !std::isfinite(p.y()), twin = false;
            for (int j = 0; j < 25; ++j) {
                const QPointF& q = points[static_cast<std::size_t>(j)];
                if (!std::isfinite(q.y()) || i == j) continue;
                beaten = beaten || (q.x() <= p.x() && q.y() <= p.y() && q != p);
                twin = twin || (q == p && j < i);
            }
            EXPECT_EQ(std::ranges::find(front, i) != front.end(), !beaten && !twin) << i;
        }
        EXPECT_TRUE(std::ranges::is_sorted(front, {}, [&](int i) { return points[static_cast<std::size_t>(i)].x(); }));
    }
    EXPECT_TRUE(pareto_front({}).empty());
}

TEST(Numbers, ReadAsTheDeskWritesThem)
{
    const QLocale english(QLocale::English, QLocale::UnitedStates), german(QLocale::German);
    const QString narrow(QChar(0x202f));
    EXPECT_EQ(number_text(61.23, english), QStringLiteral("61.2"));
    EXPECT_EQ(number_text(61.23, german), QStringLiteral("61,2"));
    EXPECT_EQ(number_text(12345, english), QStringLiteral("12") + narrow + QStringLiteral("345"));
    EXPECT_EQ(number_text(999.6, english), QStringLiteral("1") + narrow + QStringLiteral("000"));
    EXPECT_EQ(number_text(-0.5, english), QStringLiteral("−0.500"));
    EXPECT_EQ(number_text(1.234e-7, english), QStringLiteral("1.23×10⁻⁷"));
    EXPECT_EQ(number_text(NAN, english), QStringLiteral("–"));
    EXPECT_EQ(number_text(0, english), QStringLiteral("0"));
    EXPECT_EQ(step_text(2, 0.25, english), QStringLiteral("2.00"));
    EXPECT_EQ(power_text(1e5, english), QStringLiteral("10⁵"));
    EXPECT_EQ(power_text(0.01, english), QStringLiteral("0.01"));
    EXPECT_EQ(tick_text(16384, english), QStringLiteral("16") + narrow + QStringLiteral("384"));
    EXPECT_EQ(file_number(0.1), QStringLiteral("0.1"));
    EXPECT_EQ(file_number(0.1f), QStringLiteral("0.1"));
    EXPECT_EQ(file_number(NAN), QString());
    EXPECT_EQ(file_field(QStringLiteral("a,\"b\"")), QStringLiteral("\"a,\"\"b\"\"\""));
    for (const double value : {1.0 / 3, 1e300, -2.5e-12, 4294967297.0}) EXPECT_EQ(file_number(value).toDouble(), value);
}

TEST(Ticks, AreRoundInsideAndFew)
{
    for (const auto& [low, high] : {std::pair{0.0, 16384.0}, {0.2, 0.31}, {-3.0, 7.5}, {1000.0, 1004.0}}) {
        const auto ticks = nice_ticks(low, high, 8);
        ASSERT_GE(ticks.size(), 2u);
        EXPECT_LE(ticks.size(), 9u);
        for (const double tick : ticks) {
            EXPECT_GE(tick, low - 1e-9);
            EXPECT_LE(tick, high + 1e-9);
        }
    }
    EXPECT_TRUE(nice_ticks(1, 1, 5).empty());
    EXPECT_TRUE(nice_ticks(0, NAN, 5).empty());
}

TEST(Curves, AClickTakesThePointAndKeysWalk)
{
    CurvesView view;
    view.setAxes({QStringLiteral("layer"), QStringLiteral("error")});
    Curve curve;
    curve.name = QStringLiteral("a");
    curve.x = {0, 1, 2, 3, 4};
    curve.y = {1, 2, NAN, 4, 1};
    view.setCurves({curve});
    show(view);
    QSignalSpy activated(&view, &CurvesView::pointActivated);
    QTest::mouseClick(&view, Qt::LeftButton, {}, view.positionOf(0, 3).toPoint() + QPoint(2, -2));
    ASSERT_EQ(activated.size(), 1);
    EXPECT_EQ(view.currentPoint(), (std::pair{0, 3}));
    QTest::mouseClick(&view, Qt::LeftButton, {}, view.positionOf(0, 3).toPoint() + QPoint(30, 0));
    EXPECT_EQ(activated.size(), 1);
    view.setCurrentPoint(0, 1);
    QTest::keyClick(&view, Qt::Key_Left);
    EXPECT_EQ(view.currentPoint(), (std::pair{0, 0}));
    QTest::keyClick(&view, Qt::Key_Return);
    ASSERT_EQ(activated.size(), 2);
    EXPECT_EQ(activated.back()[1].toInt(), 0);
    EXPECT_FALSE(view.accessibleDescription().isEmpty());
    EXPECT_THROW(view.append(3, 1, 1), std::out_of_range);
    view.append(0, 5, 9);
    const auto [from, to] = view.visibleRange();  // with room for the markers at either end
    EXPECT_TRUE(from < 0 && from > -0.2) << from;
    EXPECT_TRUE(to > 5 && to < 5.2) << to;
}

TEST(Curves, WhatHasNoPointsHasNoName)
{
    CurvesView view;
    Curve train, held_out;
    train.name = QStringLiteral("train");
    train.x = {0, 1, 2};
    train.y = {1, 2, 3};
    held_out.name = QStringLiteral("a much longer name of a curve that never came");
    view.setCurves({train});
    show(view);
    const int alone = view.positionOf(0, 2).toPoint().x();
    view.setCurves({train, held_out});
    QTest::qWait(50);
    EXPECT_EQ(view.positionOf(0, 2).toPoint().x(), alone) << "no room is kept for it";
}

TEST(Curves, AppendsManyPointsFast)
{
    CurvesView view;
    Curve curve;
    curve.name = QStringLiteral("loss");
    view.setCurves({curve});
    show(view);
    EXPECT_TRUE(view.isEmpty());
    const auto start = std::clock();
    for (int i = 0; i < 100000; ++i) view.append(0, i, std::sin(i * 0.001));
    QTest::qWait(1);
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 2.0);
    EXPECT_EQ(view.curves()[0].x.size(), 100000u);
    EXPECT_EQ(view.visibleRange().second, 99999);
}

TEST(Charts, WheelZoomsAtThePointerAndZeroResets)
{
    CurvesView view;
    view.setCurves(examples::losses(1000));
    show(view);
    const auto whole = view.visibleRange();
    QSignalSpy changed(&view, &Chart::viewChanged);
    QWheelEvent event(QPointF(280, 150), view.mapToGlobal(QPointF(280, 150)), {}, QPoint(0, 240), Qt::NoButton, {}, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&view, &event);
    EXPECT_EQ(changed.size(), 1);
    const auto zoomed = view.visibleRange();
    EXPECT_GT(zoomed.first, whole.first);
    EXPECT_LT(zoomed.second, whole.second);
    view.append(0, 2000, 1.5);
    EXPECT_EQ(view.visibleRange(), zoomed) << "new points do not take the view away";
    QTest::keyClick(&view, Qt::Key_0);
    EXPECT_EQ(view.visibleRange(), (std::pair{0.0, 2000.0}));
    view.setVisibleRange(-1e9, NAN);
    view.setVisibleRange(5, 5);
    EXPECT_EQ(view.visibleRange(), (std::pair{0.0, 2000.0}));
}

TEST(Scatter, HoverClickAndKeysChooseAPoint)
{
    ScatterView view;
    view.setAxes({QStringLiteral("prefill"), QStringLiteral("perplexity"), QStringLiteral("ms")});
    view.setPoints(examples::recipes());
    show(view);
    QSignalSpy selected(&view, &ScatterView::pointSelected), activated(&view, &ScatterView::pointActivated);
    QTest::mouseClick(&view, Qt::LeftButton, {}, view.positionOf(0).toPoint());
    ASSERT_EQ(selected.size(), 1);
    EXPECT_EQ(view.selected(), 0);
    EXPECT_TRUE(view.accessibleDescription().contains(QStringLiteral("float")));
    QTest::keyClick(&view, Qt::Key_Left);
    EXPECT_EQ(view.selected(), 2);
    QTest::keyClick(&view, Qt::Key_Return);
    ASSERT_EQ(activated.size(), 1);
    EXPECT_EQ(activated[0][0].toInt(), 2);
    QTest::mouseClick(&view, Qt::LeftButton, {}, QPoint(300, 30));
    EXPECT_EQ(view.selected(), -1);
}

TEST(SmallMultiples, AClickSelectsALine)
{
    SmallMultiples view;
    view.setXAxis(QStringLiteral("step"));
    view.setPanels(examples::drifts());
    show(view);
    QSignalSpy selected(&view, &SmallMultiples::lineSelected);
    const QRect panel = view.panelRect(4);
    for (int y = panel.top(); y < panel.bottom() && selected.isEmpty(); y += 4) QTest::mouseClick(&view, Qt::LeftButton, {}, QPoint(panel.center().x(), y));
    ASSERT_EQ(selected.size(), 1);
    EXPECT_EQ(selected[0][0].toInt(), 4);
    QTest::keyClick(&view, Qt::Key_Left);
    EXPECT_EQ(view.selected().first, 3);
    EXPECT_THROW(view.append(0, 9, 1, 1), std::out_of_range);
}

TEST(Timeline, FollowsARunAsItGrows)
{
    TimelineView view;
    TimelineTrack track;
    track.name = QStringLiteral("decode");
    track.unit = QStringLiteral("tokens/s");
    view.setTracks({track});
    show(view);
    EXPECT_TRUE(view.isEmpty());
    view.openBand(0, QStringLiteral("run 1"), 0);
    for (int i = 0; i < 5; ++i) view.append(0, i, 40 + i);
    view.closeBand(4);
    EXPECT_FALSE(view.isEmpty());
    EXPECT_EQ(view.visibleRange(), (std::pair{0.0, 4.0}));
    QSignalSpy clicked(&view, &TimelineView::bandClicked);
    QTest::qWait(1);
    QTest::mouseClick(&view, Qt::LeftButton, {}, view.rect().center());
    ASSERT_EQ(clicked.size(), 1);
    EXPECT_EQ(clicked[0][0].toInt(), 0);
    EXPECT_TRUE(view.csv().contains(QStringLiteral("decode,tokens/s,4,44,run 1")));
    view.clear();
    EXPECT_TRUE(view.isEmpty());
    QTest::mouseMove(&view, view.rect().center());
    QTest::qWait(1);
}

}  // namespace
}  // namespace bitwright::plots
