// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pattern.h"

#include "core/runtime/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

namespace bitwright {
namespace {

// Oniguruma's \s. PCRE2's own also holds U+180E.
constexpr std::string_view spaces = R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

struct Pcre2Free {
    void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
    void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const noexcept { pcre2_match_context_free(context); }
    void operator()(pcre2_jit_stack* stack) const noexcept { pcre2_jit_stack_free(stack); }
};
template <typename T>
using Pcre2 = std::unique_ptr<T, Pcre2Free>;

std::string message_of(int code)
{
    PCRE2_UCHAR buffer[256];
    pcre2_get_error_message(code, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

std::shared_ptr<pcre2_code> compile(const std::string& expression)
{
    const std::string translated = pcre2_from_oniguruma(expression);
    int code = 0;
    PCRE2_SIZE offset = 0;
    // MULTILINE: ^ and $ are always line anchors in Oniguruma's Ruby syntax
    pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
    if (!compiled)
        throw bad_input("", "", "the expression \"" + expression + "\" cannot be read at position " + std::to_string(offset) + ": " + message_of(code));
    std::shared_ptr<pcre2_code> shared(compiled, Pcre2Free());
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // where there is no JIT, matching interprets
    return shared;
}

std::vector<TextSpan> regex_matches(const pcre2_code* code, std::string_view text)
{
    const Pcre2<pcre2_match_data> data(pcre2_match_data_create_from_pattern(code, nullptr));
    const Pcre2<pcre2_match_context> context(pcre2_match_context_create(nullptr));
    const Pcre2<pcre2_jit_stack> stack(pcre2_jit_stack_create(32 * 1024, 64 * 1024 * 1024, nullptr));
    if (!data || !context) throw std::bad_alloc();
    if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    std::vector<TextSpan> spans;
    for (std::size_t at = 0; at < text.size();) {
        const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, PCRE2_NO_UTF_CHECK, data.get(), context.get());
        if (result == PCRE2_ERROR_NOMATCH) break;
        if (result < 0) throw failure("splitting the text failed: " + message_of(result));
        const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data.get());
        if (found[1] > found[0]) spans.push_back({found[0], found[1]});
        at = found[1] > found[0] ? found[1] : found[1] < text.size() ? found[1] + utf8::length(text[found[1]]) : text.size();
    }
    return spans;
}

std::vector<TextSpan> literal_matches(std::string_view text, std::string_view wanted)
{
    std::vector<TextSpan> spans;
    if (wanted.empty()) return spans;
    for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size()))
        spans.push_back({at, at + wanted.size()});
    return spans;
}

}  // namespace

std::string pcre2_from_oniguruma(std::string_view expression)
{
    std::string out;
    int depth = 0;  // of sets
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char following = i + 1 < expression.size() ? expression[i + 1] : '\0';
        if (c == '\\' && following != '\0') {
            ++i;
            if (following == 's') {
                out += depth > 0 ? std::string(spaces) : "[" + std::string(spaces) + "]";
            } else if (following == 'S' && depth == 0) {
                out += "[^" + std::string(spaces) + "]";
            } else {
                out += {'\\', following};
            }
        } else if (c == '[' && depth > 0 && following == ':') {
            const std::size_t end = expression.find(":]", i + 2);  // [:alpha:]
            if (end == std::string_view::npos) throw bad_input("", "", "the expression \"" + std::string(expression) + "\" has an open [: class");
            out += expression.substr(i, end + 2 - i);
            i = end + 1;
        } else if (c == '[') {
            if (++depth == 1) out += c;
            if (following == '^') {
                if (depth > 1)
                    throw bad_input("", "", "the expression \"" + std::string(expression) + "\" has a negated set inside a set, which Bitwright does not know");
                out += '^';
                ++i;
            }
        } else if (c == ']' && depth > 0) {
            if (--depth == 0) out += c;
        } else if (c == '&' && following == '&' && depth > 0) {
            throw bad_input("", "", "the expression \"" + std::string(expression) + "\" intersects sets (&&), which Bitwright does not know");
        } else {
            out += c;
        }
    }
    return out;
}

