// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/devices_page.h"
#include "tests/views/measured_workspace.h"
#include "views/results/results_model.h"

#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTest>

namespace bitwright::views {
namespace {

class Devices : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (!std::filesystem::exists(test::golden_models() / "llama")) GTEST_SKIP() << "no llama among the tiny models";
        desk_ = std::make_unique<test::MeasuredDesk<DevicesPage>>();
    }
    [[nodiscard]] QPushButton* button(const char* text) const
    {
        for (auto* found : desk_->page->findChildren<QPushButton*>())
            if (found->text().remove(QLatin1Char('&')) == QLatin1String(text)) return found;
        return nullptr;
    }
    [[nodiscard]] const plots::CurvesView& samples() const { return *desk_->page->findChild<plots::CurvesView*>(); }
    std::unique_ptr<test::MeasuredDesk<DevicesPage>> desk_;
};

TEST_F(Devices, TheCardSaysWhatThisComputerIsAndWhatCannotBeMeasured)
{
    QString all;
    for (const auto* label : desk_->page->findChildren<QLabel*>()) all += label->text() + QLatin1Char('\n');
    EXPECT_TRUE(all.contains(QLatin1String("Processor")));
    EXPECT_TRUE(all.contains(QLatin1String("not measurable here")));
}

TEST_F(Devices, MeasureSubmitsTheCommandAndItsRepeatsArrive)
{
    auto* recipe = desk_->page->findChild<QComboBox*>();
    EXPECT_EQ(recipe->count(), 3);
    recipe->setCurrentIndex(recipe->findData(1));
    QTest::mouseClick(button("Measure"), Qt::LeftButton);
    auto& jobs = desk_->desk.jobs;
    ASSERT_EQ(jobs.all.size(), 1U);
    auto& job = jobs.all[0];
    EXPECT_EQ(job.arguments, desk_->page->command());
    EXPECT_EQ(job.arguments.mid(0, 3), (QStringList{QStringLiteral("measure"), QStringLiteral("--recipe"), QStringLiteral("recipe:1")}));
    EXPECT_TRUE(desk_->desk.actions.command_line().startsWith(QLatin1String("bitwright-cli measure --recipe recipe:1")));
    for (int repeat = 1; repeat <= 3; ++repeat) {
        job.phase = JobPhase::running;
        job.stage = QStringLiteral("repeat");
        job.done = repeat, job.total = 5;
        job.value = 100.0 + repeat;
        jobs.set(job.number, JobPhase::running);
        jobs.set(job.number, JobPhase::running);  // the same news twice
    }
    ASSERT_EQ(samples().curves().size(), 1U);
    EXPECT_EQ(samples().curves()[0].y, (std::vector<double>{101, 102, 103}));
    QTest::mouseClick(button("Cancel"), Qt::LeftButton);
    EXPECT_EQ(jobs.all[0].phase, JobPhase::cancelled);
    EXPECT_TRUE(button("Cancel")->isHidden());
}

TEST_F(Devices, AFailureIsSaidInPlace)
{
    QTest::mouseClick(button("Measure"), Qt::LeftButton);
    auto& job = desk_->desk.jobs.all[0];
    job.message = QStringLiteral("the runner is not there");
    desk_->desk.jobs.set(job.number, JobPhase::failed);
    EXPECT_EQ(desk_->page->findChild<MessageLine*>()->text(), QStringLiteral("the runner is not there"));
}

TEST_F(Devices, TheLastRunsShowTheirRepeats)
{
    auto* table = desk_->page->findChild<QTableView*>();
    EXPECT_EQ(table->model()->rowCount(), 4);
    table->setCurrentIndex(table->model()->index(3, ResultsModel::name));
    EXPECT_TRUE(desk_->desk.settle());
    ASSERT_EQ(samples().curves().size(), 2U);
    EXPECT_EQ(samples().curves()[1].y, (std::vector<double>{198, 200, 202}));
}

TEST_F(Devices, TheIntegerLevelIsEvaluatedAsAJob)
{
    QTest::mouseClick(button("Evaluate at the integer level"), Qt::LeftButton);
    EXPECT_TRUE(desk_->desk.settle());
    ASSERT_EQ(desk_->desk.jobs.all.size(), 1U);
    EXPECT_EQ(desk_->desk.jobs.all[0].arguments.first(), QStringLiteral("evaluate"));
    EXPECT_TRUE(desk_->desk.jobs.all[0].arguments.contains(QStringLiteral("integer")));
}

TEST(DevicesEmpty, WithoutARecipeNothingCanBeStarted)
{
    test::MeasuredDesk<DevicesPage> desk(false);
    EXPECT_TRUE(desk.page->command().isEmpty());
    for (auto* button : desk.page->findChildren<QPushButton*>())
        if (button->text().contains(QLatin1String("Measure"))) {
            EXPECT_FALSE(button->isEnabled());
        }
}

}  // namespace
}  // namespace bitwright::views
