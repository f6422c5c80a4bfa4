// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/edits.h"
#include "core/recipe/placement.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/desk.h"
#include "tests/support/models.h"
#include "tests/support/test_desk.h"

#include <gtest/gtest.h>

#include <random>

namespace bitwright::views {
namespace {

/// A workspace with a model and one recipe of it, open on the desk.
class Revisions : public ::testing::Test {
protected:
    void SetUp() override
    {
        const auto folder = test::golden_models() / "llama";
        if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no llama among the tiny models";
        model = bitwright::open_model(folder);
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        for (auto& [name, decision] : recipe.sites)
            if (model.sites->find(name) != no_site && (*model.sites)[model.sites->find(name)].kind == SiteKind::activation) decision.range = {numbers({-4}), numbers({4}), {}, {}, "by hand"};
        recipe.made_by.method = "rtn";
        Workspace workspace(file());
        ModelRow row;
        row.content_hash = model.checkpoint->content_hash(Control());
        row.family = "llama";
        row.path = folder.string();
        RecipeRow recipe_row;
        recipe_row.model = put_model(workspace, row, model.checkpoint->identity());
        put_recipe(workspace, recipe, recipe_row);
        open();
    }
    [[nodiscard]] std::string file() const { return desk().path(QStringLiteral("w.bitwright")).toStdString(); }
    [[nodiscard]] test::TestDesk& desk() const { return *desk_; }
    void open()
    {
        bool opened = false;
        const auto connection = QObject::connect(&desk().desk, &Desk::results_changed, [&] { opened = true; });
        desk().desk.open(QString::fromStdString(file()));
        ASSERT_TRUE(test::wait_until([&] { return opened; }));
        QObject::disconnect(connection);
        ASSERT_TRUE(desk().desk.recipe());
    }
    void edit(double maximum, const char* site = "layers.0.mlp.down_proj.input")
    {
        auto& revisions = desk().desk.revisions();
        revisions.edit(edit_sites(*revisions.recipe(), model, site, {{"max", std::to_string(maximum)}}));
    }
    [[nodiscard]] std::string hash() const { return recipe_hash(*desk().desk.recipe()); }

    Model model;
    std::unique_ptr<test::TestDesk> desk_ = std::make_unique<test::TestDesk>();
};

TEST_F(Revisions, AThousandRandomEditsUndosAndRedosEndWhereTheyBegan)
{
    auto& revisions = desk().desk.revisions();
    const auto start = hash();
    std::mt19937 random(7);
    std::vector<std::string> expected{start};  // hashes along the line of undo
    std::size_t at = 0;
    int edits = 0;
    while (edits < 1000) {
        const auto dice = random() % 10;
        if (dice < 6) {
            edit(1 + static_cast<double>(random() % 1000) / 100);
            if (hash() != expected[at]) {
                expected.resize(at + 1);
                expected.push_back(hash());
                ++at;
                ++edits;
            }
        } else if (dice < 9 && at > 0) {
            ASSERT_TRUE(revisions.can_undo());
            revisions.undo();
            --at;
        } else if (at + 1 < expected.size()) {
            ASSERT_TRUE(revisions.can_redo());
            revisions.redo();
            ++at;
        }
        ASSERT_EQ(hash(), expected[at]);
    }
    while (revisions.can_undo()) revisions.undo();
    EXPECT_EQ(hash(), start);
    while (revisions.can_redo()) revisions.redo();
    EXPECT_EQ(hash(), expected.back());
    ASSERT_TRUE(test::wait_until([&] { return desk().idle(); }, 120000));
    EXPECT_EQ(list_recipes(*desk().desk.workspace()).size(), 1001U);
}

TEST_F(Revisions, UndoSurvivesARestart)
{
    const auto start = hash();
    edit(2.5);
    edit(1.5);
    const auto last = hash();
    desk().desk.revisions().undo();
    const auto middle = hash();
    ASSERT_TRUE(desk().settle());
    const auto path = desk().path(QStringLiteral("w.bitwright")).toStdString();
    const auto copy = test::scratch("revisions_restart") / "w.bitwright";
    desk().desk.close();
    std::filesystem::copy_file(path, copy);
    for (const char* log : {"-wal", "-shm"})
        if (std::filesystem::exists(path + log)) std::filesystem::copy_file(path + log, copy.string() + log);
    desk_ = std::make_unique<test::TestDesk>();
    bool opened = false;
    QObject::connect(&desk().desk, &Desk::results_changed, [&] { opened = true; });
    desk().desk.open(QString::fromStdString(copy.string()));
    ASSERT_TRUE(test::wait_until([&] { return opened; }));
    EXPECT_EQ(hash(), middle);
    desk().desk.revisions().undo();
    ASSERT_TRUE(test::wait_until([&] { return desk().desk.recipe() && hash() == start; }));
    desk().desk.revisions().redo();
    desk().desk.revisions().redo();
    ASSERT_TRUE(test::wait_until([&] { return desk().desk.recipe() && hash() == last; }));
    EXPECT_FALSE(desk().desk.revisions().can_redo());
}

TEST_F(Revisions, WhatWasOpenedIsACommandAndTheCommandsHistoryIsTheDesks)
{
    auto& revisions = desk().desk.revisions();
    edit(2.5);
    ASSERT_TRUE(desk().settle());
    const auto first = list_recipes(*desk().desk.workspace()).back().id, second = list_recipes(*desk().desk.workspace()).front().id;
    const auto command = [&] { return desk().actions.command_line(); };
    revisions.undo();
    EXPECT_TRUE(command().startsWith(QStringLiteral("bitwright-cli recipe undo -w "))) << command().toStdString();
    revisions.redo();
    EXPECT_TRUE(command().startsWith(QStringLiteral("bitwright-cli recipe redo -w "))) << command().toStdString();
    revisions.adopt(first);
    EXPECT_TRUE(command().startsWith(QStringLiteral("bitwright-cli recipe open recipe:%1 -w ").arg(first))) << command().toStdString();
    ASSERT_TRUE(desk().settle());
    const auto history = recipe_history(*desk().desk.workspace(), desk().desk.model_row()->id);
    EXPECT_EQ(history.visited, (std::vector<std::int64_t>{first, second, first}));
    EXPECT_EQ(history.position, 2U);
}

TEST_F(Revisions, AnEditSaysWhatItDidAndAnEqualOneIsNone)
{
    auto& revisions = desk().desk.revisions();
    edit(2.5);
    EXPECT_NE(revisions.undo_words().indexOf(QStringLiteral("max 4 → 2.5")), -1) << revisions.undo_words().toStdString();
    const auto count = revisions.all().size();
    edit(2.5);
    EXPECT_EQ(revisions.all().size(), count);
    ASSERT_TRUE(desk().settle());
    EXPECT_EQ(list_recipes(*desk().desk.workspace()).front().words, revisions.head()->words.toStdString());
}

TEST_F(Revisions, AnEditThatCannotBeStoredSaysSo)
{
    QString sentence;
    QObject::connect(&desk().desk, &Desk::failed, [&](const QString& s) { sentence = s; });
    {
        Workspace other(file());
        edit(2.5);
        ASSERT_TRUE(desk().settle());
    }
    EXPECT_TRUE(sentence.isEmpty()) << sentence.toStdString();
    desk().desk.open(QStringLiteral("/nowhere/at/all"));
    EXPECT_TRUE(sentence.contains(QStringLiteral("/nowhere/at/all")));
    EXPECT_TRUE(desk().desk.recipe());  // what was open stays open
}

}  // namespace
}  // namespace bitwright::views
