// SPDX-License-Identifier: GPL-3.0-or-later
// What tokenizer.json calls a pattern: a literal string, a regular expression in Oniguruma's syntax (run by PCRE2 with Unicode classes), or a class of
// characters; and the ways to cut a text with it.
// Threading: immutable after construction; may be used in parallel.
#pragma once

#include "core/checkpoint/tokenizer_field.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Bytes [begin, end) of a text.
struct TextSpan {
    std::size_t begin = 0, end = 0;
};

class TokenizerPattern {
public:
    /// {"String": "…"} or {"Regex": "…"}. Throws Error naming the expression and the position where it cannot be understood.
    [[nodiscard]] static TokenizerPattern read(const TokenizerField& field);
    [[nodiscard]] static TokenizerPattern literal(std::string text);
    /// @param expression in Oniguruma's syntax, known to be right.
    [[nodiscard]] static TokenizerPattern regex(const std::string& expression);
    /// Every character for which `belongs` holds is a match of its own.
    [[nodiscard]] static TokenizerPattern characters(std::function<bool(char32_t)> belongs);

    /// Non-empty matches from left to right. Precondition: valid UTF-8.
    [[nodiscard]] std::vector<TextSpan> matches(std::string_view text) const;
    /// All matches replaced by `content`.
    [[nodiscard]] std::string replace(std::string text, const std::string& content) const;

private:
    std::function<std::vector<TextSpan>(std::string_view)> find_;
};

/// An expression of Oniguruma as PCRE2 reads it the same way: \s and \S are Unicode's White_Space, and a set inside a set is their union
/// (BLOOM's ` ?[^(\s|[.,!?…])]+`). Throws Error (bad_input) for intersections (&&) and negated inner sets.
[[nodiscard]] std::string pcre2_from_oniguruma(std::string_view expression);

/// SplitDelimiterBehavior of the tokenizers library.
enum class SplitBehavior : std::uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };
[[nodiscard]] SplitBehavior read_split_behavior(const TokenizerField& field);

/// Cuts `text` at the matches of `pattern`, or with `invert` at what lies between them. Parts are in order and not empty.
[[nodiscard]] std::vector<TextSpan> split(std::string_view text, const TokenizerPattern& pattern, SplitBehavior behavior, bool invert);

}  // namespace bitwright
