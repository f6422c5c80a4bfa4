// SPDX-License-Identifier: GPL-3.0-or-later
// Recipes with their history: a revision is a row whose decisions never change, its parent the row it was made from. A name means its newest revision.
// Threading: as Workspace.
#pragma once

#include "core/recipe/recipe.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct RecipeRow {
    std::int64_t id = 0, revision = 1;
    std::string hash, method, created;
    std::optional<std::int64_t> model, parent, calibration;
    std::optional<std::string> name;
    std::optional<std::string> words;  ///< what an edit said of itself: "down_proj input 0–21: max 61.2 → 18.4"
    /// Of the method that made it; absent for edits and imports.
    std::optional<std::int64_t> steps, peak_rss_bytes;
    std::optional<double> cpu_seconds, seconds_per_step;
    std::optional<std::int64_t> conditions;  ///< under which its method ran
};

/// Reads and writes a recipe's long vectors as tensors of the workspace.
[[nodiscard]] TensorStore tensor_store(Workspace& workspace);

/// Stores a recipe; `row` gives everything but id, hash, revision, method and created. Ends `job` as done with it in the same transaction. @return id
std::int64_t put_recipe(Workspace& workspace, const Recipe& recipe, const RecipeRow& row, std::optional<std::int64_t> job = {});
/// Throws Error (bad_input) when absent.
[[nodiscard]] RecipeRow get_recipe_row(const Workspace& workspace, std::int64_t id);
/// Throws Error (bad_input) when absent, or when what is stored has not the row's hash.
[[nodiscard]] Recipe load_recipe(Workspace& workspace, std::int64_t id);
/// Names one revision, or takes its name away; throws Error (bad_input) when absent.
void name_recipe(Workspace& workspace, std::int64_t id, const std::optional<std::string>& name);
/// Newest first.
[[nodiscard]] std::vector<RecipeRow> list_recipes(const Workspace& workspace);
[[nodiscard]] std::optional<RecipeRow> find_recipe_by_name(const Workspace& workspace, const std::string& name);
[[nodiscard]] std::optional<RecipeRow> find_recipe_by_hash(const Workspace& workspace, const std::string& hash);

}  // namespace bitwright
