// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command_line.h"

#include "core/workspace/results.h"
#include "core/workspace/tensors.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <utility>

namespace bitwright::cli {
namespace {

/// Runs the chosen action; every way it can end becomes an exit code and, unless done, one sentence on stderr.
int run_action(CommandLine& line)
{
    try {
        line.action();
        return line.resumed_code;
    } catch (const Cancelled&) {
        line.say("cancelled");
        return 4;
    } catch (const Error& error) {
        line.say(error.what());
        return static_cast<int>(error.kind());
    } catch (const std::bad_alloc&) {
        line.say("not enough memory");
        return 1;
    } catch (const std::filesystem::filesystem_error& error) {
        line.say(error.path1().string() + ": " + error.code().message());
        return 1;
    } catch (const std::exception& error) {
        line.say(std::string("unexpected: ") + error.what());
        return 1;
    }
}

}  // namespace

std::unique_ptr<Workspace> CommandLine::open_workspace(const std::string& path) const
{
    constexpr std::chrono::seconds limit(10);
    bool said = false;
    const auto on_lock = [&](std::chrono::milliseconds waited) {
        if (waited.count() >= 250 && !std::exchange(said, true)) say(path + " is locked by another program; waiting for it, " + std::to_string(limit.count()) + " s at most");
        return !control.cancel_requested();
    };
    std::unique_ptr<Workspace> workspace;
    try {
        workspace = std::make_unique<Workspace>(path, limit, on_lock);
    } catch (const Error&) {
        control.check();  // stopped while it waited
        throw;
    }
    if (!workspace->notice().empty()) say(path + " is opened read-only: " + workspace->notice());
    return workspace;
}

JobEnvironment CommandLine::environment(Workspace& workspace, bool fresh)
{
    if (!workspace.read_only()) (void)collect_unreferenced(workspace);  // what a killed command left an hour ago or earlier
    const nlohmann::json command{{"argv", arguments}, {"folder", std::filesystem::current_path().string()}};
    return {workspace, control, progress, command.dump(), fresh, false, host.on_job, host.on_log};
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description, const std::string& keys)
{
    auto* command = parent.add_subcommand(name, description);
    command->fallthrough();
    if (!keys.empty()) command->footer("Keys of --json: " + keys);
    return command;
}

void add_workspace(CLI::App& command, std::string& path)
{
    command.add_option("-w,--workspace", path, "workspace file (*.bitwright), made when absent")->required();
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json or_null(const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); }
Json or_null(const std::optional<std::string>& value) { return value ? Json(*value) : Json(); }

Json threads_of(const Workspace& workspace, std::optional<std::int64_t> conditions)
{
    return conditions ? or_null(get_conditions(workspace, *conditions).threads) : Json();
}

int run_command_line(std::vector<std::string> arguments, Host& host)
{
    CommandLine line(host, arguments);
    CLI::App app("Bitwright " BITWRIGHT_VERSION ": quantize language models for phones, from a Hugging Face folder to an honest comparison.", "bitwright-cli");
    app.set_version_flag("--version", "Bitwright " BITWRIGHT_VERSION);
    app.add_flag("--json", line.json, "print one JSON object (or JSON lines) with the keys each command's --help names");
    app.require_subcommand(1);
    app.footer(
        "REF: what a command printed (recipe:14, calibration:3, run:7, job:2), a --name given, or a file.\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 cancelled.");
    for (const auto add :
         {add_inspect, add_tokenize, add_forward, add_calibrate, add_quantize, add_recipe, add_evaluate, add_sensitivity, add_exchange, add_measure, add_bench, add_devices, add_backends, add_energy, add_runs, add_compare})
        add(app, line);
    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out, err;
        const bool asked = app.exit(error, out, err) == 0;  // --help, --version
        if (asked) host.text(out.str());
        else host.say(error.what());
        return asked ? 0 : 2;
    }
    return run_action(line);
}

}  // namespace bitwright::cli
