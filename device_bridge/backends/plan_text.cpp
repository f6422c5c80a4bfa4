// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/plan_text.h"

#include "device_bridge/phone/shell_quote.h"

namespace bitwright::backends {
namespace {

using Words = std::vector<std::string>;

/// "\n# text" lines; a comment must not end early.
std::string comment(std::string_view text)
{
    std::string line = "# ";
    for (const char c : text) line += c == '\n' || c == '\r' ? ' ' : c;
    return line + "\n";
}

/// adb for this phone. What the phone's shell shall see is one word.
std::string adb(const std::string& serial, Words words)
{
    words.insert(words.begin(), {"adb", "-s", serial});
    return shell_command(words);
}

std::string push_lines(const Push& push, const std::string& serial)
{
    std::string lines;
    if (push.text) {
        lines = shell_command({"printf", "%s", *push.text}) + " | " + adb(serial, {"shell", "cat > " + shell_quoted(push.remote)}) + "\n";
    } else {
        lines = adb(serial, {"push", push.local.string(), push.remote}) + "\n";
    }
    if (push.executable) lines += adb(serial, {"shell", shell_command({"chmod", "755", push.remote})}) + "\n";
    return lines;
}

/// What is to be parsed becomes FOLDER/file.txt.
std::string pull_lines(const Pull& pull, const std::string& folder, const std::string& serial)
{
    const auto local = remote_path(folder, pull.name);
    auto lines = adb(serial, {"pull", pull.remote, local});
    if (!pull.reader.empty()) lines += " && (" + shell_command({"cd", folder}) + " && " + shell_command(pull.reader) + " > file.txt)";
    else if (pull.parse) lines += " && " + shell_command({"cp", local, remote_path(folder, "file.txt")});
    lines += pull.optional ? " || true\n" : "\n";
    return lines + adb(serial, {"shell", shell_command({"rm", "-rf", pull.remote})}) + "\n";
}

/// One execution into a folder of its own. The exit code is written on the phone: adb's own is 0 also when the cable is pulled.
std::string execution_lines(const Plan& plan, const std::string& folder, const std::string& serial)
{
    const auto code = shell_quoted(remote_path(plan.cwd, "bitwright_exit.txt"));
    auto lines = shell_command({"mkdir", "-p", folder}) + "\n";
    lines += adb(serial, {"shell", "rm -f " + code + "; (" + remote_command(plan) + "); echo $? > " + code}) + " > " + shell_quoted(remote_path(folder, "output.txt")) + " 2> " +
             shell_quoted(remote_path(folder, "errors.txt")) + " || true\n";
    lines += adb(serial, {"pull", remote_path(plan.cwd, "bitwright_exit.txt"), remote_path(folder, "exit.txt")}) + " || true\n";
    for (const auto& pull : plan.pulls) lines += pull_lines(pull, folder, serial);
    return lines;
}

}  // namespace

std::string remote_command(const Plan& plan)
{
    Words words;
    if (!plan.environment.empty()) words.emplace_back("env");
    for (const auto& [name, value] : plan.environment) words.push_back(name + "=" + value);
    words.insert(words.end(), plan.argv.begin(), plan.argv.end());
    return "cd " + shell_quoted(plan.cwd) + " && exec " + shell_command(words);
}

std::string dry_run_script(const Plan& plan, const std::string& serial)
{
    std::string script = "#!/bin/sh\n";
    script += comment("What Bitwright would do, to be read or run by hand in an empty folder. bitwright-cli backends read tells what came out.");
    for (const auto& note : plan.notes) script += comment(note);
    script += "set -e\n";
    Words folders{"mkdir", "-p"};
    folders.insert(folders.end(), plan.folders.begin(), plan.folders.end());
    if (!plan.folders.empty()) script += adb(serial, {"shell", shell_command(folders)}) + "\n";
    for (const auto& push : plan.pushes) script += push_lines(push, serial);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(plan.executions, 100); ++i)
        script += execution_lines(plan, i < plan.discard ? "warmup-" + std::to_string(i + 1) : "run-" + std::to_string(i - plan.discard + 1), serial);
    return script;
}

}  // namespace bitwright::backends
