// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/devices_page.h"
#include "tests/views/devices_phones.h"
#include "tests/views/measured_workspace.h"
#include "core/workspace/device_runs.h"
#include "tests/support/demo_phone.h"
#include "tests/support/grab.h"
#include "views/devices/connect_sheet.h"
#include "views/devices/device_card.h"
#include "views/devices/plan_form.h"
#include "views/devices/runtimes_sheet.h"
#include "views/devices/self_test_sheet.h"
#include "views/devices/timeline_view.h"
#include "views/results/results_model.h"
#include "views/results/results_page.h"

#include <QClipboard>
#include <QComboBox>
#include <QGroupBox>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QBoxLayout>
#include <QScrollArea>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeWidget>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

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
            if (found->text().remove(QLatin1Char('&')) == QString::fromUtf8(text)) return found;
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
    EXPECT_TRUE(desk_->page->command().contains(QStringLiteral("local")));
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

TEST_F(Devices, ThePlanKeepsItsPlaceWhileFactsArriveAndKnowsWhatOnlyPhonesUnderstand)
{
    auto* form = desk_->page->findChild<PlanForm*>();
    ASSERT_TRUE(form);
    const auto local = form->options();
    EXPECT_FALSE(local.contains(QStringLiteral("--seconds")));
    form->restore({{QStringLiteral("sustained"), 3}, {QStringLiteral("batches"), 5}, {QStringLiteral("idle"), 60}, {QStringLiteral("cool"), 31}, {QStringLiteral("energy_conditions"), true}});
    EXPECT_EQ(form->options(), local) << "this computer has no battery to watch";
    form->set_phone(true);
    const auto options = form->options().join(QLatin1Char(' '));
    EXPECT_TRUE(options.endsWith(QLatin1String("--cool-to 31 --idle 60 --seconds 180 --batches 5 --energy-conditions"))) << options.toStdString();
    EXPECT_EQ(form->state()[QStringLiteral("sustained")].toInt(), 3);
    form->set_phone(false);
    const auto place = button("Measure")->mapTo(desk_->page, QPoint());
    auto* facts = desk_->page->findChild<QScrollArea*>(QStringLiteral("facts"))->widget();
    for (int i = 0; i < 40; ++i) static_cast<QBoxLayout*>(facts->layout())->addWidget(new QLabel(QStringLiteral("one more fact"), facts));
    QCoreApplication::processEvents();
    EXPECT_TRUE(desk_->desk.settle());
    EXPECT_EQ(button("Measure")->mapTo(desk_->page, QPoint()), place);
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


TEST_F(Devices, WithoutAdbASentenceNamesThePackageAndTheComputerIsStillThere)
{
    QString problem;
    ASSERT_TRUE(test::wait_until([&] {
        for (const auto* label : desk_->page->findChildren<QLabel*>())
            if (label->accessibleName() == QLatin1String("Why no phones can be seen")) problem = label->text();
        return !problem.isEmpty();
    }));
    EXPECT_TRUE(problem.contains(QLatin1String("apt install adb"))) << problem.toStdString();
    EXPECT_TRUE(button("Measure")->isEnabled());
}

TEST_F(DevicesPhones, TheDemoPhoneIsStartedLookedAtAndMeasuredAndItsRunIsBadged)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(start_demo()) << page->findChild<MessageLine*>()->text().toStdString();
    EXPECT_TRUE(card(QStringLiteral("Demo phone"))->isChecked());
    EXPECT_TRUE(card(QStringLiteral("Demo phone"))->device().simulated);
    ASSERT_TRUE(test::wait_until([&] { return words().contains(QLatin1String("Snapdragon 8 Gen 3")); })) << words().toStdString();
    EXPECT_TRUE(words().contains(QLatin1String("Hexagon v75"))) << words().toStdString();
    EXPECT_TRUE(words().contains(QLatin1String("64 %, plugged in (usb)"))) << words().toStdString();
    ASSERT_TRUE(test::wait_until([&] { return words().contains(QLatin1String("tier ")); }, 30000)) << words().toStdString();
    if (!page->demo_phone()->runs_programs()) GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    test::grab(*page, "devices_demo", {{1280 - 560, 640}, {1000, 760}});
    ASSERT_TRUE(test::wait_until([&] { return page->findChild<QComboBox*>()->count() == 3 && !desk.model_folder().isEmpty(); }));
    for (auto* box : page->findChildren<QSpinBox*>()) {
        if (box->accessibleName() == QLatin1String("Prompt tokens")) box->setValue(5);
        if (box->accessibleName() == QLatin1String("Generated tokens")) box->setValue(6);
        if (box->accessibleName() == QLatin1String("Repeats")) box->setValue(3);
    }
    EXPECT_TRUE(page->command().contains(page->demo_phone()->serial()));
    QTest::mouseClick(button("Measure"), Qt::LeftButton);
    ASSERT_EQ(jobs.jobs().size(), 1U);
    ASSERT_TRUE(test::wait_until([&] { return is_over(jobs.jobs().front().phase); }, 120000));
    const auto job = jobs.jobs().front();
    ASSERT_EQ(job.phase, JobPhase::done) << job.message.toStdString();
    EXPECT_EQ(job.result.at("device").at("kind"), "simulated");
    const auto runs = list_runs(*desk.workspace(), false);
    ASSERT_FALSE(runs.empty());
    const auto stored = std::ranges::max_element(runs, {}, &RunRow::id);
    EXPECT_EQ(get_conditions(*desk.workspace(), stored->conditions).device_kind, "simulated");
    EXPECT_EQ(get_device_run(*desk.workspace(), stored->id)->answer, Answer::same);
    EXPECT_TRUE(words().contains(QLatin1String("the phone answers as this computer does"))) << words().toStdString();
    auto* table = page->findChild<QTableView*>();
    ASSERT_TRUE(test::wait_until([&] { return table->model()->rowCount() == 1; }));
    EXPECT_TRUE(table->model()->index(0, ResultsModel::measured_on).data(Qt::DecorationRole).isValid()) << "the badge";
    const auto* timeline = page->findChild<TimelineView*>();
    ASSERT_TRUE(test::wait_until([&] { return !timeline->temperature().isEmpty() && !timeline->clock().isEmpty(); })) << "of the stored run";
    EXPECT_TRUE(timeline->power().isEmpty()) << "plugged in";
    test::grab(*page, "devices_measured", {{1280 - 560, 640}, {1000, 760}});
    ResultsPage results(desk);
    results.show();
    auto* all = results.findChild<QTableView*>();
    ASSERT_TRUE(test::wait_until([&] {
        for (int row = 0; row < all->model()->rowCount(); ++row)
            if (all->model()->index(row, ResultsModel::measured_on).data(Qt::AccessibleTextRole).toString().startsWith(QLatin1String("Simulated"))) return true;
        return false;
    }));
    QTest::mouseClick(card(QStringLiteral("This computer")), Qt::LeftButton);
    EXPECT_EQ(table->model()->rowCount(), 4) << "runs of the chosen device only";
}

