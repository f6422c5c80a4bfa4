// SPDX-License-Identifier: GPL-3.0-or-later
// evaluate: perplexity, distance to the float model and tasks, at the float, simulated or integer level.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/evaluate_job.h"
#include "app/jobs/layer_errors_job.h"
#include "app/jobs/package_job.h"
#include "app/jobs/task_job.h"
#include "core/exchange/bootstrap.h"
#include "core/exchange/comparison_parts.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string source, recipe, level, placement = "paper", text, bos = "none", ids, workspace;
    std::optional<std::int64_t> length, windows, per_layer, rows;
    std::vector<std::string> metrics, tasks;
    bool rolling = false, per_window = false, per_row = false, fresh = false;
    int threads = 0;

    [[nodiscard]] bool scores_text() const noexcept { return !text.empty() || !ids.empty(); }
    [[nodiscard]] bool wants(const char* metric) const { return std::find(metrics.begin(), metrics.end(), metric) != metrics.end(); }
    [[nodiscard]] bool against_float() const { return wants("kl") || wants("top1") || wants("divergence"); }
};

/// What tokenizes and reads: a model, or a package.
struct Reader {
    std::function<std::shared_ptr<const Tokenizer>()> tokenizer;
    std::int64_t vocabulary = 0, context = 0;
    std::int32_t bos = -1;
};

struct Outcome {
    std::optional<EvaluateOutcome> text;
    std::vector<TaskScoreOutcome> tasks;
    std::vector<LayerErrorRow> layers;
};

ScoringWindows scoring_of(const Arguments& arguments, const Reader& reader)
{
    if (!arguments.text.empty() && !arguments.ids.empty()) throw usage_error("either --text FILE --length L or --ids FILE.safetensors:TENSOR, not both");
    ScoringWindows scoring;
    if (!arguments.ids.empty()) {
        scoring = given_scoring(arguments.ids, reader.vocabulary);
    } else {
        if (!arguments.length) throw usage_error("--text needs --length L");
        if (arguments.rolling && arguments.bos != "none") throw usage_error("--rolling begins with BOS by its definition; leave --bos out");
        scoring = arguments.rolling ? rolling_scoring(*reader.tokenizer(), arguments.text, *arguments.length, reader.bos)
                                    : stream_scoring(*reader.tokenizer(), arguments.text, *arguments.length, arguments.bos == "stream" ? Bos::stream : Bos::none, reader.bos);
    }
    if (arguments.windows) scoring.limit(*arguments.windows);
    return scoring;
}

/// Reads every task before the first is scored: a fault in the last file shows at once.
std::vector<EvaluationTask> tasks_of(const Arguments& arguments, const Reader& reader)
{
    std::vector<EvaluationTask> tasks;
    if (arguments.tasks.empty()) return tasks;
    const auto tokenizer = reader.tokenizer();
    for (const auto& file : task_files(arguments.tasks)) tasks.push_back(read_task(file, {*tokenizer, reader.bos, reader.context, arguments.rows}));
    return tasks;
}

void evaluate_source_package(JobEnvironment& environment, const Arguments& arguments, const fs::path& path, const Model* float_model, Outcome& outcome)
{
    const auto package = Package::open(path);
    const Reader reader{[&]() -> std::shared_ptr<const Tokenizer> {
                            if (package->tokenizer_json().empty())
                                throw bad_input(path.string(), "tokenizer.json", "is not in the package; give token ids with --ids instead of --text");
                            return Tokenizer::parse(package->tokenizer_json(), path.string() + ": tokenizer.json");
                        },
                        package->graph().vocab, package->graph().context, package->graph().bos};
    if (arguments.against_float() && !float_model)
        throw usage_error("how far a package is from the float model needs the model: evaluate MODEL --recipe REF --level integer");
    const int threads = arguments.threads > 0 ? arguments.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const auto tasks = tasks_of(arguments, reader);
    if (arguments.scores_text()) outcome.text = evaluate_package(environment, package, threads, scoring_of(arguments, reader), arguments.against_float() ? float_model : nullptr);
    for (const auto& task : tasks) outcome.tasks.push_back(score_task(environment, package, threads, task));
}

