// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/evaluation_windows.h"
#include "app/jobs/loop_job.h"
#include "tests/support/shared_data.h"

#include <fstream>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }

TEST(Words, AreCountedAsPythonsSplit)
{
    EXPECT_EQ(count_words(""), 1);
    EXPECT_EQ(count_words("one"), 1);
    EXPECT_EQ(count_words("one two\n\nthree"), 3);
    EXPECT_EQ(count_words(" one "), 3) << "an empty string at either end";
    EXPECT_EQ(count_words("a\xc2\xa0"
                          "b"),
              2)
        << "no-break space";
    EXPECT_EQ(count_words("a\x1f"
                          "b"),
              2)
        << "information separator";
}

TEST(Words, OfTheGoldenText)
{
    BITWRIGHT_NEEDS_SHARED();
    EXPECT_EQ(count_words(read_utf8(test::shared() / "data" / "text" / "wikitext2-test-raw.txt")), 241213);
}

TEST(ScoringWindows, RollingScoresEveryIdOnce)
{
    const auto folder = test::scratch("rolling");
    std::ofstream(folder / "text.txt") << "Once upon a time there was a little girl who liked to play in the garden with her dog.";
    const auto tokenizer = Tokenizer::open(sample());
    const auto ids = tokenizer->encode(read_utf8(folder / "text.txt"), false);
    ASSERT_GT(ids.size(), 12U);
    for (const std::int64_t length : {std::int64_t{1}, std::int64_t{5}, std::int64_t{8}, static_cast<std::int64_t>(ids.size()), std::int64_t{500}}) {
        const auto scoring = rolling_scoring(*tokenizer, folder / "text.txt", length, 0);
        std::vector<std::int32_t> scored;
        for (std::int64_t w = 0; w < scoring.windows.count; ++w) {
            const auto* window = scoring.windows.window(w);
            scored.insert(scored.end(), window + scoring.first_scored[static_cast<std::size_t>(w)], window + scoring.windows.length);
        }
        EXPECT_EQ(scored, ids) << length;
        EXPECT_EQ(scoring.windows.ids.front(), 0) << "BOS first";
        EXPECT_TRUE(scoring.whole_text);
    }
    auto limited = rolling_scoring(*tokenizer, folder / "text.txt", 5, 0);
    limited.limit(1);
    EXPECT_FALSE(limited.whole_text);
    EXPECT_EQ(limited.windows.count, 1);
    EXPECT_THROW((void)rolling_scoring(*tokenizer, folder / "text.txt", 5, -1), Error);
    EXPECT_THROW(limited.limit(0), Error);
}

TEST(Bits, AreWrittenLikeW4A8)
{
    EXPECT_EQ(to_string(parse_bits("w4a8")), "W4A8");
    for (const char* wrong : {"", "W4", "4A8", "W4A", "W4A8x", "WxA8"}) EXPECT_THROW((void)parse_bits(wrong), Error) << wrong;
}

}  // namespace
}  // namespace bitwright
