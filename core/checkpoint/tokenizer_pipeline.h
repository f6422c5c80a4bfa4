// SPDX-License-Identifier: GPL-3.0-or-later
// The stages of tokenizer.json, each read from its field: what happens to a text on its way to ids and back. Definitions: tokenizers 0.22.
// A stage that Bitwright does not know is an Error naming it, never skipped.
// Threading: every stage is immutable after reading and may run in parallel.
#pragma once

#include "core/checkpoint/tokenizer_field.h"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bitwright {

/// Text → text. Valid UTF-8 stays valid.
using Normalizer = std::function<std::string(std::string)>;
/// @param field the normalizer; nullopt: none.
[[nodiscard]] Normalizer read_normalizer(const std::optional<TokenizerField>& field);

/// A part of the text on its way to the model; never empty.
struct Piece {
    std::string text;
    bool first = false;  ///< begins where the whole text begins
};
using PreTokenizer = std::function<void(std::vector<Piece>&)>;
[[nodiscard]] PreTokenizer read_pre_tokenizer(const std::optional<TokenizerField>& field);

/// Pieces → ids, and the vocabulary.
class TokenModel {
public:
    virtual ~TokenModel() = default;
    virtual void encode(const std::vector<Piece>& pieces, std::vector<std::int32_t>& ids) const = 0;
    [[nodiscard]] std::int32_t id_of(std::string_view token) const noexcept
    {
        const auto found = ids_.find(token);
        return found == ids_.end() ? -1 : found->second;
    }
    /// What stands for text the vocabulary has no token for; −1: nothing does.
    [[nodiscard]] std::int32_t unknown() const noexcept { return unknown_; }
    /// By id; "" where the vocabulary has a hole.
    [[nodiscard]] const std::vector<std::string>& tokens() const noexcept { return tokens_; }

protected:
    void set_vocabulary(std::vector<std::string> tokens);
    /// The ids of `text`'s bytes as tokens <0x00> … <0xFF>, appended; false (and nothing appended) when one is missing.
    bool append_bytes(std::string_view text, std::vector<std::int32_t>& ids) const;
    std::int32_t unknown_ = -1;

private:
    std::vector<std::string> tokens_;
    std::unordered_map<std::string_view, std::int32_t> ids_;  ///< views into tokens_
    std::array<std::int32_t, 256> bytes_{};
};
/// @param document the text of the file, to say on which line a wrong merge stands.
[[nodiscard]] std::unique_ptr<const TokenModel> read_bpe(const TokenizerField& field, std::string_view document);
[[nodiscard]] std::unique_ptr<const TokenModel> read_unigram(const TokenizerField& field);

/// Special tokens around the ids of one text.
struct PostProcessor {
    std::vector<std::int32_t> before, after;
};
/// @param id_of the id of a token by its spelling, −1 if there is none.
[[nodiscard]] PostProcessor read_post_processor(const std::optional<TokenizerField>& field, const std::function<std::int32_t(std::string_view)>& id_of);

/// Tokens → parts of text, to be joined.
using TokenDecoder = std::function<std::vector<std::string>(std::vector<std::string>)>;
[[nodiscard]] TokenDecoder read_decoder(const std::optional<TokenizerField>& field);

/// GPT-2's alphabet: every byte as a printable character. Bytes 33–126, 161–172, 174–255 stand for themselves, the others for U+0100 upwards in order.
[[nodiscard]] char32_t byte_level_character(std::uint8_t byte) noexcept;
/// `text` with every byte as its character.
[[nodiscard]] std::string to_byte_level(std::string_view text);
/// Appends the bytes that `token` stands for; a token with other characters in it is taken as it is.
void append_byte_level(std::string_view token, std::string& bytes);

}  // namespace bitwright
