// SPDX-License-Identifier: GPL-3.0-or-later
// measure: speed and memory of a package on a device.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/measure_job.h"
#include "app/jobs/package_job.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    MeasureRequest request;
    std::string package, recipe, model, device, workspace;
};

/// The file given, or the recipe's package, exported into the workspace's data folder once.
std::filesystem::path package_for(JobEnvironment& environment, const Arguments& arguments)
{
    if (arguments.package.empty() == arguments.recipe.empty()) throw usage_error("either --package FILE or --recipe REF is needed");
    if (!arguments.package.empty()) return arguments.package;
    const auto found = find_recipe(environment.workspace, arguments.recipe);
    OpenedModel model(folder_for(environment.workspace, found.row, arguments.model), environment.workspace);
    validate(found.recipe, model.model());
    environment.progress({"export", 0, 0, false, 0});
    return package_of(environment, model, found.recipe);
}

void run_measure(CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, false);
    auto request = arguments.request;
    request.package = package_for(environment, arguments);
    const auto run = measure_local(environment, request);
    const auto value = [&](const char* quantity) -> Json {
        for (const auto& measurement : run.measurements)
            if (measurement.quantity == quantity) return measurement.value;
        return {};
    };
    Json samples = Json::object();
    for (const auto& measurement : run.measurements) samples[measurement.quantity] = measurement.samples;
    line.print({{"run", to_string(Reference{"run", run.id})},
                {"prefill_tokens_per_s", value("prefill_tokens_per_s")},
                {"decode_tokens_per_s", value("decode_tokens_per_s")},
                {"peak_rss_bytes", value("peak_rss_bytes")},
                {"state", run.aborted ? "aborted" : "done"},
                {"output_sha256", or_null(run.output_hash)},
                {"samples", samples}});
    if (run.aborted) throw failure("run:" + std::to_string(run.id) + " was aborted: " + run.note.value_or("") + "; it is stored as such");
}

}  // namespace

void add_measure(CLI::App& app, CommandLine& line)
{
    auto* command =
        add_command(app, "measure", "run a package on a device and keep every repeat with its conditions",
                    "run, prefill_tokens_per_s, decode_tokens_per_s, peak_rss_bytes (medians; null where not measured), state (done, aborted), output_sha256, "
                    "samples{quantity: [each repeat]}");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("--package", arguments->package, "package file");
    command->add_option("--recipe", arguments->recipe, "REF, instead of a package: it is exported first, once");
    command->add_option("--model", arguments->model, "model folder for --recipe; default: where it was last seen");
    command->add_option("--device", arguments->device, "local: this computer")->required()->check(CLI::IsMember({"local"}));
    command->add_option("--prompt-tokens", arguments->request.prompt_tokens, "tokens of the prompt")->required()->check(CLI::PositiveNumber);
    command->add_option("--generate", arguments->request.generate, "tokens to generate")->required()->check(CLI::NonNegativeNumber);
    command->add_option("--repeats", arguments->request.repeats, "measured runs")->required()->check(CLI::PositiveNumber);
    command->add_option("--warmup", arguments->request.warmup, "runs before them that are not measured")->capture_default_str()->check(CLI::NonNegativeNumber);
    command->add_option("--threads", arguments->request.threads, "threads")->required()->check(CLI::PositiveNumber);
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_measure(line, *arguments); }; });
}

}  // namespace bitwright::cli
