// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/range_rule.h"
#include "tests/plots/examples.h"

#include <QAccessible>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>
#include <QVBoxLayout>
#include <gtest/gtest.h>

namespace bitwright::plots {
namespace {

std::unique_ptr<RangeHistogramView> shown(double minimum = -5, double maximum = 18)
{
    auto view = std::make_unique<RangeHistogramView>();
    view->resize(420, 260);
    view->setData(examples::histogram());
    view->setRange(minimum, maximum);
    view->setGrid(IntegerGrid{(maximum - minimum) / 255, std::nearbyint(-minimum * 255 / (maximum - minimum)), 0, 255});
    view->show();
    EXPECT_TRUE(QTest::qWaitForWindowExposed(view.get()));
    QTest::qWait(1);
    return view;
}

QPoint at(const RangeHistogramView& view, double value) { return {static_cast<int>(std::lround(view.pixelOf(value))), 140}; }

TEST(RangeHistogram, DraggingGivesTheValueUnderThePointer)
{
    auto view = shown();
    const double pixel = view->valueAt(101) - view->valueAt(100);
    QSignalSpy dragged(view.get(), &RangeHistogramView::rangeDragged), released(view.get(), &RangeHistogramView::rangeReleased);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, at(*view, 18));
    for (const double target : {16.0, 12.5, 9.0, 7.25}) {
        QTest::mouseMove(view.get(), at(*view, target));
        EXPECT_NEAR(view->maximum(), target, pixel);
        QTest::qWait(20);
        ASSERT_FALSE(dragged.isEmpty());
        EXPECT_EQ(dragged.back()[1].toDouble(), view->maximum());
        EXPECT_EQ(dragged.back()[0].toDouble(), -5);
    }
    EXPECT_EQ(released.size(), 0);
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, at(*view, 7.25));
    ASSERT_EQ(released.size(), 1);
    EXPECT_NEAR(released[0][1].toDouble(), 7.25, pixel);
    EXPECT_EQ(view->currentHandle(), RangeHandle::maximum);
}

TEST(RangeHistogram, ManyMovesInAFrameAreOneSignal)
{
    auto view = shown();
    QSignalSpy dragged(view.get(), &RangeHistogramView::rangeDragged);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, at(*view, -5));
    for (int i = 0; i < 50; ++i) {
        QMouseEvent move(QEvent::MouseMove, QPointF(at(*view, -5)) + QPointF(i * 0.5, 0), view->mapToGlobal(QPointF()), Qt::NoButton, Qt::LeftButton, {});
        QApplication::sendEvent(view.get(), &move);
    }
    EXPECT_LE(dragged.size(), 10);
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, at(*view, -5) + QPoint(25, 0));
    EXPECT_EQ(dragged.back()[0].toDouble(), view->minimum()) << "the last one always arrives";
}

TEST(RangeHistogram, AnArrowIsOneCodeAndShiftTen)
{
    auto view = shown();
    const double code = view->grid()->scale;
    view->setFocus();
    view->setCurrentHandle(RangeHandle::maximum);
    QSignalSpy released(view.get(), &RangeHistogramView::rangeReleased);
    QTest::keyClick(view.get(), Qt::Key_Left);
    EXPECT_EQ(view->maximum(), 18 - code);
    QTest::keyClick(view.get(), Qt::Key_Right, Qt::ShiftModifier);
    EXPECT_EQ(view->maximum(), 18 - code + 10 * code);
    view->setCurrentHandle(RangeHandle::minimum);
    QTest::keyClick(view.get(), Qt::Key_Right);
    EXPECT_EQ(view->minimum(), -5 + code);
    EXPECT_EQ(released.size(), 3);
}

TEST(RangeHistogram, TabWalksTheHandlesThenLeaves)
{
    QWidget window;
    auto* layout = new QVBoxLayout(&window);
    auto* before = new QLineEdit;
    auto* view = new RangeHistogramView;
    auto* after = new QLineEdit;
    for (QWidget* widget : {static_cast<QWidget*>(before), static_cast<QWidget*>(view), static_cast<QWidget*>(after)}) layout->addWidget(widget);
    view->setData(examples::histogram());
    view->setRange(-5, 18);
    window.show();
    window.activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(&window));
    before->setFocus();
    QTest::keyClick(before, Qt::Key_Tab);
    EXPECT_TRUE(view->hasFocus());
    EXPECT_EQ(view->currentHandle(), RangeHandle::minimum);
    QTest::keyClick(view, Qt::Key_Tab);
    EXPECT_EQ(view->currentHandle(), RangeHandle::maximum);
    QTest::keyClick(view, Qt::Key_Tab);
    EXPECT_TRUE(after->hasFocus());
    EXPECT_EQ(view->currentHandle(), RangeHandle::none);
    QTest::keyClick(after, Qt::Key_Backtab);
    EXPECT_EQ(view->currentHandle(), RangeHandle::maximum);
    QTest::keyClick(view, Qt::Key_Backtab);
    EXPECT_EQ(view->currentHandle(), RangeHandle::minimum);
    QTest::keyClick(view, Qt::Key_Backtab);
    EXPECT_TRUE(before->hasFocus());
}

