// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/lines.h"

#include "core/runtime/utf8.h"

#include <array>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::size_t longest_text = 256;

template <typename T, typename... Format>
std::optional<T> number(std::string_view text, Format... format) noexcept
{
    text = trimmed(text);
    if (text.starts_with('+')) text.remove_prefix(1);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, format...);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string_view trimmed(std::string_view text) noexcept
{
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::vector<std::string_view> lines_of(std::string_view text, std::size_t limit)
{
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < limit) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::vector<std::string_view> words_of(std::string_view line)
{
    std::vector<std::string_view> words;
    for (;;) {
        const auto begin = line.find_first_not_of(" \t\r\n");
        if (begin == std::string_view::npos) return words;
        line.remove_prefix(begin);
        const auto length = std::min(line.find_first_of(" \t\r\n"), line.size());
        words.push_back(line.substr(0, length));
        line.remove_prefix(length);
    }
}

std::optional<std::pair<std::string_view, std::string_view>> split_at(std::string_view line, char separator) noexcept
{
    const auto at = line.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    return std::pair{trimmed(line.substr(0, at)), trimmed(line.substr(at + 1))};
}

std::optional<std::int64_t> whole_number(std::string_view text) noexcept { return number<std::int64_t>(text); }

std::optional<double> real_number(std::string_view text) noexcept
{
    const auto value = number<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::uint64_t> hexadecimal(std::string_view text) noexcept { return text.starts_with('+') ? std::nullopt : number<std::uint64_t>(text, 16); }

std::string hexadecimal_word(std::uint64_t value)
{
    std::array<char, 16> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr};
}

std::optional<std::string> short_text(std::string_view text)
{
    text = trimmed(text.substr(0, 8 * longest_text));
    std::string kept;
    for (const auto& whole = utf8::lossy(text); const char c : whole)
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) kept += c;
    if (kept.size() > longest_text) {
        auto end = longest_text;
        while ((static_cast<unsigned char>(kept[end]) & 0xC0) == 0x80) --end;
        kept.resize(end);
    }
    kept = trimmed(kept);
    return kept.empty() ? std::nullopt : std::optional(kept);
}

std::optional<std::int64_t> df_free_bytes(std::string_view text)
{
    const auto lines = lines_of(text, 100);
    if (lines.size() < 2) return std::nullopt;
    const auto words = words_of(lines.back());
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (!words[i].ends_with('%')) continue;
        const auto kib = whole_number(words[i - 1]);
        return kib && *kib >= 0 && *kib < (std::int64_t{1} << 50) ? std::optional(*kib * 1024) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace bitwright
