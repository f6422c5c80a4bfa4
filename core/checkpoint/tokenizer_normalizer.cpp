// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pattern.h"
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <utf8proc.h>

#include <cstdlib>

namespace bitwright {
namespace {

/// Unicode normalization forms (UAX 15).
Normalizer unicode_form(int options)
{
    return [options](std::string text) {
        utf8proc_uint8_t* mapped = nullptr;
        const utf8proc_ssize_t bytes = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                                    static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
        const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
        if (bytes < 0) throw failure("normalizing the text failed: " + std::string(utf8proc_errmsg(bytes)));
        text.assign(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(bytes));
        return text;
    };
}

Normalizer strip(bool left, bool right)
{
    return [left, right](std::string text) {
        std::size_t begin = 0, end = text.size();
        for (std::size_t at = begin; left && at < end && utf8::is_space(utf8::next(text, at));) begin = at;
        for (std::size_t at = end; right && at > begin && utf8::is_space(utf8::previous(text, at));) end = at;
        return text.substr(begin, end - begin);
    };
}

Normalizer sequence(const TokenizerField& list)
{
    std::vector<Normalizer> stages;
    for (std::size_t i = 0; i < list.size(); ++i) stages.push_back(read_normalizer(list.element(i)));
    return [stages = std::move(stages)](std::string text) {
        for (const Normalizer& stage : stages) text = stage(std::move(text));
        return text;
    };
}

}  // namespace

Normalizer read_normalizer(const std::optional<TokenizerField>& field)
{
    if (!field) return [](std::string text) { return text; };
    const TokenizerField type = field->at("type");
    const std::string& name = type.text();
    if (name == "Sequence") return sequence(field->at("normalizers"));
    if (name == "NFC") return unicode_form(UTF8PROC_COMPOSE);
    if (name == "NFD") return unicode_form(UTF8PROC_DECOMPOSE);
    if (name == "NFKC") return unicode_form(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    if (name == "NFKD") return unicode_form(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    if (name == "Prepend") return [prefix = field->at("prepend").text()](std::string text) { return text.empty() ? text : prefix + text; };
    if (name == "Replace") {
        return [pattern = TokenizerPattern::read(field->at("pattern")), content = field->at("content").text()](std::string text) {
            return pattern.replace(std::move(text), content);
        };
    }
    if (name == "Strip") return strip(field->flag("strip_left", true), field->flag("strip_right", true));
    if (name == "ByteLevel") return [](std::string text) { return to_byte_level(text); };
    throw type.error("normalizer \"" + name + "\" is not supported; supported: Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip, ByteLevel");
}

}  // namespace bitwright
