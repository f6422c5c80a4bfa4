// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of adb's sync service: an id of four letters and u32 (little endian), then what the id says (spec device.md §2.2).
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::sync_wire {

inline constexpr std::size_t head_size = 8;
inline constexpr std::size_t most_data = 64 * 1024;   ///< of one DATA
inline constexpr std::size_t most_words = 64 * 1024;  ///< of a FAIL
inline constexpr std::size_t stat_size = 72;          ///< STA2 and LST2, with their id

[[nodiscard]] std::string head(std::string_view id, std::uint32_t value);
[[nodiscard]] inline std::string request(std::string_view id, std::string_view path) { return head(id, static_cast<std::uint32_t>(path.size())).append(path); }

struct Head {
    std::string_view id;  ///< into the bytes given
    std::uint32_t value = 0;
};
/// Precondition: at least head_size bytes.
[[nodiscard]] Head read_head(std::string_view bytes);

struct Stat {
    std::uint32_t error = 0;  ///< errno on the phone
    std::uint32_t mode = 0;
    std::uint64_t size = 0;
    std::int64_t modified = 0;
};
/// The answer to STA2 or LST2; none when it is none.
[[nodiscard]] std::optional<Stat> read_stat(std::string_view bytes);

}  // namespace bitwright::sync_wire
