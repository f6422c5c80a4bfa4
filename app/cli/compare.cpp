// SPDX-License-Identifier: GPL-3.0-or-later
// compare: what the workspace knows, side by side. loop: everything before it, too.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/loop_job.h"

#include "core/exchange/comparison.h"
#include "core/numerics/method_list.h"

#include <filesystem>
#include <memory>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::cli {
namespace {

Json spread(const Figure& figure)
{
    const auto found = figure.spread();
    return found ? Json{found->first, found->second} : Json();
}

Json figure(const Figure& value) { return value.value ? Json(*value.value) : Json(); }

Json ends(const std::optional<PairedDifference>& difference) { return difference ? Json{difference->low, difference->high} : Json(); }
Json ends(const std::optional<Interval>& interval) { return interval ? Json{interval->low, interval->high} : Json(); }

Json tasks_of(const ComparisonRow& row)
{
    Json tasks = Json::array();
    for (const auto& task : row.tasks) {
        tasks.push_back({{"task", task.task},
                         {"rows", task.rows},
                         {"acc", figure(task.accuracy)},
                         {"acc_interval", ends(task.interval)},
                         {"acc_norm", figure(task.accuracy_norm)},
                         {"acc_norm_interval", ends(task.interval_norm)},
                         {"delta_acc", task.difference ? Json(task.difference->value) : Json()},
                         {"delta_acc_interval", ends(task.difference)},
                         {"delta_acc_norm", task.difference_norm ? Json(task.difference_norm->value) : Json()},
                         {"delta_acc_norm_interval", ends(task.difference_norm)}});
    }
    return tasks;
}

Json rows_of(const Report& report)
{
    Json rows = Json::array();
    for (const auto& row : report.rows) {
        const auto& baseline = reference_of(report, row);
        const auto obstacles = perplexity_obstacles(row, baseline);
        Json object{{"name", row.name},
                    {"method", row.method},
                    {"bits", row.bits},
                    {"level", row.level},
                    {"placement", row.placement.empty() ? Json() : Json(row.placement)},
                    {"semantics", row.semantics.empty() ? Json() : Json(row.semantics)},
                    {"perplexity_token", figure(row.perplexity_token)},
                    {"perplexity_word", figure(row.perplexity_word)},
                    {"kl_token", figure(row.kl_token)},
                    {"top1_agreement", figure(row.top1_agreement)},
                    {"bytes", figure(row.bytes)},
                    {"prefill_tokens_per_s", figure(row.prefill_tokens_per_s)},
                    {"prefill_spread", spread(row.prefill_tokens_per_s)},
                    {"decode_tokens_per_s", figure(row.decode_tokens_per_s)},
                    {"decode_spread", spread(row.decode_tokens_per_s)},
                    {"peak_rss_bytes", figure(row.peak_rss_bytes)}};
        const bool comparable = obstacles.empty() && row.perplexity_token.value && baseline.perplexity_token.value;
        object["delta_perplexity_token"] = comparable ? Json(*row.perplexity_token.value - *baseline.perplexity_token.value) : Json();
        object["delta_perplexity_interval"] = ends(row.perplexity_difference);
        object["delta_kl_interval"] = ends(row.kl_difference);
        object["tasks"] = tasks_of(row);
        object["not_comparable"] = obstacles;
        rows.push_back(std::move(object));
    }
    return rows;
}

/// The table, or the rows; and the report file.
void deliver(const CommandLine& line, const Workspace& workspace, const Report& report, const std::string& file, const Json& more)
{
    if (!file.empty()) write_report(report, file);
    if (!line.json) line.host.text(report_text(report) + "\n");
    Json object{{"workspace", fs::absolute(workspace.path()).lexically_normal().string()},
                {"report", file.empty() ? Json() : Json(fs::absolute(file).lexically_normal().string())}};
    object.update(more);
    if (line.json) {
        object["baseline"] = report.rows[report.baseline].name;
        object["rows"] = rows_of(report);
    }
    line.print(object);
}

struct CompareArguments {
    std::vector<std::string> references;
    std::string baseline, report, workspace;
};

void run_compare(const CommandLine& line, const CompareArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    ComparisonRequest request;
    for (const auto& text : arguments.references) {
        Reference reference;
        if (parse_reference(text, reference) && reference.kind == "run")
            request.runs.push_back(get_run(*workspace, reference.id).id);
        else
            request.recipes.push_back(find_recipe(*workspace, text).row.id);
    }
    if (!arguments.baseline.empty()) {
        request.baseline = arguments.baseline;
        if (arguments.baseline != "float") {
            const auto row = find_recipe(*workspace, arguments.baseline).row;
            request.baseline = row.name.value_or(to_string(Reference{"recipe", row.id}));
            if (!request.recipes.empty()) request.recipes.push_back(row.id);
        }
    }
    deliver(line, *workspace, gather_comparison(*workspace, request), arguments.report, Json::object());
}

struct LoopArguments {
    std::string model, eval, report, workspace;
    TokenArguments tokens;
    std::vector<std::string> methods, bits;
    std::optional<std::int64_t> eval_length, eval_windows;
    std::int64_t steps = 256;
    int threads = 0;
    bool fresh = false, ablation = false;
};

void run_whole_loop(CommandLine& line, const LoopArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    OpenedModel model(arguments.model, *workspace);
    LoopRequest request;
    request.windows = read_tokens(arguments.tokens, model.model());
    if (!arguments.tokens.text.empty()) request.text = arguments.tokens.text;
    const bool given_ids = !fs::is_regular_file(arguments.eval) && arguments.eval.find(':') != std::string::npos;
    request.scoring =
        given_ids ? given_scoring(arguments.eval, model.architecture().vocab)
                  : stream_scoring(*open_tokenizer(model.model()), arguments.eval, arguments.eval_length.value_or(request.windows.length), Bos::none, -1);
    if (arguments.eval_windows) request.scoring.limit(*arguments.eval_windows);
    request.arms = arguments.ablation ? ablation_arms() : arms_of(arguments.methods.empty() ? usual_methods() : arguments.methods);
    request.integer = !arguments.ablation;
    for (const auto& bits : arguments.bits.empty() ? std::vector<std::string>{"W8A8", "W4A8"} : arguments.bits) request.bits.push_back(parse_bits(bits));
    request.steps = arguments.steps;
    request.seed = arguments.tokens.seed;
    request.threads = arguments.threads > 0 ? arguments.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const auto outcome = run_loop(environment, model, request);

    ComparisonRequest comparison;
    comparison.recipes = outcome.recipes;
    comparison.title = (arguments.ablation ? "MobileQuant taken apart on " : "Methods compared on ") + fs::absolute(arguments.model).lexically_normal().filename().string();
    deliver(line, *workspace, gather_comparison(*workspace, comparison), arguments.report, {{"notes", outcome.notes}});
}

}  // namespace

