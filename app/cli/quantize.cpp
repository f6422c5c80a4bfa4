// SPDX-License-Identifier: GPL-3.0-or-later
// quantize: a method makes a recipe.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/calibrate_job.h"
#include "app/jobs/quantize_job.h"

#include "core/numerics/method_list.h"
#include "core/recipe/edits.h"

#include <charconv>
#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string model, calibration, method, from, granularity, range, preset, holdout, holdout_text, name, workspace;
    TokenArguments tokens;
    int weights = 8, activations = 8;
    bool symmetric = false, fresh = false;
    std::optional<double> alpha;
    std::optional<std::int64_t> steps, holdout_every;
    std::int64_t holdout_samples = 4;
    std::vector<std::string> set;
};

/// "tensor", "channel" (one grid per output row) or "group:N".
Scheme weight_scheme(const Arguments& arguments)
{
    Scheme scheme;
    scheme.bits = arguments.weights;
    scheme.symmetric = arguments.symmetric;
    if (arguments.granularity == "tensor") return scheme;
    if (arguments.granularity == "channel") {
        scheme.granularity = Granularity::row;
        return scheme;
    }
    const std::string_view text(arguments.granularity);
    const auto* end = text.data() + text.size();
    if (!text.starts_with("group:") || std::from_chars(text.data() + 6, end, scheme.group_size).ptr != end || scheme.group_size < 1)
        throw usage_error("--granularity " + arguments.granularity + ": use tensor, channel or group:N");
    scheme.granularity = Granularity::group;
    return scheme;
}

CalibrationRow calibration_of(JobEnvironment& environment, OpenedModel& model, const Arguments& arguments)
{
    if (arguments.calibration.empty() == !arguments.tokens.given()) throw usage_error("either TOKENS (--text … or --ids …) or --calibration REF is needed");
    if (!arguments.calibration.empty()) {
        const auto row = find_calibration_reference(environment.workspace, arguments.calibration);
        if (row.model != model.row(environment.workspace, environment.control))
            throw bad_input(arguments.calibration, "", "was made with another model than " + arguments.model + "; calibrate this one");
        return row;
    }
    CalibrateRequest request;
    request.windows = read_tokens(arguments.tokens, model.model());
    if (!arguments.tokens.text.empty()) request.text = arguments.tokens.text;
    return calibrate(environment, model, request).row;
}

void run_quantize(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    OpenedModel model(arguments.model, *workspace);
    QuantizeRequest request;
    auto& method = request.method;
    method.method = arguments.method;
    method.weight_bits = arguments.weights;
    method.activation_bits = arguments.activations;
    method.symmetric_weights = arguments.symmetric;
    method.seed = arguments.tokens.seed;
    if (!arguments.granularity.empty()) method.weight_scheme = weight_scheme(arguments);
    if (!arguments.range.empty()) method.options["range"] = arguments.range;
    if (!arguments.preset.empty()) method.options["preset"] = arguments.preset;
    if (arguments.alpha) method.options["alpha"] = Json(*arguments.alpha).dump();
    if (arguments.steps) method.options["steps"] = std::to_string(*arguments.steps);
    for (const auto& text : arguments.set) {
        const auto [key, value] = parse_assignment(text);
        method.options.insert_or_assign(key, value);
    }
    if (!arguments.holdout.empty() && !arguments.holdout_text.empty()) throw usage_error("either --holdout or --holdout-text");
    if (!arguments.holdout.empty()) method.holdout = load_windows(arguments.holdout, model.architecture().vocab);
    if (!arguments.from.empty()) {
        auto from = find_recipe(*workspace, arguments.from);
        validate(from.recipe, model.model());
        request.from = from.row;
        method.from = std::move(from.recipe);
    }
    if (!arguments.name.empty()) request.name = arguments.name;
    request.calibration = calibration_of(environment, model, arguments);
    if (!arguments.holdout_text.empty()) {
        TokenArguments held_out;
        held_out.text = arguments.holdout_text;
        held_out.samples = arguments.holdout_samples;
        held_out.length = request.calibration.length;
        held_out.seed = arguments.tokens.seed;
        method.holdout = read_tokens(held_out, model.model());
    }
    method.watch = line.host.watch;
    if (arguments.holdout_every) method.watch.holdout_every_steps = *arguments.holdout_every;
    const auto outcome = quantize(environment, model, std::move(request));
    if (outcome.paused_at) return line.print({{"recipe", nullptr}, {"paused", true}, {"method", arguments.method}});
    line.print({{"recipe", to_string(Reference{"recipe", outcome.row.id})},
                {"calibration", to_string(Reference{"calibration", *outcome.row.calibration})},
                {"steps", or_null(outcome.row.steps)},
                {"seconds_per_step", or_null(outcome.row.seconds_per_step)},
                {"peak_rss_bytes", or_null(outcome.row.peak_rss_bytes)},
                {"name", or_null(outcome.row.name)},
                {"method", outcome.row.method},
                {"hash", outcome.row.hash},
                {"cpu_seconds", or_null(outcome.row.cpu_seconds)},
                {"threads", threads_of(*workspace, outcome.row.conditions)},
                {"resumed", outcome.resumed}});
}

}  // namespace

void add_quantize(CLI::App& app, CommandLine& line)
{
    auto* command =
        add_command(app, "quantize", "a method makes a recipe; repeated after an interruption it continues from its checkpoint",
                    "recipe, calibration, steps, seconds_per_step (CPU; null without steps), peak_rss_bytes, name, method, hash, cpu_seconds, threads (of LibTorch), resumed");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("model", arguments->model, "model folder")->required();
    add_tokens(*command, arguments->tokens);
    command->add_option("--calibration", arguments->calibration, "calibration:N instead of tokens");
    command->add_option("--method", arguments->method, method_names())->required();
    command->add_option("--from", arguments->from, "recipe to start from");
    command->add_option("--weights", arguments->weights, "bits of the layers' weights")->required();
    command->add_option("--activations", arguments->activations, "bits of activations")->required();
    command->add_flag("--symmetric-weights", arguments->symmetric, "no offset in weights");
    command->add_option("--granularity", arguments->granularity, "of weights: tensor, channel (per output row) or group:N; default: the method's");
    command->add_option("--range", arguments->range, "minmax, percentile:P or mse; rtn, seqmse, awq and smoothquant also best (of these) or seqmse, by the error of layer outputs");
    command->add_option("--alpha", arguments->alpha, "SmoothQuant's migration strength");
    command->add_option("--preset", arguments->preset, "named settings of the method");
    command->add_option("--steps", arguments->steps, "optimization steps");
    command->add_option("--holdout", arguments->holdout, "FILE.safetensors:TENSOR, windows the method reports on; default: those the calibration holds out");
    command->add_option("--holdout-text", arguments->holdout_text, "text file to cut held-out windows from, as long as the calibration's");
    command->add_option("--holdout-samples", arguments->holdout_samples, "number of those windows; default 4");
    command->add_option("--holdout-every", arguments->holdout_every, "steps between losses on the held-out windows; default: before the first and after the last");
    command->add_option("--set", arguments->set, "KEY=VALUE of the method, several times")->allow_extra_args(false);
    command->add_option("--name", arguments->name, "name of the recipe");
    command->add_flag("--fresh", arguments->fresh, "start again instead of continuing an interrupted run");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_quantize(line, *arguments); }; });
}

}  // namespace bitwright::cli
