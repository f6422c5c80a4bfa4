// SPDX-License-Identifier: GPL-3.0-or-later
// The recipes of a model that were open, in the order they were visited: what undo and redo walk, on the desk and on the command line.
// Invariants: only rows of the model that exist; position < visited.size() unless there are none.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitwright {

struct RecipeHistory {
    std::vector<std::int64_t> visited;  ///< rows of `recipes`
    std::size_t position = 0;           ///< of the one that is open
    [[nodiscard]] std::optional<std::int64_t> open() const { return position < visited.size() ? std::optional(visited[position]) : std::nullopt; }
    /// `row` becomes the open one; what could be redone is forgotten.
    void visit(std::int64_t row);
    /// One step back (−1) or on (+1). @return whether there is one
    bool walk(int step);
};

/// Without a history: the newest recipe of the model, if there is one.
[[nodiscard]] RecipeHistory recipe_history(const Workspace& workspace, std::int64_t model);
void put_recipe_history(Workspace& workspace, std::int64_t model, const RecipeHistory& history);
/// The model that the desk shows, or showed last; absent in a workspace without models.
[[nodiscard]] std::optional<std::int64_t> open_model_row(const Workspace& workspace);
void put_open_model_row(Workspace& workspace, std::int64_t model);

}  // namespace bitwright
