// SPDX-License-Identifier: GPL-3.0-or-later
// Lines and numbers out of a phone's answers. What a phone says is untrusted: nothing here throws, and everything that is kept is valid UTF-8 of limited
// length. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Without spaces, tabs and carriage returns at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;
/// Split at line feeds (a carriage return before one is dropped), at most `limit` lines; empty lines stay.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text, std::size_t limit = 1'000'000);
/// The words between spaces and tabs.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);
/// What stands before and after the first `separator`, both trimmed; absent when there is none.
[[nodiscard]] std::optional<std::pair<std::string_view, std::string_view>> split_at(std::string_view line, char separator) noexcept;

/// The whole of `text` (trimmed) as a number, base 10; absent when it is none or does not fit.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text) noexcept;
/// As above, finite.
[[nodiscard]] std::optional<double> real_number(std::string_view text) noexcept;
/// The whole of `text` as a hexadecimal word without prefix.
[[nodiscard]] std::optional<std::uint64_t> hexadecimal(std::string_view text) noexcept;
/// "f0" of 240.
[[nodiscard]] std::string hexadecimal_word(std::uint64_t value);

/// A name or version for people and JSON: trimmed, broken UTF-8 replaced, control characters removed, at most 256 bytes; absent when nothing is left.
[[nodiscard]] std::optional<std::string> short_text(std::string_view text);

/// What `df -k PATH` says is free there: its last line holds "… available use% mount"; a long device name takes a line of its own.
[[nodiscard]] std::optional<std::int64_t> df_free_bytes(std::string_view text);

}  // namespace bitwright
