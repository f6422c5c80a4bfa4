// SPDX-License-Identifier: GPL-3.0-or-later
// The compression function of SHA-256 (FIPS 180-4 §6.2.2), once portable and once with the processor's own instructions. Internal to hash.cpp and its test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bitwright::sha256 {

using State = std::array<std::uint32_t, 8>;
/// Compresses `count` blocks of 64 bytes into `state`.
using Compress = void (*)(State& state, const std::uint8_t* bytes, std::size_t count) noexcept;

void compress_portable(State& state, const std::uint8_t* bytes, std::size_t count) noexcept;
/// The fastest that this processor has; decided at the first call.
[[nodiscard]] Compress best_compress() noexcept;

}  // namespace bitwright::sha256
