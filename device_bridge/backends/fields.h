// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers, durations and words out of a line of a tool's output. Nothing here throws; what is not there is absent, and so is an infinity or a NaN.
// Threading: pure functions.
#pragma once

#include "device_bridge/phone/lines.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::backends {

/// The text behind the first `key`; absent when the line does not hold it.
[[nodiscard]] std::optional<std::string_view> after(std::string_view line, std::string_view key) noexcept;
/// The number `text` begins with, blanks before it allowed: 12, -3.5, 1.24e+06.
[[nodiscard]] std::optional<double> leading_number(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::int64_t> leading_integer(std::string_view text) noexcept;
/// leading_number of what follows `key`.
[[nodiscard]] std::optional<double> number_after(std::string_view line, std::string_view key) noexcept;
[[nodiscard]] std::optional<std::int64_t> integer_after(std::string_view line, std::string_view key) noexcept;
/// A duration as Go and Abseil write it: 819.9514ms, 8.7s, 1m2.5s, 1h3m, 15us, 15µs, 7ns, 0. In seconds.
[[nodiscard]] std::optional<double> leading_duration_s(std::string_view text) noexcept;
/// How many seconds one of `unit` is: s, ms, us, µs, ns, m, h, and "seconds", "milliseconds".
[[nodiscard]] std::optional<double> seconds_of(std::string_view unit) noexcept;
/// Text of a tool, fit to be shown: valid UTF-8, no control characters, at most `longest` bytes.
[[nodiscard]] std::string shown(std::string_view text, std::size_t longest = 200);

}  // namespace bitwright::backends
