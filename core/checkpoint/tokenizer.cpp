// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tokenizer.h"

#include "core/checkpoint/parse_json.h"
#include "core/checkpoint/tokenizer_added_tokens.h"
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/file.h"
#include "core/runtime/utf8.h"

#include <algorithm>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

std::unique_ptr<const TokenModel> read_model(const TokenizerField& field, std::string_view document)
{
    // files of old versions leave the type out; then the shape of the vocabulary tells
    const auto type = field.find("type");
    const std::string name = type ? type->text() : field.at("vocab").json().is_array() ? "Unigram" : "BPE";
    if (name == "BPE") return read_bpe(field, document);
    if (name == "Unigram") return read_unigram(field);
    throw type->error("\"" + name + "\" is not supported; supported: BPE, Unigram");
}

}  // namespace

struct Tokenizer::State {
    explicit State(const TokenizerField& root, std::string_view document, std::string_view where)
        : source(where),
          normalizer(read_normalizer(root.find("normalizer"))),
          pre_tokenizer(read_pre_tokenizer(root.find("pre_tokenizer"))),
          model(read_model(root.at("model"), document)),
          added(root.find("added_tokens"), *model, normalizer),
          post_processor(read_post_processor(root.find("post_processor"), [this](std::string_view token) { return id_of(token); })),
          decoder(read_decoder(root.find("decoder")))
    {
    }

    [[nodiscard]] std::int32_t id_of(std::string_view token) const noexcept
    {
        const std::int32_t id = added.id_of(token);
        return id >= 0 ? id : model->id_of(token);
    }
    /// nullptr when no token has this id.
    [[nodiscard]] const std::string* text_of(std::int32_t id) const noexcept
    {
        if (const std::string* text = added.text_of(id)) return text;
        const auto& tokens = model->tokens();
        const auto index = static_cast<std::size_t>(id);
        return id >= 0 && index < tokens.size() && !tokens[index].empty() ? &tokens[index] : nullptr;
    }

    std::string source;
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    std::unique_ptr<const TokenModel> model;
    AddedTokens added;
    PostProcessor post_processor;
    TokenDecoder decoder;
};

Tokenizer::Tokenizer() = default;
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::open(const fs::path& path)
{
    const fs::path file = fs::is_directory(path) ? path / "tokenizer.json" : path;
    if (!fs::exists(file)) throw bad_input(file.string(), "", "no tokenizer there; give token ids with --ids, or a folder with a tokenizer.json");
    return parse(read_text(file), file.string());
}

std::shared_ptr<const Tokenizer> Tokenizer::parse(std::string_view json, std::string_view where)
{
    const nlohmann::json document = parse_json(json, where);
    const std::shared_ptr<Tokenizer> tokenizer(new Tokenizer());
    tokenizer->state_ = std::make_unique<State>(TokenizerField(document, where), json, where);
    return tokenizer;
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const
{
    if (const std::size_t wrong = utf8::first_invalid(text); wrong != std::string_view::npos) {
        throw bad_input("text", "", "not UTF-8 at byte " + std::to_string(wrong) + "; convert it first");
    }
    std::vector<std::int32_t> ids;
    if (add_special_tokens) ids = state_->post_processor.before;
    for (const AddedTokens::Part& raw : state_->added.cut_raw(text)) {
        if (raw.id >= 0) {
            ids.push_back(raw.id);
            continue;
        }
        const std::string normalized = state_->normalizer(std::string(raw.text));
        for (const AddedTokens::Part& part : state_->added.cut_normalized(normalized)) {
            if (part.id >= 0) {
                ids.push_back(part.id);
                continue;
            }
            std::vector<Piece> pieces{{std::string(part.text), raw.text.data() == text.data() && part.text.data() == normalized.data()}};
            state_->pre_tokenizer(pieces);
            state_->model->encode(pieces, ids);
        }
    }
    if (add_special_tokens) ids.insert(ids.end(), state_->post_processor.after.begin(), state_->post_processor.after.end());
    return ids;
}

std::string Tokenizer::decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens) const
{
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (const std::int32_t id : ids) {
        const std::string* text = state_->text_of(id);
        if (text && !(skip_special_tokens && state_->added.is_special(*text))) tokens.push_back(*text);
    }
    std::string text;
    for (const std::string& part : state_->decoder(std::move(tokens))) text += part;
    return text;
}

std::int64_t Tokenizer::vocabulary_size() const noexcept
{
    return std::max<std::int64_t>(static_cast<std::int64_t>(state_->model->tokens().size()), std::int64_t{state_->added.highest_id()} + 1);
}

std::int32_t Tokenizer::id_of(std::string_view token) const noexcept { return state_->id_of(token); }

std::int32_t Tokenizer::unknown_id() const noexcept { return state_->model->unknown(); }

std::string_view Tokenizer::text_of(std::int32_t id) const
{
    const std::string* text = state_->text_of(id);
    return text ? std::string_view(*text) : std::string_view();
}

void Tokenizer::require_rows(std::int64_t embedding_rows) const
{
    if (vocabulary_size() <= embedding_rows) return;
    throw bad_input(state_->source, "model.vocab",
                    "the tokenizer has " + std::to_string(vocabulary_size()) + " tokens, the model's embedding " + std::to_string(embedding_rows) +
                        " rows; they do not belong together");
}

}  // namespace bitwright
