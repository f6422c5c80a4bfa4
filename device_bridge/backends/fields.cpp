// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/fields.h"

#include "core/runtime/utf8.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace bitwright::backends {
namespace {

/// A number at the front of `text`, which moves behind it.
std::optional<double> take_number(std::string_view& text) noexcept
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

}  // namespace

std::optional<std::string_view> after(std::string_view line, std::string_view key) noexcept
{
    const auto at = line.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    return line.substr(at + key.size());
}

std::optional<double> leading_number(std::string_view text) noexcept
{
    text = trimmed(text);
    return take_number(text);
}

std::optional<std::int64_t> leading_integer(std::string_view text) noexcept
{
    text = trimmed(text);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> number_after(std::string_view line, std::string_view key) noexcept
{
    const auto rest = after(line, key);
    return rest ? leading_number(*rest) : std::nullopt;
}

std::optional<std::int64_t> integer_after(std::string_view line, std::string_view key) noexcept
{
    const auto rest = after(line, key);
    return rest ? leading_integer(*rest) : std::nullopt;
}

std::optional<double> seconds_of(std::string_view unit) noexcept
{
    static constexpr std::array<std::pair<std::string_view, double>, 13> units{{{"h", 3600},
                                                                              {"m", 60},
                                                                              {"s", 1},
                                                                              {"sec", 1},
                                                                              {"seconds", 1},
                                                                              {"ms", 1e-3},
                                                                              {"milliseconds", 1e-3},
                                                                              {"us", 1e-6},
                                                                              {"\u00b5s", 1e-6},
                                                                              {"\u03bcs", 1e-6},
                                                                              {"microseconds", 1e-6},
                                                                              {"usec", 1e-6},
                                                                              {"ns", 1e-9}}};
    for (const auto& [name, seconds] : units)
        if (name == unit) return seconds;
    return std::nullopt;
}

std::optional<double> leading_duration_s(std::string_view text) noexcept
{
    text = trimmed(text);
    std::optional<double> total;
    while (!text.empty()) {
        const auto before = text;
        const auto number = take_number(text);
        if (!number || *number < 0) break;
        const auto size = text.find_first_of(" \t,.;)0123456789");
        const auto unit = text.substr(0, size);
        const auto seconds = seconds_of(unit);
        if (!seconds) {
            if (!total && *number == 0 && unit.empty()) return 0;
            text = before;
            break;
        }
        total = total.value_or(0) + *number * *seconds;
        text.remove_prefix(unit.size());
    }
    return total && std::isfinite(*total) ? total : std::nullopt;
}

std::string shown(std::string_view text, std::size_t longest)
{
    text = trimmed(text);
    std::string plain;
    for (const char c : utf8::lossy(text.substr(0, longest * 2)))
        plain += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    if (plain.size() <= longest && text.size() <= longest * 2) return plain;
    auto end = std::min(longest, plain.size());
    while (end > 0 && (static_cast<unsigned char>(plain[end < plain.size() ? end : end - 1]) & 0xC0) == 0x80) --end;
    return plain.substr(0, end) + "…";
}

}  // namespace bitwright::backends
