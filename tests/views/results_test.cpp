// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/results_page.h"
#include "core/workspace/marks.h"
#include "core/workspace/task_scores.h"
#include "tests/views/measured_workspace.h"
#include "views/desk/formats.h"
#include "views/results/same_windows.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QTest>
#include <QTextBrowser>

namespace bitwright::views {
namespace {

class Results : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (!std::filesystem::exists(test::golden_models() / "llama")) GTEST_SKIP() << "no llama among the tiny models";
        desk_ = std::make_unique<test::MeasuredDesk<ResultsPage>>();
    }
    [[nodiscard]] QTableView& table() const { return *desk_->page->findChild<QTableView*>(); }
    [[nodiscard]] QLineEdit& filter() const { return *desk_->page->findChild<QLineEdit*>(); }
    [[nodiscard]] int shown() const { return table().model()->rowCount(); }
    [[nodiscard]] QString text(int row, int column) const { return table().model()->index(row, column).data().toString(); }
    void run(const char* action)
    {
        auto* found = desk_->desk.actions.find(QLatin1String(action));
        ASSERT_NE(found, nullptr) << action;
        found->trigger();
        EXPECT_TRUE(desk_->desk.settle());
    }
    [[nodiscard]] int stored(bool archived) const
    {
        auto& workspace = desk_->measured->workspace();
        return static_cast<int>(list_evaluations(workspace, archived).size() + list_runs(workspace, archived).size());
    }
    std::unique_ptr<test::MeasuredDesk<ResultsPage>> desk_;
};

TEST_F(Results, ShowsEverythingMeasuredNewestFirst)
{
    EXPECT_EQ(shown(), 11) << "7 evaluations, 4 runs";
    EXPECT_EQ(text(0, ResultsModel::perplexity), not_measured) << "the run that was aborted";
    EXPECT_EQ(text(10, ResultsModel::name), QStringLiteral("float"));
    const auto evaluations = list_evaluations(desk_->measured->workspace());
    EXPECT_EQ(text(10, ResultsModel::perplexity), number(perplexity_token(evaluations.back()), 4));
    EXPECT_TRUE(table().model()->index(0, ResultsModel::perplexity).data(Qt::ToolTipRole).toString().startsWith(QLatin1String("Not measured")));
}

TEST_F(Results, TasksAndTheDistanceToTheFloatModelAreShown)
{
    auto& workspace = desk_->measured->workspace();
    auto evaluation = get_evaluation(workspace, list_evaluations(workspace).front().id);
    evaluation.agreement = AgreementRow{0.5 * static_cast<double>(evaluation.tokens), evaluation.tokens / 2, std::vector<Agreement>(evaluation.window_nll.size(), {63.5, 60, 7})};
    const auto with_kl = put_evaluation(workspace, evaluation, {});
    TaskScoreRow score;
    score.task = "ARC-Easy", score.kind = "choice", score.level = evaluation.level, score.placement = evaluation.placement;
    score.model = evaluation.model, score.recipe = evaluation.recipe, score.package = evaluation.package, score.conditions = evaluation.conditions;
    score.definition = "d", score.row_hash = std::string(64, 'e');
    for (int i = 0; i < 8; ++i) score.outcomes.push_back({{-1, -2}, i < 6 ? 0 : 1, 0, 0});
    const auto task = put_task_score(workspace, score, {});
    desk_->desk.desk.refresh();
    ASSERT_TRUE(test::wait_until([&] { return shown() == 13; }));
    const auto row_of = [&](const Reference& reference) {
        for (int row = 0; row < shown(); ++row)
            if (table().model()->index(row, ResultsModel::name).data(Qt::ToolTipRole).toString() == QString::fromStdString(to_string(reference))) return row;
        return -1;
    };
    const int kl = row_of({"evaluation", with_kl}), accuracy = row_of({"task", task});
    ASSERT_GE(kl, 0);
    ASSERT_GE(accuracy, 0);
    EXPECT_EQ(text(kl, ResultsModel::kl), number(0.5));
    EXPECT_EQ(text(accuracy, ResultsModel::accuracy), number(75.0) + QStringLiteral(" %"));
    EXPECT_EQ(text(accuracy, ResultsModel::perplexity), not_measured);
    EXPECT_TRUE(text(accuracy, ResultsModel::measured_on).contains(QStringLiteral("ARC-Easy, 8 rows")));
    table().setCurrentIndex(table().model()->index(accuracy, ResultsModel::name));
    EXPECT_TRUE(test::wait_until([&] { return desk_->page->findChild<QTextBrowser*>()->toPlainText().contains(QStringLiteral("6 of 8")); })) << "the details have the interval";
    filter().setText(QStringLiteral("accuracy>70"));
    filter().setText(QStringLiteral("kind:task"));
    EXPECT_EQ(shown(), 1);
}

