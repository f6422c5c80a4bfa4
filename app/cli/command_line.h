// SPDX-License-Identifier: GPL-3.0-or-later
// What every command shares: --json, progress, Ctrl-C, and how results reach the terminal. Each group of commands registers itself (add_*), parses into values
// and sets `action`; main runs it and maps what it throws to the exit code: 0 done, 1 failed, 2 usage, 3 bad input, 4 cancelled.
// Threading: one thread; Ctrl-C arrives as a signal and only sets the cancel flag.
#pragma once

#include "app/jobs/job.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitwright::cli {

/// Keys keep the order in which the help names them.
using Json = nlohmann::ordered_json;

struct CommandLine {
    CommandLine();
    bool json = false;
    std::vector<std::string> arguments;  ///< without the program's name
    ProgressRelay progress;
    Control control;
    std::function<void()> action;
    int resumed_code = 0;  ///< exit code of the command that jobs resume repeated

    /// One object: a line of JSON, or lines for people.
    void print(const Json& object) const;
    /// A sentence for people on stderr (never part of --json's output).
    void say(const std::string& sentence) const;
    /// Opens W, and says so when it is read-only.
    [[nodiscard]] std::unique_ptr<Workspace> open_workspace(const std::string& path) const;
    [[nodiscard]] JobEnvironment environment(Workspace& workspace, bool fresh);
};

/// Parses and runs; @return the exit code.
int run_command_line(std::vector<std::string> arguments);

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
void add_exchange(CLI::App& app, CommandLine& line);  ///< export, import, outliers
void add_measure(CLI::App& app, CommandLine& line);
void add_runs(CLI::App& app, CommandLine& line);     ///< runs, jobs
void add_compare(CLI::App& app, CommandLine& line);  ///< compare, loop

/// A number, or null where it is absent or not finite.
[[nodiscard]] Json or_null(const std::optional<double>& value);
[[nodiscard]] Json or_null(const std::optional<std::int64_t>& value);
[[nodiscard]] Json or_null(const std::optional<std::string>& value);
/// The number of threads that conditions name, null where they name none.
[[nodiscard]] Json threads_of(const Workspace& workspace, std::optional<std::int64_t> conditions);

}  // namespace bitwright::cli
