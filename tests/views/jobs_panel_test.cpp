// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/jobs_panel.h"

#include "tests/support/grab.h"
#include "tests/support/sample_workspace.h"
#include "views/jobs/job_details.h"
#include "views/jobs/job_line.h"
#include "views/jobs/job_words.h"

#include <QAbstractItemModelTester>
#include <QDirIterator>
#include <QFile>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <gtest/gtest.h>

#include <set>

namespace bitwright::test {
namespace {

using views::JobPhase;

class JobsPanel : public ::testing::Test {
protected:
    void SetUp() override
    {
        new QAbstractItemModelTester(panel.findChild<views::JobsModel*>(), QAbstractItemModelTester::FailureReportingMode::Fatal, &panel);
        panel.resize(1000, 260);
        panel.show();
    }
    std::int64_t submit(const QString& title)
    {
        const auto number = desk.jobs.submit(title, {QStringLiteral("quantize"), QStringLiteral("--method"), QStringLiteral("mobilequant-paper")});
        return number;
    }
    void change(std::int64_t number, const std::function<void(views::Job&)>& edit)
    {
        for (auto& job : desk.jobs.all)
            if (job.number == number) edit(job);
        Q_EMIT desk.jobs.changed(number);
    }
    void run_step(std::int64_t number)
    {
        change(number, [](views::Job& job) {
            job.phase = JobPhase::running;
            job.stage = QStringLiteral("optimizing");
            job.done = 412;
            job.total = 1024;
            job.value = 1.66;
            job.remaining_seconds = 180;
            job.log = QStringList{QStringLiteral("calibration:1 is used"), QStringLiteral("held-out loss before: 1.91")};
        });
    }
    [[nodiscard]] QString line() const
    {
        for (const auto* label : panel.findChild<views::JobLine*>()->findChildren<QLabel*>())
            if (!label->accessibleName().isEmpty()) return label->accessibleName();
        return {};
    }
    [[nodiscard]] QToolButton* tool(const char* name) const { return panel.findChild<views::JobLine*>()->findChild<QToolButton*>(QLatin1String(name)); }
    [[nodiscard]] QPushButton* button(const char* name) const { return panel.findChild<views::JobDetails*>()->findChild<QPushButton*>(QLatin1String(name)); }
    [[nodiscard]] JobPhase phase(std::int64_t number) const { return desk.jobs.job(number)->phase; }

