// SPDX-License-Identifier: GPL-3.0-or-later
// measure: speed and memory of a package on a device.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/cli/device_json.h"
#include "app/jobs/measure_job.h"
#include "app/jobs/package_job.h"
#include "app/jobs/phone_pairs.h"

#include <charconv>
#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    MeasureRequest request;
    PhoneMeasureRequest phone;
    std::string package, recipe, model, device, workspace, affinity;
    double cool_to = 0;
    std::int64_t patience_s = 1800;
    std::string against, against_recipe;
    bool energy_conditions = false;
    int pairs = 2;
    bool no_samples = false, dry_run = false;
};

/// The file given, or the recipe's package, exported into the workspace's data folder once.
std::filesystem::path package_for(JobEnvironment& environment, const std::string& package, const std::string& recipe, const std::string& folder)
{
    if (!package.empty()) return package;
    const auto found = find_recipe(environment.workspace, recipe);
    OpenedModel model(folder_for(environment.workspace, found.row, folder), environment.workspace);
    validate(found.recipe, model.model());
    environment.progress({"export", 0, 0, false, 0});
    return package_of(environment, model, found.recipe);
}

/// The keys of every run.
Json run_json(const Workspace& workspace, const RunRow& run)
{
    const auto value = [&](const char* quantity) -> Json {
        for (const auto& measurement : run.measurements)
            if (measurement.quantity == quantity) return measurement.value;
        return {};
    };
    Json samples = Json::object();
    for (const auto& measurement : run.measurements) samples[measurement.quantity] = measurement.samples;
    return {{"run", to_string(Reference{"run", run.id})},
            {"prefill_tokens_per_s", value("prefill_tokens_per_s")},
            {"decode_tokens_per_s", value("decode_tokens_per_s")},
            {"peak_rss_bytes", value("peak_rss_bytes")},
            {"state", run.aborted ? "aborted" : "done"},
            {"output_sha256", or_null(run.output_hash)},
            {"samples", samples},
            {"outliers", outliers_json(run)},
            {"device", device_json(get_conditions(workspace, run.conditions))}};
}

void print_run(const CommandLine& line, const Workspace& workspace, const RunRow& run)
{
    auto object = run_json(workspace, run);
    object.update(phone_run_json(workspace, run));
    line.print(object);
    if (run.aborted) throw failure("run:" + std::to_string(run.id) + " was aborted: " + run.note.value_or("") + "; it is stored as such");
}

/// What the options ask of a phone.
PhoneMeasureRequest phone_request(const Arguments& arguments, const std::filesystem::path& package)
{
    auto request = arguments.phone;
    const auto& common = arguments.request;
    request.package = package;
    request.adb = adb_settings_from_environment();
    request.serial = arguments.device;
    request.plan.prompt_tokens = common.prompt_tokens, request.plan.generate = common.generate;
    request.plan.repeats = common.repeats, request.plan.warmup = common.warmup, request.plan.threads = common.threads;
    request.plan.sample = !arguments.no_samples;
    if (arguments.cool_to > 0) request.plan.cool_to_c = arguments.cool_to;
    request.patience = std::chrono::seconds(arguments.patience_s);
    if (arguments.energy_conditions) request.plan.require = for_energy(request.plan.require);
    if (!arguments.affinity.empty()) {
        std::uint64_t mask = 0;
        const auto* end = arguments.affinity.data() + arguments.affinity.size();
        const auto [at, error] = std::from_chars(arguments.affinity.data(), end, mask, 16);
        if (error != std::errc() || at != end || mask == 0 || mask >> 63 != 0) throw usage_error("--affinity: \"" + arguments.affinity + "\" is no hexadecimal mask of CPUs, like f0");
        request.plan.affinity = mask;
    }
    return request;
}

Json estimate_json(const Estimate& estimate) { return {{"value", estimate.value}, {"low", or_null(estimate.low)}, {"high", or_null(estimate.high)}}; }