TEST_F(DevicesPhones, AnUnauthorizedPhoneSaysWhatToDo)
{
    if (IsSkipped()) return;
    const test::DemoPhone phone(test::scenario("never-accepted"), {});
    (void)adb->run({"connect", phone.address()});
    const auto found = [&] {
        for (auto* one : page->findChildren<DeviceCard*>())
            if (one->device().id == QString::fromStdString(phone.address())) return one;
        return static_cast<DeviceCard*>(nullptr);
    };
    ASSERT_TRUE(test::wait_until([&] { return found() != nullptr && found()->device().advice.contains(QLatin1String("Unlock the phone and accept the dialog")); }, 20000));
    QTest::mouseClick(found(), Qt::LeftButton);
    EXPECT_TRUE(words().contains(QLatin1String("Unlock the phone and accept the dialog"))) << words().toStdString();
    EXPECT_FALSE(button("Measure")->isEnabled());
    EXPECT_TRUE(page->command().isEmpty());
    test::grab(*page, "devices_unauthorized", {{1280 - 560, 640}});
}

TEST_F(DevicesPhones, APhoneThatGoesAwayLeavesTheDeskAsItIs)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(start_demo());
    ::kill(static_cast<pid_t>(page->demo_phone()->process_id()), SIGKILL);
    ASSERT_TRUE(test::wait_until([&] { return !card(QStringLiteral("Demo phone"))->device().ready && button("Start") != nullptr; }, 20000));
    EXPECT_FALSE(page->findChild<MessageLine*>()->text().isEmpty());
    QTest::mouseClick(card(QStringLiteral("This computer")), Qt::LeftButton);
    EXPECT_TRUE(page->command().contains(QStringLiteral("local")));
    ASSERT_TRUE(start_demo()) << page->findChild<MessageLine*>()->text().toStdString();
    QTest::mouseClick(button("Stop"), Qt::LeftButton);
    EXPECT_TRUE(test::wait_until([&] { return button("Start") != nullptr; }));
}

