// SPDX-License-Identifier: GPL-3.0-or-later
// Where adb is and how long it may keep us waiting. Values, copied into whoever needs them.
// Invariant: only loopback is ever opened; the port is the adb server's on this computer.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace bitwright {

class Transcript;

struct AdbSettings {
    std::filesystem::path executable;  ///< the user's setting; empty: $ADB, else the first `adb` in $PATH
    std::uint16_t port = 5037;
    std::map<std::string, std::string> environment;   ///< added when the server is started (tests: HOME, ADB_LOCAL_TRANSPORT_MAX_PORT)
    std::chrono::milliseconds connect_timeout{3000};  ///< for the server to accept and to give its version
    std::chrono::milliseconds silence{15000};         ///< no byte either way for this long while an answer is due: "does not answer"
    std::chrono::milliseconds command_limit{60000};   ///< a command without a limit of its own may take this long: none that does one step needs it
    std::shared_ptr<Transcript> transcript;           ///< records every socket when set
};

/// The settings of this process: what choose_adb said, else its environment: $ANDROID_ADB_SERVER_PORT as adb itself reads it; $BITWRIGHT_ADB_RECORD names a file that everything spoken with
/// phones is recorded into, $BITWRIGHT_ADB_REPLAY one whose phones are there instead of real ones (transcript.h). Throws Error: usage for a port that is none,
/// bad_input for a file that is no transcript.
[[nodiscard]] AdbSettings adb_settings_from_environment();

/// What the user of this process chose in its settings wins over the environment: a path ("": none) and a port (0: none). Any thread.
void choose_adb(const std::filesystem::path& executable, std::uint16_t port);

/// One phone at one server. The serial stays over reconnects; a transport id is new after each and is used when it is not 0 (two phones with one serial).
struct AdbTarget {
    AdbSettings adb;
    std::string serial;
    std::uint64_t transport_id = 0;
};

}  // namespace bitwright