void run_pairs(const CommandLine& line, JobEnvironment& environment, const Arguments& arguments, const std::filesystem::path& package)
{
    const auto against = package_for(environment, arguments.against, arguments.against_recipe, arguments.model);
    const auto pairs = measure_pairs(environment, phone_request(arguments, package), against, arguments.pairs);
    Json runs = Json::array();
    for (std::size_t i = 0; i < pairs.runs.size(); ++i) {
        auto run = run_json(environment.workspace, get_run(environment.workspace, pairs.runs[i]));
        run["package"] = std::string(1, pairs.order[i]);
        runs.push_back(std::move(run));
    }
    Json differences = Json::object();
    for (const auto& [quantity, means] : pairs.differences)
        differences[quantity] = {{"pairs", means.pairs}, {"difference", estimate_json(means.difference)}, {"relative", estimate_json(means.relative)}, {"within_chance", means.within_chance()}};
    line.print({{"session", pairs.session}, {"order", pairs.order}, {"runs", runs}, {"differences", differences}});
}

void run_measure(CommandLine& line, const Arguments& arguments)
{
    if (arguments.device == "local" && arguments.dry_run) throw usage_error("--dry-run is for phones");
    if (arguments.package.empty() == arguments.recipe.empty()) throw usage_error("either --package FILE or --recipe REF is needed");
    if (arguments.dry_run) {
        if (arguments.package.empty() && arguments.workspace.empty()) throw usage_error("--dry-run of a recipe needs --workspace");
        auto package = std::filesystem::path(arguments.package);
        if (arguments.package.empty()) {
            const auto workspace = line.open_workspace(arguments.workspace);
            auto environment = line.environment(*workspace, false);
            package = package_for(environment, "", arguments.recipe, arguments.model);
        }
        const auto script = dry_run(phone_request(arguments, package));
        if (line.json) line.print({{"script", script}});
        else line.host.text(script);
        return;
    }
    if (arguments.workspace.empty()) throw usage_error("--workspace is required");
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, false);
    auto request = arguments.request;
    const bool pairs = !arguments.against.empty() || !arguments.against_recipe.empty();
    if (pairs && arguments.device == "local") throw usage_error("--against is for phones; compare compares runs on this computer");
    request.package = package_for(environment, arguments.package, arguments.recipe, arguments.model);
    if (pairs) return run_pairs(line, environment, arguments, request.package);
    print_run(line, *workspace, arguments.device == "local" ? measure_local(environment, request) : measure_on_phone(environment, phone_request(arguments, request.package)));
}

}  // namespace

