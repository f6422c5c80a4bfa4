// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette/command_palette.h"

#include "tests/support/grab.h"
#include "tests/support/sample_workspace.h"
#include "views/palette/fuzzy.h"
#include "views/palette/key_sheet.h"
#include "views/palette/palette_model.h"

#include <QAbstractItemModelTester>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QTest>
#include <gtest/gtest.h>

namespace bitwright::test {
namespace {

TEST(Fuzzy, PrefersWordsAndNeighbours)
{
    using views::fuzzy_score;
    const QString evaluate = QStringLiteral("Evaluate the recipe");
    EXPECT_EQ(fuzzy_score(QStringLiteral("xyz"), evaluate), 0);
    EXPECT_GT(fuzzy_score({}, evaluate), 0);
    EXPECT_GT(fuzzy_score(QStringLiteral("etr"), evaluate), 0);
    EXPECT_GT(fuzzy_score(QStringLiteral("er"), evaluate), fuzzy_score(QStringLiteral("er"), QStringLiteral("merit order ")) / 2);
    EXPECT_GT(fuzzy_score(QStringLiteral("down"), QStringLiteral("layers.0.mlp.down_proj.input")), fuzzy_score(QStringLiteral("down"), QStringLiteral("do all of what is new")));
    EXPECT_GT(fuzzy_score(QStringLiteral("undo"), QStringLiteral("Undo")), fuzzy_score(QStringLiteral("undo"), QStringLiteral("Undo the whole of everything")));
}

class CommandPalette : public ::testing::Test {
protected:
    void SetUp() override
    {
        desk.window.resize(1000, 700);
        auto& actions = desk.actions;
        actions.add(QStringLiteral("a"), QStringLiteral("Explore"), QStringLiteral("Zoom to everything"), QKeySequence(QStringLiteral("Ctrl+0")), [this] { ran << QStringLiteral("zoom"); });
        actions.add(QStringLiteral("b"), QStringLiteral("Tune"), QStringLiteral("Evaluate the recipe"), QKeySequence(QStringLiteral("F5")), [this] { ran << QStringLiteral("evaluate"); });
        actions.add(QStringLiteral("c"), QStringLiteral("Tune"), QStringLiteral("Not possible now"), {}, [this] { ran << QStringLiteral("never"); })->setEnabled(false);
        new QAbstractItemModelTester(palette->findChild<views::PaletteModel*>(), QAbstractItemModelTester::FailureReportingMode::Fatal, palette);
        desk.window.show();
        desk.window.activateWindow();
        ASSERT_TRUE(wait_until([&] { return desk.window.isActiveWindow(); }));
    }
    void open()
    {
        QTest::keyClick(&desk.window, Qt::Key_K, Qt::ControlModifier);
        ASSERT_TRUE(palette->isVisible());
        ASSERT_TRUE(wait_until([&] { return typed()->hasFocus(); }));
    }
    [[nodiscard]] QLineEdit* typed() const { return palette->findChild<QLineEdit*>(); }
    [[nodiscard]] QAbstractItemModel* list() const { return palette->findChild<QListView*>()->model(); }

    TestDesk desk;
    QStringList ran;
    views::CommandPalette* palette = new views::CommandPalette(desk.desk, &desk.window);
};

TEST_F(CommandPalette, RunsAnActionByAFewLetters)
{
    open();
    EXPECT_EQ(list()->rowCount(), 3);  // itself, zoom, evaluate
    QTest::keyClicks(typed(), QStringLiteral("evre"));
    ASSERT_EQ(list()->rowCount(), 1);
    QTest::keyClick(typed(), Qt::Key_Return);
    EXPECT_EQ(ran, QStringList{QStringLiteral("evaluate")});
    EXPECT_FALSE(palette->isVisible());
    open();  // what ran last comes first
    EXPECT_EQ(list()->index(0, 0).data().toString(), QStringLiteral("Evaluate the recipe"));
    EXPECT_EQ(list()->index(0, 0).data(views::PaletteModel::shortcut_role).toString(), QStringLiteral("F5"));
    QTest::keyClick(typed(), Qt::Key_Escape);
    EXPECT_FALSE(palette->isVisible());
    EXPECT_EQ(ran.size(), 1);
}

TEST_F(CommandPalette, ArrowsAndMouseChooseToo)
{
    open();
    const int at = [&] {
        for (int row = 0; row < list()->rowCount(); ++row)
            if (list()->index(row, 0).data().toString() == QStringLiteral("Zoom to everything")) return row;
        return -1;
    }();
    ASSERT_GE(at, 0);
    for (int i = 0; i < at; ++i) QTest::keyClick(typed(), Qt::Key_Down);
    QTest::keyClick(typed(), Qt::Key_Enter);
    EXPECT_EQ(ran, QStringList{QStringLiteral("zoom")});
    open();
    auto* view = palette->findChild<QListView*>();
    QTest::mouseClick(view->viewport(), Qt::LeftButton, Qt::NoModifier, view->visualRect(list()->index(0, 0)).center());
    EXPECT_EQ(ran.size(), 2);
    open();
    QTest::keyClicks(typed(), QStringLiteral("qqqq"));
    EXPECT_EQ(list()->rowCount(), 0);
    QTest::keyClick(typed(), Qt::Key_Return);  // nothing to run
    EXPECT_EQ(ran.size(), 2);
}

TEST_F(CommandPalette, SelectsSitesAndOpensRecipes)
{
    const auto file = desk.path(QStringLiteral("w.bitwright"));
    make_sample_workspace(file.toStdString(), true, true);
    ASSERT_TRUE(open_and_wait(desk, file));
    open();
    QTest::keyClicks(typed(), QStringLiteral("3 down in"));
    ASSERT_GT(list()->rowCount(), 0);
    EXPECT_EQ(list()->index(0, 0).data().toString(), QStringLiteral("layers.3.mlp.down_proj.input"));
    grab(desk.window, "palette", {{1000, 700}});
    typed()->setFocus();
    QTest::keyClick(typed(), Qt::Key_Return);
    EXPECT_EQ(desk.desk.selection().current().site, QStringLiteral("layers.3.mlp.down_proj.input"));
    EXPECT_EQ(desk.desk.selection().current().layer, 3);
    open();
    QTest::keyClicks(typed(), QStringLiteral("recipe:1"));
    ASSERT_GT(list()->rowCount(), 0);
    EXPECT_EQ(list()->index(0, 0).data().toString(), QStringLiteral("recipe:1 · Round to nearest"));
    ASSERT_TRUE(desk.settle());
}

TEST_F(CommandPalette, TheSheetShowsEveryShortcut)
{
    views::KeySheet sheet(desk.desk, &desk.window);
    QTest::keyClicks(&desk.window, QStringLiteral("?"));
    ASSERT_TRUE(sheet.isVisible());
    QStringList texts;
    for (const auto* label : sheet.findChildren<QLabel*>()) texts << label->text();
    for (const auto& entry : desk.actions.entries()) {
        const auto keys = entry.action->shortcut().toString(QKeySequence::NativeText);
        EXPECT_EQ(texts.contains(entry.action->text()) && texts.contains(keys), !keys.isEmpty()) << entry.id.toStdString();
    }
    EXPECT_TRUE(texts.contains(QStringLiteral("Tune")));
    grab(sheet, "keys", {{720, 520}});
    QTest::keyClick(&sheet, Qt::Key_Escape);
    EXPECT_FALSE(sheet.isVisible());
}

}  // namespace
}  // namespace bitwright::test