    TestDesk desk;
    views::JobsPanel panel{desk.desk};
};

TEST_F(JobsPanel, TheLineTellsWhatIsRunning)
{
    EXPECT_EQ(line(), QStringLiteral("Nothing is running"));
    EXPECT_TRUE(tool("unfold")->isHidden());
    const auto first = submit(QStringLiteral("MobileQuant"));
    EXPECT_EQ(line(), QStringLiteral("MobileQuant · waiting"));
    run_step(first);
    EXPECT_EQ(line(), QStringLiteral("MobileQuant · step 412/1 024 · loss 1.66 · 3 min left"));
    submit(QStringLiteral("Evaluation"));
    EXPECT_EQ(line().left(11), QStringLiteral("MobileQuant"));
    EXPECT_EQ(tool("unfold")->text(), QStringLiteral("2 jobs ▴"));
    grab(panel, "jobs_line", {{1000, 32}});
}

TEST(JobWords, EveryStageThatIsReportedHasWords)
{
    // what the sources report, so that a stage without words is found when it is added
    static const QRegularExpression reported(QStringLiteral("(?:report|progress)\\(\\{\"([^\"]+)\"|Progress progress\\{\"([^\"]+)\"|progress\\(\"([^\"]+)\"\\)"));
    std::set<QString> found;
    for (const char* folder : {"core", "app", "device_bridge"})
        for (QDirIterator files(QStringLiteral(BITWRIGHT_SOURCE_DIR "/") + QLatin1String(folder), {QStringLiteral("*.cpp")}, QDir::Files, QDirIterator::Subdirectories); files.hasNext();) {
            QFile file(files.next());
            ASSERT_TRUE(file.open(QIODevice::ReadOnly));
            for (auto matches = reported.globalMatch(QString::fromUtf8(file.readAll())); matches.hasNext();) {
                const auto match = matches.next();
                found.insert(match.captured(match.lastCapturedIndex()));
            }
        }
    EXPECT_GT(found.size(), 15U);
    views::Job job;
    job.phase = JobPhase::running;
    job.done = 3;
    job.total = 20;
    for (const auto& stage : found) {
        job.stage = stage;
        const auto words = views::stage_words(job);
        const bool as_it_is = stage != QLatin1String("repeat") && words == stage + QStringLiteral(" 3/20");
        EXPECT_FALSE(as_it_is) << stage.toStdString() << " has no words in views/jobs/job_words.cpp";
    }
    job.stage = QStringLiteral("content hash");
    job.done = 2363068;
    job.total = 4726136;
    EXPECT_EQ(views::progress_words(job), QStringLiteral("reading the model 50\u2009%"));
    job.stage = QStringLiteral("repeat");
    job.done = 2;
    job.total = 5;
    job.value = 61.25;
    EXPECT_EQ(views::progress_words(job), QStringLiteral("repeat 2/5 · 61.3 tokens/s"));
    job.stage = QStringLiteral("connect");
    job.total = job.done = 0;
    job.value.reset();
    EXPECT_EQ(views::progress_words(job), QStringLiteral("connecting"));
}

TEST_F(JobsPanel, ItsButtonsDriveTheQueue)
{
    const auto number = submit(QStringLiteral("MobileQuant"));
    run_step(number);
    const QRect places[] = {tool("pause")->geometry(), tool("resume")->geometry(), tool("cancel")->geometry()};
    EXPECT_FALSE(tool("resume")->isEnabled());
    QTest::mouseClick(tool("pause"), Qt::LeftButton);
    EXPECT_EQ(phase(number), JobPhase::paused);
    EXPECT_FALSE(tool("pause")->isEnabled());
    QCoreApplication::processEvents();
    EXPECT_EQ(tool("pause")->geometry(), places[0]);
    EXPECT_EQ(tool("resume")->geometry(), places[1]);
    EXPECT_EQ(tool("cancel")->geometry(), places[2]);
    tool("resume")->setFocus();
    QTest::keyClick(tool("resume"), Qt::Key_Space);
    EXPECT_EQ(phase(number), JobPhase::queued);
    QTest::mouseClick(tool("cancel"), Qt::LeftButton);
    EXPECT_EQ(phase(number), JobPhase::cancelled);
    EXPECT_EQ(line(), QStringLiteral("MobileQuant · cancelled"));
    EXPECT_FALSE(line().contains(QStringLiteral("failed")));
}

TEST_F(JobsPanel, UnfoldedItShowsOneJobInFull)
{
    const auto number = submit(QStringLiteral("MobileQuant"));
    run_step(number);
    QTest::mouseClick(tool("unfold"), Qt::LeftButton);
    ASSERT_TRUE(panel.unfolded());
    EXPECT_TRUE(panel.findChild<QPlainTextEdit*>()->toPlainText().contains(QStringLiteral("held-out loss")));
    QTest::mouseClick(button("details_pause"), Qt::LeftButton);
    EXPECT_EQ(phase(number), JobPhase::paused);
    QTest::mouseClick(button("details_resume"), Qt::LeftButton);
    EXPECT_EQ(phase(number), JobPhase::queued);
    change(number, [](views::Job& job) {
        job.phase = JobPhase::failed;
        job.message = QStringLiteral("the loss is NaN at step 413; lower lr_let");
    });
    EXPECT_TRUE(line().contains(QStringLiteral("lower lr_let")));
    EXPECT_EQ(button("details_resume")->text(), QStringLiteral("Try again"));
    const auto second = submit(QStringLiteral("Calibration"));
    change(second, [](views::Job& job) {
        job.phase = JobPhase::cancelled;
        job.elapsed_seconds = 12;
    });
    const auto* table = panel.findChild<QTableView*>();
    EXPECT_EQ(table->model()->index(0, views::JobsModel::state).data().toString(), QStringLiteral("cancelled"));
    EXPECT_NE(table->model()->index(0, views::JobsModel::state).data(Qt::ForegroundRole).value<QColor>(), views::signal_colours().error);
    EXPECT_EQ(table->model()->index(1, views::JobsModel::state).data().toString(), QStringLiteral("failed"));
    run_step(submit(QStringLiteral("SmoothQuant Edge")));
    grab(panel, "jobs", {{1000, 260}, {700, 260}});
    QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Escape);
    EXPECT_FALSE(panel.unfolded());
}

TEST_F(JobsPanel, WhatAJobMadeIsOneClickAway)
{
    const auto file = desk.path(QStringLiteral("w.bitwright"));
    make_sample_workspace(file.toStdString(), true, true);
    ASSERT_TRUE(open_and_wait(desk, file));
    QString page;
    QObject::connect(&desk.desk, &views::Desk::page_wanted, [&](const QString& id) { page = id; });
    const auto number = submit(QStringLiteral("Round to nearest"));
    panel.unfold(true);
    change(number, [](views::Job& job) {
        job.phase = JobPhase::done;
        job.result = {{"recipe", "recipe:1"}, {"calibration", "calibration:1"}, {"job", "job:4"}};
    });
    ASSERT_TRUE(button("calibration:1"));
    EXPECT_FALSE(button("job:4"));
    QTest::mouseClick(button("calibration:1"), Qt::LeftButton);
    EXPECT_EQ(page, QStringLiteral("explore"));
    QTest::mouseClick(button("recipe:1"), Qt::LeftButton);
    EXPECT_EQ(page, QStringLiteral("tune"));
    ASSERT_TRUE(desk.settle());
}

TEST_F(JobsPanel, JobsOfEarlierSessionsAreResumedByTheirCommand)
{
    const auto file = desk.path(QStringLiteral("w.bitwright"));
    make_sample_workspace(file.toStdString(), false, false);
    {
        Workspace workspace(file.toStdString());
        bool resumed = false;
        const auto args = R"({"argv": ["evaluate", "texts", "--ids", "ids.safetensors:ids", "--fresh", "-w", "w.bitwright"], "folder": ")" + sample_model().string() + "\"}";
        const auto job = begin_job(workspace, "evaluate", "key", args, false, resumed);
        beat(workspace, job.id, "window", 3, 9);
        end_job(workspace, job.id, JobState::paused, {});
    }
    ASSERT_TRUE(open_and_wait(desk, file));
    auto* table = panel.findChild<QTableView*>();
    ASSERT_TRUE(wait_until([&] { return table->model()->rowCount() == 1; }));
    EXPECT_EQ(table->model()->index(0, views::JobsModel::title).data().toString(), QStringLiteral("Evaluation"));
    EXPECT_EQ(table->model()->index(0, views::JobsModel::state).data().toString(), QStringLiteral("unfinished"));
    EXPECT_TRUE(line().startsWith(QStringLiteral("Unfinished from before: Evaluation"))) << line().toStdString();
    EXPECT_TRUE(tool("resume")->isVisible() && tool("resume")->isEnabled());
    panel.unfold(true);
    QTest::mouseClick(button("details_resume"), Qt::LeftButton);
    ASSERT_EQ(desk.jobs.all.size(), 1U);
    const QString base = QString::fromStdString(sample_model().string());
    EXPECT_EQ(desk.jobs.all[0].arguments, (QStringList{QStringLiteral("evaluate"), base + QStringLiteral("/texts"), QStringLiteral("--ids"), QStringLiteral("ids.safetensors:ids"),
                                                      QStringLiteral("-w"), base + QStringLiteral("/w.bitwright")}));
    EXPECT_EQ(table->model()->rowCount(), 1);
    ASSERT_TRUE(desk.settle());
}

TEST_F(JobsPanel, AnUnfinishedJobCanBeGivenUp)
{
    const auto file = desk.path(QStringLiteral("w.bitwright"));
    make_sample_workspace(file.toStdString(), false, false);
    {
        Workspace workspace(file.toStdString());
        bool resumed = false;
        const auto job = begin_job(workspace, "evaluate", "key", R"({"argv": ["evaluate"], "folder": "/"})", false, resumed);
        end_job(workspace, job.id, JobState::paused, {});
    }
    ASSERT_TRUE(open_and_wait(desk, file));
    auto* table = panel.findChild<QTableView*>();
    ASSERT_TRUE(wait_until([&] { return table->model()->rowCount() == 1; }));
    panel.unfold(true);
    EXPECT_EQ(button("details_cancel")->text(), QStringLiteral("Give up"));
    QTest::mouseClick(button("details_cancel"), Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return table->model()->rowCount() == 0; }));
    EXPECT_EQ(list_jobs(*desk.desk.workspace()).front().state, JobState::cancelled);
}

}  // namespace
}  // namespace bitwright::test
