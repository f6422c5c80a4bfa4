// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/shell_packets.h"

#include <algorithm>

namespace bitwright {
namespace {

constexpr std::size_t head_size = 5;

}  // namespace

std::string shell_packet(ShellPacketId id, std::string_view bytes)
{
    std::string packet;
    packet.reserve(head_size + bytes.size());
    packet += static_cast<char>(id);
    for (int i = 0; i < 4; ++i) packet += static_cast<char>(bytes.size() >> (8 * i) & 0xff);
    return packet.append(bytes);
}

void ShellPacketReader::feed(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (left_ == 0) {
            const auto take = std::min(head_size - head_.size(), bytes.size());
            head_.append(bytes.substr(0, take));
            bytes.remove_prefix(take);
            if (head_.size() < head_size) return;
            id_ = static_cast<std::uint8_t>(head_[0]);
            for (std::size_t i = 0; i < 4; ++i) left_ |= static_cast<std::uint32_t>(static_cast<unsigned char>(head_[i + 1])) << (8 * i);
            head_.clear();
            continue;
        }
        const auto part = bytes.substr(0, std::min<std::size_t>(left_, bytes.size()));
        bytes.remove_prefix(part.size());
        left_ -= static_cast<std::uint32_t>(part.size());
        switch (static_cast<ShellPacketId>(id_)) {
            case ShellPacketId::output:
                if (on_output) on_output(part);
                break;
            case ShellPacketId::error:
                if (on_error) on_error(part);
                break;
            case ShellPacketId::exit:
                if (!exit_code_) exit_code_ = static_cast<unsigned char>(part.front());
                break;
            default:
                break;
        }
    }
}

}  // namespace bitwright
