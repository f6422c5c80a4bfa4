// SPDX-License-Identifier: GPL-3.0-or-later
// The adb server of this computer: found running or started; never ended by us, because other programs use it too.
// Errors: AdbError, each case its own sentence: no executable, it does not start, something else on the port, a server of another generation.
// Threading: functions may be called from any worker thread; they block (at most connect_timeout, starting at most 10 s).
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// The protocol that every adb since 2019 speaks (1.0.41).
inline constexpr int adb_server_version = 41;

/// The setting, $ADB, or the first `adb` in $PATH that may be executed. Throws AdbError (no_adb) which says where was looked and what to install.
[[nodiscard]] std::filesystem::path find_adb(const AdbSettings& settings);

/// The version of the server that runs on the port; none when nothing listens. Throws AdbError: foreign_server, old_server.
[[nodiscard]] std::optional<int> running_adb_server(const AdbSettings& settings, const Control& control);

/// Makes sure that a server runs: uses the one that is there, else starts it with the executable (`adb -P PORT start-server`) and waits until it answers.
void ensure_adb_server(const AdbSettings& settings, const Control& control);

/// Waits until adb lists the phone as ready, `patience` long; then throws what stands in the way: no_device, unauthorized, offline …
/// After an error that passes_with_reconnect() this comes before the next attempt.
void wait_for_phone(const AdbTarget& target, std::chrono::milliseconds patience, const Control& control);

/// What the server can do ("shell_v2", "stat_v2" …) and what this phone and the server can do together.
[[nodiscard]] std::vector<std::string> adb_features(const AdbSettings& settings, const Control& control);
[[nodiscard]] std::vector<std::string> phone_features(const AdbTarget& target, const Control& control);

}  // namespace bitwright
