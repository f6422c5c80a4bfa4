// SPDX-License-Identifier: GPL-3.0-or-later
// How many rows of an embedding a tokenizer.json needs, found in one pass over the bytes: cheap enough to ask whenever a folder is opened
// (Tokenizer::open reads and checks all of the file, which takes as long as a second for a large one).
// Threading: pure function.
#pragma once

#include <cstdint>
#include <string_view>

namespace bitwright {

/// Highest id of model.vocab and added_tokens + 1, as Tokenizer::vocabulary_size() says for a valid file; 0 where nothing is found.
/// Text that is no tokenizer.json gives some number, never a fault: saying what is wrong with it is the Tokenizer's task.
[[nodiscard]] std::int64_t vocabulary_size_of(std::string_view tokenizer_json) noexcept;

}  // namespace bitwright
