// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/edits.h"
#include "core/recipe/placement.h"
#include "core/workspace/models.h"
#include "core/workspace/notes.h"
#include "core/workspace/recipe_rows.h"
#include "core/workspace/recipes.h"
#include "core/workspace/tensors.h"
#include "tests/support/deep_model.h"

#include <gtest/gtest.h>

#include <random>

namespace bitwright {
namespace {

/// 22 layers, four bits, so that every linear has a range per row: the vectors are tensors.
class RecipeStorage : public ::testing::Test {
protected:
    RecipeStorage()
    {
        PlacementOptions options;
        options.weight_bits = 4;
        recipe_ = base_recipe(model_, options, Semantics::bitwright);
        for (auto& [name, decision] : recipe_.sites) {
            const auto& site = model_.sites->operator[](model_.sites->find(name));
            if (site.kind == SiteKind::activation) decision.range = {numbers({-4.25F}), numbers({6.5F}), {}, {}, "min-max"};
        }
        recipe_ = edit_sites(recipe_, model_, "layers.*.{q,k,v,o,gate,up,down}_proj.weight", {{"granularity", "row"}});
        recipe_.made_by.method = "rtn";
    }
    static std::int64_t size_of(const std::filesystem::path& file) { return static_cast<std::int64_t>(std::filesystem::file_size(file)); }
    std::filesystem::path file_ = test::scratch("recipe_storage") / "w.bitwright";
    Model model_ = open_model(test::deep_model("recipe_storage_model"));
    Recipe recipe_;
};

TEST_F(RecipeStorage, ManyEditsCostWhatTheEditsCost)
{
    std::int64_t first = 0, id = 0;
    std::vector<std::pair<std::int64_t, std::string>> hashes;
    {
        Workspace workspace(file_);
        id = put_recipe(workspace, recipe_, {});
        hashes.emplace_back(id, recipe_hash(recipe_));
    }
    first = size_of(file_);
    {
        Workspace workspace(file_);
        std::mt19937 random(5);
        for (int i = 0; i < 140; ++i) {
            const auto layer = std::to_string(random() % 22);
            recipe_ = edit_sites(recipe_, model_, "layers." + layer + (i % 10 == 0 ? ".mlp.up_proj.weight" : ".mlp.down_proj.input"),
                                 {{"max", std::to_string(0.5 + static_cast<double>(random() % 1000) / 100)}});
            RecipeRow row;
            row.parent = id;
            id = put_recipe(workspace, recipe_, row);
            hashes.emplace_back(id, recipe_hash(recipe_));
        }
        for (std::size_t i = 0; i < hashes.size(); i += 7) EXPECT_EQ(recipe_hash(load_recipe(workspace, hashes[i].first)), hashes[i].second) << i;
        EXPECT_EQ(recipe_hash(load_recipe(workspace, id)), hashes.back().second);
    }
    const auto each = (size_of(file_) - first) / 140;
    RecordProperty("bytes_per_revision", static_cast<int>(each));
    std::printf("bytes per revision %lld, the first %lld\n", static_cast<long long>(each), static_cast<long long>(first));
    EXPECT_LT(each, 12000);
}

TEST_F(RecipeStorage, ADamagedRowIsNotARecipe)
{
    Workspace workspace(file_);
    const auto first = put_recipe(workspace, recipe_, {});
    RecipeRow row;
    row.parent = first;
    const auto second = put_recipe(workspace, edit_sites(recipe_, model_, "layers.3.mlp.down_proj.input", {{"max", "2.5"}}), row);
    workspace.database().write([&](SQLite::Database& db) { EXPECT_EQ(db.exec("UPDATE recipes SET json = replace(json, '2.5', '2.75') WHERE base IS NOT NULL"), 1); });
    EXPECT_NO_THROW((void)load_recipe(workspace, first));
    try {
        (void)load_recipe(workspace, second);
        FAIL() << "a changed range was taken for the recipe";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("recipe:2"), std::string::npos) << error.what();
    }
}

TEST_F(RecipeStorage, NothingThatAPatchNeedsIsCollected)
{
    Workspace workspace(file_);
    auto id = put_recipe(workspace, recipe_, {});
    for (int i = 0; i < 3; ++i) {
        recipe_ = edit_sites(recipe_, model_, "layers." + std::to_string(i) + ".mlp.up_proj.weight", {{"bits", std::to_string(5 + i)}, {"max", "0.25"}});
        RecipeRow row;
        row.parent = id;
        id = put_recipe(workspace, recipe_, row);
    }
    (void)collect_unreferenced(workspace, std::chrono::seconds(-1));
    EXPECT_EQ(recipe_hash(load_recipe(workspace, id)), recipe_hash(recipe_));
}

TEST_F(RecipeStorage, ANameIsGivenAndTakenAway)
{
    Workspace workspace(file_);
    const auto id = put_recipe(workspace, recipe_, {});
    name_recipe(workspace, id, "before the weekend");
    EXPECT_EQ(find_recipe_by_name(workspace, "before the weekend")->id, id);
    name_recipe(workspace, id, std::nullopt);
    EXPECT_FALSE(find_recipe_by_name(workspace, "before the weekend"));
    EXPECT_THROW(name_recipe(workspace, 77, "x"), Error);
}

TEST_F(RecipeStorage, NotesBelongToAModelsSites)
{
    Workspace workspace(file_);
    ModelRow row;
    row.content_hash = std::string(64, 'a');
    row.family = "llama";
    const auto model = put_model(workspace, row, "identity");
    const std::vector<std::string> sites{"layers.0.mlp.down_proj.input", "layers.1.mlp.down_proj.input"};
    put_site_notes(workspace, model, sites, "channel 7 again");
    put_site_notes(workspace, model, std::span(sites).first(1), "");
    EXPECT_EQ(site_notes(workspace, model), (std::map<std::string, std::string>{{sites[1], "channel 7 again"}}));
}

}  // namespace
}  // namespace bitwright
