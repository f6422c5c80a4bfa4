// SPDX-License-Identifier: GPL-3.0-or-later
// The whole loop through the window a user sees: open the sample, calibrate, look, optimize, adopt, evaluate, compare, report, close, come back.
#include "plots/heatmap.h"
#include "tests/support/desk_program.h"
#include "tests/support/test_desk.h"
#include "views/calibrate/calibrate_sheet.h"
#include "views/calibrate/calibration_plan.h"
#include "views/compare/compare_page.h"
#include "views/desk/message_line.h"
#include "views/desk/page.h"
#include "views/explore/explore_page.h"
#include "views/help/help_sheet.h"
#include "views/optimize/method_form.h"
#include "views/optimize/optimize_page.h"
#include "views/start/start_page.h"
#include "views/tune/tune_page.h"

#include <QComboBox>
#include <QElapsedTimer>
#include <QFile>
#include <QMimeData>
#include <QDropEvent>
#include <QPushButton>
#include <QSpinBox>
#include <QStandardPaths>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace bitwright {
namespace {

using test::wait_until;
using views::JobPhase;
using Program = test::DeskProgram;

class Shell : public ::testing::Test {
protected:
    void SetUp() override
    {
        QStandardPaths::setTestModeEnabled(false);  // whose folders would outlive this test
        qputenv("XDG_DATA_HOME", data.path().toUtf8());
    }
    QTemporaryDir data;
    const QString sample = QStringLiteral(BITWRIGHT_SOURCE_DIR "/resources/models/Bitwright-Sample-2M");
};

TEST_F(Shell, WalksTheWholeLoopAndComesBackToIt)
{
    QString workspace;
    int channel = -1;
    {
        Program program;
        QTest::mouseClick(program.find<QPushButton>("open_sample"), Qt::LeftButton);
        ASSERT_TRUE(wait_until([&] { return program.desk.model().has_value(); }));
        workspace = program.desk.workspace_path();
        auto* explore = program.find<views::ExplorePage>();
        ASSERT_TRUE(wait_until([&] { return explore->isVisible(); }));

        // calibrate: the empty page's button opens the sheet
        for (auto* button : explore->findChildren<QPushButton*>())
            if (button->isVisible() && button->text().startsWith(QStringLiteral("Calibrate"))) {
                QTest::mouseClick(button, Qt::LeftButton);
                break;
            }
        auto* sheet = program.find<views::CalibrateSheet>();
        ASSERT_TRUE(wait_until([&] { return sheet->isVisible(); }));
        auto request = sheet->request();
        EXPECT_TRUE(request.text.endsWith(QStringLiteral("calibration.txt"))) << request.text.toStdString();
        request.samples = 2;
        request.length = 64;
        sheet->set_request(request);
        auto* start = sheet->findChild<QPushButton*>(QStringLiteral("start"));
        ASSERT_TRUE(wait_until([&] { return start->isEnabled(); }));
        QTest::mouseClick(start, Qt::LeftButton);
        ASSERT_TRUE(wait_until([&] { return program.desk.statistics() != nullptr; }, 60000)) << program.failure();
        sheet->hide();

        // look: a click on the map is the selection everywhere
        auto* map = explore->findChild<plots::HeatmapView*>();
        ASSERT_TRUE(wait_until([&] { return map->isVisible() && !map->isEmpty(); }));
        const auto point = map->cellRect({1, 5}).center().toPoint();
        channel = map->cellAt(point).column;  // several share a pixel: the largest of them
        QTest::mouseClick(map, Qt::LeftButton, {}, point);
        EXPECT_EQ(program.desk.selection().current().layer, 1);
        EXPECT_EQ(program.desk.selection().current().channel, channel);

        // a method makes a recipe; the UI thread stays alive meanwhile
        program.actions.find(QStringLiteral("page.optimize"))->trigger();
        auto* optimize = program.find<views::OptimizePage>();
        ASSERT_TRUE(wait_until([&] { return optimize->isVisible(); }));
        auto* form = optimize->findChild<views::MethodForm*>();
        for (auto* box : form->findChildren<QComboBox*>())
            if (box->accessibleName() == QLatin1String("Preset")) box->setCurrentIndex(3);
        for (auto* box : form->findChildren<QSpinBox*>())
            if (box->accessibleName() == QLatin1String("Steps")) box->setValue(20);
        QElapsedTimer beat;
        qint64 longest = 0;
        QTimer watchdog;
        QObject::connect(&watchdog, &QTimer::timeout, [&] { longest = std::max(longest, beat.restart()); });
        auto* run = form->findChild<QPushButton*>(QStringLiteral("start"));
        ASSERT_TRUE(wait_until([&] { return run->isEnabled(); }, 30000));
        beat.start();
        watchdog.start(1);
        QTest::mouseClick(run, Qt::LeftButton);
        ASSERT_TRUE(wait_until([&] { return program.finished(); }, 120000));
        watchdog.stop();
        ASSERT_EQ(program.failure(), "");
        ::testing::Test::RecordProperty("longest_stall_ms", static_cast<int>(longest));
        EXPECT_LT(longest, 1000) << "ms without an answer of the window";
        auto* adopt = optimize->findChild<QPushButton*>(QStringLiteral("adopt"));
        ASSERT_TRUE(wait_until([&] { return adopt->isEnabled(); }));
        QTest::mouseClick(adopt, Qt::LeftButton);
        ASSERT_TRUE(wait_until([&] { return program.desk.recipe() != nullptr; }));

        // measure its perplexity and compare
        const auto recipe = QStringLiteral("recipe:%1").arg(program.desk.revisions().head()->row.id);
        for (const auto& level : {QStringLiteral("float"), QStringLiteral("simulated")}) {
            QStringList arguments{QStringLiteral("evaluate"), sample, QStringLiteral("--level"), level, QStringLiteral("--text"), sample + QStringLiteral("/texts/evaluation.txt"), QStringLiteral("--length"),
                                  QStringLiteral("64"), QStringLiteral("--windows"), QStringLiteral("6"), QStringLiteral("-w"), workspace};
            if (level != QLatin1String("float")) arguments << QStringLiteral("--recipe") << recipe;
            program.jobs.submit(level, arguments);
        }
        ASSERT_TRUE(wait_until([&] { return program.finished(); }, 60000));
        ASSERT_EQ(program.failure(), "");
        program.actions.find(QStringLiteral("page.compare"))->trigger();
        auto* compare = program.find<views::ComparePage>();
        ASSERT_TRUE(wait_until([&] { return compare->isVisible() && program.idle(); }));
        const auto report = data.filePath(QStringLiteral("report.html"));
        const auto* rows = compare->findChild<QTableView*>()->model();
        ASSERT_TRUE(wait_until([&] { return rows->rowCount() == 2; })) << compare->findChild<views::MessageLine*>()->text().toStdString();  // float and the recipe
        compare->save_report(report);
        ASSERT_TRUE(wait_until([&] { return QFile::exists(report); }));
        QFile file(report);
        ASSERT_TRUE(file.open(QIODevice::ReadOnly));
        const auto html = file.readAll();
        EXPECT_TRUE(html.contains("mobilequant"));
        EXPECT_TRUE(html.contains("simulated"));

        // every page shows something and none complains
        for (const char* id : {"page.explore", "page.tune", "page.optimize", "page.devices", "page.results", "page.compare", "page.tune"}) {
            program.actions.find(QLatin1String(id))->trigger();
            ASSERT_TRUE(wait_until([&] { return program.idle(); }));
            const auto pages = program.window.findChildren<views::Page*>();
            const auto page = std::ranges::find_if(pages, [&](const auto* candidate) { return candidate->id() == QLatin1String(id).mid(5); });
            ASSERT_NE(page, pages.end()) << id;
            EXPECT_TRUE((*page)->isAncestorOf(program.window.focusWidget())) << id << ": its keys work at once";
            program.actions.find(QStringLiteral("desk.help"))->trigger();
            EXPECT_EQ(program.find<views::HelpSheet>()->topic(), QLatin1String(id).mid(5)) << id;
        }
        program.find<views::HelpSheet>()->hide();
        EXPECT_EQ(program.desk.selection().current().channel, channel);
        EXPECT_EQ(program.find<views::MessageLine>("desk_message")->text().toStdString(), "");
    }
    Program again;
    again.desk.open(workspace);
    auto* tune = again.find<views::TunePage>();
    ASSERT_TRUE(wait_until([&] { return tune->isVisible(); }));
    EXPECT_EQ(again.desk.selection().current().layer, 1);
    EXPECT_EQ(again.desk.selection().current().channel, channel);
    ASSERT_TRUE(wait_until([&] { return again.desk.recipe() != nullptr; }));
    EXPECT_EQ(again.desk.recipe()->made_by.method, "mobilequant");
}

TEST_F(Shell, WrongInputIsASentenceInPlaceAndTheDeskGoesOn)
{
    Program program;
    auto* message = program.find<views::MessageLine>("desk_message");
    const auto text = data.filePath(QStringLiteral("notes.txt"));
    {
        QFile file(text);
        ASSERT_TRUE(file.open(QIODevice::WriteOnly));
        file.write("no model");
    }
    QMimeData dropped;
    dropped.setUrls({QUrl::fromLocalFile(text)});
    QDragEnterEvent enter(QPoint(300, 300), Qt::CopyAction, &dropped, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&program.window, &enter);
    ASSERT_TRUE(enter.isAccepted());
    QDropEvent drop(QPointF(300, 300), Qt::CopyAction, &dropped, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&program.window, &drop);
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("notes.txt")); })) << message->text().toStdString();

    program.desk.open(data.path());  // a folder without a model
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("config.json")); })) << message->text().toStdString();
    const auto spoiled = data.filePath(QStringLiteral("spoiled.bitwright"));
    {
        QFile file(spoiled);
        ASSERT_TRUE(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(5000, 'x'));
    }
    program.desk.open(spoiled);
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("spoiled.bitwright")); })) << message->text().toStdString();
    EXPECT_FALSE(program.desk.workspace());

    program.desk.open(sample);
    ASSERT_TRUE(wait_until([&] { return program.desk.model().has_value(); }));
    EXPECT_EQ(message->text().toStdString(), "");
}

