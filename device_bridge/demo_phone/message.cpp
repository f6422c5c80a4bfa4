// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/message.h"

#include "core/runtime/error.h"

#include <numeric>

namespace bitwright::demo {

void append_u32(std::string& out, std::uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
}

void append_u64(std::string& out, std::uint64_t value)
{
    append_u32(out, static_cast<std::uint32_t>(value));
    append_u32(out, static_cast<std::uint32_t>(value >> 32));
}

std::uint32_t read_u32(std::string_view bytes) noexcept
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

std::string encoded(const Message& message)
{
    const auto sum = std::accumulate(message.payload.begin(), message.payload.end(), std::uint32_t{0},
                                     [](std::uint32_t total, char c) { return total + static_cast<unsigned char>(c); });
    const auto command = static_cast<std::uint32_t>(message.command);
    std::string out;
    out.reserve(head_bytes + message.payload.size());
    for (const std::uint32_t word : {command, message.first, message.second, static_cast<std::uint32_t>(message.payload.size()), sum, ~command}) append_u32(out, word);
    return out += message.payload;
}

std::optional<Message> MessageReader::next()
{
    const std::string_view rest = std::string_view(pending_).substr(at_);
    if (rest.size() < head_bytes) return std::nullopt;
    const std::uint32_t command = read_u32(rest), size = read_u32(rest.substr(12));
    if (read_u32(rest.substr(20)) != ~command) throw bad_input("adb server", "magic", "is not the command's complement; the connection is closed");
    if (size > largest_payload) throw bad_input("adb server", "data_length", "is over 1 MiB; the connection is closed");
    if (rest.size() < head_bytes + size) return std::nullopt;
    Message message{static_cast<Command>(command), read_u32(rest.substr(4)), read_u32(rest.substr(8)), std::string(rest.substr(head_bytes, size))};
    at_ += head_bytes + size;
    if (at_ == pending_.size() || at_ > largest_payload) {
        pending_.erase(0, at_);
        at_ = 0;
    }
    return message;
}

}  // namespace bitwright::demo