TokenizerPattern TokenizerPattern::read(const TokenizerField& field)
{
    if (const auto text = field.find("String")) return literal(text->text());
    const TokenizerField expression = field.at("Regex");
    try {
        return regex(expression.text());
    } catch (const Error& error) {
        throw expression.error(error.what());
    }
}

TokenizerPattern TokenizerPattern::literal(std::string text)
{
    TokenizerPattern pattern;
    pattern.find_ = [text = std::move(text)](std::string_view in) { return literal_matches(in, text); };
    return pattern;
}

TokenizerPattern TokenizerPattern::regex(const std::string& expression)
{
    TokenizerPattern pattern;
    pattern.find_ = [code = compile(expression)](std::string_view in) { return regex_matches(code.get(), in); };
    return pattern;
}

TokenizerPattern TokenizerPattern::characters(std::function<bool(char32_t)> belongs)
{
    TokenizerPattern pattern;
    pattern.find_ = [belongs = std::move(belongs)](std::string_view in) {
        std::vector<TextSpan> spans;
        for (std::size_t at = 0; at < in.size();) {
            const std::size_t begin = at;
            if (belongs(utf8::next(in, at))) spans.push_back({begin, at});
        }
        return spans;
    };
    return pattern;
}

std::vector<TextSpan> TokenizerPattern::matches(std::string_view text) const { return find_(text); }

std::string TokenizerPattern::replace(std::string text, const std::string& content) const
{
    const std::vector<TextSpan> spans = matches(text);
    if (spans.empty()) return text;
    std::string out;
    out.reserve(text.size() + spans.size() * content.size());
    std::size_t at = 0;
    for (const TextSpan& span : spans) {
        out.append(text, at, span.begin - at).append(content);
        at = span.end;
    }
    return out.append(text, at);
}

SplitBehavior read_split_behavior(const TokenizerField& field)
{
    const std::string& name = field.text();
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    throw field.error("unknown behavior \"" + name + "\"; known: Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

std::vector<TextSpan> split(std::string_view text, const TokenizerPattern& pattern, SplitBehavior behavior, bool invert)
{
    struct Part {
        TextSpan span;
        bool match;
    };
    std::vector<Part> parts;
    std::size_t at = 0;
    for (const TextSpan& span : pattern.matches(text)) {
        if (at < span.begin) parts.push_back({{at, span.begin}, invert});
        parts.push_back({span, !invert});
        at = span.end;
    }
    if (at < text.size()) parts.push_back({{at, text.size()}, invert});

    std::vector<TextSpan> spans;
    bool before = false;  // was the part before (in reading direction) a match
    switch (behavior) {
        case SplitBehavior::isolated:
            for (const Part& part : parts) spans.push_back(part.span);
            break;
        case SplitBehavior::removed:
            for (const Part& part : parts) {
                if (!part.match) spans.push_back(part.span);
            }
            break;
        case SplitBehavior::contiguous:
            for (const Part& part : parts) {
                if (part.match == before && !spans.empty())
                    spans.back().end = part.span.end;
                else
                    spans.push_back(part.span);
                before = part.match;
            }
            break;
        case SplitBehavior::merged_with_previous:
            for (const Part& part : parts) {
                if (part.match && !before && !spans.empty())
                    spans.back().end = part.span.end;
                else
                    spans.push_back(part.span);
                before = part.match;
            }
            break;
        case SplitBehavior::merged_with_next:
            for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
                if (part->match && !before && !spans.empty())
                    spans.back().begin = part->span.begin;
                else
                    spans.push_back(part->span);
                before = part->match;
            }
            std::reverse(spans.begin(), spans.end());
            break;
    }
    return spans;
}

}  // namespace bitwright
