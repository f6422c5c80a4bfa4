// SPDX-License-Identifier: GPL-3.0-or-later
// The arguments several commands take: REF, TOKENS, a model folder with its tokenizer.
// Threading: one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/checkpoint/token_windows.h"
#include "core/recipe/recipe.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/recipes.h"

#include <CLI/App.hpp>

#include <optional>
#include <string>
#include <vector>

namespace bitwright::cli {

/// TOKENS = --text FILE --samples N --length L --seed S [--special none|auto] | --ids FILE.safetensors:TENSOR
struct TokenArguments {
    std::string text, ids, special = "none";
    std::int64_t samples = 0, length = 0;
    std::uint64_t seed = 0;
    [[nodiscard]] bool given() const noexcept { return !text.empty() || !ids.empty(); }
};
/// Adds the options; --seed is added too.
void add_tokens(CLI::App& command, TokenArguments& tokens);
/// Throws Error (usage) when they do not make a whole.
[[nodiscard]] TokenWindows read_tokens(const TokenArguments& tokens, const Model& model);
/// With a share [0, 0.5] of the text, or of the windows of ids, kept back.
[[nodiscard]] WindowSplit read_tokens_apart(const TokenArguments& tokens, const Model& model, double held_out_share);

/// The model's tokenizer. Throws Error (bad_input) when there is none, asking for --ids.
[[nodiscard]] std::shared_ptr<const Tokenizer> open_tokenizer(const Model& model);
/// Ids from a JSON file that holds one array of integers.
[[nodiscard]] std::vector<std::int32_t> read_ids(const std::string& path);

/// REF as a recipe of the workspace: recipe:14, job:2 (what it made), a name, or a recipe file, which then becomes a row.
struct NamedRecipe {
    RecipeRow row;
    Recipe recipe;
};
[[nodiscard]] NamedRecipe find_recipe(Workspace& workspace, const std::string& reference);
/// calibration:3 or job:2.
[[nodiscard]] CalibrationRow find_calibration_reference(const Workspace& workspace, const std::string& reference);
/// A reference of the kind asked for, job:2 followed to its result. Throws Error (bad_input) otherwise.
[[nodiscard]] std::int64_t find_id(const Workspace& workspace, const std::string& reference, const std::string& kind);

/// The folder given, or where the recipe's model was last seen. Throws Error when it is not there any more.
[[nodiscard]] std::string folder_for(const Workspace& workspace, const RecipeRow& row, const std::string& given);

}  // namespace bitwright::cli
