// SPDX-License-Identifier: GPL-3.0-or-later
// The commands as a library: arguments in, one JSON object and an exit code out. The terminal is one host, the desk another.
// Threading: one command on one thread at a time; its control may be asked to stop from any.
#pragma once

#include "app/jobs/job.h"
#include "core/numerics/numerics.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace bitwright::cli {

/// Keys keep the order in which the help names them.
using Json = nlohmann::ordered_json;

/// Where a command runs.
struct Host {
    std::function<void(const Json& object, bool json)> print;   ///< one result; `json`: --json was given
    std::function<void(const std::string& sentence)> say;       ///< for people, never part of the result
    std::function<void(const std::string& text)> text;          ///< plain text that is a result for people: help, a table, a continuation
    ProgressRelay& progress;
    Control& control;                                            ///< reports to `progress`
    std::function<void(const JobRow& job)> on_job{};             ///< a row of `jobs` began
    MethodWatch watch{};                                         ///< of methods that optimize
    std::function<void(const RunnerLog& so_far)> on_log{};       ///< a phone told more about the run under way
};

/// Parses and runs; every way it can end becomes an exit code and, unless done, one sentence said. @return the exit code.
int run_command_line(std::vector<std::string> arguments, Host& host);

}  // namespace bitwright::cli
