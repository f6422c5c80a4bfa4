// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare/compare_page.h"
#include "core/runtime/file.h"
#include "tests/app/program.h"
#include "tests/views/measured_workspace.h"
#include "views/compare/compare_plots.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QPushButton>
#include <QTableView>
#include <QTest>
#include <QTreeWidget>

namespace bitwright::views {
namespace {

class Compare : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (!std::filesystem::exists(test::golden_models() / "llama")) GTEST_SKIP() << "no llama among the tiny models";
        desk_ = std::make_unique<test::MeasuredDesk<ComparePage>>();
    }
    [[nodiscard]] QTableView& table() const { return *desk_->page->findChild<QTableView*>(); }
    [[nodiscard]] const ComparisonModel& model() const { return dynamic_cast<const ComparisonModel&>(*table().model()); }
    [[nodiscard]] QTreeWidgetItem* recipe(int index) const { return desk_->page->findChild<QTreeWidget*>()->topLevelItem(0)->child(index); }
    void settle()
    {
        for (int i = 0; i < 3; ++i) {  // what one continuation posts is waited for, too
            EXPECT_TRUE(desk_->desk.settle());
            QCoreApplication::processEvents();
        }
    }
    [[nodiscard]] QString file(const char* name) const { return desk_->desk.path(QLatin1String(name)); }
    std::unique_ptr<test::MeasuredDesk<ComparePage>> desk_;
};

TEST_F(Compare, TextsAndDeltasAreCores)
{
    const auto report = gather_comparison(desk_->measured->workspace(), {});
    const auto expected = comparison_table(report, "\u2009");
    ASSERT_EQ(model().rowCount(), static_cast<int>(report.rows.size()));
    EXPECT_EQ(model().rowCount(), 7);
    int column = 1;
    for (const auto& known : expected.columns) {
        if (!known.number) continue;
        for (int row = 0; row < model().rowCount(); ++row) {
            const auto& cell = known.cells[static_cast<std::size_t>(row)];
            const auto index = model().index(row, column);
            EXPECT_EQ(index.data().toString().toStdString(), cell.text);
            if (!cell.delta.empty()) {
                EXPECT_EQ(index.data(ComparisonModel::second_role).toString().toStdString(), cell.delta);
            }
        }
        ++column;
    }
    EXPECT_EQ(model().columnCount(), column);
}

TEST_F(Compare, RowsThatMayNotBeComparedSayWhy)
{
    int flagged = 0;
    for (int row = 0; row < model().rowCount(); ++row) {
        const auto index = model().index(row, 1);
        if (!index.data(ComparisonModel::obstacle_role).toBool()) continue;
        ++flagged;
        EXPECT_TRUE(model().index(row, 0).data().toString() == QLatin1String("edge-elsewhere"));
        EXPECT_TRUE(index.data(Qt::ToolTipRole).toString().contains(QLatin1String("other evaluation text")));
    }
    EXPECT_EQ(flagged, 2) << "simulated and integer";
}

TEST_F(Compare, TheSentenceNamesSpeedPerplexityAndInterval)
{
    ComparisonRequest request;
    request.baseline = "rtn-w8a8";
    const auto report = gather_comparison(desk_->measured->workspace(), request);
    ComparisonRow base = report.rows[report.baseline], row;
    for (const auto& candidate : report.rows) {
        if (candidate.level == "integer" && candidate.name == "rtn-w8a8") base = candidate;
        if (candidate.level == "integer" && candidate.name == "edge-w8a8") row = candidate;
    }
    base.perplexity_token.value = 24.65, row.perplexity_token.value = 21.2;
    row.perplexity_difference = PairedDifference{-3.3, -3.9, -2.7, 16};
    EXPECT_EQ(sentence_of(row, base).toStdString(),
              "1.50× faster prefill, 1.50× faster decode, 1.20× larger, perplexity −3.45 (−14 %), 95 % interval −3.90 … −2.70 over 16 windows.");
    row.perplexity_difference->high = 0.1;
    EXPECT_TRUE(sentence_of(row, base).contains(QLatin1String("do not tell the two apart")));
}

TEST_F(Compare, TheModelKeepsItsContract)
{
    ComparisonModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.set_report(gather_comparison(desk_->measured->workspace(), {}));
    model.set_report({});
    EXPECT_EQ(model.rowCount(), 0);
}

