// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens that are found in a text before any model sees it: special tokens and words added by hand.
// Threading: immutable after construction.
#pragma once

#include "core/checkpoint/byte_trie.h"
#include "core/checkpoint/tokenizer_pipeline.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

class AddedTokens {
public:
    /// @param field the array "added_tokens"; a token with `normalized` is searched in the normalized text, in its own normalized spelling.
    AddedTokens(const std::optional<TokenizerField>& field, const TokenModel& model, const Normalizer& normalizer);

    /// A part of a text: a token (id ≥ 0), or text between tokens (id −1).
    struct Part {
        std::string_view text;
        std::int32_t id = -1;
    };
    /// Cuts raw text at the tokens without `normalized`.
    [[nodiscard]] std::vector<Part> cut_raw(std::string_view text) const { return cut(raw_, text); }
    /// Cuts normalized text at the tokens with `normalized`.
    [[nodiscard]] std::vector<Part> cut_normalized(std::string_view text) const { return cut(normalized_, text); }

    [[nodiscard]] std::int32_t id_of(std::string_view token) const noexcept;   ///< −1 if it is none
    [[nodiscard]] const std::string* text_of(std::int32_t id) const noexcept;  ///< nullptr if it is none
    [[nodiscard]] bool is_special(std::string_view token) const noexcept { return special_.contains(token); }
    [[nodiscard]] std::int32_t highest_id() const noexcept { return tokens_.empty() ? -1 : tokens_.rbegin()->first; }

private:
    struct Token {
        std::string text;
        bool whole_word = false, strip_left = false, strip_right = false;
    };
    [[nodiscard]] std::vector<Part> cut(const ByteTrie& words, std::string_view text) const;

    std::map<std::int32_t, Token> tokens_;
    std::map<std::string, std::int32_t, std::less<>> ids_;
    std::set<std::string, std::less<>> special_;
    ByteTrie raw_, normalized_;
};

}  // namespace bitwright
