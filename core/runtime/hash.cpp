// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/hash.h"

#include "core/runtime/sha256_blocks.h"

#include <algorithm>
#include <cstring>

namespace bitwright {

Sha256::Sha256() noexcept : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

Sha256& Sha256::update(std::span<const std::byte> bytes) noexcept
{
    if (bytes.empty()) return *this;  // its address may be null
    const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const auto compress = sha256::best_compress();
    std::size_t n = bytes.size();
    std::size_t used = length_ % 64;
    length_ += n;
    if (used) {
        const auto take = std::min(n, 64 - used);
        std::memcpy(buffer_.data() + used, p, take);
        p += take, n -= take, used += take;
        if (used < 64) return *this;
        compress(state_, buffer_.data(), 1);
    }
    compress(state_, p, n / 64);
    p += n / 64 * 64, n %= 64;
    if (n) std::memcpy(buffer_.data(), p, n);
    return *this;
}

Sha256& Sha256::update(std::string_view text) noexcept { return update(std::as_bytes(std::span(text.data(), text.size()))); }

std::string Sha256::hex() noexcept
{
    const std::uint64_t bits = length_ * 8;
    static constexpr std::array<std::byte, 64> padding{std::byte{0x80}};
    update(std::span(padding).first((length_ % 64 < 56 ? 56 : 120) - length_ % 64));
    std::array<std::byte, 8> tail;
    for (int i = 0; i < 8; ++i) tail[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    update(tail);
    std::string text;
    static constexpr char digits[] = "0123456789abcdef";
    for (const auto word : state_)
        for (int shift = 28; shift >= 0; shift -= 4) text += digits[word >> shift & 15];
    return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return Sha256().update(bytes).hex(); }
std::string sha256_hex(std::string_view text) { return Sha256().update(text).hex(); }

}  // namespace bitwright
