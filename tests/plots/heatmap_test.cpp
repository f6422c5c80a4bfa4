// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/plots/examples.h"

#include <QAccessible>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace bitwright::plots {
namespace {

std::unique_ptr<HeatmapView> shown(const Heatmap& map, QSize size = {900, 480})
{
    auto view = std::make_unique<HeatmapView>();
    view->resize(size);
    view->setData(map);
    view->show();
    EXPECT_TRUE(QTest::qWaitForWindowExposed(view.get()));
    return view;
}

QRgb expected(const HeatmapView& view, float value)
{
    return colours_of(view.plotStyle().sequence)[static_cast<std::size_t>(std::lround(view.colourScale().position(value) * 255))];
}

QRgb pixel(const QImage& image, QPointF at)
{
    const double ratio = image.devicePixelRatio();
    return image.pixel(static_cast<int>(at.x() * ratio), static_cast<int>(at.y() * ratio));
}

void wheel(QWidget& widget, QPointF at, int delta, Qt::KeyboardModifiers modifiers = {})
{
    QWheelEvent event(at, widget.mapToGlobal(at), {}, QPoint(0, delta), Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&widget, &event);
}

/// Without the platform's cursor, which stops at the edge of a small screen.
void move(QWidget& widget, QPointF at)
{
    QMouseEvent event(QEvent::MouseMove, at, widget.mapToGlobal(at), Qt::NoButton, Qt::NoButton, {});
    QApplication::sendEvent(&widget, &event);
}

TEST(MaximumPyramid, GivesTheMaximumOfEveryRun)
{
    std::mt19937 random(1);
    std::uniform_real_distribution<float> value(-5, 5);
    for (const int columns : {1, 2, 3, 7, 64, 97}) {
        std::vector<float> values(static_cast<std::size_t>(2 * columns));
        for (float& v : values) v = random() % 4 ? value(random) : NAN;
        std::vector<int> order(static_cast<std::size_t>(columns));
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        const std::vector<int> valid{columns, columns - columns / 3};
        for (const Fold fold : {Fold::maximum, Fold::magnitude}) {
            const MaximumPyramid pyramid(values, 2, columns, valid, order, fold);
            for (int row = 0; row < 2; ++row) {
                for (int begin = 0; begin < columns; ++begin) {
                    float best = NAN;
                    for (int end = begin + 1; end <= columns; ++end) {
                        const int column = order[static_cast<std::size_t>(end - 1)];
                        const float here = column < valid[static_cast<std::size_t>(row)] ? values[static_cast<std::size_t>(row * columns + column)] : NAN;
                        if (!std::isnan(here) && (std::isnan(best) || (fold == Fold::maximum ? here > best : std::fabs(here) > std::fabs(best)))) best = here;
                        const float folded = pyramid.maximum(row, begin, end);
                        if (std::isnan(best)) ASSERT_TRUE(std::isnan(folded));
                        else ASSERT_EQ(folded, best) << columns << " columns, " << begin << " to " << end;
                    }
                }
            }
        }
    }
}

TEST(Heatmap, EveryCellBelongsToOnePixel)
{
    for (const double first : {0.0, 0.5, 100.25}) {
        for (const int pixels : {1, 333, 1000}) {
            int next = static_cast<int>(first);
            for (int i = 0; i < pixels; ++i) {
                const auto run = run_of_pixel(first, 7777, pixels, i, 16384);
                ASSERT_EQ(run.begin, next);
                ASSERT_GT(run.end, run.begin);
                next = run.end;
            }
            EXPECT_EQ(next, static_cast<int>(std::ceil(first + 7777)));
        }
    }
}

TEST(Heatmap, ShowsEachCellInItsColour)
{
    const Heatmap map = examples::heatmap(6, 12);
    for (const bool logarithmic : {true, false}) {
        auto view = shown(map);
        view->setLogarithmic(logarithmic);
        const QImage image = view->grab().toImage();
        for (int row = 0; row < 6; ++row) {
            for (int column = 0; column < 12; ++column) {
                if (Cell{row, column} == view->currentCell()) continue;
                ASSERT_EQ(pixel(image, view->cellRect({row, column}).center()), expected(*view, view->valueAt({row, column}))) << row << ", " << column;
            }
        }
    }
}

TEST(Heatmap, SeveralCellsInAPixelShowTheirMaximum)
{
    const Heatmap map = examples::heatmap(4, 16384);
    auto view = shown(map);
    view->setCurrentCell({3, 16383}, false);
    const QRect area = view->mapRect();
    ASSERT_LT(area.width(), 1000);
    const QImage image = view->grab().toImage();
    const double y = view->cellRect({1, 0}).center().y(), ratio = view->devicePixelRatioF();
    const int pixels = (area.size() * ratio).width();
    const double left = std::round(area.x() * ratio);
    int next = 0;
    for (int x = 0; x < pixels; ++x) {
        const auto run = run_of_pixel(0, 16384, pixels, x, 16384);
        ASSERT_EQ(run.begin, next);
        next = run.end;
        float largest = 0;
        for (int column = run.begin; column < run.end; ++column) largest = std::max(largest, (*map.values)[static_cast<std::size_t>(16384 + column)]);
        ASSERT_EQ(pixel(image, QPointF((left + x + 0.5) / ratio, y)), expected(*view, largest)) << x;
        if (!QRectF(area).contains(QPointF((left + x + 0.5) / ratio, y))) continue;  // the last half pixel at 150 %
        const Cell cell = view->cellAt(QPointF((left + x + 0.5) / ratio, y));
        ASSERT_EQ(cell.row, 1);
        ASSERT_EQ(view->valueAt(cell), largest) << "hovering a pixel names the cell that it shows";
    }
    EXPECT_EQ(next, 16384);
}

TEST(Heatmap, HatchesWhatWasNotMeasured)
{
    Heatmap map = examples::heatmap(5, 40, 2);
    map.valid_columns = {40, 40, 40, 20, 40};
    auto view = shown(map);
    const QImage image = view->grab().toImage();
    for (const Cell cell : {Cell{2, 10}, Cell{3, 30}}) {
        std::set<QRgb> colours;
        const QRectF rect = view->cellRect(cell).adjusted(1, 1, -2, -2);
        for (double y = rect.top(); y < rect.bottom(); ++y) {
            for (double x = rect.left(); x < rect.right(); ++x) colours.insert(pixel(image, {x, y}));
        }
        EXPECT_EQ(colours, (std::set<QRgb>{view->plotStyle().background.rgb(), view->plotStyle().unmeasured.rgb()}));
        EXPECT_TRUE(view->description(cell).contains(QStringLiteral("not measured")));
    }
    EXPECT_EQ(pixel(image, view->cellRect({3, 19}).center()), expected(*view, view->valueAt({3, 19})));
}

TEST(Heatmap, DimsBelowTheThresholdOnly)
{
    auto view = shown(examples::heatmap(4, 10));
    view->setThreshold(1.2);
    const QImage image = view->grab().toImage();
    for (int row = 0; row < 4; ++row) {
        for (int column = 0; column < 10; ++column) {
            if (Cell{row, column} == view->currentCell()) continue;
            const float value = view->valueAt({row, column});
            EXPECT_EQ(pixel(image, view->cellRect({row, column}).center()) == expected(*view, value), value >= 1.2f);
        }
    }
}

TEST(Heatmap, OrderMovesColumnsAndNotTheirNames)
{
    const Heatmap map = examples::heatmap(3, 8);
    auto view = shown(map);
    view->setColumnOrder({7, 6, 5, 4, 3, 2, 1, 0});
    EXPECT_EQ(view->valueAt({1, 2}), (*map.values)[8 + 2]);
    EXPECT_GT(view->cellRect({1, 0}).x(), view->cellRect({1, 7}).x());
    QSignalSpy moved(view.get(), &HeatmapView::currentCellChanged);
    view->setCurrentCell({1, 2});
    moved.clear();
    QTest::keyClick(view.get(), Qt::Key_Right);
    ASSERT_EQ(moved.size(), 1);
    EXPECT_EQ(moved[0][1].toInt(), 1);
    EXPECT_THROW(view->setColumnOrder({0, 0, 1, 2, 3, 4, 5, 6}), std::invalid_argument);
    EXPECT_THROW(view->setColumnOrder({0}), std::invalid_argument);
}

TEST(Heatmap, KeysMoveTheCursorInsideTheMap)
{
    auto view = shown(examples::heatmap(5, 300));
    view->setCurrentCell({2, 100});
    QSignalSpy activated(view.get(), &HeatmapView::cellActivated);
    const auto after = [&view](Qt::Key key) {
        QTest::keyClick(view.get(), key);
        return view->currentCell();
    };
    EXPECT_EQ(after(Qt::Key_Right), (Cell{2, 101}));
    EXPECT_EQ(after(Qt::Key_Left), (Cell{2, 100}));
    EXPECT_EQ(after(Qt::Key_Down), (Cell{3, 100}));
    EXPECT_EQ(after(Qt::Key_Up), (Cell{2, 100}));
    EXPECT_EQ(after(Qt::Key_PageDown), (Cell{2, 130}));
    EXPECT_EQ(after(Qt::Key_Home), (Cell{2, 0}));
    EXPECT_EQ(after(Qt::Key_Left), (Cell{2, 0}));
    EXPECT_EQ(after(Qt::Key_End), (Cell{2, 299}));
    QTest::keyClick(view.get(), Qt::Key_Return);
    ASSERT_EQ(activated.size(), 1);
    EXPECT_EQ(activated[0][1].toInt(), 299);
    QTest::keyClick(view.get(), Qt::Key_Plus);
    EXPECT_NEAR(view->visibleRange().width(), 150, 1e-9);
    EXPECT_NEAR(view->visibleRange().right(), 299.75, 1e-9) << "the middle of the cursor's cell stays where it is";
    EXPECT_EQ(after(Qt::Key_Home), (Cell{2, 0}));
    EXPECT_LE(view->visibleRange().left(), 0.0) << "the cursor is always in view";
    QTest::keyClick(view.get(), Qt::Key_Minus);
    EXPECT_FALSE(view->zoomed());
    QTest::keyClick(view.get(), Qt::Key_Plus);
    QTest::keyClick(view.get(), Qt::Key_0);
    EXPECT_FALSE(view->zoomed());
}

TEST(Heatmap, HoverNamesTheCellAndLeavesIt)
{
    auto view = shown(examples::heatmap(4, 20));
    QSignalSpy hovered(view.get(), &HeatmapView::cellHovered);
    move(*view, view->cellRect({2, 7}).center());
    ASSERT_GE(hovered.size(), 1);
    EXPECT_EQ(hovered.back()[0].toInt(), 2);
    EXPECT_EQ(hovered.back()[1].toInt(), 7);
    move(*view, QPointF(2, view->height() - 2));
    EXPECT_EQ(hovered.back()[0].toInt(), -1);
    QSignalSpy changed(view.get(), &HeatmapView::currentCellChanged);
    QTest::mouseClick(view.get(), Qt::LeftButton, {}, view->cellRect({1, 3}).center().toPoint());
    EXPECT_EQ(view->currentCell(), (Cell{1, 3}));
    EXPECT_EQ(changed.size(), 1);
    QSignalSpy activated(view.get(), &HeatmapView::cellActivated);
    QTest::mouseDClick(view.get(), Qt::LeftButton, {}, view->cellRect({3, 4}).center().toPoint());
    ASSERT_EQ(activated.size(), 1);
    EXPECT_EQ(activated[0][0].toInt(), 3);
}

TEST(Heatmap, WheelKeepsTheColumnUnderThePointer)
{
    auto view = shown(examples::heatmap(4, 4096));
    const QRect area = view->mapRect();
    for (const double share : {0.1, 0.5, 0.83}) {
        view->resetView();
        const QPointF at(area.x() + share * area.width(), area.center().y());
        const auto under = [&] { return view->visibleRange().x() + share * view->visibleRange().width(); };
        const double before = under();
        for (int i = 0; i < 8; ++i) wheel(*view, at, 120);
        EXPECT_LT(view->visibleRange().width(), 4096 * 0.2);
        EXPECT_NEAR(under(), before, 1e-6);
        for (int i = 0; i < 30; ++i) wheel(*view, at, -120);
        EXPECT_EQ(view->visibleRange(), QRectF(0, 0, 4096, 4));
        for (int i = 0; i < 60; ++i) wheel(*view, at, 120);
        EXPECT_GE(view->visibleRange().width(), 4);
        EXPECT_GE(view->visibleRange().left(), 0);
        EXPECT_LE(view->visibleRange().right(), 4096);
    }
    wheel(*view, area.center(), 120, Qt::ControlModifier);
    EXPECT_LT(view->visibleRange().height(), 4);
}

TEST(Heatmap, DraggingZoomsAndPans)
{
    auto view = shown(examples::heatmap(8, 800));
    const QRect area = view->mapRect();
    QSignalSpy changed(view.get(), &HeatmapView::viewChanged);
    const QPoint from(area.x() + area.width() / 4, area.y() + 2), to(area.x() + area.width() / 2, area.y() + area.height() / 2);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, from);
    QTest::mouseMove(view.get(), (from + to) / 2);
    QTest::mouseMove(view.get(), to);
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, to);
    EXPECT_EQ(changed.size(), 1);
    EXPECT_NEAR(view->visibleRange().left(), 200, 3);
    EXPECT_NEAR(view->visibleRange().right(), 400, 3);
    EXPECT_EQ(view->visibleRange().top(), 0);
    EXPECT_GE(view->visibleRange().bottom(), 4);
    const QRectF before = view->visibleRange();
    QTest::mousePress(view.get(), Qt::LeftButton, Qt::ShiftModifier, to);
    QTest::mouseMove(view.get(), to - QPoint(area.width() / 10, 0));
    QTest::mouseRelease(view.get(), Qt::LeftButton, Qt::ShiftModifier, to - QPoint(area.width() / 10, 0));
    EXPECT_NEAR(view->visibleRange().left(), before.left() + before.width() / 10, 2);
    EXPECT_NEAR(view->visibleRange().width(), before.width(), 1e-9);
    // Esc drops a box
    QTest::mousePress(view.get(), Qt::LeftButton, {}, from);
    QTest::mouseMove(view.get(), to);
    QTest::keyClick(view.get(), Qt::Key_Escape);
    const QRectF kept = view->visibleRange();
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, to);
    EXPECT_EQ(view->visibleRange(), kept);
    QTest::mouseDClick(view.get(), Qt::LeftButton, {}, QPoint(area.x() + 5, view->height() - 3));
    EXPECT_FALSE(view->zoomed());
}

