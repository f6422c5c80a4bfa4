// SPDX-License-Identifier: GPL-3.0-or-later
// The Optimize page with a real run behind it.
#include "app/desk/command_queue.h"
#include "plots/curves.h"
#include "tests/support/test_desk.h"
#include "views/optimize/method_form.h"
#include "views/optimize/optimize_page.h"
#include "views/optimize/run_list.h"

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

using test::wait_until;

class Optimize : public ::testing::Test {
protected:
    void SetUp() override
    {
        jobs.submit(QStringLiteral("Calibrate"), {QStringLiteral("calibrate"), sample, QStringLiteral("--text"), sample + QStringLiteral("/texts/calibration.txt"), QStringLiteral("--samples"), QStringLiteral("2"),
                                                  QStringLiteral("--length"), QStringLiteral("32"), QStringLiteral("--seed"), QStringLiteral("1"), QStringLiteral("-w"), workspace});
        ASSERT_TRUE(wait_until([&] { return is_over(jobs.jobs().front().phase); }, 60000));
        ASSERT_EQ(jobs.jobs().front().phase, JobPhase::done) << jobs.jobs().front().message.toStdString();
        desk.open_workspace(workspace);
        ASSERT_TRUE(wait_until([&] { return desk.statistics() != nullptr; }));
        page.resize(700, 640);
        page.show();
        page.activated();
        form = page.findChild<MethodForm*>();
        choose(QStringLiteral("Method"), 1);  // the paper's
        choose(QStringLiteral("Preset"), 3);
        spin(QStringLiteral("Steps"))->setValue(12);
    }
    void TearDown() override { compute.reset(); }

    QSpinBox* spin(const QString& name) const
    {
        for (auto* box : form->findChildren<QSpinBox*>())
            if (box->accessibleName() == name) return box;
        return nullptr;
    }
    void choose(const QString& name, int index) const
    {
        for (auto* box : form->findChildren<QComboBox*>())
            if (box->accessibleName() == name) box->setCurrentIndex(index);
    }
    [[nodiscard]] QLineEdit* option(const char* key) const
    {
        for (auto* line : form->findChildren<QLineEdit*>())
            if (line->accessibleName() == QLatin1String(key)) return line;
        return nullptr;
    }
    [[nodiscard]] QPushButton* button(const char* name) const { return page.findChild<QPushButton*>(QLatin1String(name)); }
    void click(const char* name) const { QTest::mouseClick(button(name), Qt::LeftButton); }
    [[nodiscard]] Job run() const { return jobs.jobs().front(); }

    const QString sample = QStringLiteral(BITWRIGHT_SOURCE_DIR "/resources/models/Bitwright-Sample-2M");
    QTemporaryDir folder;
    const QString workspace = folder.filePath(QStringLiteral("w.bitwright"));
    QWidget window;
    WorkerLane interactive{"interactive"}, store{"store", true};
    std::unique_ptr<WorkerLane> compute = std::make_unique<WorkerLane>("compute");
    CommandQueue jobs{*compute};
    Actions actions{&window};
    Settings settings;
    Desk desk{Lanes{interactive, store, *compute}, jobs, actions, settings};
    OptimizePage page{desk};
    MethodForm* form = nullptr;
};

TEST_F(Optimize, ShowsTheForecastRunsAndAdoptsTheResult)
{
    auto* forecast = page.findChild<QLabel*>(QStringLiteral("forecast"));
    ASSERT_TRUE(wait_until([&] { return forecast->text().contains(QStringLiteral("memory")); }, 60000)) << forecast->text().toStdString();
    click("start");
    ASSERT_TRUE(wait_until([&] { return is_over(run().phase); }, 120000));
    ASSERT_EQ(run().phase, JobPhase::done) << run().message.toStdString();
    ASSERT_TRUE(wait_until([&] { return !desk.revisions().all().empty(); }));
    auto* loss = page.findChild<plots::CurvesView*>(QStringLiteral("loss"));
    ASSERT_FALSE(loss->curves().empty());
    const auto trace = jobs.trace(run().number);
    ASSERT_EQ(loss->curves()[0].y.size(), trace->steps.size());
    for (std::size_t i = 0; i < trace->steps.size(); ++i) EXPECT_EQ(loss->curves()[0].y[i], trace->steps[i]->record.loss);
    EXPECT_TRUE(button("adopt")->isEnabled());
    click("adopt");
    ASSERT_TRUE(wait_until([&] { return desk.recipe() && desk.recipe()->made_by.method == "mobilequant-paper"; }));
    EXPECT_TRUE(actions.command_line().startsWith(QStringLiteral("bitwright-cli quantize ")));
}