TEST_F(Results, TheModelKeepsItsContract)
{
    ResultsModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    ResultsProxy proxy(model);
    const QAbstractItemModelTester of_proxy(&proxy, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.set_rows(read_results(desk_->measured->workspace()));
    proxy.set_filter(QStringLiteral("rtn"), false);
    proxy.sort(ResultsModel::perplexity, Qt::DescendingOrder);
    model.set_archived({model.row(2).reference}, true);
    model.set_rows({});
    EXPECT_EQ(proxy.rowCount(), 0);
}

TEST_F(Results, WhatWasNotMeasuredComesLastInBothDirections)
{
    for (const auto order : {Qt::AscendingOrder, Qt::DescendingOrder}) {
        table().sortByColumn(ResultsModel::prefill, order);
        EXPECT_NE(text(0, ResultsModel::prefill), not_measured);
        EXPECT_NE(text(2, ResultsModel::prefill), not_measured);
        EXPECT_EQ(text(3, ResultsModel::prefill), not_measured);
        EXPECT_EQ(text(10, ResultsModel::prefill), not_measured);
    }
}

TEST_F(Results, TheFilterUnderstandsWords)
{
    const auto rows = read_results(desk_->measured->workspace());
    const auto matching = [&](const char* words) {
        const ResultFilter parsed(QString::fromUtf8(words));
        EXPECT_TRUE(parsed.unknown().isEmpty()) << words;
        return std::ranges::count_if(rows, [&](const ResultRow& row) { return parsed.matches(row); });
    };
    EXPECT_EQ(matching("rtn"), 4);
    EXPECT_EQ(matching("method:rtn level:integer"), 3);
    EXPECT_EQ(matching("method:rtn level:integer ppl<50"), 1);
    EXPECT_EQ(matching("prefill>=1100"), 2);
    EXPECT_EQ(matching("kind:run -is:aborted"), 3);
    EXPECT_EQ(matching("is:starred"), 0);
    EXPECT_EQ(matching("garden EDGE"), 4);
    EXPECT_EQ(matching(""), 11);
    EXPECT_EQ(ResultFilter(QStringLiteral("quality<3 rtn")).unknown(), QStringList{QStringLiteral("quality<3")});
    QTest::keyClicks(&filter(), QStringLiteral("level:simulated"));
    EXPECT_EQ(shown(), 3);
    QTest::keyClicks(&filter(), QStringLiteral(" quality<3"));
    EXPECT_TRUE(desk_->page->findChild<MessageLine*>()->text().contains(QLatin1String("quality<3")));
}

TEST_F(Results, ArchivingIsUndone)
{
    const int before = stored(false);
    table().clearSelection();
    table().setFocus();
    table().selectRow(0);
    table().selectionModel()->select(table().model()->index(4, 0), QItemSelectionModel::Select | QItemSelectionModel::Rows);
    run("results.archive");
    EXPECT_EQ(shown(), 9);
    EXPECT_EQ(stored(false), before - 2);
    EXPECT_EQ(stored(true), before);
    EXPECT_TRUE(desk_->desk.actions.command_line().startsWith(QLatin1String("bitwright-cli runs archive ")));
    QPushButton* undo = nullptr;
    for (auto* button : desk_->page->findChild<MessageLine*>()->findChildren<QPushButton*>())
        if (button->text() == QLatin1String("Undo")) undo = button;
    ASSERT_NE(undo, nullptr);
    QTest::mouseClick(undo, Qt::LeftButton);
    EXPECT_TRUE(desk_->desk.settle());
    EXPECT_EQ(shown(), 11);
    EXPECT_EQ(stored(false), before);
}

TEST_F(Results, StarTagsAndNoteAreStored)
{
    table().selectRow(10);
    run("results.star");
    EXPECT_EQ(text(10, ResultsModel::star), QStringLiteral("★"));
    ASSERT_TRUE(table().model()->setData(table().model()->index(10, ResultsModel::tags), QStringLiteral("base, first"), Qt::EditRole));
    ASSERT_TRUE(table().model()->setData(table().model()->index(10, ResultsModel::note), QStringLiteral("quiet room"), Qt::EditRole));
    EXPECT_TRUE(desk_->desk.settle());
    const auto row = list_evaluations(desk_->measured->workspace()).back();
    EXPECT_EQ(row.tags, (std::vector<std::string>{"star", "base", "first"}));
    EXPECT_EQ(row.note, "quiet room");
    table().selectRow(10);
    run("results.star");
    EXPECT_EQ(list_evaluations(desk_->measured->workspace()).back().tags, (std::vector<std::string>{"base", "first"}));
}

TEST_F(Results, CopiesAreTheRowsShown)
{
    filter().setText(QStringLiteral("kind:run method:smoothquant-edge"));
    table().clearSelection();
    run("results.copy_csv");
    auto lines = QApplication::clipboard()->text().split(QStringLiteral("\r\n"), Qt::SkipEmptyParts);
    ASSERT_EQ(lines.size(), 3);
    EXPECT_TRUE(lines[1].startsWith(QLatin1String("run:3,edge-elsewhere,smoothquant-edge,integer,,,,1100,275,1.2e+07,this computer,"))) << lines[1].toStdString();
    run("results.copy_markdown");
    EXPECT_EQ(QApplication::clipboard()->text().count(QLatin1Char('\n')), 4);
    run("results.copy_sql");
    EXPECT_TRUE(QApplication::clipboard()->text().contains(QLatin1String("('run:3', 0), ('run:2', 1)")));
}

TEST_F(Results, DetailsShowConditionsSamplesAndTheRawLog)
{
    filter().setText(QStringLiteral("kind:run rtn -is:aborted"));
    table().setCurrentIndex(table().model()->index(0, ResultsModel::name));
    EXPECT_TRUE(desk_->desk.settle());
    EXPECT_TRUE(desk_->page->findChild<QTextBrowser*>()->toPlainText().contains(QLatin1String("processor")));
    EXPECT_TRUE(desk_->page->findChild<QPlainTextEdit*>()->toPlainText().startsWith(QLatin1String("{\"type\":\"hello\"")));
    const auto& curves = desk_->page->findChild<plots::CurvesView*>()->curves();
    ASSERT_EQ(curves.size(), 2U);
    EXPECT_EQ(curves[0].y, (std::vector<double>{790, 800, 810}));
}

TEST_F(Results, ARunIsEvaluatedOnTheUsualWindows)
{
    filter().setText(QStringLiteral("kind:run rtn -is:aborted"));
    table().selectRow(0);
    run("results.evaluate_integer");
    ASSERT_EQ(desk_->desk.jobs.all.size(), 1U);
    const auto arguments = desk_->desk.jobs.all[0].arguments;
    EXPECT_EQ(arguments.mid(2, 6), (QStringList{QStringLiteral("--recipe"), QStringLiteral("recipe:1"), QStringLiteral("--level"), QStringLiteral("integer"), QStringLiteral("--text"),
                                                desk_->desk.path(QStringLiteral("garden.txt"))}));
    EXPECT_EQ(arguments.mid(8), (QStringList{QStringLiteral("--length"), QStringLiteral("128"), QStringLiteral("--windows"), QStringLiteral("16"), QStringLiteral("-w"), desk_->desk.desk.workspace_path()}));
}

TEST_F(Results, StateComesBack)
{
    filter().setText(QStringLiteral("rtn"));
    table().sortByColumn(ResultsModel::perplexity, Qt::AscendingOrder);
    const auto state = desk_->page->state();
    filter().clear();
    table().sortByColumn(ResultsModel::created, Qt::DescendingOrder);
    desk_->page->restore(state);
    EXPECT_EQ(filter().text(), QStringLiteral("rtn"));
    EXPECT_EQ(table().horizontalHeader()->sortIndicatorSection(), ResultsModel::perplexity);
}

TEST(ResultsEmpty, SaysWhatTheNextStepIs)
{
    test::MeasuredDesk<ResultsPage> desk(false);
    QString wanted;
    QObject::connect(&desk.desk.desk, &Desk::page_wanted, [&](const QString& id) { wanted = id; });
    for (auto* button : desk.page->findChildren<QPushButton*>())
        if (button->isVisible()) QTest::mouseClick(button, Qt::LeftButton);
    EXPECT_EQ(wanted, QStringLiteral("devices"));
}

}  // namespace
}  // namespace bitwright::views