TEST_F(Compare, ChoosingAndTheBaselineChangeTheTable)
{
    recipe(2)->setCheckState(0, Qt::Unchecked);
    settle();
    EXPECT_EQ(model().rowCount(), 5);
    auto* baseline = desk_->page->findChild<QComboBox*>();
    const int at = baseline->findData(QStringLiteral("rtn-w8a8"));
    ASSERT_GE(at, 0);
    baseline->setCurrentIndex(at);
    Q_EMIT baseline->activated(at);
    settle();
    EXPECT_EQ(model().report().rows[model().report().baseline].name, "rtn-w8a8");
    const auto state = desk_->page->state();
    desk_->page->restore({});
    settle();
    EXPECT_EQ(model().rowCount(), 7);
    desk_->page->restore(state);
    settle();
    EXPECT_EQ(model().rowCount(), 5);
    EXPECT_EQ(model().report().rows[model().report().baseline].name, "rtn-w8a8");
    for (int i = 0; i < 2; ++i) recipe(i)->setCheckState(0, Qt::Unchecked);
    settle();
    EXPECT_EQ(model().rowCount(), 0);
}

TEST_F(Compare, TheSavedReportIsTheCommandLines)
{
    recipe(2)->setCheckState(0, Qt::Unchecked);
    settle();
    for (const char* name : {"desk.html", "desk.md", "desk.csv"}) {
        desk_->page->save_report(file(name));
        settle();
        const auto ending = QString::fromLatin1(name).section(QLatin1Char('.'), 1);
        const auto other = desk_->desk.path(QStringLiteral("cli.") + ending);
        const auto line = desk_->desk.actions.command_line();
        EXPECT_TRUE(line.contains(QLatin1String("compare recipe:1 recipe:2 --report"))) << line.toStdString();
        const auto ran = test::run_cli({"compare", "recipe:1", "recipe:2", "--report", other.toStdString(), "-w", desk_->desk.desk.workspace_path().toStdString()});
        ASSERT_EQ(ran.code, 0) << ran.err;
        EXPECT_EQ(read_text(file(name).toStdString()), read_text(other.toStdString()));
    }
    desk_->page->save_report(QStringLiteral("/nowhere/at/all.html"));
    settle();
    EXPECT_TRUE(desk_->page->findChild<MessageLine*>()->text().contains(QLatin1String("not saved")));
}

TEST_F(Compare, TheScatterShowsEveryTriedRecipeWithBothFigures)
{
    const auto report = gather_comparison(desk_->measured->workspace(), {});
    const auto& points = desk_->page->findChild<plots::ScatterView*>()->points();
    ASSERT_EQ(points.size(), 4U) << "float and three packages";
    std::vector<int> rows;
    const auto expected = cost_points(report, Cost::size, rows);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& row = report.rows[static_cast<std::size_t>(rows[i])];
        EXPECT_EQ(points[i].x, *row.bytes.value / 1e6);
        EXPECT_EQ(points[i].y, *row.perplexity_token.value);
        EXPECT_EQ(points[i].faded, row.name == "edge-elsewhere");
        EXPECT_EQ(points[i].x, expected[i].x);
    }
    const auto latency = cost_points(report, Cost::prefill, rows);
    ASSERT_EQ(latency.size(), 3U);
    EXPECT_EQ(latency[0].x, 1000.0 / 800);
}

TEST_F(Compare, MissingLayersBecomeJobs)
{
    const auto& curves = desk_->page->findChildren<plots::CurvesView*>().front()->curves();
    ASSERT_EQ(curves.size(), 2U);
    EXPECT_EQ(curves[0].y, (std::vector<double>{30 - 3.2, 25 - 3.2}));
    QPushButton* missing = nullptr;
    for (auto* button : desk_->page->findChildren<QPushButton*>())
        if (button->text().startsWith(QLatin1String("Compute"))) missing = button;
    ASSERT_NE(missing, nullptr);
    ASSERT_FALSE(missing->isHidden());
    missing->click();
    settle();
    ASSERT_EQ(desk_->desk.jobs.all.size(), 1U);
    const auto& arguments = desk_->desk.jobs.all[0].arguments;
    EXPECT_TRUE(arguments.contains(QStringLiteral("recipe:3")));
    EXPECT_TRUE(arguments.contains(QStringLiteral("--per-layer")));
}

TEST_F(Compare, CopiesAreCores)
{
    desk_->desk.actions.find(QStringLiteral("compare.copy_markdown"))->trigger();
    EXPECT_EQ(QApplication::clipboard()->text().toStdString(), report_markdown(model().report()));
}

}  // namespace
}  // namespace bitwright::views