void evaluate_source_model(JobEnvironment& environment, const Arguments& arguments, Outcome& outcome)
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
    if (arguments.level == "float" && arguments.against_float()) throw usage_error("--metrics kl, top1 and divergence are against the float model itself; choose --level simulated or integer");
    if (arguments.level == "integer") return evaluate_source_package(environment, arguments, package_of(environment, model, recipe->recipe), &model.model(), outcome);
    const auto& architecture = model.architecture();
    const Reader reader{[&] { return open_tokenizer(model.model()); }, architecture.vocab, architecture.max_positions > 0 ? architecture.max_positions : std::int64_t{1} << 20,
                        static_cast<std::int32_t>(architecture.bos)};
    const auto tasks = tasks_of(arguments, reader);
    const Recipe* const quantized = recipe ? &recipe->recipe : nullptr;
    const auto row = recipe ? std::optional(recipe->row.id) : std::nullopt;
    const auto placement = arguments.placement == "full" ? Placement::full : Placement::paper;
    if (arguments.scores_text()) {
        const auto scoring = scoring_of(arguments, reader);
        if (arguments.per_layer) outcome.layers = store_layer_errors(environment, model, recipe->recipe, recipe->row.id, scoring, *arguments.per_layer);
        outcome.text = evaluate_model(environment, model, quantized, row, placement, scoring, arguments.against_float());
    }
    for (const auto& task : tasks) outcome.tasks.push_back(score_task(environment, model, quantized, row, placement, task));
}

Json interval_json(const std::optional<Interval>& interval) { return interval ? Json{interval->low, interval->high} : Json(); }

/// Of the perplexity: what other windows of such text would give.
Json perplexity_interval(const EvaluationRow& row)
{
    const auto interval = bootstrap_mean(row.window_nll);
    if (!interval) return {};
    const double per_window = static_cast<double>(row.tokens) / static_cast<double>(row.windows);
    return {std::exp(interval->low / per_window), std::exp(interval->high / per_window)};
}

void add_agreement(Json& object, const Arguments& arguments, const EvaluationRow& row)
{
    const auto& windows = row.agreement->windows;
    if (arguments.wants("kl")) {
        std::vector<double> per_token;
        for (const auto& window : windows) per_token.push_back(window.kl_sum * static_cast<double>(row.windows) / static_cast<double>(row.tokens));
        object["kl_token"] = or_null(kl_per_token(row));
        object["kl_interval"] = interval_json(bootstrap_mean(per_token));
    }
    if (arguments.wants("top1")) object["top1_agreement"] = or_null(top1_agreement(row));
    if (!arguments.wants("divergence")) return;
    object["windows_diverged"] = std::count_if(windows.begin(), windows.end(), [](const Agreement& window) { return window.first_divergence >= 0; });
    object["first_divergence"] = Json::array();
    for (const auto& window : windows) object["first_divergence"].push_back(window.first_divergence < 0 ? Json() : Json(window.first_divergence));
}

Json text_json(const CommandLine& line, const Workspace& workspace, const Arguments& arguments, const EvaluateOutcome& outcome)
{
    const auto& row = outcome.row;
    Json object{{"level", row.level},
                {"windows", row.windows},
                {"tokens", row.tokens},
                {"nll_sum", row.nll_sum},
                {"perplexity_token", perplexity_token(row)},
                {"perplexity_interval", perplexity_interval(row)},
                {"words", or_null(row.words)},
                {"perplexity_word", or_null(perplexity_word(row))}};
    if (arguments.against_float()) add_agreement(object, arguments, row);
    if (line.json || arguments.per_window) object["window_nll"] = row.window_nll;
    object["evaluation"] = to_string(Reference{"evaluation", row.id});
    object["placement"] = or_null(row.placement);
    object["definition"] = row.definition;
    object["threads"] = threads_of(workspace, row.conditions);
    object["resumed"] = outcome.resumed;
    return object;
}

Json task_json(const CommandLine& line, const Arguments& arguments, const TaskScoreOutcome& outcome)
{
    const auto& row = outcome.row;
    const auto share = [&](std::int64_t correct) { return static_cast<double>(correct) / static_cast<double>(row.rows); };
    Json object{{"task", row.task}, {"rows", row.rows}, {"acc", share(row.correct)}, {"acc_interval", interval_json(bootstrap_mean(answers_of(row, false)))}};
    object["acc_norm"] = row.correct_norm ? Json(share(*row.correct_norm)) : Json();
    object["acc_norm_interval"] = row.correct_norm ? interval_json(bootstrap_mean(answers_of(row, true))) : Json();
    object["score"] = to_string(Reference{"task", row.id});
    if (!line.json) return object;
    object["definition"] = row.definition;
    object["resumed"] = outcome.resumed;
    if (!arguments.per_row) return object;
    object["per_row"] = Json::array();
    for (const auto& answer : row.outcomes)
        object["per_row"].push_back({{"label", answer.label}, {"logprob", answer.log_probabilities}, {"predicted", answer.predicted}, {"predicted_norm", answer.predicted_norm}});
    return object;
}

