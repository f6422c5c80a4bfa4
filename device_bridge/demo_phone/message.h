// SPDX-License-Identifier: GPL-3.0-or-later
// The packets between an adb server and a phone: 24 bytes of head, little-endian, and a payload (spec: AOSP system/core/adb/protocol.txt).
// A head's magic is the command's complement. The field for a checksum is the plain sum of the payload's bytes and is not checked: genuine adb leaves it 0 once
// it knows the phone's version, also in the first packet of the next connection.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::demo {

enum class Command : std::uint32_t {
    sync = 0x434e5953,
    connect = 0x4e584e43,
    open = 0x4e45504f,
    okay = 0x59414b4f,
    close = 0x45534c43,
    write = 0x45545257,
    authenticate = 0x48545541,
};

inline constexpr std::uint32_t protocol_version = 0x01000001;  ///< from here on nobody sums bytes
inline constexpr std::uint32_t largest_payload = 1 << 20;
inline constexpr std::uint32_t head_bytes = 24;

struct Message {
    Command command{};
    std::uint32_t first = 0, second = 0;
    std::string payload;
};

/// The packet's bytes, with the sum of the payload.
[[nodiscard]] std::string encoded(const Message& message);

/// Packets out of a stream of bytes that come in any pieces.
class MessageReader {
public:
    void feed(std::string_view bytes) { pending_.append(bytes); }
    /// The next whole packet, or nothing yet. Throws Error (bad_input) for a wrong magic or a payload over 1 MiB: such a connection is to be closed.
    [[nodiscard]] std::optional<Message> next();

private:
    std::string pending_;
    std::size_t at_ = 0;  ///< what is before was handed out
};

/// Little-endian numbers in text buffers.
void append_u32(std::string& out, std::uint32_t value);
void append_u64(std::string& out, std::uint64_t value);
[[nodiscard]] std::uint32_t read_u32(std::string_view bytes) noexcept;  ///< of the first four bytes

}  // namespace bitwright::demo
