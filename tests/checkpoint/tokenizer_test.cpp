// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer on vocabularies small enough to derive every id by hand; the derivations stand beside them.
#include "core/checkpoint/tokenizer.h"

#include "core/checkpoint/tokenizer_field.h"
#include "core/runtime/error.h"
#include "tests/support/shared_data.h"

#include <fstream>
#include <iterator>
#include <random>

namespace bitwright {
namespace {

using Ids = std::vector<std::int32_t>;

std::string file(const std::string& name)
{
    std::ifstream in(test::golden() / "tokenizers" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

class TokenizerSyllables : public ::testing::Test {
protected:
    const std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::open(test::golden() / "tokenizers/syllables.json");
};

TEST_F(TokenizerSyllables, MergesByRankLeftmostFirst)
{
    // ▁ b a n a n a → (rank 0) ▁ b an an a → (1) ▁ ban an a → (2) ▁ban an a → (3) ▁ban ana. Truncation to 2 ids is ignored.
    EXPECT_EQ(tokenizer->encode("banana", false), (Ids{11, 12}));
    // "ab" is a token, but no merge leads to it
    EXPECT_EQ(tokenizer->encode("ab n", false), (Ids{5, 6, 7, 5, 8}));
    EXPECT_EQ(tokenizer->encode("", false), Ids{});
    EXPECT_EQ(tokenizer->decode({11, 12}, false), "banana");
}

TEST_F(TokenizerSyllables, UnknownCharactersAreBytesOrOneUnknown)
{
    EXPECT_EQ(tokenizer->encode("\u00e9", false), (Ids{5, 3, 4}));             // C3 A9 have tokens
    EXPECT_EQ(tokenizer->encode("a\u03be\u03bea", false), (Ids{5, 6, 0, 6}));  // CE BE have none: fused
    EXPECT_EQ(tokenizer->decode({5, 3, 4}, false), "\u00e9");
    EXPECT_EQ(tokenizer->decode({3, 3, 6}, false), "\ufffd\ufffda");  // no UTF-8: one per byte
}

TEST_F(TokenizerSyllables, SpecialTokens)
{
    EXPECT_EQ(tokenizer->encode("a</s>b", true), (Ids{1, 5, 6, 2, 5, 7, 2}));  // every piece gets its own ▁
    EXPECT_EQ(tokenizer->decode({1, 5, 6, 2, 5, 7, 2}, false), "<s> a</s> b</s>");
    EXPECT_EQ(tokenizer->decode({1, 5, 6, 2, 5, 7, 2}, true), "a b");
    // normalized tokens are searched as "▁<|end|>" in the normalized text
    EXPECT_EQ(tokenizer->encode("a <|end|>b", false), (Ids{5, 6, 14, 7}));
    EXPECT_EQ(tokenizer->encode("<|end|>", false), (Ids{14}));
    EXPECT_EQ(tokenizer->encode("a<|end|>", false), (Ids{5, 6, 0, 8, 0}));  // "<|e" and "d|>" are unknown
}

TEST_F(TokenizerSyllables, AddedTokensTakeSpacesOrStandAlone)
{
    EXPECT_EQ(tokenizer->encode("a  <tool> \n b", false), (Ids{5, 6, 15, 5, 7}));
    EXPECT_EQ(tokenizer->encode("a nab!", false), (Ids{5, 6, 5, 16, 5, 0}));
    EXPECT_EQ(tokenizer->encode("nabb", false), (Ids{5, 8, 6, 7, 7}));
    EXPECT_EQ(tokenizer->encode("\u00e9nab", false), (Ids{5, 3, 4, 8, 6, 7}));
}

TEST_F(TokenizerSyllables, Vocabulary)
{
    EXPECT_EQ(tokenizer->vocabulary_size(), 17);
    EXPECT_EQ(tokenizer->id_of("ban"), 10);
    EXPECT_EQ(tokenizer->id_of("<tool>"), 15);
    EXPECT_EQ(tokenizer->id_of("nothing"), -1);
    EXPECT_EQ(tokenizer->text_of(11), "\u2581ban");
    EXPECT_EQ(tokenizer->text_of(99), "");
    EXPECT_EQ(tokenizer->decode({99, 6, -1}, false), "a");  // rows without a token stand for nothing
    EXPECT_NO_THROW(tokenizer->require_rows(17));
    EXPECT_THROW(tokenizer->require_rows(16), Error);
}

TEST_F(TokenizerSyllables, TextMustBeUtf8)
{
    try {
        (void)tokenizer->encode("ab\xC3(", false);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        EXPECT_NE(std::string(error.what()).find("byte 2"), std::string::npos) << error.what();
    }
}

TEST(TokenizerWords, TheBestSumOfLogProbabilities)
{
    const auto tokenizer = Tokenizer::open(test::golden() / "tokenizers/words.json");
    EXPECT_EQ(tokenizer->encode("ab", false), (Ids{1, 4}));               // ▁ ab −6; ▁a b −6 too: the first found that is not beaten stays
    EXPECT_EQ(tokenizer->encode("abab", false), (Ids{1, 4, 4}));          // ab ab −6 against abab −7
    EXPECT_EQ(tokenizer->encode("a", false), (Ids{6}));                   // ▁a −4 against ▁ a −5
    EXPECT_EQ(tokenizer->encode("bxyb", false), (Ids{1, 3, 0, 3}));       // unknown neighbours are one
    EXPECT_EQ(tokenizer->encode("\uFB01  b", false), (Ids{1, 7, 1, 3}));  // NFKC: ﬁ → fi; two spaces → one
    EXPECT_EQ(tokenizer->decode({1, 7, 1, 3}, false), "fi b");
}

TEST(TokenizerByteLevel, BytesBecomeCharacters)
{
    const auto tokenizer = Tokenizer::parse(R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {"Ġ": 0, "a": 1, "Ġa": 2, "Ã": 3, "©": 4, "1": 5, "Ċ": 6}, "merges": ["Ġ a"]}})",
                                            "byte level");
    EXPECT_EQ(tokenizer->encode("a a  a", false), (Ids{1, 2, 0, 2}));
    EXPECT_EQ(tokenizer->encode("\u00e9\n1", false), (Ids{3, 4, 6, 5}));
    EXPECT_EQ(tokenizer->decode({3, 4, 3}, false), "\u00e9\ufffd");
}

/// What a stage makes of a text: with ignore_merges every piece that is in the vocabulary is one token, all others vanish.
Ids pieces(const std::string& stage, const std::vector<std::string>& vocabulary, const std::string& text)
{
    nlohmann::json ids = nlohmann::json::object();
    for (std::size_t i = 0; i < vocabulary.size(); ++i) ids[vocabulary[i]] = i;
    return Tokenizer::parse("{" + stage + R"(, "model": {"type": "BPE", "ignore_merges": true, "merges": [], "vocab": )" + ids.dump() + "}}", "stage")
        ->encode(text, true);
}

// Examples of the tokenizers library's documentation.
TEST(TokenizerStages, PreTokenizers)
{
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Digits", "individual_digits": false})", {"Call ", "123", " please"}, "Call 123 please"), (Ids{0, 1, 2}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Digits", "individual_digits": true})", {"Call ", "1", "2", "3"}, "Call 123"), (Ids{0, 1, 2, 3}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Punctuation"})", {"Hello", ",", " how$", "?"}, "Hello, how?"), (Ids{0, 1, 3}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Punctuation", "behavior": "Contiguous"})", {"so", "...?", "\u00ab", "a"}, "so...?a\u00ab"),
              (Ids{0, 1, 3, 2}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Whitespace"})", {"Hello", "there", "!?"}, "Hello  there!?"), (Ids{0, 1, 2}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "WhitespaceSplit"})", {"Hello", "there!"}, " Hello\u3000there! "), (Ids{0, 1}));
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true})", {"\u0120a", "\u0120b"}, "a b"), (Ids{0, 1}));
    // Falcon's: punctuation in runs, bytes, digits, three digits from the left
    EXPECT_EQ(pieces(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Contiguous"},
                        {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, {"type": "Digits", "individual_digits": false},
                        {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": false}]})",
                     {"a", "\u0120", "123", "45", "!!"}, "a 12345!!"),
              (Ids{0, 1, 2, 3, 4}));
}

TEST(TokenizerStages, Metaspace)
{
    const auto stage = [](const std::string& scheme) { return R"("pre_tokenizer": {"type": "Metaspace", "replacement": "_", "split": true)" + scheme + "}"; };
    const std::vector<std::string> vocabulary{"a", "_a", "_b"};
    EXPECT_EQ(pieces(stage(""), vocabulary, "a b"), (Ids{1, 2}));
    EXPECT_EQ(pieces(stage(R"(, "prepend_scheme": "never")"), vocabulary, "a b"), (Ids{0, 2}));
    EXPECT_EQ(pieces(stage(R"(, "add_prefix_space": false)"), vocabulary, "a b"), (Ids{0, 2}));  // files of old versions
    const std::string token = R"(, "added_tokens": [{"id": 9, "content": "<x>", "special": true}])";
    EXPECT_EQ(pieces(stage(R"(, "prepend_scheme": "first")") + token, vocabulary, "a<x>a"), (Ids{1, 9, 0}));
    EXPECT_EQ(pieces(stage(R"(, "prepend_scheme": "always")") + token, vocabulary, "<x>a"), (Ids{9, 1}));
}

TEST(TokenizerStages, Normalizers)
{
    const auto stage = [](const std::string& normalizer) { return R"("normalizer": )" + normalizer; };
    EXPECT_EQ(pieces(stage(R"({"type": "NFC"})"), {"\u00e9"}, "e\u0301"), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "NFD"})"), {"e\u0301"}, "\u00e9"), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "NFKD"})"), {"2e\u0301"}, "\u00b2\u00e9"), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "Strip", "strip_left": true, "strip_right": false})"), {"a "}, "\u3000\n a "), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "Strip"})"), {"a"}, " a\u0085"), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "ByteLevel"})"), {"\u0120\u00c3\u00a9"}, " \u00e9"), Ids{0});
    EXPECT_EQ(pieces(stage(R"({"type": "Strip"})"), {"a"}, " \n "), Ids{});
}

