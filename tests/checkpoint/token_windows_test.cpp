// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/token_windows.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/random.h"
#include "core/runtime/safetensors.h"
#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <set>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

using Ids = std::vector<std::int32_t>;

/// One token per character: a … j are 0 … 9; <s> 10 before and </s> 11 after the text.
std::shared_ptr<const Tokenizer> letters()
{
    nlohmann::json vocabulary;
    for (int i = 0; i < 10; ++i) vocabulary[std::string(1, static_cast<char>('a' + i))] = i;
    const auto token = [](const char* name, int id) { return nlohmann::json{{"id", name}, {"ids", {id}}, {"tokens", {name}}}; };
    return Tokenizer::parse(
        nlohmann::json{{"added_tokens", {{{"id", 10}, {"content", "<s>"}, {"special", true}}, {{"id", 11}, {"content", "</s>"}, {"special", true}}}},
                       {"post_processor",
                        {{"type", "TemplateProcessing"},
                         {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}, {{"SpecialToken", {{"id", "</s>"}}}}}},
                         {"special_tokens", {{"<s>", token("<s>", 10)}, {"</s>", token("</s>", 11)}}}}},
                       {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}}
            .dump(),
        "letters");
}

template <typename Call>
std::string message(Call&& call, ErrorKind kind = ErrorKind::bad_input)
{
    try {
        (void)call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind);
        return error.what();
    }
    return "no error";
}

// The reference implementation's first outputs for seed 1234567.
TEST(RandomNumbers, AreSplitMix64)
{
    Random random(1234567);
    for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U, 16408922859458223821U}) {
        EXPECT_EQ(random.next(), expected);
    }
}

TEST(RandomNumbers, BelowReachesEverythingEvenly)
{
    Random random(1);
    std::array<int, 7> seen{};
    for (int i = 0; i < 70000; ++i) ++seen[random.below(7)];
    for (const int count : seen) EXPECT_NEAR(count, 10000, 500);
}

