// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 (FIPS 180-4), the one content hash of Bitwright. Standard library only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

/// Streaming SHA-256. Threading: one object per thread.
class Sha256 {
public:
    Sha256() noexcept;
    Sha256& update(std::span<const std::byte> bytes) noexcept;
    Sha256& update(std::string_view text) noexcept;
    /// 64 lower-case hex digits; the object is spent afterwards.
    [[nodiscard]] std::string hex() noexcept;

private:
    std::array<std::uint32_t, 8> state_;
    std::array<std::uint8_t, 64> buffer_{};
    std::uint64_t length_ = 0;
};

[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);
[[nodiscard]] std::string sha256_hex(std::string_view text);

}  // namespace bitwright
