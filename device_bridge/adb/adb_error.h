// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong between this computer and a phone, as a reason that code can act on and a sentence that a user can (spec device.md §1.4).
// Threading: values and pure functions.
#pragma once

#include "core/runtime/error.h"

#include <cstdint>
#include <string_view>

namespace bitwright {

enum class AdbFault : std::uint8_t {
    no_adb,          ///< the executable is missing or does not start
    no_server,       ///< nothing answers on the port
    foreign_server,  ///< something that is not adb holds the port
    old_server,      ///< an adb server of another generation
    no_device,       ///< this phone is not connected
    unauthorized,    ///< the dialog on the phone was not accepted yet
    no_permission,   ///< udev rules are missing
    offline,
    connection_lost,  ///< it was there and the connection broke in the middle
    no_answer,        ///< connected and silent: a watchdog ended the wait
    no_space,         ///< on the phone
    denied,           ///< SELinux or file permissions on the phone
    not_found,        ///< a path on the phone
    unsupported,      ///< this adb or this phone cannot do it
    protocol,         ///< an answer that no adb gives
    output_limit,     ///< a command printed more than allowed
    corrupted,        ///< a file arrived with other bytes than were sent
    refused,          ///< the phone or adb said no; its words are in the sentence
};

class AdbError : public Error {
public:
    AdbError(AdbFault fault, const std::string& sentence) : Error(ErrorKind::failed, sentence), fault_(fault) {}
    [[nodiscard]] AdbFault fault() const noexcept { return fault_; }

    /// True where trying again after the phone is back can succeed without a change by the user.
    [[nodiscard]] bool passes_with_reconnect() const noexcept
    {
        return fault_ == AdbFault::connection_lost || fault_ == AdbFault::offline || fault_ == AdbFault::no_device || fault_ == AdbFault::no_answer;
    }

private:
    AdbFault fault_;
};

/// The words of a FAIL (from the server about `who`, a serial; or from the phone about `what`, a path) as a sentence with the next step.
/// Words nobody knows are quoted, at most 300 characters of them, control characters removed.
[[nodiscard]] AdbError server_refusal(std::string_view who, std::string_view words);
[[nodiscard]] AdbError sync_refusal(std::string_view who, std::string_view what, std::string_view words);

/// The text with everything but printable characters removed, cut to `limit`: what a phone says is shown, not obeyed.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 300);

}  // namespace bitwright
