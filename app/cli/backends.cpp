// SPDX-License-Identifier: GPL-3.0-or-later
// backends list, script, read: runtimes of others on a phone, by hand.
#include "app/cli/command_line.h"
#include "app/jobs/backend_run.h"
#include "app/jobs/backend_script.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    BackendRequest request;
    BackendRun store;
    std::string device, folder, workspace;
};

void list(const CommandLine& line, const Arguments& arguments)
{
    Json all = Json::array();
    for (const auto& [id, support] : probe_backends(arguments.request)) {
        const auto backend = backends::make_backend(id);
        all.push_back({{"backend", id},
                       {"name", std::string(backend->name())},
                       {"ok", support.ok},
                       {"reason", support.reason.empty() ? Json() : Json(support.reason)},
                       {"missing", support.missing},
                       {"notes", support.notes},
                       {"licence", backend->licence().name}});
    }
    line.print({{"backends", all}});
}

Json quantity_json(const backends::Quantity& quantity)
{
    Json object{{"quantity", quantity.name}, {"unit", quantity.unit}, {"samples", quantity.samples}};
    if (!quantity.summary) return object;
    const auto& summary = *quantity.summary;
    object["summary"] = {{"count", summary.count > 0 ? Json(summary.count) : Json()},
                         {"mean", or_null(summary.mean)},
                         {"deviation", or_null(summary.deviation)},
                         {"minimum", or_null(summary.minimum)},
                         {"maximum", or_null(summary.maximum)},
                         {"median", or_null(summary.median)},
                         {"p90", or_null(summary.p90)},
                         {"p95", or_null(summary.p95)},
                         {"p99", or_null(summary.p99)}};
    return object;
}

void read(const CommandLine& line, const Arguments& arguments)
{
    const auto result = backends::read_run_folder(arguments.request.backend, accelerator_named(arguments.request.accelerator), arguments.folder);
    Json quantities = Json::array();
    for (const auto& quantity : result.quantities) quantities.push_back(quantity_json(quantity));
    Json stored;
    if (!arguments.workspace.empty()) {
        if (arguments.store.model.empty() || arguments.store.serial.empty()) throw usage_error("to store it, --model FILE and --device SERIAL are needed: what ran, and where");
        auto run = arguments.store;
        run.backend = arguments.request.backend, run.folder = arguments.folder;
        const auto workspace = line.open_workspace(arguments.workspace);
        stored = to_string(Reference{"run", store_backend_run(*workspace, run, result, adb_settings_from_environment(), line.control).id});
    }
    line.print({{"run", stored},
                {"backend", arguments.request.backend},
                {"complete", result.complete},
                {"error", result.error.empty() ? Json() : Json(result.error)},
                {"exit_code", result.exit_code ? Json(*result.exit_code) : Json()},
                {"version", result.version.empty() ? Json() : Json(result.version)},
                {"offload", std::string(to_string(result.offload.state))},
                {"offload_device", result.offload.device.empty() ? Json() : Json(result.offload.device)},
                {"offload_evidence", result.offload.evidence.empty() ? Json() : Json(result.offload.evidence)},
                {"prompt_tokens", or_null(result.prompt_tokens)},
                {"generated_tokens", or_null(result.generated_tokens)},
                {"quantities", quantities},
                {"warnings", result.warnings}});
}

void add_accelerator(CLI::App& command, BackendRequest& request)
{
    command.add_option("--accelerator", request.accelerator, "cpu, gpu or npu: what is asked for")->capture_default_str();
}

void add_phone(CLI::App& command, BackendRequest& request)
{
    command.add_option("--runtime", request.runtime, "your folder with the runtime built for Android")->required();
    command.add_option("--soc-profile", request.soc_profile, "the phone's SoC (resources/devices/soc)");
    command.add_option("--hexagon", request.hexagon, "Hexagon version of the phone, e.g. v75, where there is no profile");
    add_accelerator(command, request);
}

}  // namespace

void add_backends(CLI::App& app, CommandLine& line)
{
    auto* group = add_command(app, "backends", "runtimes of others on a phone: llama.cpp, QNN, Genie, ExecuTorch, LiteRT, ONNX Runtime", "");
    group->require_subcommand(1);
    auto arguments = std::make_shared<Arguments>();
    auto& request = arguments->request;

    auto* listing = add_command(*group, "list", "which of them your folder has for a phone, and what is missing", "backends[{backend, name, ok, reason, missing, notes, licence}]");
    add_phone(*listing, request);
    listing->callback([&line, arguments] { line.action = [&line, arguments] { list(line, *arguments); }; });

    auto* script = add_command(*group, "script", "the script that would run one, to be read, copied or run by hand in an empty folder; nothing is changed", "script");
    script->add_option("backend", request.backend, "as list names it")->required();
    script->add_option("files", request.files, "model=FILE tokenizer=FILE input=FILE config=FILE other=FILE")->required();
    add_phone(*script, request);
    script->add_option("--device", arguments->device, "serial, as devices prints it")->required();
    script->add_option("--prompt-tokens", request.run.prompt_tokens)->capture_default_str();
    script->add_option("--generate", request.run.generate)->capture_default_str();
    script->add_option("--repeats", request.run.repeats)->check(CLI::Range(1, 100'000))->capture_default_str();
    script->add_option("--warmup", request.run.warmup)->check(CLI::Range(0, 1000))->capture_default_str();
    script->add_option("--threads", request.run.threads)->check(CLI::Range(1, 1024))->capture_default_str();
    script->add_option("--prompt", request.run.prompt, "for runtimes that take text only")->capture_default_str();
    script->add_option("--graph", request.run.graph, "QNN: the graph's name in the context binary")->capture_default_str();
    script->add_option("--profile", request.run.performance_profile, "QNN: burst, sustained_high_performance, high_performance, balanced …")->capture_default_str();
    script->callback([&line, arguments] {
        line.action = [&line, arguments] {
            const auto text = backend_script(arguments->request, arguments->device);
            if (line.json) line.print({{"script", text}});
            else line.host.text(text);
        };
    });

    auto* reading = add_command(*group, "read", "what a run of the script left in its folder",
                                "run (null unless stored), backend, complete, error, exit_code, version, offload, offload_device, offload_evidence, prompt_tokens, generated_tokens, "
                                "quantities[{quantity, unit, samples, summary}], warnings");
    reading->add_option("backend", request.backend, "as list names it")->required();
    reading->add_option("folder", arguments->folder, "where the script ran")->required();
    add_accelerator(*reading, request);
    auto& store = arguments->store;
    reading->add_option("-w,--workspace", arguments->workspace, "store it there as a run, with its conditions and the proof of where it computed");
    reading->add_option("--model", store.model, "the file that ran, to store it");
    reading->add_option("--device", store.serial, "serial of the phone it ran on, to store it; it is asked what it is where it is connected");
    reading->add_option("--prompt-tokens", store.prompt_tokens, "where the tool does not say")->check(CLI::PositiveNumber);
    reading->add_option("--generate", store.generated, "where the tool does not say")->check(CLI::NonNegativeNumber);
    reading->add_option("--threads", store.threads, "that were asked for")->check(CLI::PositiveNumber);
    reading->callback([&line, arguments] { line.action = [&line, arguments] { read(line, *arguments); }; });
}

}  // namespace bitwright::cli
