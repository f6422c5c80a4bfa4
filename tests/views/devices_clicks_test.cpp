// SPDX-License-Identifier: GPL-3.0-or-later
// What of the Devices page is pressed with a phone there: two recipes in turns, the script, cancel, the sheets.
#include "core/workspace/device_runs.h"
#include "tests/support/grab.h"
#include "tests/views/devices_phones.h"
#include "views/devices/connect_sheet.h"
#include "views/devices/runtimes_sheet.h"

#include <QClipboard>
#include <QComboBox>
#include <QFileDialog>
#include <QGroupBox>
#include <QGuiApplication>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QTableView>
#include <QTimer>

#include <fstream>
#include <sys/stat.h>

namespace bitwright::views {
namespace {

class DevicesClicks : public DevicesPhones {
protected:
    /// The Demo phone is ready, the recipes are there, and a plan that takes a moment.
    bool ready()
    {
        if (!start_demo()) return false;
        set("Prompt tokens", 5), set("Generated tokens", 6), set("Repeats", 3);
        return test::wait_until([&] { return combo("Recipe to measure")->count() == 3 && !desk.model_folder().isEmpty(); });
    }
    [[nodiscard]] QComboBox* combo(const char* name) const
    {
        for (auto* box : page->findChildren<QComboBox*>())
            if (box->accessibleName() == QLatin1String(name)) return box;
        return nullptr;
    }
    [[nodiscard]] static QLineEdit* line(const QWidget& sheet, const char* name)
    {
        for (auto* found : sheet.findChildren<QLineEdit*>())
            if (found->accessibleName() == QLatin1String(name)) return found;
        return nullptr;
    }
    /// Presses what reads so; false where it is not there or cannot be pressed.
    static bool press(const QWidget& sheet, const char* text)
    {
        for (auto* found : sheet.findChildren<QPushButton*>())
            if (found->text().remove(QLatin1Char('&')) == QString::fromUtf8(text) && found->isVisible() && found->isEnabled()) {
                QTest::mouseClick(found, Qt::LeftButton);
                return true;
            }
        return false;
    }
    [[nodiscard]] QString state() const
    {
        for (const auto* label : page->findChildren<QLabel*>())
            if (label->accessibleName() == QLatin1String("State of the measurement")) return label->text();
        return {};
    }
    /// With the keys, as a user without a mouse does.
    static void choose(QComboBox& box, int index)
    {
        box.setFocus();
        while (box.currentIndex() < index) QTest::keyClick(&box, Qt::Key_Down);
        while (box.currentIndex() > index) QTest::keyClick(&box, Qt::Key_Up);
    }
};

TEST_F(DevicesClicks, TwoRecipesAreMeasuredInTurnsAndTheirDifferenceIsSaid)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(ready()) << words().toStdString();
    if (!page->demo_phone()->runs_programs()) GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    auto* against = combo("Recipe to measure it against");
    ASSERT_TRUE(against && against->isVisible());
    ASSERT_EQ(against->count(), 4) << "nothing, and the recipes";
    choose(*combo("Recipe to measure"), 0);
    choose(*against, 2);
    EXPECT_TRUE(page->command().join(QLatin1Char(' ')).contains(QLatin1String("--against-recipe ") + QStringLiteral("recipe:%1").arg(against->currentData().toLongLong())));
    ASSERT_TRUE(press(*page, "Measure"));
    ASSERT_EQ(jobs.jobs().size(), 1U);
    ASSERT_TRUE(test::wait_until([&] { return is_over(jobs.jobs().front().phase); }, 180000));
    const auto job = jobs.jobs().front();
    ASSERT_EQ(job.phase, JobPhase::done) << job.message.toStdString();
    EXPECT_EQ(job.result.at("order"), "ABBA");
    EXPECT_TRUE(state().startsWith(QLatin1String("Measured in turns: decode "))) << state().toStdString();
    EXPECT_EQ(runs_of_session(*desk.workspace(), job.result.at("session").get<std::string>()).size(), 4U);
    const auto* table = page->findChild<QTableView*>();
    EXPECT_TRUE(test::wait_until([&] { return table->model()->rowCount() == 4; }));
    test::grab(*page, "devices_in_turns", {{1280 - 560, 640}, {1000, 760}});
    QTest::mouseClick(card(QStringLiteral("This computer")), Qt::LeftButton);
    EXPECT_FALSE(against->isVisible()) << "only phones are measured in turns";
    EXPECT_FALSE(page->command().contains(QStringLiteral("--against-recipe")));
}

TEST_F(DevicesClicks, TheScriptOfThePlanIsCopiedAndNothingIsDone)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(ready()) << words().toStdString();
    QGuiApplication::clipboard()->setText(QStringLiteral("before"));
    ASSERT_TRUE(press(*page, "Copy script"));
    ASSERT_TRUE(test::wait_until([&] { return QGuiApplication::clipboard()->text() != QLatin1String("before"); }, 60000)) << page->findChild<MessageLine*>()->text().toStdString();
    const auto script = QGuiApplication::clipboard()->text();
    EXPECT_TRUE(script.startsWith(QLatin1String("#!/bin/sh\n"))) << script.toStdString();
    EXPECT_TRUE(script.contains(page->demo_phone()->serial())) << script.toStdString();
    EXPECT_TRUE(script.contains(QLatin1String("--prompt-tokens 5 --tokens 6 --runs 3"))) << script.toStdString();
    const auto run = adb->run({"-s", page->demo_phone()->serial().toStdString(), "shell", "ls /data/local/tmp"});
    EXPECT_EQ(run.out, "") << "nothing was put there";
    EXPECT_EQ(state(), QStringLiteral("Nothing is being measured here."));
}

