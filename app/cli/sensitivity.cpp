// SPDX-License-Identifier: GPL-3.0-or-later
// sensitivity: which sites of a recipe cost the most. allocate: bits under a budget. convergence: were the calibration windows enough.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/allocation_job.h"
#include "app/jobs/convergence_job.h"
#include "app/jobs/sensitivity_job.h"
#include "core/workspace/models.h"

#include <algorithm>
#include <filesystem>
#include <memory>

namespace fs = std::filesystem;

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string model, recipe, by = "site", placement, workspace;
    TokenArguments tokens;
    std::optional<std::int64_t> top;
    bool prescreen = false, fresh = false;
};

/// The plain calibration a recipe was made on, where the workspace has it.
std::optional<Statistics> statistics_of(const Workspace& workspace, const RecipeRow& row)
{
    if (!row.calibration) return std::nullopt;
    return load_calibration_statistics(workspace, get_calibration(workspace, *row.calibration));
}

Json row_json(const SensitivityRow& row, double whole)
{
    return {{"group", row.group},
            {"alone_kl", or_null(row.alone)},
            {"without_kl", or_null(row.without)},
            {"relief_kl", row.without ? Json(whole - *row.without) : Json()},
            {"introduced_sqnr_db", or_null(row.introduced_sqnr_db)},
            {"kurtosis", or_null(row.kurtosis)},
            {"sites", row.sites}};
}

void run_sensitivity(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    const auto recipe = find_recipe(*workspace, arguments.recipe);
    OpenedModel model(folder_for(*workspace, recipe.row, arguments.model), *workspace);
    validate(recipe.recipe, model.model());
    const auto statistics = statistics_of(*workspace, recipe.row);
    SensitivityRequest request;
    request.recipe = &recipe.recipe;
    request.recipe_row = recipe.row.id;
    request.placement = arguments.placement == "full" ? Placement::full : Placement::paper;
    request.grouping = *site_grouping_named(arguments.by);
    request.top = arguments.top;
    request.statistics = statistics ? &*statistics : nullptr;
    Json object{{"recipe", to_string(Reference{"recipe", recipe.row.id})}, {"by", arguments.by}};
    Json rows = Json::array();
    if (arguments.prescreen) {
        const auto groups = site_groups(model.model(), recipe.recipe, request.grouping, request.placement == Placement::full);
        for (const auto& row : prescreen(model.model(), recipe.recipe, groups, request.statistics, line.control)) rows.push_back(Json{{"group", row.group}, {"kurtosis", or_null(row.kurtosis)}, {"sites", row.sites}});
        object["groups"] = rows;
        return line.print(object);
    }
    request.windows = read_tokens(arguments.tokens, model.model());
    const auto outcome = measure_sensitivity(environment, model, request);
    for (const auto& row : outcome.found.rows) rows.push_back(row_json(row, outcome.found.whole));
    object["whole_kl"] = outcome.found.whole;
    object["windows"] = request.windows.count;
    object["length"] = request.windows.length;
    object["computed"] = outcome.computed;
    object["resumed"] = outcome.resumed;
    object["groups"] = rows;
    line.print(object);
}

struct AllocateArguments {
    std::string model, recipe, by = "site", placement = "full", range = "mse", name, workspace;
    TokenArguments tokens;
    std::vector<int> to{4};
    std::optional<std::uint64_t> bytes;
    std::optional<double> bits_per_weight;
    std::optional<int> like_uniform;
    std::int64_t tries = 32;
    bool fresh = false;
};

void run_allocate(CommandLine& line, const AllocateArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    const auto recipe = find_recipe(*workspace, arguments.recipe);
    OpenedModel model(folder_for(*workspace, recipe.row, arguments.model), *workspace);
    validate(recipe.recipe, model.model());
    AllocationRequest request;
    request.base = &recipe.recipe;
    request.base_row = recipe.row.id;
    request.calibration = recipe.row.calibration;
    request.windows = read_tokens(arguments.tokens, model.model());
    request.placement = arguments.placement == "full" ? Placement::full : Placement::paper;
    request.grouping = *site_grouping_named(arguments.by);
    request.bits = arguments.to;
    request.range = arguments.range;
    request.budget = {arguments.bytes, arguments.bits_per_weight, arguments.like_uniform};
    request.tries = arguments.tries;
    if (!arguments.name.empty()) request.name = arguments.name;
    const auto outcome = allocate_bits(environment, model, request);
    const auto front = pareto_front(outcome.row.trials);
    Json trials = Json::array();
    Json chosen;
    for (std::size_t i = 0; i < outcome.row.trials.size(); ++i) {
        const auto& trial = outcome.row.trials[i];
        Json row{{"recipe", to_string(Reference{"recipe", trial.recipe})},
                 {"bytes", trial.bytes},
                 {"bits_per_weight", trial.bits_per_weight},
                 {"kl_token", trial.kl_token},
                 {"perplexity_token", trial.perplexity},
                 {"front", std::find(front.begin(), front.end(), i) != front.end()},
                 {"chosen", trial.chosen},
                 {"words", trial.words}};
        if (trial.chosen) chosen = row["recipe"];
        trials.push_back(std::move(row));
    }
    line.print({{"recipe", chosen}, {"budget", outcome.row.budget}, {"budget_bytes", outcome.budget_bytes}, {"computed", outcome.computed}, {"trials", trials}});
}

struct ConvergenceArguments {
    std::string reference, model, site, workspace;
    bool fresh = false;
};