TEST(TokenizerStages, PostProcessors)
{
    const std::string tokens = R"("added_tokens": [{"id": 5, "content": "<s>", "special": true}, {"id": 6, "content": "</s>", "special": true}], )";
    EXPECT_EQ(pieces(tokens + R"("post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 5], "sep": ["</s>", 6]})", {"a"}, "a"), (Ids{5, 0, 6}));
}

TEST(TokenizerStages, Affixes)
{
    // end_of_word_suffix as CLIP, continuing_subword_prefix as BERT's BPE: "ab" → a ##b</w>
    const auto tokenizer = Tokenizer::parse(R"({"model": {"type": "BPE", "continuing_subword_prefix": "##", "end_of_word_suffix": "</w>",
        "vocab": {"a": 0, "##b</w>": 1, "ab</w>": 2, "##a": 3, "a</w>": 4}, "merges": ["a ##b</w>"]}})",
                                            "affixes");
    EXPECT_EQ(tokenizer->encode("ab", false), Ids{2});
    EXPECT_EQ(tokenizer->encode("aab", false), (Ids{0, 3, 1}));
    EXPECT_EQ(tokenizer->encode("a", false), Ids{4});
}

/// Every merge by looking at all pairs: slow and plain.
Ids merged_plainly(Ids ids, const std::vector<std::array<std::int32_t, 3>>& merges)
{
    while (true) {
        std::size_t best = merges.size(), place = 0;
        for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
            for (std::size_t rank = 0; rank < best; ++rank) {
                if (merges[rank][0] == ids[i] && merges[rank][1] == ids[i + 1]) {
                    best = rank;
                    place = i;
                }
            }
        }
        if (best == merges.size()) return ids;
        ids[place] = merges[best][2];
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place) + 1);
    }
}

