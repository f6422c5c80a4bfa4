// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer against the reference implementation's cases (tokenizers 0.22.2) and llama.cpp's for GPT-2.
#include "core/checkpoint/tokenizer.h"

#include "core/runtime/error.h"
#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

using test::shared;

std::string read_all(const fs::path& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Golden {
    const char* name;
    const char* tokenizer;
    const char* cases;
};
void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }
class TokenizerGolden : public ::testing::TestWithParam<Golden> {};

TEST_P(TokenizerGolden, EveryCaseInBothDirections)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto tokenizer = Tokenizer::open(shared() / GetParam().tokenizer);
    std::ifstream lines(shared() / GetParam().cases);
    std::string line;
    int cases = 0;
    while (std::getline(lines, line)) {
        const auto golden = nlohmann::json::parse(line);
        const auto ids = golden.at("ids").get<std::vector<std::int32_t>>();
        EXPECT_EQ(tokenizer->encode(golden.at("text").get<std::string>(), golden.at("add_special_tokens").get<bool>()), ids) << golden.at("text").dump();
        const auto decoded = golden.at("decoded").get<std::string>();
        EXPECT_EQ(tokenizer->decode(ids, false), decoded) << line;
        EXPECT_EQ(tokenizer->decode(ids, true), golden.value("decoded_skip_special", decoded)) << line;
        ++cases;
    }
    EXPECT_EQ(cases, 200);
}

#define BITWRIGHT_FOLDER(name) \
    Golden { name, "golden/tokenizers/" name, "golden/tokenizers/" name "/cases.jsonl" }
INSTANTIATE_TEST_SUITE_P(Each, TokenizerGolden,
                         ::testing::Values(BITWRIGHT_FOLDER("gpt2"), BITWRIGHT_FOLDER("llama3"), BITWRIGHT_FOLDER("qwen2"), BITWRIGHT_FOLDER("bloom"),
                                           BITWRIGHT_FOLDER("llama2"), BITWRIGHT_FOLDER("llama2-metaspace"), BITWRIGHT_FOLDER("gemma"),
                                           BITWRIGHT_FOLDER("unigram"),
                                           Golden{"TinyStories-656K", "data/models/TinyStories-656K", "golden/tokenizers/TinyStories-656K.cases.jsonl"},
                                           Golden{"smollm2", "data/tokenizers/smollm2.tokenizer.json", "golden/tokenizers/smollm2.cases.jsonl"}));
#undef BITWRIGHT_FOLDER

/// GPT-2's files of 2019 as a tokenizer.json.
std::string gpt2_json()
{
    nlohmann::json merges = nlohmann::json::array();
    std::ifstream lines(shared() / "data/tokenizers/gpt2.merges.vocab.bpe");
    std::string line;
    std::getline(lines, line);  // #version
    while (std::getline(lines, line)) {
        if (!line.empty()) merges.push_back(line);
    }
    const nlohmann::json byte_level{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
    const nlohmann::json vocabulary = nlohmann::json::parse(read_all(shared() / "data/tokenizers/gpt2.vocab.json"));
    return nlohmann::json{{"pre_tokenizer", byte_level}, {"decoder", byte_level}, {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}}
        .dump();
}

TEST(TokenizerLlamaCpp, Gpt2)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto tokenizer = Tokenizer::parse(gpt2_json(), "gpt2");
    const std::string separator = "\n__ggml_vocab_test__\n";
    const std::string texts = read_all(shared() / "data/tokenizers/ggml-vocab-gpt-2.gguf.inp");
    std::ifstream answers(shared() / "data/tokenizers/ggml-vocab-gpt-2.gguf.out");
    std::string line;
    int cases = 0;
    for (std::size_t at = 0; at <= texts.size() && std::getline(answers, line); ++cases) {
        const std::size_t end = std::min(texts.find(separator, at), texts.size());
        std::istringstream numbers(line);
        const std::vector<std::int32_t> expected(std::istream_iterator<std::int32_t>(numbers), {});
        const std::string text = texts.substr(at, end - at);
        EXPECT_EQ(tokenizer->encode(text, false), expected) << nlohmann::json(text);
        EXPECT_EQ(tokenizer->decode(expected, false), text);
        at = end + separator.size();
    }
    EXPECT_GT(cases, 40);
}

TEST(TokenizerSpeed, OneWordOfAMegabyteAndAHalf)
{
    BITWRIGHT_NEEDS_SHARED();
    const std::string text = read_all(shared() / "data/text/tinystories.txt");
    for (const char* path :
         {"data/models/TinyStories-656K", "data/tokenizers/smollm2.tokenizer.json", "golden/tokenizers/unigram", "golden/tokenizers/llama2"}) {
        const auto tokenizer = Tokenizer::open(shared() / path);
        const std::clock_t start = std::clock();  // processor time: other work on the machine does not count
        const auto ids = tokenizer->encode(text, false);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        RecordProperty(path, std::to_string(seconds));
        EXPECT_LT(seconds, 2) << path << ", " << ids.size() << " ids";
    }
}

TEST(TokenizerBad, SaysWhere)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto message = [](const char* folder) -> std::string {
        try {
            const auto tokenizer = Tokenizer::open(shared() / "golden/bad" / folder);
            tokenizer->require_rows(64);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
        return "no error";
    };
    EXPECT_NE(message("tokenizer-bad-merge")
                  .find("tokenizer-bad-merge/tokenizer.json: model.merges[0]: the merge [\"!\",\"zzz\"] (line 1 of the file) names \"zzz\""),
              std::string::npos)
        << message("tokenizer-bad-merge");
    EXPECT_NE(message("tokenizer-unknown-model").find("tokenizer-unknown-model/tokenizer.json: model.type: \"WordMagic\""), std::string::npos);
    EXPECT_NE(message("tokenizer-too-large").find("80 tokens, the model's embedding 64 rows"), std::string::npos) << message("tokenizer-too-large");
}

}  // namespace
}  // namespace bitwright
