// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/vocabulary_size.h"
#include "core/checkpoint/tokenizer.h"
#include "core/runtime/file.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

TEST(VocabularySize, OfTheKindsOfModels)
{
    EXPECT_EQ(
        vocabulary_size_of(R"({"added_tokens": [{"id": 7, "content": "x"}], "model": {"type": "BPE", "vocab": {"a": 0, "\"{\\": 5}, "merges": [["9", "9"]]}})"),
        8);
    EXPECT_EQ(vocabulary_size_of(R"({"model": {"vocab": [["a", -1.5], ["b", 99], ["[", 0]], "type": "Unigram"}, "other": {"vocab": {"a": 50}}})"), 3);
    EXPECT_EQ(vocabulary_size_of(R"({"model": {"vocab": {"vocab": 1, "model": 2, "id": 3}}, "added_tokens": []})"), 4);
    EXPECT_EQ(vocabulary_size_of("{}"), 0);
}

TEST(VocabularySize, NoTextIsAFault)
{
    for (const auto* text : {"", "}}}]", "\"", "\"\\", "{\"model\": {\"vocab\": {\"a\": 99999999999999999999}}}",
                             "{\"model\": {\"vocab\": {\"a\": 9223372036854775807}}}", "[[[[[[[[", "{\"model\": {\"vocab\": {\"a\": "})
        EXPECT_EQ(vocabulary_size_of(text), 0) << text;
}

TEST(VocabularySize, EqualsTheTokenizers)
{
    BITWRIGHT_NEEDS_SHARED();
    int compared = 0;
    for (const auto& entry : fs::recursive_directory_iterator(test::shared() / "golden" / "tokenizers")) {
        if (entry.path().filename() != "tokenizer.json") continue;
        EXPECT_EQ(vocabulary_size_of(read_text(entry.path())), Tokenizer::open(entry.path())->vocabulary_size()) << entry.path();
        ++compared;
    }
    EXPECT_GE(compared, 5);
}

}  // namespace
}  // namespace bitwright