TEST(ConnectSheetTest, ShowsItsTextsWhole)
{
    ConnectSheet sheet(AdbSettings{}, nullptr);
    sheet.show();
    const auto whole = [&] {
        int seen = 0;
        for (const auto* label : sheet.findChildren<QLabel*>()) {
            if (!label->isVisible() || !label->wordWrap()) continue;
            ++seen;
            if (label->height() < label->heightForWidth(label->width())) return 0;
        }
        return seen;
    };
    EXPECT_TRUE(test::wait_until([&] { return whole() >= 1; }));
    EXPECT_TRUE(test::wait_until([&] { return sheet.findChild<QGroupBox*>()->isVisible() || whole() >= 2; })) << "with what adb cannot do";
}

TEST_F(DevicesPhones, TwoPhonesOfOneModelAreMeasuredAtOnceEachOnItsOwnLane)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(start_demo()) << page->findChild<MessageLine*>()->text().toStdString();
    if (!page->demo_phone()->runs_programs()) GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    const test::DemoPhone twin(test::scenario("demo"));
    QTest::mouseClick(button("Connect…"), Qt::LeftButton);
    auto* sheet = page->findChild<ConnectSheet*>();
    ASSERT_TRUE(sheet && sheet->isVisible());
    for (auto* line : sheet->findChildren<QLineEdit*>())
        if (line->accessibleName() == QLatin1String("Address of the phone")) QTest::keyClicks(line, QString::fromStdString(twin.address()));
    for (auto* one : sheet->findChildren<QPushButton*>())
        if (one->text() == QLatin1String("C&onnect")) QTest::mouseClick(one, Qt::LeftButton);
    const auto card_of = [&](const QString& serial) {
        for (auto* one : page->findChildren<DeviceCard*>())
            if (one->device().serial == serial && !one->isHidden()) return one;
        return static_cast<DeviceCard*>(nullptr);
    };
    const auto serials = std::array{page->demo_phone()->serial(), QString::fromStdString(twin.address())};
    ASSERT_TRUE(test::wait_until([&] { return card_of(serials[1]) && card_of(serials[1])->device().ready; }, 30000));
    sheet->close();
    ASSERT_TRUE(test::wait_until([&] { return page->findChild<QComboBox*>()->count() == 3 && !desk.model_folder().isEmpty(); }));
    for (auto* box : page->findChildren<QSpinBox*>()) {
        if (box->accessibleName() == QLatin1String("Prompt tokens")) box->setValue(20);
        if (box->accessibleName() == QLatin1String("Generated tokens")) box->setValue(6);
        if (box->accessibleName() == QLatin1String("Repeats")) box->setValue(3);
        if (box->accessibleName() == QLatin1String("Rest between runs, seconds")) box->setValue(3);
    }
    for (const auto& serial : serials) {
        QTest::mouseClick(card_of(serial), Qt::LeftButton);
        ASSERT_TRUE(button("Measure")->isEnabled());
        QTest::mouseClick(button("Measure"), Qt::LeftButton);
        EXPECT_FALSE(button("Measure")->isEnabled()) << "one at a time on one phone";
    }
    ASSERT_EQ(jobs.jobs().size(), 2U);
    const auto repeats = [&](std::size_t i) { return jobs.jobs()[i].phase == JobPhase::running && jobs.jobs()[i].stage == QLatin1String("repeat"); };
    EXPECT_TRUE(test::wait_until([&] { return repeats(0) && repeats(1); }, 120000)) << "both at the same time";
    ASSERT_TRUE(test::wait_until([&] { return is_over(jobs.jobs()[0].phase) && is_over(jobs.jobs()[1].phase); }, 120000));
    for (const auto& job : jobs.jobs()) EXPECT_EQ(job.phase, JobPhase::done) << job.message.toStdString();
    EXPECT_NE(jobs.jobs()[0].result.at("device").at("identity"), jobs.jobs()[1].result.at("device").at("identity"));
    for (const auto& serial : serials) {  // each shows its own run
        QTest::mouseClick(card_of(serial), Qt::LeftButton);
        EXPECT_TRUE(test::wait_until([&] { return page->findChild<QTableView*>()->model()->rowCount() == 1; }));
    }
    test::grab(*page, "devices_two_phones", {{1000, 760}});
}

