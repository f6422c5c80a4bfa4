// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/start_page.h"

#include "tests/support/grab.h"
#include "tests/support/sample_workspace.h"
#include "views/desk/message_line.h"
#include "views/start/drop_target.h"
#include "views/start/loop_checklist.h"
#include "views/start/recent_workspaces.h"
#include "views/start/sample.h"

#include "core/workspace/desk.h"

#include <QBuffer>
#include <QDir>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFile>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QTest>
#include <QToolButton>
#include <QUrl>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitwright::test {
namespace {

class StartPage : public ::testing::Test {
protected:
    void SetUp() override
    {
        page.resize(1000, 700);
        page.show();
        page.activated();
        QObject::connect(&desk.desk, &views::Desk::results_changed, [this] { ++opened; });
    }
    /// A drag over the page that lets go, as the platform sends it.
    void drop(const QStringList& paths)
    {
        QMimeData data;
        QList<QUrl> urls;
        for (const auto& path : paths) urls << QUrl::fromLocalFile(path);
        data.setUrls(urls);
        QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&page, &enter);
        ASSERT_TRUE(enter.isAccepted());
        QDropEvent event(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&page, &event);
        EXPECT_TRUE(event.isAccepted());
    }
    [[nodiscard]] QString message() const { return page.findChild<views::MessageLine*>()->text(); }
    void click(const QString& name)
    {
        auto* button = page.findChild<QPushButton*>(name);
        ASSERT_TRUE(button) << name.toStdString();
        QTest::mouseClick(button, Qt::LeftButton);
    }

    TestDesk desk;
    views::StartPage page{desk.desk};
    int opened = 0;
};

TEST_F(StartPage, TheSampleOpensWithOneClick)
{
    ASSERT_EQ(views::sample_folder().toStdString(), sample_model().string());
    QFile::remove(views::Desk::data_folder() + QStringLiteral("/Bitwright-Sample-2M.bitwright"));
    click(QStringLiteral("open_sample"));
    ASSERT_TRUE(wait_until([&] { return opened > 0; }));
    ASSERT_TRUE(desk.desk.model());
    EXPECT_EQ(desk.desk.model()->architecture().layers, 4);
    EXPECT_EQ(desk.settings.recent.size(), 1);
    EXPECT_EQ(message(), QString());
    ASSERT_TRUE(desk.settle());
    ASSERT_TRUE(wait_until([&] { return !page.findChildren<views::RecentRow*>().isEmpty(); }));
    EXPECT_EQ(page.findChildren<views::RecentRow*>().front()->text(), QStringLiteral("Bitwright-Sample-2M"));
}

TEST_F(StartPage, TheOutlierCopyIsMadeByAJobAndThenOpened)
{
    QDir(views::sample_copy_folder()).removeRecursively();
    click(QStringLiteral("open_sample_copy"));
    click(QStringLiteral("open_sample_copy"));  // once is enough
    ASSERT_EQ(desk.jobs.all.size(), 1U);
    EXPECT_EQ(desk.jobs.all[0].arguments,
              (QStringList{QStringLiteral("outliers"), views::sample_folder(), QStringLiteral("--out"), views::sample_copy_folder(), QStringLiteral("--seed"), QStringLiteral("0")}));
    desk.jobs.all[0].message = QStringLiteral("disk full");
    desk.jobs.set(1, views::JobPhase::failed);
    EXPECT_EQ(message(), QStringLiteral("disk full"));

    click(QStringLiteral("open_sample_copy"));
    QDir().mkpath(views::Desk::data_folder());
    std::filesystem::copy(sample_model(), views::sample_copy_folder().toStdString(), std::filesystem::copy_options::recursive);
    desk.jobs.set(2, views::JobPhase::done);
    ASSERT_TRUE(wait_until([&] { return opened > 0; }));
    EXPECT_EQ(desk.desk.model_folder(), views::sample_copy_folder());
    ASSERT_TRUE(desk.settle());
    QDir(views::sample_copy_folder()).removeRecursively();
}

TEST_F(StartPage, AModelFolderIsDroppedAnywhereOnThePage)
{
    drop({QString::fromStdString(sample_model().string())});
    ASSERT_TRUE(wait_until([&] { return opened > 0; }));
    EXPECT_TRUE(desk.desk.model());
    ASSERT_TRUE(desk.settle());
}

TEST_F(StartPage, WhatCannotBeOpenedGetsASentenceInPlace)
{
    const QString text = desk.path(QStringLiteral("notes.txt"));
    QFile file(text);
    ASSERT_TRUE(file.open(QIODevice::WriteOnly));
    file.close();
    QString said;  // the window shows it, above whatever page is open
    QObject::connect(&desk.desk, &views::Desk::failed, &page, [&](const QString& sentence) { said = sentence; });
    drop({text});
    EXPECT_TRUE(said.contains(QStringLiteral("notes.txt"))) << said.toStdString();
    EXPECT_TRUE(said.contains(QStringLiteral("config.json"))) << said.toStdString();
    drop({text, text});
    EXPECT_TRUE(said.contains(QStringLiteral("one model folder"))) << said.toStdString();
    drop({desk.folder.path()});  // a folder without a model: found out on the lane
    ASSERT_TRUE(wait_until([&] { return said.contains(QStringLiteral("config.json")); })) << said.toStdString();
    EXPECT_EQ(opened, 0);
}

