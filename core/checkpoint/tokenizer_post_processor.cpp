// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer_pipeline.h"

namespace bitwright {
namespace {

/// The ids a template's special token stands for.
std::vector<std::int32_t> special_ids(const TokenizerField& tokens, const TokenizerField& name)
{
    const TokenizerField list = tokens.at(name.text()).at("ids");
    std::vector<std::int32_t> ids;
    for (std::size_t i = 0; i < list.size(); ++i) ids.push_back(list.element(i).id());
    return ids;
}

PostProcessor read_template(const TokenizerField& field)
{
    const TokenizerField parts = field.at("single");
    PostProcessor result;
    bool text_seen = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const TokenizerField part = parts.element(i);
        if (const auto special = part.find("SpecialToken")) {
            auto& side = text_seen ? result.after : result.before;
            const auto ids = special_ids(field.at("special_tokens"), special->at("id"));
            side.insert(side.end(), ids.begin(), ids.end());
        } else {
            const TokenizerField id = part.at("Sequence").at("id");
            if (text_seen || id.text() != "A") throw part.error("a template for one text must hold the sequence A once");
            text_seen = true;
        }
    }
    if (!text_seen) throw parts.error("the template does not hold the text (sequence A)");
    return result;
}

}  // namespace

PostProcessor read_post_processor(const std::optional<TokenizerField>& field, const std::function<std::int32_t(std::string_view)>& id_of)
{
    if (!field) return {};
    const TokenizerField type = field->at("type");
    const std::string& name = type.text();
    if (name == "ByteLevel") return {};  // moves offsets only
    if (name == "TemplateProcessing") return read_template(*field);
    if (name == "BertProcessing" || name == "RobertaProcessing") {
        const auto id = [&](const char* key) {
            const TokenizerField pair = field->at(key);
            const std::int32_t known = pair.size() > 0 ? id_of(pair.element(0).text()) : -1;
            if (known < 0) throw pair.error("names no token of the vocabulary");
            return known;
        };
        return {{id("cls")}, {id("sep")}};
    }
    if (name == "Sequence") {
        const TokenizerField list = field->at("processors");
        PostProcessor result;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const PostProcessor outer = read_post_processor(list.element(i), id_of);
            result.before.insert(result.before.begin(), outer.before.begin(), outer.before.end());
            result.after.insert(result.after.end(), outer.after.begin(), outer.after.end());
        }
        return result;
    }
    throw type.error("post-processor \"" + name + "\" is not supported; supported: Sequence, ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing");
}

}  // namespace bitwright
