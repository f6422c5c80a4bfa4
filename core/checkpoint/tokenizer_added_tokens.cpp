// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_added_tokens.h"

#include "core/runtime/utf8.h"

#include <utf8proc.h>

#include <algorithm>

namespace bitwright {
namespace {

bool is_word(char32_t c)
{
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) || category == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D;
}

bool touches_word(std::string_view text, std::size_t begin, std::size_t end)
{
    std::size_t before = begin, after = end;
    return (begin > 0 && is_word(utf8::previous(text, before))) || (end < text.size() && is_word(utf8::next(text, after)));
}

}  // namespace

AddedTokens::AddedTokens(const std::optional<TokenizerField>& field, const TokenModel& model, const Normalizer& normalizer)
{
    std::vector<std::pair<std::string, std::int32_t>> raw, normalized;
    for (std::size_t i = 0; field && i < field->size(); ++i) {
        const TokenizerField entry = field->element(i);
        const std::string& text = entry.at("content").text();
        const std::int32_t given = entry.at("id").id();
        if (text.empty()) continue;
        const std::int32_t known = model.id_of(text);
        const std::int32_t id = known >= 0 ? known : given;
        const auto index = static_cast<std::size_t>(id);
        if (known < 0 && index < model.tokens().size() && !model.tokens()[index].empty()) {
            throw entry.error("the token \"" + text + "\" has the id " + std::to_string(id) + ", which is that of \"" + model.tokens()[index] + "\"");
        }
        const auto [place, fresh] =
            tokens_.try_emplace(id, Token{text, entry.flag("single_word", false), entry.flag("lstrip", false), entry.flag("rstrip", false)});
        if (!fresh && place->second.text != text) {
            throw entry.error("the tokens \"" + text + "\" and \"" + place->second.text + "\" have the same id " + std::to_string(id));
        }
        ids_[text] = id;
        const bool special = entry.flag("special", false);
        if (special) special_.insert(text);
        if (entry.flag("normalized", !special))
            normalized.emplace_back(normalizer(text), id);
        else
            raw.emplace_back(text, id);
    }
    raw_ = ByteTrie(std::move(raw));
    normalized_ = ByteTrie(std::move(normalized));
}

std::vector<AddedTokens::Part> AddedTokens::cut(const ByteTrie& words, std::string_view text) const
{
    std::vector<Part> parts;
    std::size_t done = 0;  // up to here the text is in `parts`
    for (std::size_t at = 0; at < text.size();) {
        std::size_t bytes = 0;
        std::int32_t id = -1;
        words.prefixes(text.substr(at), [&](std::size_t length, std::int32_t value) {  // the longest
            bytes = length;
            id = value;
        });
        if (id < 0) {
            ++at;
            continue;
        }
        std::size_t begin = at, end = at + bytes;
        at = end;
        const Token& token = tokens_.at(id);
        if (token.whole_word && touches_word(text, begin, end)) continue;
        if (token.strip_left) {
            for (std::size_t before = begin; before > done && utf8::is_space(utf8::previous(text, before));) begin = before;
        }
        if (token.strip_right) {
            for (std::size_t after = end; after < text.size() && utf8::is_space(utf8::next(text, after));) end = after;
        }
        begin = std::max(begin, done);
        if (begin > done) parts.push_back({text.substr(done, begin - done), -1});
        parts.push_back({text.substr(begin, end - begin), id});
        done = end;
    }
    if (done < text.size()) parts.push_back({text.substr(done), -1});
    return parts;
}

std::int32_t AddedTokens::id_of(std::string_view token) const noexcept
{
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
}

const std::string* AddedTokens::text_of(std::int32_t id) const noexcept
{
    const auto found = tokens_.find(id);
    return found == tokens_.end() ? nullptr : &found->second.text;
}

}  // namespace bitwright
