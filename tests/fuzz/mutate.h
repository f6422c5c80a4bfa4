// SPDX-License-Identifier: GPL-3.0-or-later
// Mutations of bytes, the same on every machine for one seed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace bitwright::test {

class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : random_(seed) {}

    /// One to eight changes to `text`.
    [[nodiscard]] std::string operator()(std::string text)
    {
        for (auto changes = 1 + below(8); changes > 0; --changes) change(text);
        return text;
    }
    [[nodiscard]] std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }

private:
    void change(std::string& text)
    {
        static constexpr std::array<std::string_view, 20> fragments{"0",
                                                                    "-1",
                                                                    "1e308",
                                                                    "9223372036854775807",
                                                                    "18446744073709551615",
                                                                    "4294967296",
                                                                    "0.5",
                                                                    "null",
                                                                    "true",
                                                                    "{}",
                                                                    "[]",
                                                                    "\"\"",
                                                                    "\"x\"",
                                                                    "[[[[",
                                                                    "}",
                                                                    ",",
                                                                    "\\u",
                                                                    "\\ud800",
                                                                    "\xff",
                                                                    "\n"};
        const auto at = below(text.size() + 1);
        const auto length = std::min(below(24), text.size() - at);
        switch (below(7)) {
            case 0:
                if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
                break;
            case 1:
                if (at < text.size()) text[at] = static_cast<char>(below(256));
                break;
            case 2:
                text.insert(at, fragments[below(fragments.size())]);
                break;
            case 3:
                text.erase(at, length);
                break;
            case 4:
                text.insert(below(text.size() + 1), text.substr(at, length));
                break;
            case 5:
                replace_number(text, at, fragments[below(fragments.size())]);
                break;
            default:
                if (below(4) == 0) text.resize(at);
        }
    }

    /// The next run of digits becomes something else.
    static void replace_number(std::string& text, std::size_t at, std::string_view by)
    {
        const auto begin = text.find_first_of("0123456789", at);
        if (begin == std::string::npos) return;
        const auto end = text.find_first_not_of("0123456789", begin);
        text.replace(begin, (end == std::string::npos ? text.size() : end) - begin, by);
    }

    std::mt19937_64 random_;
};

}  // namespace bitwright::test
