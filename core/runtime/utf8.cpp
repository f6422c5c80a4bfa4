// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/utf8.h"

#include <algorithm>

namespace bitwright::utf8 {
namespace {

struct Sequence {
    std::size_t length;  ///< bytes that belong together: the whole sequence, or the longest part that could have begun one (at least 1)
    bool valid;
};

/// Table 3-7 of the Unicode standard. Precondition: not empty.
Sequence sequence_at(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xC2 || lead > 0xF4) return {1, false};
    const std::size_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t i = 1; i < wanted; ++i) {
        if (i >= text.size() || byte(i) < (i == 1 ? low : 0x80) || byte(i) > (i == 1 ? high : 0xBF)) return {i, false};
    }
    return {wanted, true};
}

}  // namespace

std::size_t first_invalid(std::string_view text) noexcept
{
    for (std::size_t i = 0; i < text.size();) {
        const Sequence sequence = sequence_at(text.substr(i));
        if (!sequence.valid) return i;
        i += sequence.length;
    }
    return std::string_view::npos;
}

std::size_t valid_length(std::string_view text) noexcept
{
    if (text.empty()) return 0;
    const Sequence sequence = sequence_at(text);
    return sequence.valid ? sequence.length : 0;
}

char32_t next(std::string_view text, std::size_t& position) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[position + i])); };
    const char32_t lead = byte(0);
    char32_t code_point = lead;
    const std::size_t bytes = std::min(length(text[position]), text.size() - position);
    if (bytes == 2) code_point = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    if (bytes == 3) code_point = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (bytes == 4) code_point = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    position += bytes;
    return code_point;
}

char32_t previous(std::string_view text, std::size_t& position) noexcept
{
    do --position;
    while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
    std::size_t at = position;
    return next(text, at);
}

void append(std::string& text, char32_t code_point)
{
    const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0 | code_point >> 6);
        put(0x80 | (code_point & 0x3F));
    } else if (code_point < 0x10000) {
        put(0xE0 | code_point >> 12);
        put(0x80 | (code_point >> 6 & 0x3F));
        put(0x80 | (code_point & 0x3F));
    } else {
        put(0xF0 | code_point >> 18);
        put(0x80 | (code_point >> 12 & 0x3F));
        put(0x80 | (code_point >> 6 & 0x3F));
        put(0x80 | (code_point & 0x3F));
    }
}

std::string lossy(std::string_view bytes)
{
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const Sequence sequence = sequence_at(bytes);
        text += sequence.valid ? bytes.substr(0, sequence.length) : std::string_view("\xEF\xBF\xBD");
        bytes.remove_prefix(sequence.length);
    }
    return text;
}

bool is_space(char32_t c) noexcept
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace bitwright::utf8
