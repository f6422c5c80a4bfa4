// SPDX-License-Identifier: GPL-3.0-or-later
// Phones over the network, through the adb server: connect, pair, and the way there from USB. adb's answers come as text and say OKAY also when it failed; here
// a failure is an AdbError with the next step. The server is started where none runs. Only what the user asks for is opened, by the adb server, to the address the user gave. Threading: blocking, for
// a worker thread; connecting to a silent address takes adb 10 s.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <cstdint>
#include <string>

namespace bitwright {

/// `adb connect`: "HOST", "HOST:PORT" (5555 without a port) or "localfilesystem:/path" of a socket. @return the phone's serial, which is the address with its
/// port. unauthorized when the dialog on the phone waits: the phone is listed and becomes ready by itself.
std::string connect_phone(const AdbSettings& settings, const std::string& address, const Control& control);
void disconnect_phone(const AdbSettings& settings, const std::string& serial, const Control& control);

/// True where pair_phone can be offered. Asks the server only.
[[nodiscard]] bool can_pair(const AdbSettings& settings, const Control& control);

/// `adb pair`, for Android 11's "Wireless debugging": address and code as that screen shows them. unsupported where the adb server is older than 30.
void pair_phone(const AdbSettings& settings, const std::string& address, const std::string& code, const Control& control);

/// `adb tcpip PORT`: the phone at `target` (over USB) also listens on its network until it restarts; then connect_phone("ITS_IP:PORT").
void listen_on_network(const AdbTarget& target, std::uint16_t port, const Control& control);

/// Asks phones that are offline or unauthorized once more: the next step after a dialog was accepted or a cable moved.
void reconnect_offline(const AdbSettings& settings, const Control& control);

}  // namespace bitwright