TEST(Heatmap, RangeComesBackAndNonsenseIsKeptInside)
{
    auto view = shown(examples::heatmap(8, 800));
    view->setVisibleRange(QRectF(100, 2, 50, 3));
    const QRectF kept = view->visibleRange();
    EXPECT_EQ(kept, QRectF(100, 2, 50, 3));
    view->setData(examples::heatmap(8, 800));
    EXPECT_EQ(view->visibleRange(), kept);
    view->setVisibleRange(QRectF(-50, -3, 1e9, 1e9));
    EXPECT_EQ(view->visibleRange(), QRectF(0, 0, 800, 8));
    view->setVisibleRange(QRectF(NAN, 0, 10, 1));
    EXPECT_EQ(view->visibleRange(), QRectF(0, 0, 800, 8));
    view->setVisibleRange(QRectF(799, 7, 0, 0));
    EXPECT_EQ(view->visibleRange().right(), 800);
    view->setData(examples::heatmap(3, 5));
    EXPECT_EQ(view->visibleRange(), QRectF(0, 0, 5, 3));
    Heatmap wrong = examples::heatmap(3, 5);
    wrong.columns = 6;
    EXPECT_THROW(view->setData(wrong), std::invalid_argument);
    view->clear();
    EXPECT_TRUE(view->isEmpty());
}

