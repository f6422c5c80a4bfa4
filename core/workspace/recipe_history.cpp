// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/recipe_history.h"

#include "core/workspace/desk.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitwright {
namespace {

std::string key_of(std::int64_t model) { return "history:" + std::to_string(model); }

}  // namespace

void RecipeHistory::visit(std::int64_t row)
{
    if (open() == row) return;
    visited.resize(visited.empty() ? 0 : position + 1);
    visited.push_back(row);
    position = visited.size() - 1;
}

bool RecipeHistory::walk(int step)
{
    const auto next = static_cast<std::int64_t>(position) + step;
    if (next < 0 || next >= static_cast<std::int64_t>(visited.size())) return false;
    position = static_cast<std::size_t>(next);
    return true;
}

RecipeHistory recipe_history(const Workspace& workspace, std::int64_t model)
{
    std::vector<std::int64_t> rows;  // newest first
    for (const auto& row : list_recipes(workspace))
        if (row.model == model) rows.push_back(row.id);
    RecipeHistory history;
    const auto stored = desk_value(workspace, key_of(model));
    if (stored.is_object() && stored.value("visited", nlohmann::json()).is_array()) {
        const auto position = stored.value("position", std::size_t{0});
        for (std::size_t i = 0; i < stored["visited"].size(); ++i) {
            const auto& id = stored["visited"][i];
            if (!id.is_number_integer() || std::ranges::find(rows, id.get<std::int64_t>()) == rows.end()) continue;
            history.visited.push_back(id.get<std::int64_t>());
            if (i == position) history.position = history.visited.size() - 1;
        }
    }
    if (history.visited.empty() && !rows.empty()) history.visited.push_back(rows.front());
    return history;
}

void put_recipe_history(Workspace& workspace, std::int64_t model, const RecipeHistory& history)
{
    put_desk_value(workspace, key_of(model), {{"visited", history.visited}, {"position", history.position}});
}

std::optional<std::int64_t> open_model_row(const Workspace& workspace)
{
    const auto models = list_models(workspace);
    const auto last = desk_value(workspace, "model");
    if (last.is_number_integer() && std::ranges::any_of(models, [&](const ModelRow& row) { return row.id == last.get<std::int64_t>(); })) return last.get<std::int64_t>();
    return models.empty() ? std::nullopt : std::optional(models.front().id);
}

void put_open_model_row(Workspace& workspace, std::int64_t model) { put_desk_value(workspace, "model", model); }

}  // namespace bitwright