TEST_F(StartPage, RecentWorkspacesShowWhatIsThereAndWhatIsGone)
{
    const QString there = desk.path(QStringLiteral("there.bitwright")), gone = desk.path(QStringLiteral("gone.bitwright"));
    make_sample_workspace(there.toStdString(), false, false);
    {
        QImage heatmap(8, 4, QImage::Format_RGB32);
        heatmap.fill(Qt::red);
        QByteArray png;
        QBuffer buffer(&png);
        buffer.open(QIODevice::WriteOnly);
        heatmap.save(&buffer, "PNG");
        Workspace workspace(there.toStdString());
        put_desk_value(workspace, "thumbnail", png.toBase64().toStdString());
    }
    desk.settings.recent = {gone, there};
    page.activated();
    const auto rows = [&] { return page.findChildren<views::RecentRow*>(); };
    ASSERT_TRUE(wait_until([&] { return rows().size() == 2; }));
    const auto* missing = rows()[0];
    EXPECT_TRUE(missing->workspace().missing);
    ASSERT_FALSE(rows()[1]->workspace().missing);
    EXPECT_EQ(rows()[1]->workspace().thumbnail.size(), QSize(8, 4));
    EXPECT_EQ(rows()[1]->grab().toImage().pixelColor(20, 28), QColor(Qt::red));
    grab(page, "start_recent");

    QTest::mouseClick(missing->findChild<QToolButton*>(), Qt::LeftButton);
    ASSERT_TRUE(wait_until([&] { return rows().size() == 1; }));
    EXPECT_EQ(desk.settings.recent, QStringList{there});
    QTest::keyClick(rows()[0], Qt::Key_Return);
    ASSERT_TRUE(wait_until([&] { return opened > 0; }));
    EXPECT_EQ(desk.desk.workspace_path(), there);
    ASSERT_TRUE(desk.settle());
}

TEST_F(StartPage, TheLoopIsTickedByWhatTheWorkspaceHolds)
{
    const auto steps = page.findChildren<views::LoopStep*>();
    ASSERT_EQ(steps.size(), 7);
    for (const auto* step : steps) EXPECT_FALSE(step->done());
    const QString file = desk.path(QStringLiteral("w.bitwright"));
    make_sample_workspace(file.toStdString(), true, true);
    ASSERT_TRUE(open_and_wait(desk, file));
    ASSERT_TRUE(wait_until([&] { return steps[4]->done(); }));
    EXPECT_TRUE(steps[0]->done() && steps[1]->done());
    EXPECT_FALSE(steps[2]->done() || steps[3]->done() || steps[5]->done() || steps[6]->done());
    ASSERT_TRUE(wait_until([&] { return desk.desk.statistics() != nullptr; }));
    desk.desk.selection().set_site(QString::fromLatin1(offending_site), 1);
    ASSERT_TRUE(wait_until([&] { return steps[2]->done(); }));
    EXPECT_TRUE(desk_value(*desk.desk.workspace(), "looked") == true);
    QString wanted;
    int calibrations = 0;
    QObject::connect(&desk.desk, &views::Desk::page_wanted, [&](const QString& id) { wanted = id; });
    QObject::connect(&desk.desk, &views::Desk::calibration_wanted, [&] { ++calibrations; });
    QTest::mouseClick(steps[3], Qt::LeftButton);
    EXPECT_EQ(wanted, QStringLiteral("tune"));
    QTest::keyClick(steps[1], Qt::Key_Space);
    EXPECT_EQ(calibrations, 1);
    grab(page, "start_open");
}

TEST(RecentTime, InWords)
{
    const QDateTime now(QDate(2026, 3, 5), QTime(12, 0));
    EXPECT_EQ(views::in_words(QDateTime(QDate(2026, 3, 5), QTime(9, 3)), now).left(6), QStringLiteral("today "));
    EXPECT_EQ(views::in_words(QDateTime(QDate(2026, 3, 4), QTime(9, 3)), now).left(10), QStringLiteral("yesterday "));
    EXPECT_EQ(views::in_words(QDateTime(QDate(2026, 2, 3), QTime(9, 3)), now), QStringLiteral("3 February"));
    EXPECT_EQ(views::in_words(QDateTime(QDate(2025, 2, 3), QTime(9, 3)), now), QStringLiteral("3 February 2025"));
}

}  // namespace
}  // namespace bitwright::test
