// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/arguments.h"

#include "core/runtime/file.h"
#include "core/runtime/json.h"
#include "core/workspace/jobs.h"
#include "core/workspace/models.h"

#include <filesystem>
#include <limits>

namespace fs = std::filesystem;

namespace bitwright::cli {

void add_tokens(CLI::App& command, TokenArguments& tokens)
{
    auto* text = command.add_option("--text", tokens.text, "text file to cut windows from");
    command.add_option("--samples", tokens.samples, "number of windows")->needs(text);
    command.add_option("--length", tokens.length, "tokens of a window")->needs(text);
    command.add_option("--special", tokens.special, "special tokens around the text: none, or auto = the tokenizer's own")
        ->check(CLI::IsMember({"none", "auto"}))
        ->needs(text);
    command.add_option("--ids", tokens.ids, "windows as they are: FILE.safetensors:TENSOR, integers [windows, length]")->excludes(text);
    command.add_option("--seed", tokens.seed, "seed of every random choice");
}

TokenWindows read_tokens(const TokenArguments& tokens, const Model& model) { return read_tokens_apart(tokens, model, 0).observed; }

WindowSplit read_tokens_apart(const TokenArguments& tokens, const Model& model, double held_out_share)
{
    if (!tokens.ids.empty()) return hold_out_last(load_windows(tokens.ids, model.architecture().vocab), held_out_share);
    if (tokens.text.empty()) throw usage_error("tokens are needed: --text FILE --samples N --length L --seed S, or --ids FILE.safetensors:TENSOR");
    if (tokens.samples < 1 || tokens.length < 1) throw usage_error("--text needs --samples N and --length L, both at least 1");
    return sample_apart(*open_tokenizer(model), tokens.text, tokens.samples, tokens.length, tokens.seed, tokens.special, held_out_share);
}

std::shared_ptr<const Tokenizer> open_tokenizer(const Model& model)
{
    const auto& checkpoint = *model.checkpoint;
    if (!checkpoint.has_tokenizer()) throw bad_input(checkpoint.folder().string(), "tokenizer.json", "is not there; give token ids with --ids instead of text");
    return Tokenizer::open(checkpoint.tokenizer_path());
}

std::vector<std::int32_t> read_ids(const std::string& path)
{
    const auto value = json::parse(read_text(path), path);
    if (value.kind != json::Kind::array || value.array.empty()) throw bad_input(path, "", "holds no array of token ids; write [1, 2, 3]");
    std::vector<std::int32_t> ids;
    for (const auto& id : value.array) {
        if (id.kind != json::Kind::integer || id.integer < 0 || id.integer > std::numeric_limits<std::int32_t>::max())
            throw bad_input(path, "entry " + std::to_string(ids.size()), "is no token id; token ids are integers from 0");
        ids.push_back(static_cast<std::int32_t>(id.integer));
    }
    return ids;
}

std::int64_t find_id(const Workspace& workspace, const std::string& text, const std::string& kind)
{
    Reference reference;
    if (!parse_reference(text, reference))
        throw bad_input(workspace.path().string(), text, "is not in the workspace; a " + kind + " is named like " + kind + ":1");
    if (reference.kind == "job") {
        const auto job = get_job(workspace, reference.id);
        if (!job.result || !parse_reference(*job.result, reference))
            throw bad_input(workspace.path().string(), text,
                            std::string("has made nothing (") + name_of(job.state) + "); repeat its command or jobs resume it");
    }
    if (reference.kind != kind) throw bad_input(workspace.path().string(), text, "is no " + kind);
    return reference.id;
}

CalibrationRow find_calibration_reference(const Workspace& workspace, const std::string& reference)
{
    return get_calibration(workspace, find_id(workspace, reference, "calibration"));
}

NamedRecipe find_recipe(Workspace& workspace, const std::string& text)
{
    Reference reference;
    if (parse_reference(text, reference)) {
        const auto id = find_id(workspace, text, "recipe");
        return {get_recipe_row(workspace, id), load_recipe(workspace, id)};
    }
    if (const auto row = find_recipe_by_name(workspace, text)) return {*row, load_recipe(workspace, row->id)};
    std::error_code error;
    if (!fs::is_regular_file(text, error))
        throw bad_input(workspace.path().string(), text, "is neither a recipe (recipe:1), a name given with --name, nor a file");
    auto recipe = load_recipe(fs::path(text));
    if (const auto row = find_recipe_by_hash(workspace, recipe_hash(recipe))) return {*row, std::move(recipe)};
    RecipeRow row;
    if (const auto model = find_model(workspace, recipe.model_hash)) row.model = model->id;
    const auto id = put_recipe(workspace, recipe, row);
    return {get_recipe_row(workspace, id), std::move(recipe)};
}

std::string folder_for(const Workspace& workspace, const RecipeRow& row, const std::string& given)
{
    if (!given.empty()) return given;
    if (!row.model) throw usage_error("--model FOLDER is needed: the workspace does not know the model of " + to_string(Reference{"recipe", row.id}));
    const auto model = get_model(workspace, *row.model);
    if (!fs::is_directory(model.path)) throw bad_input(model.path, "", "is not there any more; say with --model where the model lies now");
    return model.path;
}

}  // namespace bitwright::cli