TEST(RangeHistogram, NeverCrossesAndSaysWhy)
{
    auto view = shown();
    const double code = view->grid()->scale;
    QSignalSpy refused(view.get(), &RangeHistogramView::refused);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, at(*view, 18));
    QTest::mouseMove(view.get(), at(*view, -7));
    EXPECT_EQ(view->minimum(), -5);
    EXPECT_EQ(view->maximum(), -5 + code);
    QTest::mouseMove(view.get(), at(*view, -7.5));
    EXPECT_EQ(refused.size(), 1) << "said once for a drag";
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, at(*view, -7));
    for (int i = 0; i < 5; ++i) QTest::keyClick(view.get(), Qt::Key_Left, Qt::ShiftModifier);
    EXPECT_GE(view->maximum() - view->minimum(), code * (1 - 1e-12));
    EXPECT_EQ(refused.size(), 6);
    EXPECT_FALSE(refused[0][0].toString().isEmpty());
}

TEST(RangeHistogram, EscapeRestoresTheValueFromBefore)
{
    auto view = shown();
    QSignalSpy released(view.get(), &RangeHistogramView::rangeReleased);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, at(*view, 18));
    QTest::mouseMove(view.get(), at(*view, 4));
    EXPECT_NE(view->maximum(), 18);
    QTest::keyClick(view.get(), Qt::Key_Escape);
    EXPECT_EQ(view->maximum(), 18);
    EXPECT_EQ(view->minimum(), -5);
    ASSERT_EQ(released.size(), 1);
    EXPECT_EQ(released[0][1].toDouble(), 18);
    QTest::mouseMove(view.get(), at(*view, 6));
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, at(*view, 6));
    EXPECT_EQ(view->maximum(), 18) << "the drag is over";
    EXPECT_EQ(released.size(), 1);
}

TEST(RangeHistogram, SymmetricMovesBoth)
{
    auto view = shown(-10, 10);
    view->setSymmetric(true);
    QTest::mousePress(view.get(), Qt::LeftButton, {}, at(*view, 10));
    QTest::mouseMove(view.get(), at(*view, 6));
    QTest::mouseRelease(view.get(), Qt::LeftButton, {}, at(*view, 6));
    EXPECT_EQ(view->minimum(), -view->maximum());
    EXPECT_NEAR(view->maximum(), 6, 0.1);
}

TEST(RangeHistogram, ReadOnlyRefusesWithItsReason)
{
    auto view = shown();
    view->setReadOnly(true, QStringLiteral("Dynamic ranges are found while the model runs."));
    QSignalSpy refused(view.get(), &RangeHistogramView::refused);
    view->setCurrentHandle(RangeHandle::maximum);
    QTest::keyClick(view.get(), Qt::Key_Left);
    EXPECT_EQ(view->maximum(), 18);
    ASSERT_EQ(refused.size(), 1);
    EXPECT_EQ(refused[0][0].toString(), QStringLiteral("Dynamic ranges are found while the model runs."));
}

TEST(RangeHistogram, AnswersAScreenReader)
{
    auto view = shown();
    view->setCurrentHandle(RangeHandle::maximum);
    QAccessibleInterface* access = QAccessible::queryAccessibleInterface(view.get());
    ASSERT_NE(access, nullptr);
    EXPECT_EQ(access->role(), QAccessible::Slider);
    ASSERT_NE(access->valueInterface(), nullptr);
    EXPECT_EQ(access->valueInterface()->currentValue().toDouble(), 18);
    EXPECT_EQ(access->text(QAccessible::Value), QStringLiteral("maximum 18.0, minimum −5.00"));
    EXPECT_TRUE(access->text(QAccessible::Name).contains(QStringLiteral("down_proj input")));
}

TEST(RangeRule, RandomMovesKeepOrderWidthAndSymmetry)
{
    std::mt19937 random(5);
    std::uniform_real_distribution<double> value(-10, 10);
    for (const bool symmetric : {false, true}) {
        ClipRange range{-3, 3};
        for (int i = 0; i < 10000; ++i) {
            const double wanted = i % 97 == 0 ? NAN : value(random);
            const Moved result = moved(range, random() % 2, wanted, 0.125, symmetric);
            ASSERT_GE(result.range.maximum - result.range.minimum, 0.125 * (1 - 1e-12));
            if (symmetric) {
                ASSERT_EQ(result.range.minimum, -result.range.maximum);
            }
            ASSERT_TRUE(!std::isnan(wanted) || result.range == range);
            range = result.range;
        }
    }
}

}  // namespace
}  // namespace bitwright::plots
