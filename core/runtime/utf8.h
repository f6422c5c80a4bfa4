// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8: where a text stops being valid, and code points one by one.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bitwright::utf8 {

/// Position of the first byte that is not part of a well-formed sequence (no surrogates, no overlong forms, at most U+10FFFF); npos when all is well.
[[nodiscard]] std::size_t first_invalid(std::string_view text) noexcept;

/// Bytes of the well-formed sequence that `text` begins with; 0 when it begins with none, or is empty.
[[nodiscard]] std::size_t valid_length(std::string_view text) noexcept;

/// Bytes of the sequence that begins with `lead`. Precondition: valid text.
[[nodiscard]] constexpr std::size_t length(char lead) noexcept
{
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
/// The code point at `position`, which moves behind it. Precondition: valid text, position < size.
[[nodiscard]] char32_t next(std::string_view text, std::size_t& position) noexcept;
/// The code point that ends before `position`, which moves to its start. Precondition: valid text, position > 0.
[[nodiscard]] char32_t previous(std::string_view text, std::size_t& position) noexcept;
void append(std::string& text, char32_t code_point);

/// Bytes as text; each maximal part of a broken sequence becomes one U+FFFD (Unicode 3.9 "substitution of maximal subparts", Rust's from_utf8_lossy).
[[nodiscard]] std::string lossy(std::string_view bytes);

/// Unicode White_Space.
[[nodiscard]] bool is_space(char32_t code_point) noexcept;

}  // namespace bitwright::utf8
