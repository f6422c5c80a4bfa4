// SPDX-License-Identifier: GPL-3.0-or-later
// Which ids of a text an evaluation reads and scores, with the definition in words: a perplexity without it means nothing.
// Threading: pure functions.
#pragma once

#include "core/checkpoint/token_windows.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct ScoringWindows {
    TokenWindows windows;
    std::vector<std::int64_t> first_scored;  ///< per window; empty: 1 for all
    std::string definition;                  ///< "stream, no BOS, windows of 512, all but the first token"
    std::optional<std::filesystem::path> text;
    std::optional<std::int64_t> words;  ///< of the text
    bool whole_text = false;            ///< every id of the text is scored
    /// Keeps the first `count` windows.
    void limit(std::int64_t count);
};

enum class Bos : std::uint8_t { none, stream };

/// Non-overlapping windows of one stream; the first id of each is read, not scored; the rest of the stream is dropped.
[[nodiscard]] ScoringWindows stream_scoring(const Tokenizer& tokenizer, const std::filesystem::path& text, std::int64_t length, Bos bos, std::int32_t bos_id);
/// Every id scored once, as lm-eval's loglikelihood_rolling does on one document: window 0 reads BOS and `length` − 1 ids; each next window scores `length`
/// more and reads the `length` ids that end one before the last scored; the last one scores what is left and reads `length` ids all the same.
[[nodiscard]] ScoringWindows rolling_scoring(const Tokenizer& tokenizer, const std::filesystem::path& text, std::int64_t length, std::int32_t bos_id);
/// "FILE.safetensors:TENSOR"; the first id of each window is read, not scored.
[[nodiscard]] ScoringWindows given_scoring(const std::string& reference, std::int64_t vocabulary);

/// len(re.split(r"\s+", text)) of Python, as lm-eval counts words: 1 + the number of maximal runs of white space.
[[nodiscard]] std::int64_t count_words(std::string_view text);

}  // namespace bitwright
