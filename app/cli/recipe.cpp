// SPDX-License-Identifier: GPL-3.0-or-later
// recipe show, diff, set, check, name, open, undo, redo, log.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/opened_model.h"

#include "core/recipe/edits.h"
#include "core/recipe/lints.h"
#include "core/recipe/statistics_under.h"
#include "core/workspace/recipe_history.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string reference, other, site, model, name, npu, workspace;
    bool fix = false;
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

Json lint_json(const Model& model, const Lint& lint)
{
    Json evidence = Json::object(), edit = Json::array();
    for (const auto& part : lint.evidence) evidence[part.what] = part.value;
    for (const auto& [key, value] : lint.edit) edit.push_back(key + "=" + value);
    return {{"rule", name_of(lint.rule)},
            {"site", lint.site == no_site ? Json() : Json((*model.sites)[lint.site].name)},
            {"what", lint.what},
            {"gain_db", or_null(lint.gain_db)},
            {"evidence", std::move(evidence)},
            {"edit", std::move(edit)},
            {"advice", lint.advice}};
}

/// What looks wrong; with --fix a new revision with every remedy that is an edit.
void check(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto found = find_recipe(*workspace, arguments.reference);
    const OpenedModel model(folder_for(*workspace, found.row, arguments.model), *workspace);
    validate(found.recipe, model.model());
    const auto npu = arguments.npu.empty() ? std::nullopt : std::optional(find_npu_profile(arguments.npu));
    const auto statistics = found.row.calibration ? load_calibration_statistics(*workspace, get_calibration(*workspace, *found.row.calibration)) : Statistics();
    const auto lints = find_lints(model.model(), found.recipe, statistics, npu ? &*npu : nullptr);
    Json list = Json::array();
    for (const auto& lint : lints) list.push_back(lint_json(model.model(), lint));
    Json object{{"recipe", to_string(Reference{"recipe", found.row.id})}, {"npu", npu ? Json(npu->name) : Json()}, {"lints", list}};
    if (!arguments.fix) return line.print(object);
    Recipe mended = found.recipe;
    const auto observed = observed_by(*workspace, found, model.model());
    for (const auto& lint : lints)
        if (!lint.edit.empty()) mended = edit_sites(mended, model.model(), lint.pattern, lint.edit, observed);
    RecipeRow row;
    row.model = found.row.model;
    row.calibration = found.row.calibration;
    row.parent = found.row.id;
    row.name = arguments.name.empty() ? found.row.name : std::optional(arguments.name);
    row.words = "remedies of recipe check";
    mended.parent = recipe_hash(found.recipe);
    object["fixed"] = to_string(Reference{"recipe", put_recipe(*workspace, mended, row)});
    object["differences"] = diff_in_words(found.recipe, mended);
    line.print(object);
}

void name(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto id = find_recipe(*workspace, arguments.reference).row.id;
    name_recipe(*workspace, id, arguments.name.empty() ? std::nullopt : std::optional(arguments.name));
    line.print(row_of(get_recipe_row(*workspace, id)));
}

Json history_of(const Workspace& workspace, const RecipeHistory& history)
{
    auto object = row_of(get_recipe_row(workspace, *history.open()));
    object["undo"] = history.position;
    object["redo"] = history.visited.size() - history.position - 1;
    return object;
}

void open(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto row = find_recipe(*workspace, arguments.reference).row;
    if (!row.model) throw bad_input(arguments.reference, "", "belongs to no model of this workspace; import it with --model first");
    auto history = recipe_history(*workspace, *row.model);
    history.visit(row.id);
    put_recipe_history(*workspace, *row.model, history);
    put_open_model_row(*workspace, *row.model);
    line.print(history_of(*workspace, history));
}

void walk(const CommandLine& line, const Arguments& arguments, int step)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto model = open_model_row(*workspace);
    auto history = model ? recipe_history(*workspace, *model) : RecipeHistory();
    if (!history.walk(step))
        throw bad_input(workspace->path().string(), step < 0 ? "undo" : "redo",
                        step < 0 ? "there is nothing to undo: no recipe was open before" : "there is nothing to redo: the open recipe is the last one");
    put_recipe_history(*workspace, *model, history);
    line.print(history_of(*workspace, history));
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

    auto* checking = add_command(*command, "check", "what looks wrong in a recipe, and what an NPU does not take",
                                 "recipe, npu, lints[{rule, site, what, gain_db (of the site's SQNR, null where not known), evidence{}, edit[KEY=VALUE], advice}], with --fix fixed (the new recipe), differences[text]");
    checking->add_option("reference", arguments->reference, "REF")->required();
    std::string npus;
    for (const auto& profile : npu_profiles()) npus += (npus.empty() ? "" : ", ") + profile.name;
    checking->add_option("--npu", arguments->npu, "also what this NPU does not take: " + npus + ", or a profile file");
    checking->add_flag("--fix", arguments->fix, "make a new revision with every remedy that is an edit");
    checking->add_option("--model", arguments->model, "model folder; default: where it was last seen");
    checking->add_option("--name", arguments->name, "name of the new revision");
    add_workspace(*checking, arguments->workspace);
    checking->callback([&line, arguments] { line.action = [&line, arguments] { check(line, *arguments); }; });

    auto* naming = add_command(*command, "name", "name a revision, so that it is found again; \"\" takes its name away",
                               "recipe, name, revision, parent, method, calibration, hash, created");
    naming->add_option("reference", arguments->reference, "REF")->required();
    naming->add_option("name", arguments->name, "the name")->required();
    add_workspace(*naming, arguments->workspace);
    naming->callback([&line, arguments] { line.action = [&line, arguments] { name(line, *arguments); }; });

    const std::string walked = "recipe, name, revision, parent, method, calibration, hash, created, undo and redo (how many steps there are)";
    auto* opening = add_command(*command, "open", "make a recipe the open one, as Adopt does on the desk; undo goes back", walked);
    opening->add_option("reference", arguments->reference, "REF")->required();
    add_workspace(*opening, arguments->workspace);
    opening->callback([&line, arguments] { line.action = [&line, arguments] { open(line, *arguments); }; });
    for (const int step : {-1, 1}) {
        auto* walking = add_command(*command, step < 0 ? "undo" : "redo", step < 0 ? "the recipe that was open before is open again" : "what undo left is open again", walked);
        add_workspace(*walking, arguments->workspace);
        walking->callback([&line, arguments, step] { line.action = [&line, arguments, step] { walk(line, *arguments, step); }; });
    }

    auto* listing = add_command(*command, "log", "all recipes, newest first", "recipes[{recipe, name, revision, parent, method, calibration, hash, created}]");
    add_workspace(*listing, arguments->workspace);
    listing->callback([&line, arguments] { line.action = [&line, arguments] { log(line, *arguments); }; });
}

}  // namespace bitwright::cli
