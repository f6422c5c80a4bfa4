// SPDX-License-Identifier: GPL-3.0-or-later
// evaluate: perplexity at the float, simulated or integer level.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/evaluate_job.h"
#include "app/jobs/layer_errors_job.h"
#include "app/jobs/package_job.h"

#include <filesystem>
#include <memory>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string source, recipe, level, placement = "paper", text, bos = "none", ids, workspace;
    std::optional<std::int64_t> length, windows, per_layer;
    bool rolling = false, per_window = false, fresh = false;
    int threads = 0;
};

ScoringWindows scoring_of(const Arguments& arguments, std::int64_t vocabulary, std::int32_t bos,
                          const std::function<std::shared_ptr<const Tokenizer>()>& tokenizer)
{
    if (arguments.text.empty() == arguments.ids.empty()) throw usage_error("either --text FILE --length L or --ids FILE.safetensors:TENSOR is needed");
    ScoringWindows scoring;
    if (!arguments.ids.empty()) {
        scoring = given_scoring(arguments.ids, vocabulary);
    } else {
        if (!arguments.length) throw usage_error("--text needs --length L");
        if (arguments.rolling && arguments.bos != "none") throw usage_error("--rolling begins with BOS by its definition; leave --bos out");
        scoring = arguments.rolling ? rolling_scoring(*tokenizer(), arguments.text, *arguments.length, bos)
                                    : stream_scoring(*tokenizer(), arguments.text, *arguments.length, arguments.bos == "stream" ? Bos::stream : Bos::none, bos);
    }
    if (arguments.windows) scoring.limit(*arguments.windows);
    return scoring;
}

EvaluateOutcome evaluate_source_package(JobEnvironment& environment, const Arguments& arguments, const fs::path& path)
{
    const auto package = Package::open(path);
    const auto scoring = scoring_of(arguments, package->graph().vocab, package->graph().bos, [&]() -> std::shared_ptr<const Tokenizer> {
        if (package->tokenizer_json().empty())
            throw bad_input(path.string(), "tokenizer.json", "is not in the package; give token ids with --ids instead of --text");
        return Tokenizer::parse(package->tokenizer_json(), path.string() + ": tokenizer.json");
    });
    const int threads = arguments.threads > 0 ? arguments.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    return evaluate_package(environment, package, threads, scoring);
}

EvaluateOutcome evaluate_source_model(JobEnvironment& environment, const Arguments& arguments, std::vector<LayerErrorRow>& layers)
{
    auto& workspace = environment.workspace;
    OpenedModel model(arguments.source, workspace);
    std::optional<NamedRecipe> recipe;
    if (!arguments.recipe.empty()) {
        recipe = find_recipe(workspace, arguments.recipe);
        validate(recipe->recipe, model.model());
    }
    if (arguments.level != "float" && !recipe) throw usage_error("--level " + arguments.level + " of a model needs --recipe REF");
    if (arguments.level == "float" && recipe) throw usage_error("--level float takes no --recipe; it is the model as it is");
    if (arguments.level == "integer") {
        const auto path = package_of(environment, model, recipe->recipe);
        return evaluate_source_package(environment, arguments, path);
    }
    const auto scoring =
        scoring_of(arguments, model.architecture().vocab, static_cast<std::int32_t>(model.architecture().bos), [&] { return open_tokenizer(model.model()); });
    if (arguments.per_layer) layers = store_layer_errors(environment, model, recipe->recipe, recipe->row.id, scoring, *arguments.per_layer);
    return evaluate_model(environment, model, recipe ? &recipe->recipe : nullptr, recipe ? std::optional(recipe->row.id) : std::nullopt,
                          arguments.placement == "full" ? Placement::full : Placement::paper, scoring);
}

void run_evaluate(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    const bool folder = fs::is_directory(arguments.source);
    if (arguments.per_layer && arguments.level != "simulated") throw usage_error("--per-layer needs --level simulated: the error of a layer is that of the simulated model");
    if (arguments.per_layer) environment.reuse_finished = true;  // the layers are what is asked for
    std::vector<LayerErrorRow> layers;
    if (!folder && arguments.level != "integer")
        throw usage_error("a package is evaluated with --level integer; the float and simulated levels need the model folder");
    if (!folder && !arguments.recipe.empty()) throw usage_error("a package holds its recipe; leave --recipe out");
    const auto outcome = folder ? evaluate_source_model(environment, arguments, layers) : evaluate_source_package(environment, arguments, arguments.source);
    const auto& row = outcome.row;
    Json object{{"level", row.level},
                {"windows", row.windows},
                {"tokens", row.tokens},
                {"nll_sum", row.nll_sum},
                {"perplexity_token", perplexity_token(row)},
                {"words", or_null(row.words)},
                {"perplexity_word", or_null(perplexity_word(row))}};
    if (line.json || arguments.per_window) object["window_nll"] = row.window_nll;
    object["evaluation"] = to_string(Reference{"evaluation", row.id});
    object["placement"] = or_null(row.placement);
    object["definition"] = row.definition;
    object["threads"] = threads_of(*workspace, row.conditions);
    object["resumed"] = outcome.resumed;
    if (arguments.per_layer) {
        object["layers"] = Json::array();
        for (const auto& layer : layers)
            object["layers"].push_back({{"layer", layer.layer}, {"sqnr_db", or_null(layer.sqnr_db)}, {"cosine", or_null(layer.cosine)}, {"introduced_sqnr_db", or_null(layer.introduced_sqnr_db)}});
    }
    line.print(object);
}

}  // namespace

void add_evaluate(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(
        app, "evaluate", "perplexity; repeated after an interruption it continues where it was",
        "level, windows, tokens (scored), nll_sum (natural logarithm), perplexity_token, words (of the text, as lm-eval counts), perplexity_word (null "
        "unless the whole text was scored), window_nll, evaluation, placement, definition, threads, resumed, with --per-layer layers[{layer, sqnr_db (accumulated), cosine, introduced_sqnr_db}]");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("source", arguments->source, "model folder or package")->required();
    command->add_option("--recipe", arguments->recipe, "REF; needed at the simulated and integer level of a model");
    command->add_option("--level", arguments->level, "float, simulated or integer")->required()->check(CLI::IsMember({"float", "simulated", "integer"}));
    command->add_option("--placement", arguments->placement, "of the simulated level: paper or full")
        ->capture_default_str()
        ->check(CLI::IsMember({"paper", "full"}));
    auto* text = command->add_option("--text", arguments->text, "text, scored as one stream in windows of --length");
    command->add_option("--length", arguments->length, "tokens of a window")->needs(text)->check(CLI::PositiveNumber);
    command->add_option("--bos", arguments->bos, "stream: one BOS before the stream")->capture_default_str()->check(CLI::IsMember({"none", "stream"}));
    command->add_flag("--rolling", arguments->rolling, "score every token once, as lm-eval does")->needs(text);
    command->add_option("--ids", arguments->ids, "FILE.safetensors:TENSOR, windows as they are")->excludes(text);
    command->add_option("--windows", arguments->windows, "only the first N windows");
    command->add_flag("--per-window", arguments->per_window, "show the negative log-likelihood of each window (--json always has it)");
    command->add_option("--per-layer", arguments->per_layer, "also the error of each layer over the first N windows (simulated, placement paper); what is known already is not computed again")
        ->check(CLI::PositiveNumber);
    command->add_option("--threads", arguments->threads, "of the integer engine; default: all processors")->check(CLI::PositiveNumber);
    command->add_flag("--fresh", arguments->fresh, "start again instead of continuing an interrupted run");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_evaluate(line, *arguments); }; });
}

}  // namespace bitwright::cli
