// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/device_lines.h"

#include "device_bridge/adb/adb_error.h"
#include "device_bridge/phone/lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace bitwright {
namespace {

constexpr std::size_t most_phones = 256;

struct StateWord {
    std::string_view word;
    ConnectionState state;
};
constexpr std::array<StateWord, 11> state_words{{{"device", ConnectionState::device},
                                                 {"offline", ConnectionState::offline},
                                                 {"unauthorized", ConnectionState::unauthorized},
                                                 {"authorizing", ConnectionState::authorizing},
                                                 {"connecting", ConnectionState::connecting},
                                                 {"recovery", ConnectionState::recovery},
                                                 {"sideload", ConnectionState::sideload},
                                                 {"rescue", ConnectionState::rescue},
                                                 {"bootloader", ConnectionState::bootloader},
                                                 {"host", ConnectionState::host},
                                                 {"unknown", ConnectionState::unknown}}};

/// Takes the last word off `text` if it is "KEY:VALUE".
bool take_last(std::string_view& text, std::string_view key, std::string& value)
{
    const auto space = text.rfind(' ');
    const auto word = space == std::string_view::npos ? text : text.substr(space + 1);
    if (!word.starts_with(key)) return false;
    value = printable(word.substr(key.size()), 200);
    text = trimmed(text.substr(0, text.size() - word.size()));
    return true;
}

std::optional<PhoneLine> phone_line(std::string_view line)
{
    PhoneLine phone;
    static constexpr std::string_view nameless = "(no serial number)";
    const auto serial_end = line.starts_with(nameless) ? nameless.size() : line.find_first_of(" \t");
    if (serial_end == 0 || serial_end == std::string_view::npos || serial_end > 500) return std::nullopt;
    phone.serial = std::string(line.substr(0, serial_end));
    if (printable(phone.serial, 500) != phone.serial) return std::nullopt;  // it becomes part of requests and of what is shown
    auto rest = trimmed(line.substr(serial_end));

    std::string id;
    if (take_last(rest, "transport_id:", id) && std::from_chars(id.data(), id.data() + id.size(), phone.transport_id).ec != std::errc()) phone.transport_id = 0;
    while (take_last(rest, "device:", phone.device) || take_last(rest, "model:", phone.model) || take_last(rest, "product:", phone.product)) {
    }
    if (rest.empty()) return std::nullopt;

    const auto word = rest.substr(0, rest.find_first_of(" \t"));
    const auto known = std::ranges::find(state_words, word, &StateWord::word);
    std::string_view said = rest;
    if (known != state_words.end()) {
        phone.state = known->state;
        said = word;
    } else if (rest.starts_with("no permissions")) {
        phone.state = ConnectionState::no_permissions;
        if (const auto usb = rest.rfind(" usb:"); usb != std::string_view::npos) said = rest.substr(0, usb);
    } else {
        said = word;
    }
    phone.state_words = printable(said, 200);
    if (phone.state_words.empty()) return std::nullopt;
    phone.device_path = printable(trimmed(rest.substr(said.size())), 200);
    return phone;
}

}  // namespace

std::vector<PhoneLine> phone_lines(std::string_view text)
{
    std::vector<PhoneLine> phones;
    while (!text.empty() && phones.size() < most_phones) {
        const auto end = text.find('\n');
        if (auto phone = phone_line(trimmed(text.substr(0, end)))) phones.push_back(std::move(*phone));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return phones;
}

std::string_view advice(ConnectionState state) noexcept
{
    switch (state) {
        case ConnectionState::device:
            return "";
        case ConnectionState::offline:
            return "The phone does not answer. Wait a few seconds; then unplug it and plug it in again, or switch USB debugging off and on.";
        case ConnectionState::unauthorized:
            return "Unlock the phone and accept the dialog “Allow USB debugging?”. If none appears, unplug it and plug it in again.";
        case ConnectionState::authorizing:
        case ConnectionState::connecting:
            return "Connecting. Look at the phone's screen: it may ask whether to allow this computer.";
        case ConnectionState::no_permissions:
            return "This computer may not open the phone's USB port. Install the udev rules (sudo apt install android-sdk-platform-tools-common), then unplug "
                   "the phone and plug it in again.";
        case ConnectionState::recovery:
        case ConnectionState::sideload:
        case ConnectionState::rescue:
            return "The phone is in its recovery system. Restart it normally.";
        case ConnectionState::bootloader:
            return "The phone is in its bootloader. Restart it normally.";
        case ConnectionState::host:
            return "This is a computer, not a phone.";
        case ConnectionState::unknown:
            return "adb reports a state this program does not know. Unplug the phone and plug it in again.";
    }
    return "";
}

std::string_view state_name(ConnectionState state) noexcept
{
    switch (state) {
        case ConnectionState::device:
            return "ready";
        case ConnectionState::no_permissions:
            return "no permission";
        default:
            break;
    }
    const auto known = std::ranges::find(state_words, state, &StateWord::state);
    return known == state_words.end() ? "unknown" : known->word;
}

}  // namespace bitwright
