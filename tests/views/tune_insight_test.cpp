// SPDX-License-Identifier: GPL-3.0-or-later
// The NPU that limits Tune, the sensitivity column, and the window on sensitivity, bits and convergence.
#include "core/recipe/edits.h"
#include "core/workspace/jobs.h"
#include "core/workspace/probes.h"
#include "core/workspace/window_ranges.h"
#include "tests/support/test_desk.h"
#include "tests/support/tune_workspace.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/tune/insight_window.h"
#include "views/tune/lint_panel.h"
#include "views/tune/site_table_view.h"
#include "views/tune/tune_page.h"

#include <QApplication>
#include <QComboBox>
#include <QHeaderView>
#include <QLineEdit>
#include <QPushButton>
#include <QTabWidget>
#include <QTableWidget>
#include <QTest>
#include <gtest/gtest.h>

#include <algorithm>

namespace bitwright::views {
namespace {

constexpr const char* down0 = "layers.0.mlp.down_proj.input";
constexpr const char* weight0 = "layers.0.mlp.down_proj.weight";

class TuneInsight : public ::testing::Test {
protected:
    void SetUp() override
    {
        const auto file = desk_.path(QStringLiteral("w.bitwright"));
        test::make_tune_workspace(file.toStdString(), 2);
        {
            Workspace workspace(file.toStdString());
            fill(workspace);
        }
        bool opened = false;
        const auto connection = QObject::connect(&desk_.desk, &Desk::statistics_changed, [&] { opened = desk_.desk.statistics() != nullptr; });
        desk_.desk.open(file);
        ASSERT_TRUE(test::wait_until([&] { return opened; }));
        QObject::disconnect(connection);
        page_ = std::make_unique<TunePage>(desk_.desk);
        page_->resize(1000, 700);
        page_->show();
        QApplication::setActiveWindow(page_.get());
        page_->activated();
        ASSERT_TRUE(desk_.settle());
    }
    virtual void fill(Workspace& workspace)
    {
        const auto conditions = put_conditions(workspace, {});
        put_sensitivity(workspace, {1, "site", std::string(64, 'e'), "paper"}, 0.04, conditions, {{down0, 1, 30.0, 0.03, 0.012, 21.5}, {weight0, 1, 4.0, 0.001, 0.039, 40.0}, {"layers.1.mlp.up_proj.output", 1, 5.0, {}, {}, {}}});
        AllocationRow allocation{0, 1, std::string(64, 'e'), "full", "at most 900 bytes", {}, conditions, {}};
        allocation.trials = {{1, "as it is", 1200, 8, 0.01, 20, false}, {1, "uniform W4", 880, 4, 0.09, 23, false}, {1, "4 bit: layers.1.*", 870, 4, 0.05, 21, true}, {1, "4 bit: all", 600, 3, 0.4, 40, false}};
        put_allocation(workspace, allocation);
        for (int w = 0; w < 8; ++w) put_window_ranges(workspace, 1, w, {{down0, -4, w == 3 ? 40.0F : 4.0F}, {"layers.1.mlp.down_proj.input", -2, 2}});
    }
    /// What an editor of a cell offers.
    [[nodiscard]] QStringList offered(const char* site, int column)
    {
        const auto index = page_->table().order().mapFromSource(page_->sites().index(page_->sites().row_of(site), column));
        page_->table().setFocus();
        page_->table().setCurrentIndex(index);
        QTest::keyClick(&page_->table(), Qt::Key_F2);
        auto* box = page_->table().viewport()->findChild<QComboBox*>();
        EXPECT_NE(box, nullptr);
        QStringList values;
        for (int i = 0; box && i < box->count(); ++i) values << box->itemData(i).toString();
        tip_ = box ? box->toolTip() : QString();
        if (box) QTest::keyClick(box, Qt::Key_Escape);
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        return values;
    }

    test::TestDesk desk_;
    std::unique_ptr<TunePage> page_;
    QString tip_;
};

TEST_F(TuneInsight, AnNpuLimitsWhatIsOfferedAndSaysWhy)
{
    EXPECT_EQ(offered(down0, SiteTableModel::bits_column).size(), 16) << "float and 2 … 16 bits";
    desk_.desk.revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), weight0, {{"bits", "5"}}));
    const auto not_taken = [&] { return std::ranges::count_if(page_->lints().model().lints(), [](const Lint& lint) { return lint.rule == LintRule::not_on_npu; }); };
    EXPECT_EQ(not_taken(), 0);
    QTest::keyClick(&page_->npu(), Qt::Key_Down);
    ASSERT_EQ(page_->npu().currentData().toString(), QStringLiteral("qnn-htp-v69"));
    EXPECT_EQ(offered(down0, SiteTableModel::bits_column), (QStringList{QStringLiteral("8"), QStringLiteral("16")}));
    EXPECT_TRUE(tip_.contains(QStringLiteral("qnn-htp-v69"))) << tip_.toStdString();
    EXPECT_TRUE(tip_.contains(QStringLiteral("uint8 or uint16"))) << "and where it was read";
    EXPECT_FALSE(offered(weight0, SiteTableModel::bits_column).contains(QStringLiteral("16")));
    EXPECT_TRUE(test::wait_until([&] { return not_taken() > 0; })) << "5 bits are listed, with the remedy";
    page_->npu().setCurrentIndex(0);
    EXPECT_EQ(offered(down0, SiteTableModel::bits_column).size(), 16);
}