TEST(TokenizerBpe, TheHeapMergesAsTheDefinitionSays)
{
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::string> tokens{"a", "b", "c"};
        std::vector<std::array<std::int32_t, 3>> merges;
        nlohmann::json list = nlohmann::json::array();
        for (int i = 0; i < 12; ++i) {
            const auto left = random() % tokens.size(), right = random() % tokens.size();
            const std::string joined = tokens[left] + tokens[right];
            if (std::find(tokens.begin(), tokens.end(), joined) != tokens.end()) continue;
            merges.push_back({static_cast<std::int32_t>(left), static_cast<std::int32_t>(right), static_cast<std::int32_t>(tokens.size())});
            list.push_back({tokens[left], tokens[right]});
            tokens.push_back(joined);
        }
        nlohmann::json vocabulary;
        for (std::size_t i = 0; i < tokens.size(); ++i) vocabulary[tokens[i]] = i;
        const auto tokenizer = Tokenizer::parse(nlohmann::json{{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", list}}}}.dump(), "random");
        for (int word = 0; word < 20; ++word) {
            std::string text;
            Ids ids;
            for (std::size_t i = random() % 30; i > 0; --i) {
                ids.push_back(static_cast<std::int32_t>(random() % 3));
                text += tokens[static_cast<std::size_t>(ids.back())];
            }
            EXPECT_EQ(tokenizer->encode(text, false), merged_plainly(ids, merges)) << text << " with " << list;
        }
    }
}

struct Malformed {
    const char* json;
    const char* expected;
};
void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.expected; }
class TokenizerMalformed : public ::testing::TestWithParam<Malformed> {};

TEST_P(TokenizerMalformed, IsAnErrorThatNamesTheField)
{
    try {
        (void)Tokenizer::parse(GetParam().json, "FILE");
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        EXPECT_NE(std::string(error.what()).find(GetParam().expected), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Each, TokenizerMalformed,
    ::testing::Values(
        Malformed{"", "FILE: not JSON at byte"}, Malformed{"[]", "FILE: found array, expected an object"}, Malformed{"{}", "FILE: no \"model\""},
        Malformed{R"({"model": {"type": "WordPiece", "vocab": {}}})", "FILE: model.type: \"WordPiece\" is not supported; supported: BPE, Unigram"},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})", "model.vocab: token \"a\" has the id -1"},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 2000000000}, "merges": []}})", "has the id 2000000000"},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 0}}})", "model: no \"merges\""},
        Malformed{"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"aa\": 1},\n\"merges\": [\n\"a a\",\n\"aa b\"]}}",
                  "model.merges[1]: the merge \"aa b\" (line 4 of the file) names \"b\""},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}})", "names \"aa\""},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a  a"]}})", "is not two tokens"},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 1]]}})", "is neither two strings"},
        Malformed{R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "?"}})", "model.unk_token: \"?\" is not in the vocabulary"},
        Malformed{R"({"model": {"type": "Unigram", "vocab": [["a", "b"]]}})", "model.vocab[0]"},
        Malformed{R"({"model": {"type": "Unigram", "vocab": [["a", -1]], "unk_id": 1}})", "model.unk_id: 1 is outside"},
        Malformed{R"({"normalizer": {"type": "Magic"}, "model": {"vocab": {}, "merges": []}})", "normalizer.type: normalizer \"Magic\" is not supported"},
        Malformed{R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}, "model": {"vocab": {}, "merges": []}})",
                  "pre_tokenizer.pattern.Regex: the expression \"(a\" cannot be read at position 2"},
        Malformed{R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Sideways"}, "model": {"vocab": {}, "merges": []}})",
                  "pre_tokenizer.behavior"},
        Malformed{R"({"decoder": {"type": "Sequence", "decoders": [{"type": "Magic"}]}, "model": {"vocab": {}, "merges": []}})", "decoder.decoders[0].type"},
        Malformed{R"({"post_processor": {"type": "TemplateProcessing", "single": [], "special_tokens": {}}, "model": {"vocab": {}, "merges": []}})",
                  "post_processor.single"},
        Malformed{R"({"added_tokens": [{"id": 0, "content": "x"}], "model": {"vocab": {"a": 0}, "merges": []}})",
                  "added_tokens[0]: the token \"x\" has the id 0, which is that of \"a\""}));

TEST(TokenizerHostile, NestingIsBounded)
{
    std::string deep = R"({"normalizer": )";
    for (int i = 0; i < 100000; ++i) deep += R"({"type": "Sequence", "normalizers": [)";
    EXPECT_THROW((void)Tokenizer::parse(deep, "deep"), Error);
}

TEST(TokenizerHostile, CutAndChangedFilesAreErrorsOrWork)
{
    for (const char* name : {"syllables.json", "words.json"}) {
        const std::string good = file(name);
        ASSERT_FALSE(good.empty());
        const std::size_t end = good.find_last_of('}');
        for (std::size_t length = 0; length < end; length += 7) EXPECT_THROW((void)Tokenizer::parse(good.substr(0, length), name), Error) << length;
        std::mt19937 random(1);
        for (int i = 0; i < 400; ++i) {
            std::string changed = good;
            for (int byte = 0; byte < 2; ++byte) changed[random() % changed.size()] = static_cast<char>("0\"{}[]a:,\\-"[random() % 11]);
            try {
                (void)Tokenizer::parse(changed, name)->encode("banana </s> \u00e9", true);
            } catch (const Error&) {
            }
        }
    }
}

}  // namespace
}  // namespace bitwright