TEST(StreamWindows, AreInOrderAndTheRestIsDropped)
{
    const auto text = test::scratch("stream") / "text.txt";
    write_text(text, "abcdefgh");
    const auto windows = stream_windows(*letters(), text, 3);
    EXPECT_EQ(windows.count, 2);
    EXPECT_EQ(windows.ids, (Ids{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(windows.window(1)[0], 3);
    EXPECT_EQ(windows.origin, "text.txt, 2 × 3, in order");
    EXPECT_EQ(stream_windows(*letters(), text, 3, 10).ids, (Ids{10, 0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(SampleWindows, LieInTheTextAndComeFromTheSeed)
{
    const auto text = test::scratch("sample") / "text.txt";
    write_text(text, "abcdefgh");
    const auto windows = sample_windows(*letters(), text, 200, 3, 7, "none");
    ASSERT_EQ(windows.ids.size(), 600u);
    std::set<std::int32_t> starts;
    for (int i = 0; i < 200; ++i) {
        const auto* window = windows.window(i);
        starts.insert(window[0]);
        EXPECT_EQ(window[1], window[0] + 1);
        EXPECT_EQ(window[2], window[0] + 2);
    }
    EXPECT_EQ(starts, (std::set<std::int32_t>{0, 1, 2, 3, 4, 5}));  // the last window ends with the text
    EXPECT_EQ(windows.hash(), sample_windows(*letters(), text, 200, 3, 7, "none").hash());
    EXPECT_NE(windows.hash(), sample_windows(*letters(), text, 200, 3, 8, "none").hash());
    EXPECT_EQ(sample_windows(*letters(), text, 1, 8, 1, "none").ids, (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(sample_windows(*letters(), text, 1, 10, 1, "auto").ids, (Ids{10, 0, 1, 2, 3, 4, 5, 6, 7, 11}));
}

TEST(SampleApart, ObservedAndHeldOutShareNoToken)
{
    const auto text = test::scratch("apart") / "text.txt";
    write_text(text, "abcdefghij");
    const auto split = sample_apart(*letters(), text, 100, 3, 7, "none", 0.4);
    ASSERT_TRUE(split.held_out);
    EXPECT_EQ(split.observed.count, 100);
    EXPECT_EQ(split.held_out->count, 40);
    EXPECT_LT(*std::max_element(split.observed.ids.begin(), split.observed.ids.end()), 6) << "the first six letters are observed";
    EXPECT_GE(*std::min_element(split.held_out->ids.begin(), split.held_out->ids.end()), 6);
    EXPECT_EQ(sample_apart(*letters(), text, 2, 3, 7, "none", 0.3).held_out->count, 1) << "never none";
    const auto whole = sample_apart(*letters(), text, 100, 3, 7, "none", 0);
    EXPECT_FALSE(whole.held_out);
    EXPECT_EQ(whole.observed.hash(), sample_windows(*letters(), text, 100, 3, 7, "none").hash());
    EXPECT_NE(message([&] { return sample_apart(*letters(), text, 1, 3, 7, "none", 0.2); }).find("the share held out has 2 tokens"), std::string::npos);
    EXPECT_NE(message([&] { return sample_apart(*letters(), text, 1, 8, 7, "none", 0.4); }).find("fewer than one window of 8"), std::string::npos);
    EXPECT_NE(message([&] { return sample_apart(*letters(), text, 1, 3, 7, "none", 0.7); }, ErrorKind::usage).find("between 0 and 0.5"), std::string::npos);
}

TEST(HoldOutLast, KeepsTheFirstWindows)
{
    const TokenWindows windows{4, 2, {0, 1, 2, 3, 4, 5, 6, 7}, "ids"};
    const auto split = hold_out_last(windows, 0.25);
    ASSERT_TRUE(split.held_out);
    EXPECT_EQ(split.observed.ids, (Ids{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(split.observed.count, 3);
    EXPECT_EQ(split.held_out->ids, (Ids{6, 7}));
    EXPECT_FALSE(hold_out_last(windows, 0).held_out);
    EXPECT_NE(message([] { return hold_out_last({1, 2, {0, 1}, "one"}, 0.1); }, ErrorKind::usage).find("too few"), std::string::npos);
}

TEST(TokenWindowsHash, DependsOnShapeAndIds)
{
    const TokenWindows a{2, 3, {0, 1, 2, 3, 4, 5}, "a"}, b{2, 3, {0, 1, 2, 3, 4, 5}, "b"}, c{3, 2, {0, 1, 2, 3, 4, 5}, "a"};
    EXPECT_EQ(a.hash(), b.hash());
    EXPECT_NE(a.hash(), c.hash());
    // sha256 of the little-endian bytes, computed with Python's hashlib
    EXPECT_EQ(a.hash(), "d8684cf894baf34600c74724b0cfcfee3b852efb646112fa5c0309f29a506ec1");
}

TEST(LoadWindows, TakesIntegersAsTheyAre)
{
    const auto folder = test::scratch("load");
    const std::vector<std::int64_t> ids{5, 0, 11, 3, 2, 1};
    const std::vector<float> floats{1, 2};
    write_safetensors(folder / "ids.safetensors", {{"windows", Tensor::from<std::int64_t>(Dtype::i64, {2, 3}, ids)},
                                                   {"flat", Tensor::from<std::int64_t>(Dtype::i64, {6}, ids)},
                                                   {"floats", Tensor::from<float>(Dtype::f32, {1, 2}, floats)}});
    const std::string file = (folder / "ids.safetensors").string();
    const auto windows = load_windows(file + ":windows", 12);
    EXPECT_EQ(windows.count, 2);
    EXPECT_EQ(windows.length, 3);
    EXPECT_EQ(windows.ids, (Ids{5, 0, 11, 3, 2, 1}));
    EXPECT_EQ(windows.origin, "ids.safetensors:windows");
    EXPECT_NE(message([&] { return load_windows(file + ":windows", 11); }).find("ids.safetensors: windows: window 0, position 2 holds the id 11"),
              std::string::npos);
    EXPECT_NE(message([&] { return load_windows(file + ":flat", 12); }).find("shape [6]"), std::string::npos);
    EXPECT_NE(message([&] { return load_windows(file + ":floats", 12); }).find("type F32"), std::string::npos);
    EXPECT_NE(message([&] { return load_windows(file + ":absent", 12); }).find("absent"), std::string::npos);
    EXPECT_NE(message([&] { return load_windows(file, 12); }, ErrorKind::usage).find("FILE.safetensors:TENSOR"), std::string::npos);
}

TEST(TokenWindowsErrors, ATextTheTokenizerDoesNotKnowIsRefused)
{
    const auto tokenizer = Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {"?": 0, "a": 1, "b": 2}, "merges": [], "unk_token": "?"}})", "letters");
    const auto folder = test::scratch("unknown-text");
    write_text(folder / "foreign.txt", "xyzxyzxyza");
    write_text(folder / "own.txt", "abababxyab");
    const auto why = message([&] { return sample_windows(*tokenizer, folder / "foreign.txt", 2, 4, 1, "none"); });
    EXPECT_NE(why.find("foreign.txt: 9 of its 10 tokens are unknown"), std::string::npos) << why;
    EXPECT_NE(message([&] { return stream_windows(*tokenizer, folder / "foreign.txt", 4); }).find("unknown"), std::string::npos);
    EXPECT_EQ(stream_windows(*tokenizer, folder / "own.txt", 5).count, 2);
}

TEST(TokenWindowsErrors, SayWhatToDo)
{
    const auto folder = test::scratch("short");
    write_text(folder / "short.txt", "abc");
    write_text(folder / "binary.txt", "ab\xFF");
    EXPECT_NE(message([&] { return stream_windows(*letters(), folder / "short.txt", 4); }).find("short.txt: has 3 tokens, fewer than one window of 4"),
              std::string::npos);
    EXPECT_NE(message([&] { return sample_windows(*letters(), folder / "short.txt", 2, 4, 1, "none"); }).find("3 tokens"), std::string::npos);
    EXPECT_NE(message([&] { return stream_windows(*letters(), folder / "binary.txt", 2); }).find("binary.txt: not UTF-8 at byte 2"), std::string::npos);
    EXPECT_NE(message([&] { return stream_windows(*letters(), folder / "absent.txt", 2); }).find("absent.txt"), std::string::npos);
    EXPECT_NE(message([&] { return stream_windows(*letters(), folder / "short.txt", 0); }, ErrorKind::usage).find("length"), std::string::npos);
    EXPECT_NE(message([&] { return sample_windows(*letters(), folder / "short.txt", 0, 2, 1, "none"); }, ErrorKind::usage).find("sample"), std::string::npos);
    EXPECT_NE(message([&] { return sample_windows(*letters(), folder / "short.txt", 1, 2, 1, "some"); }, ErrorKind::usage).find("none nor auto"),
              std::string::npos);
}

TEST(StreamWindows, OfTheReferenceEvaluation)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto golden = nlohmann::json::parse(read_text(test::shared() / "golden/evaluation/TinyStories-656K.json"));
    const auto tokenizer = Tokenizer::open(test::shared() / "data/models/TinyStories-656K");
    for (const auto& [key, file] : {std::pair("tinystories_64", "tinystories.txt"), std::pair("wikitext2", "wikitext2-test-raw.txt")}) {
        const fs::path text = test::shared() / "data/text" / file;
        const auto expected = golden.at(key);
        EXPECT_EQ(tokenizer->encode(read_utf8(text), false).size(), expected.at("stream_tokens").get<std::size_t>());
        const auto windows = stream_windows(*tokenizer, text, 512);
        const auto first = expected.at("first_ids").get<Ids>();
        EXPECT_EQ(Ids(windows.ids.begin(), windows.ids.begin() + static_cast<std::ptrdiff_t>(first.size())), first);
        EXPECT_EQ(windows.count, static_cast<std::int64_t>(expected.at("stream_tokens").get<std::size_t>() / 512));
    }
}

}  // namespace
}  // namespace bitwright
