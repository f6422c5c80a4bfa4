// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer.json run by its own pipeline: added tokens, normalizer, pre-tokenizer, model (BPE, Unigram), post-processor, decoder, as the
// Hugging Face tokenizers library 0.22 defines them. Truncation and padding of the file are ignored (they would cut every text).
// Threading: immutable after construction; encode and decode may run in parallel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

class Tokenizer {
public:
    /// `path`: tokenizer.json, or a folder that holds one. Throws Error (bad_input) naming file and field.
    [[nodiscard]] static std::shared_ptr<const Tokenizer> open(const std::filesystem::path& path);
    /// The same from memory (a Package carries its tokenizer.json). `where` names it in errors.
    [[nodiscard]] static std::shared_ptr<const Tokenizer> parse(std::string_view json, std::string_view where);
    ~Tokenizer();

    /// `text` must be UTF-8 (Error otherwise, with the byte position). 1.5 MB in under 2 s.
    [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const;
    /// Ids without a token (an embedding may have more rows than the tokenizer tokens) stand for nothing; bytes that are no UTF-8 become U+FFFD.
    [[nodiscard]] std::string decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens) const;
    [[nodiscard]] std::int64_t vocabulary_size() const noexcept;              ///< highest id + 1
    [[nodiscard]] std::int32_t id_of(std::string_view token) const noexcept;  ///< −1 if there is none
    [[nodiscard]] std::int32_t unknown_id() const noexcept;                   ///< of text that no token spells; −1: the tokenizer has none
    [[nodiscard]] std::string_view text_of(std::int32_t id) const;            ///< the vocabulary's spelling, "" if no token has this id
    /// Throws Error (bad_input) with both numbers when the tokenizer has more tokens than the model's embedding has rows.
    void require_rows(std::int64_t embedding_rows) const;

private:
    Tokenizer();
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace bitwright
