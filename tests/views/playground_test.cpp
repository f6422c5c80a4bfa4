// SPDX-License-Identifier: GPL-3.0-or-later
// The playground with real keys on the bundled sample; LibTorch is opened at run time.
#include "views/playground/playground_sheet.h"

#include "core/checkpoint/tokenizer.h"
#include "core/numerics/text_generator.h"
#include "core/workspace/desk.h"
#include "tests/support/grab.h"
#include "tests/support/sample_workspace.h"
#include "views/playground/text_side.h"

#include <QDoubleSpinBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTest>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitwright::test {
namespace {

class Playground : public ::testing::Test {
protected:
    void open(bool with_recipe)
    {
        const auto file = desk.path(QStringLiteral("w.bitwright"));
        make_sample_workspace(file.toStdString(), true, with_recipe);
        ASSERT_TRUE(open_and_wait(desk, file));
        desk.actions.find(QStringLiteral("desk.playground"))->trigger();
        ASSERT_TRUE(sheet.isVisible());
    }
    [[nodiscard]] QPlainTextEdit* prompt() const { return sheet.findChild<QPlainTextEdit*>(); }
    template <typename Box>
    void type(const char* name, const char* text)
    {
        for (auto* box : sheet.findChildren<Box*>()) {
            if (box->accessibleName() != QLatin1String(name)) continue;
            box->setFocus();
            box->selectAll();
            QTest::keyClicks(box, QLatin1String(text));
            QTest::keyClick(box, Qt::Key_Tab);
            return;
        }
        FAIL() << name;
    }
    [[nodiscard]] bool says(const char* words)
    {
        return wait_until([&] {
            for (const auto* label : sheet.findChildren<QLabel*>())
                if (label->isVisible() && label->text().contains(QLatin1String(words))) return true;
            return false;
        }, 60000);
    }
    void write(const char* text)
    {
        prompt()->setFocus();
        prompt()->selectAll();
        QTest::keyClicks(prompt(), QLatin1String(text));
    }
    [[nodiscard]] bool ended() { return wait_until([&] { return !sheet.generating(); }, 120000); }

    TestDesk desk;
    views::PlaygroundSheet sheet{desk.desk};
};

TEST_F(Playground, TwoTextsBesideEachOtherWithTheFirstDifferenceMarked)
{
    open(true);
    write("Once upon a time");
    type<QSpinBox>("Tokens", "24");
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    EXPECT_TRUE(sheet.generating());
    ASSERT_TRUE(ended());

    const Model model = open_model(sample_model());
    const auto tokenizer = Tokenizer::open(model.checkpoint->tokenizer_path());
    const auto ids = tokenizer->encode("Once upon a time", true);
    const auto& recipe = *desk.desk.recipe();
    const auto plain = load_text_generator().continue_text(model, nullptr, Level::floating, ids, {24}, Control()).ids;
    const auto coarse = load_text_generator().continue_text(model, &recipe, Level::simulated, ids, {24}, Control()).ids;
    EXPECT_EQ(sheet.side(0).text().toStdString(), tokenizer->decode(plain, true));
    EXPECT_EQ(sheet.side(1).text().toStdString(), tokenizer->decode(coarse, true));
    const auto apart = first_difference(plain, coarse);
    ASSERT_TRUE(apart) << "the planted ranges clip so much that the texts part";
    ASSERT_LT(*apart, coarse.size());
    EXPECT_EQ(sheet.side(1).marked().toStdString(), tokenizer->decode({coarse.begin(), coarse.begin() + static_cast<std::ptrdiff_t>(*apart) + 1}, true).substr(tokenizer->decode({coarse.begin(), coarse.begin() + static_cast<std::ptrdiff_t>(*apart)}, true).size()));
    EXPECT_FALSE(sheet.side(0).marked().isEmpty());
    EXPECT_TRUE(says("First difference: token 1, where float has"));
    for (const std::size_t side : {0U, 1U}) {
        EXPECT_TRUE(sheet.side(side).speed().contains(QStringLiteral("Prompt (%1): ").arg(ids.size()))) << sheet.side(side).speed().toStdString();
        EXPECT_EQ(sheet.side(side).speed().count(QStringLiteral("tokens/s")), 2);
    }
    EXPECT_EQ(desk.actions.command_line(), QStringLiteral("bitwright-cli generate %1 --prompt 'Once upon a time' --tokens 24 --recipe recipe:1 -w %2").arg(desk.desk.model_folder(), desk.desk.workspace_path()));
    grab(sheet, "playground", {{880, 600}, {1280, 760}});
}

TEST_F(Playground, DrawsFromASeedAndRemembersTheFields)
{
    open(true);
    write("The cat");
    type<QSpinBox>("Tokens", "12");
    EXPECT_FALSE(sheet.findChildren<QSpinBox*>().back()->isEnabled()) << "greedy reads no seed";
    type<QDoubleSpinBox>("Temperature", "0.9");
    type<QSpinBox>("Top-k", "20");
    type<QDoubleSpinBox>("Top-p", "0.95");
    type<QSpinBox>("Seed", "7");
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    ASSERT_TRUE(ended());
    const auto first = sheet.side(0).text();
    EXPECT_TRUE(desk.actions.command_line().contains(QStringLiteral("--temperature 0.9 --top-k 20 --top-p 0.95 --seed 7"))) << desk.actions.command_line().toStdString();
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    ASSERT_TRUE(ended());
    EXPECT_EQ(sheet.side(0).text(), first);
    type<QSpinBox>("Seed", "8");
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    ASSERT_TRUE(ended());
    EXPECT_NE(sheet.side(0).text(), first);
    ASSERT_TRUE(desk.settle());
    EXPECT_EQ(desk_value(*desk.desk.workspace(), "playground")["top_k"], 20);
}

TEST_F(Playground, EscStopsAndBadInputIsASentence)
{
    open(true);
    write("  ");
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    EXPECT_TRUE(says("nothing to continue"));
    EXPECT_FALSE(sheet.generating());
    write("Once upon a time");
    type<QSpinBox>("Tokens", "4000");
    QTest::keyClick(prompt(), Qt::Key_Return, Qt::ControlModifier);
    ASSERT_TRUE(wait_until([&] { return sheet.side(0).text().size() > 3; }, 60000));
    QTest::keyClick(prompt(), Qt::Key_Escape);
    EXPECT_FALSE(sheet.generating());
    EXPECT_TRUE(sheet.isVisible()) << "Esc stops first";
    EXPECT_TRUE(says("Stopped"));
    ASSERT_TRUE(desk.settle());
    QTest::keyClick(prompt(), Qt::Key_Escape);
    EXPECT_FALSE(sheet.isVisible());
}

TEST_F(Playground, WithoutARecipeFloatStandsAlone)
{
    open(false);
    EXPECT_TRUE(says("No recipe is open"));
    write("Once");
    type<QSpinBox>("Tokens", "4");
    QTest::mouseClick(sheet.findChildren<QPushButton*>().front(), Qt::LeftButton);
    ASSERT_TRUE(ended());
    EXPECT_FALSE(sheet.side(0).text().isEmpty());
    EXPECT_TRUE(sheet.side(1).text().isEmpty());
    EXPECT_TRUE(says("Open or make a recipe"));
}

}  // namespace
}  // namespace bitwright::test
