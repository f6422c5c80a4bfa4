// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pattern.h"

#include "core/runtime/utf8.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

using Parts = std::vector<std::string>;

Parts parts(const std::string& text, const TokenizerPattern& pattern, SplitBehavior behavior, bool invert = false)
{
    Parts out;
    for (const TextSpan& span : split(text, pattern, behavior, invert)) out.push_back(text.substr(span.begin, span.end - span.begin));
    return out;
}

// The example of the tokenizers library's documentation.
TEST(Split, EachBehavior)
{
    const auto dash = TokenizerPattern::literal("-");
    const std::string text = "the-final--countdown";
    EXPECT_EQ(parts(text, dash, SplitBehavior::removed), (Parts{"the", "final", "countdown"}));
    EXPECT_EQ(parts(text, dash, SplitBehavior::isolated), (Parts{"the", "-", "final", "-", "-", "countdown"}));
    EXPECT_EQ(parts(text, dash, SplitBehavior::merged_with_previous), (Parts{"the-", "final-", "-", "countdown"}));
    EXPECT_EQ(parts(text, dash, SplitBehavior::merged_with_next), (Parts{"the", "-final", "-", "-countdown"}));
    EXPECT_EQ(parts(text, dash, SplitBehavior::contiguous), (Parts{"the", "-", "final", "--", "countdown"}));
    EXPECT_EQ(parts(text, dash, SplitBehavior::removed, true), (Parts{"-", "-", "-"}));
    EXPECT_EQ(parts("", dash, SplitBehavior::isolated), Parts{});
}

TEST(Pattern, SpacesAreUnicodesWhiteSpace)
{
    const auto space = TokenizerPattern::regex(R"(\s+)");
    EXPECT_EQ(parts("a\u0085\u00a0\u3000b", space, SplitBehavior::removed), (Parts{"a", "b"}));
    EXPECT_EQ(parts("a\u180e\u200bb", space, SplitBehavior::removed), (Parts{"a\u180e\u200bb"}));
    EXPECT_EQ(parts("a \u180e", TokenizerPattern::regex(R"(\S)"), SplitBehavior::removed, true), (Parts{"a", "\u180e"}));
    EXPECT_EQ(parts("a b", TokenizerPattern::regex(R"([^\s])"), SplitBehavior::removed, true), (Parts{"a", "b"}));
}

TEST(Pattern, ASetInASetIsTheirUnion)
{
    EXPECT_EQ(pcre2_from_oniguruma("[a[bc]d]+[^x[y-z]]"), "[abcd]+[^xy-z]");
    EXPECT_EQ(pcre2_from_oniguruma(R"(\[[\]\[]]\\[[:alpha:]])"), R"(\[[\]\[]]\\[[:alpha:]])");
    EXPECT_THROW((void)pcre2_from_oniguruma("[a-z&&[^b]]"), Error);
    EXPECT_THROW((void)pcre2_from_oniguruma("[a[^b]]"), Error);
}

TEST(Pattern, CaseFoldingKnowsTheLongS)
{
    EXPECT_EQ(parts("it'\u017fab", TokenizerPattern::regex("(?i:'s)"), SplitBehavior::isolated), (Parts{"it", "'\u017f", "ab"}));
}

TEST(Pattern, EmptyMatchesAreNone)
{
    EXPECT_EQ(parts("a\u00e9a", TokenizerPattern::regex("x*"), SplitBehavior::isolated), (Parts{"a\u00e9a"}));
    EXPECT_EQ(parts("aba", TokenizerPattern::literal(""), SplitBehavior::isolated), (Parts{"aba"}));
}

TEST(Pattern, LongRunsNeedNoStack)
{
    const std::string spaces(2'000'000, ' ');
    EXPECT_EQ(parts(spaces + "a", TokenizerPattern::regex(R"(\s*[\r\n]+|\s+(?!\S)|\s+)"), SplitBehavior::isolated).size(), 3u);
    EXPECT_EQ(TokenizerPattern::literal(" ").replace(spaces, "\u2581").size(), 6'000'000u);
}

TEST(Utf8, WhereItEnds)
{
    EXPECT_EQ(utf8::first_invalid("a\u00e9\u20ac\U0001F600"), std::string::npos);
    EXPECT_EQ(utf8::first_invalid("a\xC0\x80"), 1u);         // overlong
    EXPECT_EQ(utf8::first_invalid("\xED\xA0\x80"), 0u);      // a surrogate
    EXPECT_EQ(utf8::first_invalid("\xF4\x90\x80\x80"), 0u);  // beyond U+10FFFF
    EXPECT_EQ(utf8::first_invalid("ab\xE2\x82"), 2u);        // cut
}

// Unicode 15, table 3-8 ("U+FFFD substitution of maximal subparts").
TEST(Utf8, Lossy)
{
    const std::string r = "\ufffd";
    EXPECT_EQ(utf8::lossy("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
    EXPECT_EQ(utf8::lossy("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8, CodePoints)
{
    std::string text;
    for (const char32_t c : {U'a', U'\u00e9', U'\u20ac', U'\U0001F600'}) utf8::append(text, c);
    EXPECT_EQ(text, "a\u00e9\u20ac\U0001F600");
    std::size_t at = text.size();
    EXPECT_EQ(utf8::previous(text, at), U'\U0001F600');
    EXPECT_EQ(utf8::previous(text, at), U'\u20ac');
    EXPECT_EQ(utf8::next(text, at), U'\u20ac');
}

}  // namespace
}  // namespace bitwright
