// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the few messages of a Perfetto trace that are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::test {

inline void put_varint(std::string& bytes, std::uint64_t value)
{
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
}
inline void put_number(std::string& bytes, std::uint32_t field, std::int64_t value)
{
    put_varint(bytes, field << 3);
    put_varint(bytes, static_cast<std::uint64_t>(value));
}
inline void put_bytes(std::string& bytes, std::uint32_t field, std::string_view inner)
{
    put_varint(bytes, field << 3 | 2);
    put_varint(bytes, inner.size());
    bytes += inner;
}

inline std::string battery_packet(std::int64_t t_ns, std::int64_t charge_uah, std::int64_t current_ua, std::optional<std::int64_t> voltage_uv)
{
    std::string battery, packet, trace;
    put_number(battery, 1, charge_uah);
    put_varint(battery, 2 << 3 | 5);  // capacity_percent, a float
    battery += std::string("\0\0\x98\x42", 4);
    put_number(battery, 3, current_ua);
    if (voltage_uv) put_number(battery, 7, *voltage_uv);
    put_number(packet, 8, t_ns);
    put_number(packet, 10, 77);  // unknown to the reader
    put_bytes(packet, 38, battery);
    put_bytes(trace, 1, packet);
    return trace;
}

inline std::string rail_names_packet()
{
    std::string rails, packet, trace;
    for (const auto& [index, name, subsystem] : {std::tuple{0, "S4M_VDD_TPU", "TPU"}, std::tuple{1, "S2M_VDD_CPUCL2", "CPU(BIG)"}}) {
        std::string rail;
        put_number(rail, 1, index);
        put_bytes(rail, 2, name);
        put_bytes(rail, 3, subsystem);
        put_bytes(rails, 1, rail);
    }
    put_bytes(packet, 40, rails);
    put_bytes(trace, 1, packet);
    return trace;
}

inline std::string rails_packet(std::int64_t t_ms, std::int64_t tpu_uws, std::int64_t cpu_uws)
{
    std::string rails, packet, trace;
    for (const auto& [index, energy] : {std::pair{0, tpu_uws}, std::pair{1, cpu_uws}}) {
        std::string data;
        put_number(data, 1, index);
        put_number(data, 2, t_ms);
        put_number(data, 3, energy);
        put_bytes(rails, 2, data);
    }
    put_number(packet, 8, t_ms * 1'000'000);
    put_bytes(packet, 40, rails);
    put_bytes(trace, 1, packet);
    return trace;
}

}  // namespace bitwright::test