void add_compare(CLI::App& app, CommandLine& line)
{
    const std::string row_keys =
        "rows[{name, method, bits, level, placement, semantics, perplexity_token, perplexity_word, kl_token (to float), top1_agreement, bytes, prefill_tokens_per_s, prefill_spread[smallest, "
        "largest of the repeats], decode_tokens_per_s, decode_spread, peak_rss_bytes, delta_perplexity_token (to the baseline; null where not comparable), delta_perplexity_interval[low, high] (95 %, paired over windows), delta_kl_interval, tasks[{task, rows, acc, acc_interval[low, high], "
        "acc_norm (per byte), acc_norm_interval, delta_acc (to the baseline on the same rows), delta_acc_interval, delta_acc_norm, delta_acc_norm_interval}], not_comparable[why]}]";
    auto* command =
        add_command(app, "compare", "recipes and runs side by side; a number nobody measured stays empty", "workspace, report, baseline, " + row_keys);
    auto arguments = std::make_shared<CompareArguments>();
    command->add_option("references", arguments->references, "recipes and runs; default: everything in the workspace");
    command->add_option("--baseline", arguments->baseline, "REF the others are set against; default: the float model");
    command->add_option("--report", arguments->report, "file to write: HTML, self-contained; Markdown or CSV when it ends in .md or .csv");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_compare(line, *arguments); }; });

    for (const bool ablation : {false, true}) {
        auto* looping =
            ablation ? add_command(app, "ablate",
                                   "what MobileQuant's paper takes apart, as one table at the simulated level: scales (LET), clips (LWC) and ranges each alone and together, end to end "
                                   "and block by block; repeated after an interruption it continues",
                                   "workspace, report, notes[text], baseline, " + row_keys)
                     : add_command(app, "loop", "calibrate, quantize with every method, evaluate, export, run as integers, measure, compare; repeated after an interruption it continues",
                                   "workspace, report, notes[text], baseline, " + row_keys);
        auto wanted = std::make_shared<LoopArguments>();
        wanted->ablation = ablation;
        looping->add_option("model", wanted->model, "model folder")->required();
        add_tokens(*looping, wanted->tokens);
        looping->add_option("--eval", wanted->eval, "text to evaluate on, or FILE.safetensors:TENSOR")->required();
        looping->add_option("--eval-length", wanted->eval_length, "tokens of an evaluation window; default: of a calibration window")->check(CLI::PositiveNumber);
        looping->add_option("--eval-windows", wanted->eval_windows, "only the first N evaluation windows");
        if (!ablation)
            looping->add_option("--method", wanted->methods, method_names() + "; several times; default: rtn, both static SmoothQuants, gptq, both MobileQuants")->allow_extra_args(false);
        looping->add_option("--bits", wanted->bits, "W8A8, W4A8 …; several times; default: these two")->allow_extra_args(false);
        looping->add_option("--steps", wanted->steps, ablation ? "of every arm that learns: of the whole model, or of one layer at a time" : "of methods that optimize")
            ->capture_default_str()
            ->check(CLI::NonNegativeNumber);
        if (!ablation) looping->add_option("--threads", wanted->threads, "of the integer engine; default: all processors")->check(CLI::PositiveNumber);
        looping->add_option("--report", wanted->report, "HTML file to write")->required();
        looping->add_flag("--fresh", wanted->fresh, "do everything again");
        add_workspace(*looping, wanted->workspace);
        looping->callback([&line, wanted] { line.action = [&line, wanted] { run_whole_loop(line, *wanted); }; });
    }
}

}  // namespace bitwright::cli
