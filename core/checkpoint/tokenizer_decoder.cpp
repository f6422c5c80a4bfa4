// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pattern.h"
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace bitwright {
namespace {

using Parts = std::vector<std::string>;

Parts byte_level(const Parts& tokens)
{
    std::string bytes;
    for (const std::string& token : tokens) append_byte_level(token, bytes);
    return {utf8::lossy(bytes)};
}

/// The byte of "<0x0A>", −1 for any other token.
int byte_of(const std::string& token)
{
    unsigned byte = 0;
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
    const auto [end, code] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
    return code == std::errc() && end == token.data() + 5 ? static_cast<int>(byte) : -1;
}

Parts byte_fallback(Parts tokens)
{
    Parts out;
    std::string bytes;  // of the byte tokens side by side
    const auto flush = [&] {
        if (bytes.empty()) return;
        if (utf8::first_invalid(bytes) == std::string::npos)
            out.push_back(bytes);
        else
            std::fill_n(std::back_inserter(out), bytes.size(), "\xEF\xBF\xBD");
        bytes.clear();
    };
    for (std::string& token : tokens) {
        if (const int byte = byte_of(token); byte >= 0) {
            bytes.push_back(static_cast<char>(byte));
        } else {
            flush();
            out.push_back(std::move(token));
        }
    }
    flush();
    return out;
}

TokenDecoder metaspace(const TokenizerField& field)
{
    const std::string replacement = field.text("replacement", "\xE2\x96\x81");
    const bool prefixed = field.flag("add_prefix_space", true) && field.text("prepend_scheme", "always") != "never";
    return [prefixed, mark = TokenizerPattern::literal(replacement)](Parts tokens) {
        for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = mark.replace(std::move(tokens[i]), i == 0 && prefixed ? "" : " ");
        return tokens;
    };
}

TokenDecoder strip(const TokenizerField& field)
{
    const std::string character = field.at("content").text();
    const auto count = [&](const char* key) { return static_cast<std::size_t>(field.at(key).id()); };
    return [character, start = count("start"), stop = count("stop")](Parts tokens) {
        for (std::string& token : tokens) {
            std::size_t begin = 0, end = token.size();
            for (std::size_t i = 0; i < start && token.compare(begin, character.size(), character) == 0; ++i) begin += character.size();
            for (std::size_t i = 0; i < stop && end - begin >= character.size() && std::string_view(token).substr(0, end).ends_with(character); ++i)
                end -= character.size();
            token = token.substr(begin, end - begin);
        }
        return tokens;
    };
}

TokenDecoder sequence(const TokenizerField& list)
{
    std::vector<TokenDecoder> stages;
    for (std::size_t i = 0; i < list.size(); ++i) stages.push_back(read_decoder(list.element(i)));
    return [stages = std::move(stages)](Parts tokens) {
        for (const TokenDecoder& stage : stages) tokens = stage(std::move(tokens));
        return tokens;
    };
}

Parts fuse(const Parts& tokens)
{
    std::string whole;
    for (const std::string& token : tokens) whole += token;
    return {whole};
}

}  // namespace

TokenDecoder read_decoder(const std::optional<TokenizerField>& field)
{
    if (!field) {
        return [](Parts tokens) {  // the library's way without a decoder: a space between tokens
            for (std::size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, " ");
            return tokens;
        };
    }
    const TokenizerField type = field->at("type");
    const std::string& name = type.text();
    if (name == "Sequence") return sequence(field->at("decoders"));
    if (name == "ByteLevel") return byte_level;
    if (name == "ByteFallback") return byte_fallback;
    if (name == "Metaspace") return metaspace(*field);
    if (name == "Fuse") return fuse;
    if (name == "Strip") return strip(*field);
    if (name == "Replace") {
        return [pattern = TokenizerPattern::read(field->at("pattern")), content = field->at("content").text()](Parts tokens) {
            for (std::string& token : tokens) token = pattern.replace(std::move(token), content);
            return tokens;
        };
    }
    throw type.error("decoder \"" + name + "\" is not supported; supported: Sequence, ByteLevel, ByteFallback, Metaspace, Fuse, Strip, Replace");
}

}  // namespace bitwright