TEST_F(Optimize, APausedRunCanBeLookedAtForkedAndResumed)
{
    spin(QStringLiteral("Steps"))->setValue(60);
    click("start");
    ASSERT_TRUE(wait_until([&] { return jobs.trace(run().number) && jobs.trace(run().number)->steps.size() >= 3; }, 120000));
    const auto number = run().number;
    const QRect pause = button("pause")->geometry(), cancel = button("cancel")->geometry();
    EXPECT_FALSE(button("resume")->isEnabled());
    click("pause");
    ASSERT_TRUE(wait_until([&] { return jobs.job(number)->phase == JobPhase::paused; }, 60000));
    ASSERT_TRUE(wait_until([&] { return button("keep")->isEnabled(); }));
    EXPECT_EQ(button("pause")->geometry(), pause);
    EXPECT_EQ(button("cancel")->geometry(), cancel);
    EXPECT_FALSE(button("pause")->isEnabled());
    click("keep");
    ASSERT_TRUE(wait_until([&] { return desk.recipe() != nullptr; }, 60000)) << run().message.toStdString();
    EXPECT_EQ(desk.recipe()->made_by.method, "mobilequant-paper");
    EXPECT_EQ(jobs.job(number)->phase, JobPhase::paused);
    click("fork");
    ASSERT_TRUE(wait_until([&] { return form->arguments().contains(QStringLiteral("--from")); }, 60000));
    page.findChild<RunList*>()->select(number);
    click("resume");
    ASSERT_TRUE(wait_until([&] { return is_over(jobs.job(number)->phase); }, 120000));
    EXPECT_EQ(jobs.job(number)->phase, JobPhase::done) << jobs.job(number)->message.toStdString();
    EXPECT_EQ(jobs.trace(number)->steps.size(), 60U);
}

// A run goes on when its workspace is closed; what it made is offered again where it belongs, and only there.
TEST_F(Optimize, TheWorkspaceIsClosedBeforeItsRunEnds)
{
    click("start");
    const auto number = run().number;
    desk.close();
    ASSERT_TRUE(wait_until([&] { return is_over(jobs.job(number)->phase); }, 120000));
    ASSERT_EQ(jobs.job(number)->phase, JobPhase::done) << jobs.job(number)->message.toStdString();
    EXPECT_FALSE(button("adopt")->isEnabled());
    EXPECT_TRUE(page.findChild<QLabel*>(QStringLiteral("card"))->text().contains(QStringLiteral("the workspace w, which is not open")))
        << page.findChild<QLabel*>(QStringLiteral("card"))->text().toStdString();
    desk.open_workspace(workspace);
    ASSERT_TRUE(wait_until([&] { return desk.statistics() != nullptr; }));
    EXPECT_TRUE(wait_until([&] { return button("adopt")->isEnabled(); }));
}

TEST_F(Optimize, OptionsNameTheirDefaultsAndGoBackToThem)
{
    auto* open = form->findChild<QToolButton*>(QStringLiteral("all_options"));
    QTest::mouseClick(open, Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return option("lr_let") != nullptr; }, 60000));
    EXPECT_EQ(option("lr_let")->placeholderText(), QStringLiteral("0.001"));  // w8a8-tinyllama
    EXPECT_FALSE(form->arguments().contains(QStringLiteral("--set")));
    QTest::keyClicks(option("lr_let"), QStringLiteral("0.002"));
    QTest::keyClick(option("lr_let"), Qt::Key_Return);
    EXPECT_TRUE(form->arguments().contains(QStringLiteral("lr_let=0.002")));
    QToolButton* reset = nullptr;
    for (auto* candidate : form->findChildren<QToolButton*>())
        if (candidate->accessibleName() == QLatin1String("Default of lr_let")) reset = candidate;
    ASSERT_TRUE(reset && reset->isVisible());
    QTest::mouseClick(reset, Qt::LeftButton);
    EXPECT_FALSE(form->arguments().contains(QStringLiteral("--set")));
    EXPECT_FALSE(reset->isVisible());
}

TEST_F(Optimize, AnOptionOfAnotherMethodIsKeptButNotGiven)
{
    QTest::mouseClick(form->findChild<QToolButton*>(QStringLiteral("all_options")), Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return option("lr_let") != nullptr; }, 60000));
    QTest::keyClicks(option("lr_let"), QStringLiteral("0.002"));
    choose(QStringLiteral("Method"), 5);  // round to nearest
    ASSERT_TRUE(wait_until([&] { return option("lr_let") == nullptr && option("semantics") != nullptr; }, 60000));
    EXPECT_FALSE(form->arguments().contains(QStringLiteral("--set")));
    EXPECT_TRUE(button("start")->isEnabled());
    choose(QStringLiteral("Method"), 1);
    ASSERT_TRUE(wait_until([&] { return option("lr_let") != nullptr; }, 60000));
    EXPECT_EQ(option("lr_let")->text(), QStringLiteral("0.002"));
}

TEST_F(Optimize, AWrongValueIsASentenceInPlaceAndNothingStarts)
{
    QTest::mouseClick(form->findChild<QToolButton*>(QStringLiteral("all_options")), Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return option("alpha") != nullptr; }, 60000));
    QTest::keyClicks(option("alpha"), QStringLiteral("3"));
    QTest::keyClick(option("alpha"), Qt::Key_Return);
    auto* forecast = page.findChild<QLabel*>(QStringLiteral("forecast"));
    ASSERT_TRUE(wait_until([&] { return forecast->text().contains(QStringLiteral("alpha=3")); }, 60000)) << forecast->text().toStdString();
    EXPECT_FALSE(button("start")->isEnabled());
    EXPECT_EQ(jobs.jobs().size(), 1U);  // the calibration
}

}  // namespace
}  // namespace bitwright::views