// The window is there at once and says what it waits for; waiting can be stopped and tried again.
TEST_F(Shell, AWorkspaceThatAnotherProgramKeepsLocked)
{
    const auto path = data.filePath(QStringLiteral("locked.bitwright"));
    { const Workspace made(path.toStdString()); }
    SQLite::Database other(path.toStdString(), SQLite::OPEN_READWRITE);
    other.exec("PRAGMA journal_mode = DELETE");
    other.exec("PRAGMA locking_mode = EXCLUSIVE");
    other.exec("BEGIN EXCLUSIVE");
    Program program;
    auto* message = program.find<views::MessageLine>("desk_message");
    QPushButton* action = message->findChild<QPushButton*>();
    program.desk.open(path);
    QElapsedTimer timer;
    timer.start();
    EXPECT_FALSE(program.window.grab().isNull());
    EXPECT_LT(timer.elapsed(), 2000) << "the window waits for the lock";
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("locked by another program; waiting")); })) << message->text().toStdString();
    EXPECT_TRUE(message->text().contains(QStringLiteral("locked.bitwright")));
    EXPECT_EQ(action->text(), QStringLiteral("Stop waiting"));
    QTest::mouseClick(action, Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("Not opened")); })) << message->text().toStdString();
    EXPECT_FALSE(program.desk.workspace());

    program.settings.lock_wait_seconds = 1;
    std::function<void()> again;
    QObject::connect(&program.desk, &views::Desk::locked, &program.window, [&](const QString&, const std::function<void()>& retry) { again = retry; });
    program.desk.open(path);
    ASSERT_TRUE(wait_until([&] { return static_cast<bool>(again); }, 60000)) << "it waits for ever";
    EXPECT_TRUE(message->text().contains(QStringLiteral("keeps the workspace locked"))) << message->text().toStdString();
    ASSERT_EQ(action->text(), QStringLiteral("Try again"));
    other.exec("COMMIT");
    other.exec("PRAGMA locking_mode = NORMAL");
    (void)other.execAndGet("SELECT count(*) FROM sqlite_master").getInt();  // which gives the lock back
    QTest::mouseClick(action, Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return program.desk.workspace() != nullptr; }));
    EXPECT_EQ(message->text().toStdString(), "");
}

