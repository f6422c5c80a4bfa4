// SPDX-License-Identifier: GPL-3.0-or-later
// What the adb server says about the phones it sees, as values. Text from outside: sizes limited, nothing believed.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

enum class ConnectionState : std::uint8_t {
    device,
    offline,
    unauthorized,
    authorizing,
    connecting,
    no_permissions,
    recovery,
    sideload,
    rescue,
    bootloader,
    host,
    unknown
};

struct PhoneLine {
    std::string serial;
    ConnectionState state = ConnectionState::unknown;
    std::string state_words;  ///< as adb says it
    std::string device_path;  ///< "usb:1-2" …, "" for others
    std::string product, model, device;
    std::uint64_t transport_id = 0;
    bool operator==(const PhoneLine&) const = default;
};

/// The lines of `host:devices-l` ("%-22s state [devpath] product:X model:Y device:Z transport_id:N", read from the end because serials and states may hold
/// anything). Lines that are none are left out; at most 256 phones.
[[nodiscard]] std::vector<PhoneLine> phone_lines(std::string_view text);

/// What the user can do about a state; "" when there is nothing to do.
[[nodiscard]] std::string_view advice(ConnectionState state) noexcept;
/// The word for a state on screen.
[[nodiscard]] std::string_view state_name(ConnectionState state) noexcept;

}  // namespace bitwright
