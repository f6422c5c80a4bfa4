// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation with the phone can be about: a command, files, a port, a restart.
// Threading: a service runs in a thread of its own.
#pragma once

#include "device_bridge/demo_phone/phone.h"
#include "device_bridge/demo_phone/stream.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::demo {

using Service = std::function<void(Stream&)>;

/// For the text of an OPEN; empty where there is no such service. `cut` ends the connection.
[[nodiscard]] Service find_service(Phone& phone, const std::string& name, std::function<void()> cut);

/// A command: with shell v2's packets (out and error apart, exit code) or bare bytes, on a terminal or on pipes.
struct CommandKind {
    bool packets = false, terminal = false;
    std::string terminal_type = "dumb";
};
/// The absolute path behind the last ">>" of a command line, unquoted: the file that grows by what the command reads.
[[nodiscard]] std::optional<std::string> appended_file(std::string_view command);
void serve_command(Phone& phone, Stream& stream, const std::string& command, const CommandKind& kind, const std::function<void()>& cut);
/// "sync:": sizes, lists, sending and receiving of files.
void serve_files(Phone& phone, Stream& stream, const std::function<void()>& cut);

}  // namespace bitwright::demo