TEST_F(DevicesPhones, TheSelfTestShowsEachItemAndSaysSimulated)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(start_demo());
    if (!page->demo_phone()->runs_programs()) GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    QTest::mouseClick(button("Self-test…"), Qt::LeftButton);
    auto* sheet = page->findChild<SelfTestSheet*>();
    ASSERT_TRUE(sheet);
    for (auto* one : sheet->findChildren<QPushButton*>())
        if (one->text() == QLatin1String("&Start")) QTest::mouseClick(one, Qt::LeftButton);
    ASSERT_TRUE(test::wait_until([&] { return sheet->text().contains(QLatin1String("passed,")); }, 120000)) << sheet->text().toStdString();
    EXPECT_TRUE(sheet->text().contains(QLatin1String("Simulated"))) << sheet->text().toStdString();
    EXPECT_TRUE(sheet->text().contains(QLatin1String("[could not be tried] A cable"))) << sheet->text().toStdString();
    EXPECT_TRUE(sheet->text().contains(QLatin1String("[passed] The static runner"))) << sheet->text().toStdString();
    auto* list = sheet->findChild<QTreeWidget*>();
    ASSERT_TRUE(list && list->topLevelItemCount() > 20);
    for (int row = 0; row < list->topLevelItemCount(); ++row) {  // its words are whole
        const auto height = [&] { return list->visualItemRect(list->topLevelItem(row)).height(); };
        const auto needed = [&] { return list->fontMetrics().boundingRect(QRect(0, 0, list->columnWidth(2), 10'000), Qt::TextWordWrap, list->topLevelItem(row)->text(2)).height(); };
        EXPECT_TRUE(test::wait_until([&] { return height() >= needed(); }, 5000)) << height() << " of " << needed() << ": " << list->topLevelItem(row)->text(2).toStdString();  // a scroll bar comes and lines wrap again
    }
    test::grab(*sheet, "self_test", {{860, 560}});
}

TEST_F(DevicesPhones, TheScriptOfAnotherRuntimeIsShownToBeCopied)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(start_demo());
    std::filesystem::create_directories(folder->filePath(QStringLiteral("pkg/bin")).toStdString());
    for (const auto* file : {"pkg/bin/llama-bench", "M.gguf"}) std::ofstream(folder->filePath(QLatin1String(file)).toStdString()) << "x";
    QTest::mouseClick(button("Other runtimes…"), Qt::LeftButton);
    auto* sheet = page->findChild<RuntimesSheet*>();
    ASSERT_TRUE(sheet);
    const auto press = [&](const char* text) {
        for (auto* one : sheet->findChildren<QPushButton*>())
            if (one->text() == QLatin1String(text)) QTest::mouseClick(one, Qt::LeftButton);
    };
    const auto written = [&] { return sheet->findChild<QPlainTextEdit*>()->toPlainText(); };
    for (auto* line : sheet->findChildren<QLineEdit*>()) {
        if (line->accessibleName() == QLatin1String("Folder of the runtime")) QTest::keyClicks(line, folder->filePath(QStringLiteral("pkg")));
        if (line->accessibleName() == QLatin1String("Model file")) QTest::keyClicks(line, folder->filePath(QStringLiteral("M.gguf")));
    }
    press("What is &missing");
    ASSERT_TRUE(test::wait_until([&] { return written().contains(QLatin1String("missing: ")); })) << written().toStdString();
    EXPECT_TRUE(written().contains(QLatin1String("libGenie.so"))) << written().toStdString();
    press("&Script");
    ASSERT_TRUE(test::wait_until([&] { return written().startsWith(QLatin1String("#!/bin/sh")); })) << written().toStdString();
    EXPECT_TRUE(written().contains(QLatin1String("llama-bench"))) << written().toStdString();
    EXPECT_TRUE(written().contains(page->demo_phone()->serial())) << written().toStdString();
    press("&Copy");
    EXPECT_EQ(QGuiApplication::clipboard()->text(), written());
    test::grab(*sheet, "runtimes", {{760, 560}});
}

}  // namespace
}  // namespace bitwright::views
