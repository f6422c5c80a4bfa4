// SPDX-License-Identifier: GPL-3.0-or-later
// Commands on a phone through shell v2: output and errors apart, an exit code that was really received, a cancel that really ends what was started.
//
// Invariants: a command without its Exit packet is "connection lost", never a success (adb's own client calls it one). The command runs as the first process of
// its own group; cancel, a limit or an exception of a callback ends that whole group through a second connection before the call returns.
// A command is a line for the phone's shell: words from outside go through shell_quoted (device_bridge/phone/shell_quote.h).
// Errors: AdbError; Cancelled. Threading: blocking, for a worker thread; callbacks run in it.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

/// Goes before every command: its first line of output then names the group of processes to end on cancel, and is taken off what the caller sees.
inline constexpr std::string_view shell_prefix = "echo bitwright-group $$\n";

struct ShellOptions {
    /// With a callback the stream goes there and is not kept.
    std::function<void(std::string_view)> on_output, on_error;
    /// Fills the buffer with the next bytes of stdin, 0 at their end. Empty: stdin is closed at once.
    std::function<std::size_t(std::span<char>)> input;
    std::size_t output_limit = 16u << 20;  ///< of what is kept of output and errors together; beyond it the command is ended: AdbError (output_limit)
    /// After this long without a byte the phone is asked for a sign of life on a second connection; only when that stays away, too, the wait ends (no_answer).
    std::chrono::milliseconds silence{15000};
    std::chrono::milliseconds time_limit{0};  ///< 0: none. Then the command is ended: AdbError (no_answer)
};


struct ShellResult {
    int exit_code = 0;  ///< 128 + n after signal n
    std::string output, error;
};

/// Runs `command` to its end. Without options it may take the settings' command_limit.
[[nodiscard]] ShellResult run_shell(const AdbTarget& target, std::string_view command, const ShellOptions& options, const Control& control);
[[nodiscard]] inline ShellResult run_shell(const AdbTarget& target, std::string_view command, const Control& control)
{
    return run_shell(target, command, {.silence = target.adb.silence, .time_limit = target.adb.command_limit}, control);
}

/// Like run_shell, and a command that does not exit with 0 is an AdbError (refused) that quotes its errors. @param more beside the settings' command_limit
/// @return its output.
[[nodiscard]] std::string shell_output(const AdbTarget& target, std::string_view command, const Control& control, std::chrono::milliseconds more = {});

/// Ends all processes of the group: SIGTERM, after a grace SIGKILL. Nothing happens when there is none. @return true when none is left.
bool end_process_group(const AdbTarget& target, std::int64_t group, const Control& control);

}  // namespace bitwright
