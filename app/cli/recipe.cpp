// SPDX-License-Identifier: GPL-3.0-or-later
// recipe show, diff, set, name, log.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/opened_model.h"

#include "core/recipe/edits.h"
#include "core/recipe/statistics_under.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string reference, other, site, model, name, workspace;
    std::vector<std::string> assignments;
};

Json row_of(const RecipeRow& row)
{
    const auto reference = [](const char* kind, const std::optional<std::int64_t>& id) { return id ? Json(to_string(Reference{kind, *id})) : Json(); };
    return {{"recipe", to_string(Reference{"recipe", row.id})},
            {"name", or_null(row.name)},
            {"revision", row.revision},
            {"parent", reference("recipe", row.parent)},
            {"method", row.method},
            {"calibration", reference("calibration", row.calibration)},
            {"hash", row.hash},
            {"created", row.created}};
}

/// The decisions per site, in words.
Json sites_in_words(const Recipe& recipe)
{
    const auto ends = [](const Numbers& numbers, bool largest) -> Json {
        if (!numbers || numbers->empty()) return {};
        return largest ? *std::max_element(numbers->begin(), numbers->end()) : *std::min_element(numbers->begin(), numbers->end());
    };
    Json sites = Json::array();
    for (const auto& [name, decision] : recipe.sites) {
        sites.push_back({{"site", name},
                         {"scheme", in_words(decision.scheme)},
                         {"min", ends(decision.range.min, false)},
                         {"max", ends(decision.range.max, true)},
                         {"source", decision.range.source}});
    }
    return sites;
}

void show(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto found = find_recipe(*workspace, arguments.reference);
    auto object = row_of(found.row);
    object["semantics"] = name_of(found.recipe.semantics);
    object["architecture"] = found.recipe.architecture;
    object["transforms"] = found.recipe.transforms.size();
    if (line.json)
        object["value"] = Json::parse(to_json(found.recipe, {tensor_sha256, {}}).dump());
    else
        object["sites"] = sites_in_words(found.recipe);
    line.print(object);
}

void diff(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto before = find_recipe(*workspace, arguments.reference), after = find_recipe(*workspace, arguments.other);
    line.print({{"a", to_string(Reference{"recipe", before.row.id})},
                {"b", to_string(Reference{"recipe", after.row.id})},
                {"differences", diff_in_words(before.recipe, after.recipe)}});
}

/// What the recipe's calibration saw, read when the first site asks for it.
Observed observed_by(const Workspace& workspace, const NamedRecipe& recipe, const Model& model)
{
    if (!recipe.row.calibration) return {};
    auto seen = std::make_shared<std::optional<StatisticsUnder>>();
    return [&workspace, &recipe, &model, seen](const Site& site) {
        if (!*seen) {
            const auto row = get_calibration(workspace, *recipe.row.calibration);
            *seen = StatisticsUnder(model, recipe.recipe, std::make_shared<const Statistics>(load_calibration_statistics(workspace, row)));
        }
        return (*seen)->find(site.name);
    };
}

void set(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto before = find_recipe(*workspace, arguments.reference);
    const OpenedModel model(folder_for(*workspace, before.row, arguments.model), *workspace);
    Assignments assignments;
    for (const auto& text : arguments.assignments) assignments.push_back(parse_assignment(text));
    const auto after = edit_sites(before.recipe, model.model(), arguments.site, assignments, observed_by(*workspace, before, model.model()));
    RecipeRow row;
    row.model = before.row.model;
    row.calibration = before.row.calibration;
    row.parent = before.row.id;
    row.name = arguments.name.empty() ? before.row.name : std::optional(arguments.name);
    auto object = row_of(get_recipe_row(*workspace, put_recipe(*workspace, after, row)));
    object["differences"] = diff_in_words(before.recipe, after);
    line.print(object);
}

void name(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto id = find_recipe(*workspace, arguments.reference).row.id;
    name_recipe(*workspace, id, arguments.name.empty() ? std::nullopt : std::optional(arguments.name));
    line.print(row_of(get_recipe_row(*workspace, id)));
}

void log(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    Json recipes = Json::array();
    for (const auto& row : list_recipes(*workspace)) recipes.push_back(row_of(row));
    line.print({{"recipes", recipes}});
}

}  // namespace

void add_recipe(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(app, "recipe", "show, compare, change recipes; list their history", "");
    command->require_subcommand(1);
    auto arguments = std::make_shared<Arguments>();

    auto* showing = add_command(
        *command, "show", "one recipe",
        "recipe, name, revision, parent, method, calibration, hash, created, semantics, architecture, transforms (how many), value (the recipe itself)");
    showing->add_option("reference", arguments->reference, "REF")->required();
    add_workspace(*showing, arguments->workspace);
    showing->callback([&line, arguments] { line.action = [&line, arguments] { show(line, *arguments); }; });

    auto* comparing = add_command(*command, "diff", "the difference of two recipes in words", "a, b, differences[text]");
    comparing->add_option("a", arguments->reference, "REF")->required();
    comparing->add_option("b", arguments->other, "REF")->required();
    add_workspace(*comparing, arguments->workspace);
    comparing->callback([&line, arguments] { line.action = [&line, arguments] { diff(line, *arguments); }; });

    auto* setting = add_command(*command, "set", "a new revision with sites changed by hand; a name moves on to it",
                                "recipe, name, revision, parent, method, calibration, hash, created, differences[text]");
    setting->add_option("reference", arguments->reference, "REF")->required();
    setting->add_option("--site", arguments->site, "sites whose name matches: * ? {a,b}")->required();
    setting
        ->add_option("assignments", arguments->assignments,
                     "KEY=VALUE: kind, bits, symmetric, granularity, dynamic, integer_group_scales, min, max, scale, offset, range (minmax, percentile:P, mse)")
        ->required();
    setting->add_option("--model", arguments->model, "model folder; default: where it was last seen");
    setting->add_option("--name", arguments->name, "name of the new revision");
    add_workspace(*setting, arguments->workspace);
    setting->callback([&line, arguments] { line.action = [&line, arguments] { set(line, *arguments); }; });

    auto* naming = add_command(*command, "name", "name a revision, so that it is found again; \"\" takes its name away",
                               "recipe, name, revision, parent, method, calibration, hash, created");
    naming->add_option("reference", arguments->reference, "REF")->required();
    naming->add_option("name", arguments->name, "the name")->required();
    add_workspace(*naming, arguments->workspace);
    naming->callback([&line, arguments] { line.action = [&line, arguments] { name(line, *arguments); }; });

    auto* listing = add_command(*command, "log", "all recipes, newest first", "recipes[{recipe, name, revision, parent, method, calibration, hash, created}]");
    add_workspace(*listing, arguments->workspace);
    listing->callback([&line, arguments] { line.action = [&line, arguments] { log(line, *arguments); }; });
}

}  // namespace bitwright::cli
