// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/sync_wire.h"

namespace bitwright::sync_wire {
namespace {

template <typename Integer>
Integer little_endian(std::string_view bytes, std::size_t at)
{
    Integer value = 0;
    for (std::size_t i = sizeof(Integer); i-- > 0;) value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(bytes[at + i]));
    return value;
}

}  // namespace

std::string head(std::string_view id, std::uint32_t value)
{
    std::string bytes(id);
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
    return bytes;
}

Head read_head(std::string_view bytes) { return {bytes.substr(0, 4), little_endian<std::uint32_t>(bytes, 4)}; }

std::optional<Stat> read_stat(std::string_view bytes)
{
    // id, u32 error, u64 device, u64 inode, u32 mode, links, uid, gid, u64 size, i64 accessed, modified, changed
    if (bytes.size() != stat_size || (!bytes.starts_with("STA2") && !bytes.starts_with("LST2"))) return std::nullopt;
    return Stat{little_endian<std::uint32_t>(bytes, 4), little_endian<std::uint32_t>(bytes, 24), little_endian<std::uint64_t>(bytes, 40),
                static_cast<std::int64_t>(little_endian<std::uint64_t>(bytes, 56))};
}

}  // namespace bitwright::sync_wire