void run_convergence(CommandLine& line, const ConvergenceArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    const auto calibration = find_calibration_reference(*workspace, arguments.reference);
    const auto folder = arguments.model.empty() ? get_model(*workspace, calibration.model).path : arguments.model;
    OpenedModel model(folder, *workspace);
    Json sites = Json::array();
    std::size_t enough = 0, all = 0;
    for (const auto& [site, range] : measure_convergence(environment, model, calibration)) {
        ++all;
        enough += range.enough;
        if (!arguments.site.empty() && !matches_site_name(arguments.site, site)) continue;
        Json object{{"site", site}, {"verdict", range.enough ? "enough" : "not yet"}, {"growth", range.growth}, {"min", range.curve.back().min}, {"max", range.curve.back().max}};
        if (line.json) {
            object["curve"] = Json::array();
            for (const auto& point : range.curve) object["curve"].push_back({{"windows", point.windows}, {"min", point.min}, {"max", point.max}});
        }
        sites.push_back(std::move(object));
    }
    line.print({{"calibration", to_string(Reference{"calibration", calibration.id})}, {"windows", calibration.windows}, {"enough", enough}, {"not_yet", all - enough}, {"sites", sites}});
}

}  // namespace

void add_sensitivity(CLI::App& app, CommandLine& line)
{
    const auto groupings = CLI::IsMember({"site", "kind", "layer", "linear"});
    auto* command = add_command(app, "sensitivity", "which sites of a recipe cost the most; what is known already is not computed again",
                                "recipe, by, whole_kl (per token to the float model, of the recipe itself), windows, length, computed (probes), resumed, groups[{group, alone_kl (only the group quantized), "
                                "without_kl (all but it), relief_kl (whole_kl less without_kl), introduced_sqnr_db (of one site at its own float input), kurtosis, sites}], largest alone_kl first");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("recipe", arguments->recipe, "REF")->required();
    command->add_option("--model", arguments->model, "model folder, where the workspace does not know it");
    command->add_option("--by", arguments->by, "site, kind (one site of all layers), layer or linear")->capture_default_str()->check(groupings);
    command->add_option("--placement", arguments->placement, "paper or full")->check(CLI::IsMember({"paper", "full"}));
    command->add_option("--top", arguments->top, "probe only the N groups with the largest kurtosis")->check(CLI::PositiveNumber);
    command->add_flag("--prescreen", arguments->prescreen, "only the kurtosis: needs no text");
    add_tokens(*command, arguments->tokens);
    command->add_flag("--fresh", arguments->fresh, "compute everything again");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_sensitivity(line, *arguments); }; });

    auto* converging = add_command(app, "convergence", "whether a calibration's windows were enough, per site",
                                   "calibration, windows, enough (sites), not_yet (sites), sites[{site, verdict (enough, not yet), growth (share of the range that the second half of the windows adds, over all ways to "
                                   "halve them), min, max, curve[{windows, min, max}] (expected over all choices of so many windows)}], the least converged first");
    auto asked = std::make_shared<ConvergenceArguments>();
    converging->add_option("calibration", asked->reference, "calibration:N")->required();
    converging->add_option("--model", asked->model, "model folder, where the workspace does not know it");
    converging->add_option("--site", asked->site, "only sites whose name matches: * ? {a,b}");
    converging->add_flag("--fresh", asked->fresh, "measure every window again");
    add_workspace(*converging, asked->workspace);
    converging->callback([&line, asked] { line.action = [&line, asked] { run_convergence(line, *asked); }; });

    auto* allocation = add_command(app, "allocate", "bits of the weights under a budget, from what each costs; every recipe tried is kept",
                                   "recipe (the chosen one), budget, budget_bytes, computed (probes), trials[{recipe, bytes, bits_per_weight, kl_token (to float), perplexity_token, front (nothing tried is smaller and "
                                   "nearer), chosen, words}]");
    auto wanted = std::make_shared<AllocateArguments>();
    allocation->add_option("recipe", wanted->recipe, "REF to begin with, at the most bits to use")->required();
    allocation->add_option("--model", wanted->model, "model folder, where the workspace does not know it");
    allocation->add_option("--to", wanted->to, "bits a weight may be lowered to")->capture_default_str()->delimiter(',')->check(CLI::Range(2, 8));
    allocation->add_option("--bytes", wanted->bytes, "budget: bytes of all weights as a package stores them");
    allocation->add_option("--bits-per-weight", wanted->bits_per_weight, "budget: effective bits")->check(CLI::PositiveNumber);
    allocation->add_option("--like-uniform", wanted->like_uniform, "budget: as many bytes as all layers' linears at so many bits")->check(CLI::Range(2, 8));
    allocation->add_option("--by", wanted->by, "what gets bits together: site, kind, layer or linear")->capture_default_str()->check(groupings);
    allocation->add_option("--range", wanted->range, "rule of the ranges: minmax, percentile:P or mse")->capture_default_str();
    allocation->add_option("--placement", wanted->placement, "paper or full (embedding and lm_head count, too)")->capture_default_str()->check(CLI::IsMember({"paper", "full"}));
    allocation->add_option("--tries", wanted->tries, "combinations to try")->capture_default_str()->check(CLI::Range(4, 10000));
    allocation->add_option("--name", wanted->name, "of the chosen recipe");
    add_tokens(*allocation, wanted->tokens);
    allocation->add_flag("--fresh", wanted->fresh, "compute everything again");
    add_workspace(*allocation, wanted->workspace);
    allocation->callback([&line, wanted] { line.action = [&line, wanted] { run_allocate(line, *wanted); }; });
}

}  // namespace bitwright::cli
