// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/recipes.h"

#include "core/workspace/database.h"
#include "core/workspace/jobs.h"
#include "core/workspace/recipe_rows.h"
#include "core/workspace/tensors.h"

#include <set>

namespace bitwright {
namespace {

constexpr const char* select_recipe =
    "SELECT id, revision, hash, method, created, model, parent, calibration, name, steps, peak_rss_bytes, cpu_seconds, seconds_per_step, words, conditions "
    "FROM recipes ";

RecipeRow row_of(SQLite::Statement& query)
{
    RecipeRow row;
    row.id = query.getColumn(0).getInt64();
    row.revision = query.getColumn(1).getInt64();
    row.hash = query.getColumn(2).getString();
    row.method = query.getColumn(3).getString();
    row.created = query.getColumn(4).getString();
    row.model = optional_int(query.getColumn(5));
    row.parent = optional_int(query.getColumn(6));
    row.calibration = optional_int(query.getColumn(7));
    row.name = optional_string(query.getColumn(8));
    row.steps = optional_int(query.getColumn(9));
    row.peak_rss_bytes = optional_int(query.getColumn(10));
    row.cpu_seconds = optional_double(query.getColumn(11));
    row.seconds_per_step = optional_double(query.getColumn(12));
    row.words = optional_string(query.getColumn(13));
    row.conditions = optional_int(query.getColumn(14));
    return row;
}

std::optional<RecipeRow> find_newest(const Workspace& workspace, const char* column, const std::string& value)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<RecipeRow> {
        SQLite::Statement query(db, std::string(select_recipe) + "WHERE " + column + " = ? ORDER BY id DESC LIMIT 1");
        query.bind(1, value);
        return query.executeStep() ? std::optional(row_of(query)) : std::nullopt;
    });
}

}  // namespace

TensorStore tensor_store(Workspace& workspace)
{
    return {[&workspace](const Tensor& tensor) { return put_tensor(workspace, tensor); },
            [&workspace](std::string_view sha256) { return get_tensor(workspace, sha256); }};
}

std::int64_t put_recipe(Workspace& workspace, const Recipe& recipe, const RecipeRow& row, std::optional<std::int64_t> job)
{
    const auto hash = recipe_hash(recipe);
    return workspace.database().write([&](SQLite::Database& db) {
        std::set<std::string> tensors;
        const auto store = tensor_store(workspace);
        const auto document = to_json(recipe, {[&](const Tensor& tensor) { return *tensors.insert(store.put(tensor)).first; }, store.get});
        const auto revision = row.parent ? get_recipe_row(workspace, *row.parent).revision + 1 : 1;
        const auto text = recipe_text(workspace, db, document, row.parent);
        SQLite::Statement insert(db,
                                 "INSERT INTO recipes (hash, model, parent, revision, name, method, calibration, json, steps, cpu_seconds, seconds_per_step, "
                                 "peak_rss_bytes, created, words, conditions, base) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, hash);
        bind_optional(insert, 2, row.model);
        bind_optional(insert, 3, row.parent);
        insert.bind(4, revision);
        bind_optional(insert, 5, row.name);
        insert.bind(6, recipe.made_by.method);
        bind_optional(insert, 7, row.calibration);
        insert.bind(8, text.json);
        bind_optional(insert, 9, row.steps);
        bind_optional(insert, 10, row.cpu_seconds);
        bind_optional(insert, 11, row.seconds_per_step);
        bind_optional(insert, 12, row.peak_rss_bytes);
        insert.bind(13, timestamp());
        bind_optional(insert, 14, row.words);
        bind_optional(insert, 15, row.conditions);
        bind_optional(insert, 16, text.base);
        insert.exec();
        const auto id = db.getLastInsertRowid();
        if (text.base) std::erase_if(tensors, [known = referenced_tensors(db, *text.base)](const auto& sha256) { return known.contains(sha256); });
        SQLite::Statement reference(db, "INSERT INTO recipe_tensors (recipe, sha256) VALUES (?, ?)");
        for (const auto& sha256 : tensors) {
            reference.bind(1, id);
            reference.bind(2, sha256);
            reference.exec();
            reference.reset();
        }
        if (job) end_job(workspace, *job, JobState::done, to_string(Reference{"recipe", id}));
        return id;
    });
}

RecipeRow get_recipe_row(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_recipe) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "recipe:" + std::to_string(id), "is not in the workspace; recipe log lists them");
        return row_of(query);
    });
}

Recipe load_recipe(Workspace& workspace, std::int64_t id)
{
    const auto where = workspace.path().string() + ": recipe:" + std::to_string(id);
    const auto document = workspace.database().read([&](SQLite::Database& db) { return recipe_document(workspace, db, id); });
    return recipe_from_json(document, tensor_store(workspace), where);
}

void name_recipe(Workspace& workspace, std::int64_t id, const std::optional<std::string>& name)
{
    (void)get_recipe_row(workspace, id);
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "UPDATE recipes SET name = ? WHERE id = ?");
        bind_optional(row, 1, name);
        row.bind(2, id);
        row.exec();
    });
}

std::vector<RecipeRow> list_recipes(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<RecipeRow> rows;
        SQLite::Statement query(db, std::string(select_recipe) + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(row_of(query));
        return rows;
    });
}

std::optional<RecipeRow> find_recipe_by_name(const Workspace& workspace, const std::string& name) { return find_newest(workspace, "name", name); }
std::optional<RecipeRow> find_recipe_by_hash(const Workspace& workspace, const std::string& hash) { return find_newest(workspace, "hash", hash); }

}  // namespace bitwright