TEST_F(DevicesClicks, CancelEndsTheRunOnThePhone)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(ready()) << words().toStdString();
    if (!page->demo_phone()->runs_programs()) GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    set("Sustained run, minutes", 10);
    ASSERT_TRUE(press(*page, "Measure"));
    ASSERT_TRUE(test::wait_until([&] { return jobs.jobs().front().stage == QLatin1String("repeat") && jobs.jobs().front().done >= 2; }, 120000)) << jobs.jobs().front().stage.toStdString();
    ASSERT_TRUE(press(*page, "Cancel"));
    ASSERT_TRUE(test::wait_until([&] { return is_over(jobs.jobs().front().phase); }, 30000));
    EXPECT_EQ(jobs.jobs().front().phase, JobPhase::cancelled);
    EXPECT_EQ(state(), QStringLiteral("Cancelled: nothing is stored."));
    const auto serial = page->demo_phone()->serial().toStdString();
    EXPECT_EQ(adb->run({"-s", serial, "shell", "ls /data/local/tmp/bitwright/runs"}).out, "");
    EXPECT_EQ(adb->run({"-s", serial, "shell", "ps -ef | grep -c '[b]itwright-runner --'"}).out, "0\n");
    EXPECT_TRUE(button("Measure")->isEnabled()) << "and it can be begun again";
}

TEST_F(DevicesClicks, TheConnectSheetSaysWhatFailedAndWhatItConnected)
{
    if (IsSkipped()) return;
    const test::DemoPhone phone(test::scenario("demo"), {.port = true});
    QTest::mouseClick(button("Connect…"), Qt::LeftButton);
    auto* sheet = page->findChild<ConnectSheet*>();
    ASSERT_TRUE(sheet && sheet->isVisible());
    const auto answer = [&] {
        for (const auto* label : sheet->findChildren<QLabel*>())
            if (label->accessibleName() == QLatin1String("What adb answered") && label->isVisible()) return label->text();
        return QString();
    };
    auto* address = line(*sheet, "Address of the phone");
    QTest::keyClick(address, Qt::Key_Return);  // nothing entered
    EXPECT_TRUE(test::wait_until([&] { return !answer().isEmpty() && answer() != QStringLiteral("Connecting…"); }, 20000));
    EXPECT_TRUE(answer().contains(QLatin1String("192.168.1.20:5555"))) << answer().toStdString();
    QTest::keyClicks(address, QStringLiteral("127.0.0.1:1"));
    ASSERT_TRUE(press(*sheet, "Connect"));
    EXPECT_TRUE(test::wait_until([&] { return answer().contains(QLatin1String("nothing listens at this address")); }, 20000)) << answer().toStdString();
    for (auto* label : sheet->findChildren<QLabel*>()) {
        if (label->accessibleName() != QLatin1String("What adb answered")) continue;
        const auto picture = label->grab().toImage();
        int red = 0;
        for (int y = 0; y < picture.height(); ++y)
            for (int x = 0; x < picture.width(); ++x) red += picture.pixelColor(x, y).red() > picture.pixelColor(x, y).green() + 60;
        EXPECT_GT(red, 20) << "a failure has the colour of one";
    }
    test::grab(*sheet, "connect_refused", {{520, 300}});
    address->selectAll();
    QTest::keyClicks(address, QString::fromStdString(phone.address()));
    ASSERT_TRUE(press(*sheet, "Connect"));
    EXPECT_TRUE(test::wait_until([&] { return answer().contains(QLatin1String("is connected")); }, 20000)) << answer().toStdString();
    EXPECT_TRUE(test::wait_until([&] {
        for (auto* one : page->findChildren<DeviceCard*>())
            if (one->device().serial == QString::fromStdString(phone.address())) return one->device().ready;
        return false;
    }, 20000));
    // Debian's adb cannot pair; one that can has the fields.
    const bool pairs = sheet->findChild<QGroupBox*>()->isVisible();
    QString said;
    for (const auto* label : sheet->findChildren<QLabel*>())
        if (label->isVisible()) said += label->text();
    EXPECT_NE(pairs, said.contains(QLatin1String("Android platform tools 30 or newer can"))) << said.toStdString();
}

