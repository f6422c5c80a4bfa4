// SPDX-License-Identifier: GPL-3.0-or-later
// What every command shares: its words, and where it runs. A command prints one JSON object and says sentences; the host shows them: the terminal is one host,
// the desk another. Each group of commands registers itself (add_*), parses into values and sets `action`; run_command_line() runs it and maps what it throws to
// the exit code: 0 done, 1 failed, 2 usage, 3 bad input, 4 cancelled.
// Threading: one command on one thread; a host's control may be asked to stop from any.
#pragma once

#include "app/cli/host.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitwright::cli {

struct CommandLine {
    CommandLine(Host& where, std::vector<std::string> given) : host(where), arguments(std::move(given)), progress(host.progress), control(host.control) {}
    Host& host;
    bool json = false;
    std::vector<std::string> arguments;  ///< without the program's name
    ProgressRelay& progress;
    Control& control;
    std::function<void()> action;
    int resumed_code = 0;  ///< exit code of the command that jobs resume repeated

    void print(const Json& object) const { host.print(object, json); }
    void say(const std::string& sentence) const { host.say(sentence); }
    /// Opens W, and says so when it is read-only.
    [[nodiscard]] std::unique_ptr<Workspace> open_workspace(const std::string& path) const;
    [[nodiscard]] JobEnvironment environment(Workspace& workspace, bool fresh);
};

/// A subcommand with its JSON keys in the help, that takes --json after its name.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description, const std::string& keys);
/// -w W, required.
void add_workspace(CLI::App& command, std::string& path);

void add_inspect(CLI::App& app, CommandLine& line);
void add_tokenize(CLI::App& app, CommandLine& line);
void add_forward(CLI::App& app, CommandLine& line);    ///< forward, generate
void add_calibrate(CLI::App& app, CommandLine& line);  ///< calibrate, statistics
void add_quantize(CLI::App& app, CommandLine& line);
void add_recipe(CLI::App& app, CommandLine& line);
void add_evaluate(CLI::App& app, CommandLine& line);
void add_sensitivity(CLI::App& app, CommandLine& line);  ///< sensitivity, allocate, convergence
void add_exchange(CLI::App& app, CommandLine& line);  ///< export, import, outliers
void add_measure(CLI::App& app, CommandLine& line);
void add_bench(CLI::App& app, CommandLine& line);
void add_devices(CLI::App& app, CommandLine& line);  ///< devices, push
void add_energy(CLI::App& app, CommandLine& line);   ///< energy import
void add_backends(CLI::App& app, CommandLine& line);  ///< backends list, script, read
void add_runs(CLI::App& app, CommandLine& line);     ///< runs, jobs
void add_compare(CLI::App& app, CommandLine& line);  ///< compare, loop

/// A number, or null where it is absent or not finite.
[[nodiscard]] Json or_null(const std::optional<double>& value);
[[nodiscard]] Json or_null(const std::optional<std::int64_t>& value);
[[nodiscard]] Json or_null(const std::optional<std::string>& value);
/// The number of threads that conditions name, null where they name none.
[[nodiscard]] Json threads_of(const Workspace& workspace, std::optional<std::int64_t> conditions);

}  // namespace bitwright::cli