TEST_F(Shell, AWorkspaceOfANewerVersionIsASentence)
{
    const auto path = data.filePath(QStringLiteral("newer.bitwright"));
    { const Workspace made(path.toStdString()); }
    SQLite::Database(path.toStdString(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
    Program program;
    auto* message = program.find<views::MessageLine>("desk_message");
    program.desk.open(path);
    ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("newer Bitwright")); })) << message->text().toStdString();
    EXPECT_FALSE(program.desk.workspace());
    program.desk.open(sample);
    ASSERT_TRUE(wait_until([&] { return program.desk.model().has_value(); }));
}

TEST_F(Shell, AMovedModelIsAskedForAndAnotherOneRefused)
{
    const auto place = data.filePath(QStringLiteral("model"));
    ASSERT_TRUE(QDir().mkpath(place));
    for (const auto& name : QDir(sample).entryList(QDir::Files)) ASSERT_TRUE(QFile::copy(sample + QLatin1Char('/') + name, place + QLatin1Char('/') + name));
    const auto workspace = data.filePath(QStringLiteral("w.bitwright"));
    Program program;
    program.jobs.submit(QStringLiteral("Calibrate"), {QStringLiteral("calibrate"), place, QStringLiteral("--text"), sample + QStringLiteral("/texts/calibration.txt"), QStringLiteral("--samples"), QStringLiteral("1"),
                                                      QStringLiteral("--length"), QStringLiteral("32"), QStringLiteral("--seed"), QStringLiteral("1"), QStringLiteral("-w"), workspace});
    ASSERT_TRUE(wait_until([&] { return program.finished(); }, 60000));
    ASSERT_EQ(program.failure(), "");
    const auto moved = data.filePath(QStringLiteral("elsewhere"));
    ASSERT_TRUE(QDir().rename(place, moved));
    program.desk.open(workspace);
    auto* message = program.find<views::MessageLine>("desk_message");
    ASSERT_TRUE(wait_until([&] { return program.desk.statistics() != nullptr; }));
    EXPECT_FALSE(program.desk.model());
    EXPECT_TRUE(message->text().contains(place)) << message->text().toStdString();
    const auto other = QString::fromStdString((std::filesystem::path(BITWRIGHT_SOURCE_DIR) / "tests/golden/models/llama").string());
    if (QDir(other).exists()) {
        program.desk.locate_model(other);
        ASSERT_TRUE(wait_until([&] { return message->text().contains(QStringLiteral("another model")); })) << message->text().toStdString();
        EXPECT_FALSE(program.desk.model());
    }
    program.desk.locate_model(moved);
    ASSERT_TRUE(wait_until([&] { return program.desk.model().has_value(); }));
}

}  // namespace
}  // namespace bitwright
