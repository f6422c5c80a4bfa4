// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <cstdio>

namespace bitwright {
namespace {

struct ByteLevelAlphabet {
    std::array<char32_t, 256> character{};
    std::array<std::int16_t, 0x180> byte{};  ///< by character; −1: none

    ByteLevelAlphabet()
    {
        byte.fill(-1);
        char32_t spare = 0x100;
        for (int i = 0; i < 256; ++i) {
            const bool printable = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174;
            character[static_cast<std::size_t>(i)] = printable ? static_cast<char32_t>(i) : spare++;
            byte[character[static_cast<std::size_t>(i)]] = static_cast<std::int16_t>(i);
        }
    }
};

const ByteLevelAlphabet& alphabet()
{
    static const ByteLevelAlphabet instance;
    return instance;
}

}  // namespace

char32_t byte_level_character(std::uint8_t byte) noexcept { return alphabet().character[byte]; }

std::string to_byte_level(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) utf8::append(out, byte_level_character(static_cast<std::uint8_t>(c)));
    return out;
}

void append_byte_level(std::string_view token, std::string& bytes)
{
    const std::size_t before = bytes.size();
    for (std::size_t at = 0; at < token.size();) {
        const char32_t c = utf8::next(token, at);
        const int byte = c < alphabet().byte.size() ? alphabet().byte[c] : -1;
        if (byte < 0) {
            bytes.resize(before);
            bytes += token;
            return;
        }
        bytes.push_back(static_cast<char>(byte));
    }
}

void TokenModel::set_vocabulary(std::vector<std::string> tokens)
{
    tokens_ = std::move(tokens);
    ids_.reserve(tokens_.size());
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
        if (!tokens_[id].empty()) ids_[tokens_[id]] = static_cast<std::int32_t>(id);
    }
    for (int byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        bytes_[static_cast<std::size_t>(byte)] = id_of(name);
    }
}

bool TokenModel::append_bytes(std::string_view text, std::vector<std::int32_t>& ids) const
{
    for (const char c : text) {
        if (bytes_[static_cast<std::uint8_t>(c)] < 0) return false;
    }
    for (const char c : text) ids.push_back(bytes_[static_cast<std::uint8_t>(c)]);
    return true;
}

}  // namespace bitwright