void add_measure(CLI::App& app, CommandLine& line)
{
    auto* command =
        add_command(app, "measure", "run a package on a device and keep every repeat with its conditions",
                    "run, prefill_tokens_per_s, decode_tokens_per_s, peak_rss_bytes (medians; null where not measured), state (done, aborted), output_sha256, "
                    "samples{quantity: [each repeat]}, outliers{quantity: [indices]}, device{kind (local, phone, simulated), name, identity}; on a phone also answer (same, wrong, "
                    "unchecked), expected_sha256, note, plan, thermal{before, highest, after}, battery{level_before, level_after, before_c, highest_c, source}, screen_on, "
                    "memory_available_bytes, frequencies, energy[{phase, tier, source, reason, flags, gross_j, gross_u, net_j, net_u, mj_per_token, mj_per_token_u, mean_w, peak_w}], "
                    "minutes[{minute, prefill_tokens_per_s, decode_tokens_per_s, battery_c, hottest_c, mean_khz}], sustained{peak_tokens_per_s, sustained_tokens_per_s, loss, onset_minute, onset_c, text}; with --dry-run: script; with --against: session, order, runs[those keys, package (A, B)], "
                    "differences{quantity: {pairs, difference{value, low, high}, relative{value, low, high}, within_chance}} (A − B)");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("--package", arguments->package, "package file");
    command->add_option("--recipe", arguments->recipe, "REF, instead of a package: it is exported first, once");
    command->add_option("--model", arguments->model, "model folder for --recipe; default: where it was last seen");
    command->add_option("--device", arguments->device, "local: this computer; else a phone's serial, as devices prints it")->required();
    command->add_option("--prompt-tokens", arguments->request.prompt_tokens, "tokens of the prompt")->required()->check(CLI::PositiveNumber);
    command->add_option("--generate", arguments->request.generate, "tokens to generate")->required()->check(CLI::NonNegativeNumber);
    command->add_option("--repeats", arguments->request.repeats, "measured runs")->required()->check(CLI::PositiveNumber);
    command->add_option("--warmup", arguments->request.warmup, "runs before them that are not measured")->capture_default_str()->check(CLI::NonNegativeNumber);
    command->add_option("--threads", arguments->request.threads, "threads")->required()->check(CLI::PositiveNumber);
    auto& plan = arguments->phone.plan;
    auto* phone = command->add_option_group("on a phone");
    phone->add_flag("--big-cores", arguments->phone.big_cores, "pin the threads to the big cores");
    phone->add_option("--affinity", arguments->affinity, "pin them to these CPUs, a hexadecimal mask");
    phone->add_option("--seconds", plan.seconds, "sustained: repeat until so long has passed")->check(CLI::Range(1, 86'400));
    phone->add_option("--batches", plan.batches, "repeat all of that so often, with rest and cooling between; energy wants --seconds 60 --batches 5 --idle 60")
        ->check(CLI::Range(1, 10'000));
    phone->add_option("--idle", plan.idle_s, "seconds of idling before and after, for energy above idle")->check(CLI::Range(1, 3'600));
    phone->add_option("--rest", plan.rest_s, "seconds between runs, or batches")->check(CLI::Range(1, 3'600));
    phone->add_option("--cool-to", arguments->cool_to, "between runs, or batches, wait until the battery is this cool, °C")->check(CLI::Range(1, 60));
    phone->add_option("--cool-limit", plan.cool_limit_s, "seconds to wait for that at most")->capture_default_str()->check(CLI::Range(1, 86'400));
    phone->add_flag("--no-samples", arguments->no_samples, "do not sample battery, temperatures and clocks");
    phone->add_option("--samples-per-second", plan.samples_per_second, "of the battery")->capture_default_str()->check(CLI::Range(1, 50));
    phone->add_flag("--marker", plan.marker, "begin with a square wave of load, to find the run in an external meter's record");
    phone->add_flag("--suspend-charging", arguments->phone.suspend_charging, "ask the phone to live from its battery though it is plugged in; undone afterwards");
    phone->add_option("--battery-min", plan.require.level_min, "start at this percentage or above")->check(CLI::Range(0, 100));
    phone->add_option("--battery-max", plan.require.level_max, "start at this percentage or below")->check(CLI::Range(0, 100));
    phone->add_option("--start-below", plan.require.start_below_c, "start when the battery is this cool, °C")->check(CLI::Range(1, 60));
    phone->add_option("--thermal-status-max", plan.require.thermal_status_max, "start when Android says at most this: 0 none, 1 light, 2 moderate …")->check(CLI::Range(0, 6));
    phone->add_flag("--screen-on", plan.require.screen_on, "start when the screen is on");
    phone->add_flag("--discharging", plan.require.discharging, "start when the phone lives from its battery");
    phone->add_flag("--energy-conditions", arguments->energy_conditions, "30 to 80 % full, discharging, screen on, thermal status 0: what a number for energy asks for");
    phone->add_option("--wait", plan.require.wait_s, "seconds to wait for those at most; then it is said what is missing")->capture_default_str()->check(CLI::Range(0, 86'400));
    phone->add_option("--patience", arguments->patience_s, "seconds to wait for a phone that went away; afterwards jobs resume collects the run")->capture_default_str()->check(CLI::Range(0, 86'400));
    phone->add_option("--against", arguments->against, "another package file, measured in turns with this one: A B B A …, with the differences of the pairs");
    phone->add_option("--against-recipe", arguments->against_recipe, "REF, instead of that package")->excludes("--against");
    phone->add_option("--pairs", arguments->pairs, "of --against")->capture_default_str()->check(CLI::Range(2, 1'000));
    phone->add_flag("--dry-run", arguments->dry_run, "print the exact script instead; nothing is done");
    command->add_option("-w,--workspace", arguments->workspace, "workspace file (*.bitwright), made when absent; not needed by --dry-run");
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_measure(line, *arguments); }; });
}

}  // namespace bitwright::cli
