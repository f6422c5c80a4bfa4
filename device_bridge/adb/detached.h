// SPDX-License-Identifier: GPL-3.0-or-later
// A command that goes on when the cable is pulled and is collected later: energy is measured on an unplugged phone.
// In its folder on the phone: `group` (process group, its start time, the boot it belongs to), `stdout`, `stderr`, and `done` with the exit code, which appears
// in one step when the command has ended. The folder alone says in which state it is, so another session of the program can collect it.
// Threading: blocking, for a worker thread. Errors: AdbError; Cancelled.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright {

struct DetachedState {
    enum class Kind : std::uint8_t {
        absent,  ///< never started here
        running,
        finished,  ///< `exit_code` is there
        died,      ///< gone without an exit code: killed, or the phone restarted
    };
    Kind kind = Kind::absent;
    std::optional<int> exit_code;
    std::int64_t group = 0;
};

/// Starts `command` with `folder` (made if needed) as its working folder. Throws AdbError (refused) where one is still running there. @return its process
/// group.
std::int64_t start_detached(const AdbTarget& target, const std::string& folder, std::string_view command, const Control& control);

[[nodiscard]] DetachedState look_at_detached(const AdbTarget& target, const std::string& folder, const Control& control);

/// Asks every `interval` until the command is no longer running. A phone that is away is waited for, `patience` long (0: as long as it takes); then the error
/// of the last attempt is thrown. A cancel ends the waiting, not the command: end_detached does.
[[nodiscard]] DetachedState wait_for_detached(const AdbTarget& target, const std::string& folder, std::chrono::milliseconds interval,
                                              std::chrono::milliseconds patience, const Control& control);

/// Ends the command's processes if it runs. @return true when none is left.
bool end_detached(const AdbTarget& target, const std::string& folder, const Control& control);

/// What the script behind look_at_detached printed. Nothing it can print throws; what is none is absent.
[[nodiscard]] DetachedState parse_detached_state(std::string_view answer);

}  // namespace bitwright
