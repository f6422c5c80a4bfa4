// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/vocabulary_size.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bitwright {

std::int64_t vocabulary_size_of(std::string_view text) noexcept
{
    // Keys of the objects on the way to the current value, and which levels are arrays; deeper levels do not matter.
    constexpr std::size_t levels = 4;
    std::array<std::string_view, levels> key;
    std::array<bool, levels> is_array{};
    std::size_t depth = 0;
    std::int64_t highest = -1, listed = 0;
    const auto in_vocabulary = [&](std::size_t level) { return depth == level && key[1] == "model" && key[2] == "vocab"; };

    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') {
            const auto begin = at + 1;
            auto end = text.find('"', begin);
            while (end != std::string_view::npos) {
                std::size_t escapes = 0;
                while (end - escapes > begin && text[end - escapes - 1] == '\\') ++escapes;
                if (escapes % 2 == 0) break;
                end = text.find('"', end + 1);
            }
            if (end == std::string_view::npos) break;
            const auto next = text.find_first_not_of(" \n\r\t", end + 1);
            if (depth < levels && next != std::string_view::npos && text[next] == ':') key[depth] = text.substr(begin, end - begin);
            at = end;
        } else if (c == '{' || c == '[') {
            if (c == '[' && in_vocabulary(3) && is_array[3]) ++listed;  // Unigram: [token, score] in the order of the ids
            if (++depth < levels) key[depth] = {}, is_array[depth] = c == '[';
        } else if (c == '}' || c == ']') {
            if (depth > 0) --depth;
        } else if (c >= '0' && c <= '9') {
            std::int64_t number = -1;
            const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
            at = static_cast<std::size_t>(end - text.data()) - 1;
            if (error != std::errc() || number == std::numeric_limits<std::int64_t>::max()) continue;
            if (in_vocabulary(3) && !is_array[3]) highest = std::max(highest, number);
            if (depth == 3 && key[1] == "added_tokens" && key[3] == "id") highest = std::max(highest, number);
        }
    }
    return std::max(highest + 1, listed);
}

}  // namespace bitwright