TEST_F(DevicesClicks, WhatAnotherRuntimeMeasuredIsStored)
{
    if (IsSkipped()) return;
    ASSERT_TRUE(ready()) << words().toStdString();
    const auto place = [&](const char* name) { return folder->filePath(QLatin1String(name)).toStdString(); };
    std::filesystem::create_directories(place("ran"));
    std::ofstream(place("M.gguf")) << "x";
    QTest::mouseClick(button("Other runtimes…"), Qt::LeftButton);
    auto* sheet = page->findChild<RuntimesSheet*>();
    ASSERT_TRUE(sheet && sheet->isVisible());
    const auto said = [&] {
        for (const auto* label : sheet->findChildren<QLabel*>())
            if (label->accessibleName() == QLatin1String("What came of it")) return label->text();
        return QString();
    };
    ASSERT_TRUE(press(*sheet, "Script"));
    EXPECT_TRUE(said().contains(QLatin1String("Choose the folder of the runtime and the model file first"))) << said().toStdString();
    ASSERT_TRUE(press(*sheet, "What is missing"));
    EXPECT_TRUE(said().contains(QLatin1String("Choose the folder of the runtime first"))) << said().toStdString();
    ASSERT_TRUE(press(*sheet, "Store what it measured…"));
    EXPECT_TRUE(said().contains(QLatin1String("Choose the model file first"))) << said().toStdString();
    EXPECT_FALSE(press(*sheet, "Copy")) << "nothing to copy yet";
    QTest::keyClicks(line(*sheet, "Model file"), folder->filePath(QStringLiteral("M.gguf")));
    const auto runs = list_runs(*desk.workspace(), true).size();
    QCoreApplication::setAttribute(Qt::AA_DontUseNativeDialogs);
    QTimer answer;
    QObject::connect(&answer, &QTimer::timeout, &answer, [&] {
        auto* dialog = qobject_cast<QFileDialog*>(QApplication::activeModalWidget());
        if (!dialog) return;
        answer.stop();
        dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"))->setText(folder->filePath(QStringLiteral("ran")));
        QMetaObject::invokeMethod(dialog, "accept");
    });
    answer.start(50);
    ASSERT_TRUE(press(*sheet, "Store what it measured…"));
    EXPECT_TRUE(test::wait_until([&] { return said().contains(QLatin1String("ran: holds neither output.txt nor run-1/output.txt; choose the folder in which the script ran")); }, 30000)) << said().toStdString();
    EXPECT_EQ(list_runs(*desk.workspace(), true).size(), runs);
    std::ofstream(place("ran/exit.txt")) << "0\n";
    std::ofstream(place("ran/output.txt")) << "| model | backend | test | t/s |\n| --- | --- | --- | --- |\n| m | CPU | pp128 | 100.5 \u00b1 1.5 |\n";
    answer.start(50);
    ASSERT_TRUE(press(*sheet, "Store what it measured…"));
    EXPECT_TRUE(test::wait_until([&] { return said().startsWith(QLatin1String("Stored as run:")); }, 30000)) << said().toStdString();
    EXPECT_EQ(list_runs(*desk.workspace(), true).size(), runs + 1);
    const auto* table = page->findChild<QTableView*>();
    EXPECT_TRUE(test::wait_until([&] { return table->model()->rowCount() == 1; })) << "on the page, too";
    test::grab(*sheet, "runtimes_stored", {{760, 560}});
}

}  // namespace
}  // namespace bitwright::views