TEST_F(TuneInsight, SensitivityIsAColumnThatSortsAndFilters)
{
    ASSERT_TRUE(test::wait_until([&] { return page_->sites().sensitivity(page_->sites().row_of(down0)).has_value(); }));
    page_->table().sortByColumn(SiteTableModel::sensitivity_column, Qt::DescendingOrder);
    const auto first = page_->table().order().index(0, SiteTableModel::site_column).data(SiteTableModel::plain_role).toString();
    EXPECT_EQ(first, QLatin1String(down0));
    const auto cell = page_->table().order().index(0, SiteTableModel::sensitivity_column);
    EXPECT_EQ(cell.data().toString(), number(0.03));
    EXPECT_TRUE(cell.data(Qt::ToolTipRole).toString().contains(number(0.04))) << "the whole recipe's";
    page_->filter().setText(QStringLiteral("sensitivity>0.01"));
    EXPECT_EQ(page_->table().order().rowCount(), 1);
    page_->filter().clear();
    const auto none = page_->sites().index(page_->sites().row_of("layers.1.mlp.up_proj.output"), SiteTableModel::sensitivity_column);
    EXPECT_EQ(none.data().toString(), not_measured) << "left out by the pre-screen is not 0";
}

TEST_F(TuneInsight, TheWindowShowsGroupsTrialsAndConvergence)
{
    desk_.actions.find(QStringLiteral("tune.insight"))->trigger();
    auto& window = page_->insight();
    ASSERT_TRUE(test::wait_until([&] { return window.groups().rowCount() == 3; }));
    EXPECT_EQ(window.groups().item(0, 0)->text(), QLatin1String(down0)) << "the largest first";
    EXPECT_EQ(window.groups().item(0, 2)->text(), number(0.028)) << "relief";
    EXPECT_EQ(window.groups().item(2, 1)->text(), not_measured);
    ASSERT_EQ(window.trials().points().size(), 4U);
    EXPECT_EQ(window.trials().points()[2].name, QStringLiteral("chosen"));
    ASSERT_EQ(window.sites().rowCount(), 2);
    EXPECT_EQ(window.sites().item(0, 0)->text(), QLatin1String(down0)) << "the least converged first";
    EXPECT_EQ(window.sites().item(0, 1)->text(), QStringLiteral("not yet"));
    EXPECT_EQ(window.sites().item(1, 1)->text(), QStringLiteral("enough"));
    window.sites().setCurrentCell(0, 0);
    ASSERT_EQ(window.growth().curves().size(), 2U);
    EXPECT_EQ(window.growth().curves()[1].y.back(), 40);
    window.groups().setCurrentCell(1, 0);
    EXPECT_EQ(desk_.desk.selection().current().site, QLatin1String(weight0)) << "a row is a site everywhere";
}

TEST_F(TuneInsight, ButtonsSubmitTheCommandsAndSayWhatIsMissing)
{
    auto& window = page_->insight();
    window.findChild<QPushButton*>(QStringLiteral("insight.sensitivity"))->click();
    EXPECT_TRUE(desk_.jobs.all.empty());
    EXPECT_TRUE(window.message().isVisible()) << "nothing says on which text";
    EXPECT_FALSE(page_->message().isVisible()) << "a sentence stands where the button was pressed";
    window.findChild<QPushButton*>(QStringLiteral("insight.convergence"))->click();
    ASSERT_EQ(desk_.jobs.all.size(), 1U);
    EXPECT_EQ(desk_.jobs.all[0].arguments.mid(0, 2), (QStringList{QStringLiteral("convergence"), QStringLiteral("calibration:1")}));
    EXPECT_FALSE(window.message().isVisible()) << "what was refused before is past";
    desk_.jobs.all[0].message = QStringLiteral("the text is gone");
    desk_.jobs.set(desk_.jobs.all[0].number, JobPhase::failed);
    EXPECT_TRUE(window.message().text().contains(QStringLiteral("the text is gone"))) << window.message().text().toStdString();
    EXPECT_TRUE(window.message().isVisible());
}

/// The newest calibration observed after transforms, on the windows of another one: it names no text.
class TuneInsightObserved : public TuneInsight {
protected:
    void fill(Workspace& workspace) override
    {
        bool resumed = false;
        for (const char* argv : {R"({"argv": ["calibrate", "m", "--text", "/t/calibration.txt"]})", R"({"argv": ["calibrate", "m", "--like", "calibration:1"]})"})
            end_job(workspace, begin_job(workspace, "calibrate", argv, argv, false, resumed).id, JobState::done, "{}");
    }
};

TEST_F(TuneInsightObserved, SensitivityIsMeasuredOnTheTextOfTheCalibrationThatNamesOne)
{
    page_->insight().findChild<QPushButton*>(QStringLiteral("insight.sensitivity"))->click();
    ASSERT_TRUE(test::wait_until([&] { return desk_.jobs.all.size() == 1; })) << page_->insight().message().text().toStdString();
    const auto& arguments = desk_.jobs.all[0].arguments;
    EXPECT_EQ(arguments.value(arguments.indexOf(QStringLiteral("--text")) + 1), QStringLiteral("/t/calibration.txt"));
}

}  // namespace
}  // namespace bitwright::views
