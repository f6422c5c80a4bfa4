// SPDX-License-Identifier: GPL-3.0-or-later
// How the JSON of a recipe lies in its row: whole, or as the difference to its parent, so that a thousand edits of a model with a thousand sites cost what the
// edits cost. Internal to this folder.
// Format: `base` NULL: `json` is the recipe. Else `json` is a JSON patch (RFC 6902) that makes this recipe of the recipe of row `base`. At most
// longest_chain patches lie between a row and a whole one, and a patch is stored only where it is less than half as long as the recipe.
// Invariant: the document that is read back has the row's hash (SHA-256 of its text, recipe_hash), or an Error says so.
// Threading: as Workspace.
#pragma once

#include "core/workspace/database.h"
#include "core/workspace/workspace.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string>

namespace bitwright {

inline constexpr std::int64_t longest_chain = 64;

/// The recipe of a row as JSON. Throws Error (bad_input) when there is no such row, or what is stored has not the row's hash.
[[nodiscard]] nlohmann::json recipe_document(const Workspace& workspace, SQLite::Database& db, std::int64_t id);

struct RecipeText {
    std::string json;
    std::optional<std::int64_t> base;
};
/// What to store of `document`; `parent`: the row it was made from.
[[nodiscard]] RecipeText recipe_text(const Workspace& workspace, SQLite::Database& db, const nlohmann::json& document, std::optional<std::int64_t> parent);
/// The tensors that a row and those it is stored as a difference to already reference.
[[nodiscard]] std::set<std::string> referenced_tensors(SQLite::Database& db, std::int64_t id);

}  // namespace bitwright