TEST(Heatmap, AnswersAScreenReader)
{
    auto view = shown(examples::heatmap(4, 20));
    view->setDescriber([](int row, int column) { return QStringLiteral("layer %1, channel %2: twice the median").arg(row).arg(column); });
    view->setCurrentCell({3, 17});
    QAccessibleInterface* access = QAccessible::queryAccessibleInterface(view.get());
    ASSERT_NE(access, nullptr);
    EXPECT_EQ(access->text(QAccessible::Value), QStringLiteral("layer 3, channel 17: twice the median"));
    EXPECT_TRUE(access->text(QAccessible::Name).contains(QStringLiteral("down_proj input")));
    QTest::keyClick(view.get(), Qt::Key_Left);
    EXPECT_EQ(access->text(QAccessible::Value), QStringLiteral("layer 3, channel 16: twice the median"));

    ASSERT_EQ(access->role(), QAccessible::Table);
    QAccessibleTableInterface* table = access->tableInterface();
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->rowCount(), 4);
    EXPECT_EQ(table->columnCount(), 20);
    EXPECT_EQ(table->cellAt(4, 0), nullptr);
    EXPECT_EQ(table->columnDescription(5), QStringLiteral("channel 5"));
    view->setColumnOrder({19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
    QAccessibleInterface* cell = table->cellAt(1, 2);
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->text(QAccessible::Name), QStringLiteral("layer 1, channel 17: twice the median"));
    EXPECT_EQ(access->child(access->indexOfChild(cell)), cell);
    EXPECT_EQ(cell->rect().size(), view->cellRect({1, 17}).toAlignedRect().size());
    EXPECT_FALSE(cell->state().focused);
    view->clear();
    EXPECT_EQ(table->cellAt(0, 0), nullptr);
}

TEST(Heatmap, TheCursorsCellHasTheFocusForAScreenReader)
{
    auto view = shown(examples::heatmap(4, 20));
    view->setDescriber([](int row, int column) { return QStringLiteral("layer %1, channel %2").arg(row).arg(column); });
    view->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(view.get()));
    view->setFocus();
    view->setCurrentCell({3, 17});
    QTest::keyClick(view.get(), Qt::Key_Up);
    // the event itself is only sent to a platform with a screen reader; what it points at is the child that has the focus
    QAccessibleInterface* focused = QAccessible::queryAccessibleInterface(view.get())->focusChild();
    ASSERT_NE(focused, nullptr);
    EXPECT_EQ(focused->text(QAccessible::Name), QStringLiteral("layer 2, channel 17"));
    EXPECT_TRUE(focused->state().focused);
}

}  // namespace
}  // namespace bitwright::plots