void run_evaluate(CommandLine& line, const Arguments& arguments)
{
    if (!arguments.scores_text() && arguments.tasks.empty()) throw usage_error("either --text FILE --length L, --ids FILE.safetensors:TENSOR or --tasks FILES is needed");
    if (!arguments.scores_text() && arguments.against_float()) throw usage_error("--metrics are of a text; give --text FILE --length L or --ids");
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    const bool folder = fs::is_directory(arguments.source);
    if (arguments.per_layer && arguments.level != "simulated") throw usage_error("--per-layer needs --level simulated: the error of a layer is that of the simulated model");
    if (arguments.per_layer) environment.reuse_finished = true;  // the layers are what is asked for
    if (!arguments.tasks.empty() && !arguments.fresh) environment.reuse_finished = true;  // what an interrupted command finished is not scored again
    if (!folder && arguments.level != "integer")
        throw usage_error("a package is evaluated with --level integer; the float and simulated levels need the model folder");
    if (!folder && !arguments.recipe.empty()) throw usage_error("a package holds its recipe; leave --recipe out");
    Outcome outcome;
    if (folder) evaluate_source_model(environment, arguments, outcome);
    else evaluate_source_package(environment, arguments, arguments.source, nullptr, outcome);
    Json object = outcome.text ? text_json(line, *workspace, arguments, *outcome.text) : Json{{"level", arguments.level}};
    if (arguments.per_layer) {
        object["layers"] = Json::array();
        for (const auto& layer : outcome.layers)
            object["layers"].push_back({{"layer", layer.layer}, {"sqnr_db", or_null(layer.sqnr_db)}, {"cosine", or_null(layer.cosine)}, {"introduced_sqnr_db", or_null(layer.introduced_sqnr_db)}});
    }
    if (!arguments.tasks.empty()) {
        object["tasks"] = Json::array();
        for (const auto& task : outcome.tasks) object["tasks"].push_back(task_json(line, arguments, task));
    }
    line.print(object);
}

}  // namespace

void add_evaluate(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(
        app, "evaluate", "perplexity, distance to the float model, tasks; repeated after an interruption it continues where it was",
        "level, windows, tokens (scored), nll_sum (natural logarithm), perplexity_token, perplexity_interval[low, high] (95 %, bootstrap over windows), words (of the text, as lm-eval counts), perplexity_word (null "
        "unless the whole text was scored), with --metrics kl_token, kl_interval, top1_agreement, windows_diverged, first_divergence[token of each window, null: none], window_nll, evaluation, placement, definition, threads, resumed, with --per-layer layers[{layer, sqnr_db (accumulated), cosine, introduced_sqnr_db}], with --tasks tasks[{task, rows, acc, acc_interval, acc_norm (per UTF-8 byte; null for pairs), acc_norm_interval, score, definition, "
        "resumed, with --per-row per_row[{label, logprob[], predicted, predicted_norm}]}]");
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
    command->add_option("--metrics", arguments->metrics, "against the float model: kl, top1, divergence (first token chosen differently); perplexity is always there")
        ->delimiter(',')
        ->check(CLI::IsMember({"perplexity", "kl", "top1", "divergence"}));
    command->add_option("--tasks", arguments->tasks, "tasks, *.jsonl or folders of them: {question, choices, label} or {sentence_good, sentence_bad} a line")->delimiter(',');
    command->add_option("--rows", arguments->rows, "only the first N rows of each task")->check(CLI::PositiveNumber);
    command->add_flag("--per-row", arguments->per_row, "with --json: every row's outcome");
    command->add_flag("--per-window", arguments->per_window, "show the negative log-likelihood of each window (--json always has it)");
    command->add_option("--per-layer", arguments->per_layer, "also the error of each layer over the first N windows (simulated, placement paper); what is known already is not computed again")
        ->check(CLI::PositiveNumber);
    command->add_option("--threads", arguments->threads, "of the integer engine; default: all processors")->check(CLI::PositiveNumber);
    command->add_flag("--fresh", arguments->fresh, "start again instead of continuing an interrupted run");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_evaluate(line, *arguments); }; });
}

}  // namespace bitwright::cli
