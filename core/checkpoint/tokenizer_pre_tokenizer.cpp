// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pattern.h"
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <utf8proc.h>

namespace bitwright {
namespace {

constexpr const char* gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Replaces every piece by its parts.
void cut(std::vector<Piece>& pieces, const TokenizerPattern& pattern, SplitBehavior behavior, bool invert)
{
    std::vector<Piece> parts;
    for (Piece& piece : pieces) {
        const std::vector<TextSpan> spans = split(piece.text, pattern, behavior, invert);
        if (spans.size() == 1 && spans[0].end - spans[0].begin == piece.text.size()) {
            parts.push_back(std::move(piece));
            continue;
        }
        for (const TextSpan& span : spans) parts.push_back({piece.text.substr(span.begin, span.end - span.begin), piece.first && span.begin == 0});
    }
    pieces = std::move(parts);
}

PreTokenizer cutter(TokenizerPattern pattern, SplitBehavior behavior, bool invert)
{
    return [pattern = std::move(pattern), behavior, invert](std::vector<Piece>& pieces) { cut(pieces, pattern, behavior, invert); };
}

PreTokenizer byte_level(const TokenizerField& field)
{
    const bool prefix = field.flag("add_prefix_space", true);
    std::optional<TokenizerPattern> pattern;
    if (field.flag("use_regex", true)) pattern = TokenizerPattern::regex(gpt2_pattern);
    return [prefix, pattern = std::move(pattern)](std::vector<Piece>& pieces) {
        if (prefix) {
            for (Piece& piece : pieces) {
                if (piece.text[0] != ' ') piece.text.insert(0, " ");
            }
        }
        if (pattern) cut(pieces, *pattern, SplitBehavior::isolated, false);
        for (Piece& piece : pieces) piece.text = to_byte_level(piece.text);
    };
}

PreTokenizer metaspace(const TokenizerField& field)
{
    enum class Prepend : std::uint8_t { always, first, never };
    const std::string replacement = field.text("replacement", "\xE2\x96\x81");
    Prepend prepend = field.flag("add_prefix_space", true) ? Prepend::always : Prepend::never;
    if (const auto scheme = field.find("prepend_scheme")) {
        const std::string& name = scheme->text();
        if (name != "always" && name != "first" && name != "never") throw scheme->error("\"" + name + "\" is none of always, first, never");
        prepend = name == "always" ? Prepend::always : name == "first" ? Prepend::first : Prepend::never;
    }
    const bool split_words = field.flag("split", true);
    return [=, space = TokenizerPattern::literal(" "), mark = TokenizerPattern::literal(replacement)](std::vector<Piece>& pieces) {
        for (Piece& piece : pieces) {
            piece.text = space.replace(std::move(piece.text), replacement);
            const bool wanted = prepend == Prepend::always || (prepend == Prepend::first && piece.first);
            if (wanted && !piece.text.starts_with(replacement)) piece.text.insert(0, replacement);
        }
        if (split_words) cut(pieces, mark, SplitBehavior::merged_with_next, false);
    };
}

bool is_number(char32_t c)
{
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c)
{
    if (c < 0x80) return (c > 0x20 && c < 0x30) || (c > 0x39 && c < 0x41) || (c > 0x5A && c < 0x61) || (c > 0x7A && c < 0x7F);  // ASCII's also holds $+<=>^`|~
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

PreTokenizer sequence(const TokenizerField& list)
{
    std::vector<PreTokenizer> stages;
    for (std::size_t i = 0; i < list.size(); ++i) stages.push_back(read_pre_tokenizer(list.element(i)));
    return [stages = std::move(stages)](std::vector<Piece>& pieces) {
        for (const PreTokenizer& stage : stages) stage(pieces);
    };
}

}  // namespace

PreTokenizer read_pre_tokenizer(const std::optional<TokenizerField>& field)
{
    if (!field) return [](std::vector<Piece>&) {};
    const TokenizerField type = field->at("type");
    const std::string& name = type.text();
    if (name == "Sequence") return sequence(field->at("pretokenizers"));
    if (name == "ByteLevel") return byte_level(*field);
    if (name == "Metaspace") return metaspace(*field);
    if (name == "Split") return cutter(TokenizerPattern::read(field->at("pattern")), read_split_behavior(field->at("behavior")), field->flag("invert", false));
    if (name == "Digits") {
        return cutter(TokenizerPattern::characters(is_number), field->flag("individual_digits", false) ? SplitBehavior::isolated : SplitBehavior::contiguous,
                      false);
    }
    if (name == "Punctuation") {
        const auto behavior = field->find("behavior");
        return cutter(TokenizerPattern::characters(is_punctuation), behavior ? read_split_behavior(*behavior) : SplitBehavior::isolated, false);
    }
    if (name == "Whitespace") {  // \w as the library's engine has it: Alphabetic, marks, decimal digits, connectors
        return cutter(TokenizerPattern::regex(R"([\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}]+|[^\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}\s]+)"), SplitBehavior::removed, true);
    }
    if (name == "WhitespaceSplit") return cutter(TokenizerPattern::characters(utf8::is_space), SplitBehavior::removed, false);
    throw type.error("pre-tokenizer \"" + name +
                     "\" is not supported; supported: Sequence, ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit");
}

}  // namespace bitwright
