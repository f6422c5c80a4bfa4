// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/statistics/oracle.h"

#include "core/runtime/error.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <thread>

namespace bitwright::test {
namespace {

constexpr std::int64_t length = 24;

class AccumulatorShapes : public ::testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(AccumulatorShapes, EqualsTheOracle)
{
    const auto [rows, channels] = GetParam();
    const Rows data = random_rows(rows, channels, 5);
    expect_oracle(observed(data, length), data, length);
}
INSTANTIATE_TEST_SUITE_P(Sizes, AccumulatorShapes,
                         ::testing::Values(std::pair(1, 4), std::pair(3, 7), std::pair(48, 16), std::pair(50, 33), std::pair(500, 130), std::pair(2000, 64)));

TEST(Accumulator, AnySplitMergesToTheWhole)
{
    const Rows data = random_rows(400, 37, 1);
    const SiteStatistics whole = observed(data, length);
    for (const std::int64_t cut : {1, 24, 100, 333, 399}) {
        SiteAccumulator a(options_for(data, length)), b(options_for(data, length));
        feed(a, data, 0, cut, length);
        feed(b, data, cut, 400, length);
        b.merge(a);  // also out of order
        const SiteStatistics merged = b.result("s");
        expect_equal_but_moments(whole, merged);
        expect_near_moments(whole, merged);
    }
}

TEST(Accumulator, OrderOfBlocksDoesNotMatter)
{
    const Rows data = random_rows(480, 20, 2);
    const SiteStatistics whole = observed(data, length);
    std::vector<std::int64_t> blocks(480 / 8);
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(3));
    SiteAccumulator shuffled(options_for(data, length));
    for (const std::int64_t b : blocks) feed(shuffled, data, 8 * b, 8 * b + 8, length);
    expect_equal_but_moments(whole, shuffled.result("s"));
    expect_near_moments(whole, shuffled.result("s"));
}

TEST(Accumulator, ShardsChangeNoBit)
{
    const Rows data = random_rows(300, 50, 4);
    const SiteStatistics whole = observed(data, length);
    for (const int shards : {2, 3, 5}) {
        SiteAccumulator sharded(options_for(data, length, shards));
        feed(sharded, data, 0, 300, length, [](int n, const std::function<void(int)>& body) {
            std::vector<std::thread> threads;
            for (int i = 0; i < n; ++i) threads.emplace_back(body, i);
            for (std::thread& thread : threads) thread.join();
        });
        const SiteStatistics s = sharded.result("s");
        expect_equal_but_moments(whole, s);
        EXPECT_EQ(whole.mean, s.mean);
        EXPECT_EQ(whole.sigma, s.sigma);
        EXPECT_EQ(whole.kurtosis, s.kurtosis);
    }
}

TEST(Accumulator, HeadsSideBySideAreOneRow)
{
    const std::int64_t heads = 3, tokens = 20, width = 18;
    const Rows data = random_rows(tokens, heads * width, 6);
    std::vector<float> by_head(data.values.size());  // [heads, tokens, width]
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t h = 0; h < heads; ++h) std::memcpy(&by_head[static_cast<std::size_t>((h * tokens + t) * width)], data.row(t) + h * width, width * sizeof(float));
    }
    SiteAccumulator a(options_for(data, length));
    a.add(RowBlock{by_head.data(), tokens, width, heads, width, tokens * width, 0, 0});
    expect_equal_but_moments(observed(data, length), a.result("s"));
    expect_oracle(a.result("s"), data, length);
}

TEST(Accumulator, Constant)
{
    Rows data{5, std::vector<float>(5 * 30, 0.1F)};
    const SiteStatistics s = observed(data, length);
    EXPECT_EQ(s.mean, static_cast<double>(0.1F));
    EXPECT_EQ(s.sigma, 0);
    EXPECT_TRUE(std::isnan(s.kurtosis));
    EXPECT_EQ(s.entropy, 0);
    EXPECT_EQ(s.histogram.counts, std::vector<std::uint64_t>{150});
    EXPECT_EQ(s.quantile(0.37), static_cast<double>(0.1F));
}

TEST(Accumulator, SingleValue)
{
    const SiteStatistics s = observed({1, {-2.5F}}, length);
    EXPECT_EQ(s.count, 1U);
    EXPECT_EQ(s.smallest, std::vector<float>{-2.5F});
    EXPECT_EQ(s.largest, std::vector<float>{-2.5F});
    EXPECT_EQ(s.channel_abs_max, std::vector<float>{2.5F});
    EXPECT_EQ(s.quantile(0), -2.5);
    EXPECT_EQ(s.quantile(1), -2.5);
}

// Denormals, zeros of both signs, one-sided tiny values and the largest floats: bins must stay exact while the grid doubles by many powers at once.
TEST(Accumulator, TheWholeRangeOfFloat)
{
    const float tiny = std::numeric_limits<float>::denorm_min(), huge = std::numeric_limits<float>::max();
    Rows data{4, {tiny, -tiny, 0.0F, -0.0F, 1e-38F, -1e-38F, 3 * tiny, 1e-30F, -1e-30F, 1e-20F, 1.0F, -1.0F, 1e10F, huge, -huge, 5.0F}};
    SiteAccumulator forwards(options_for(data, length)), backwards(options_for(data, length));
    for (std::int64_t r = 0; r < 4; ++r) {
        feed(forwards, data, r, r + 1, length);
        feed(backwards, data, 3 - r, 4 - r, length);
    }
    expect_equal_but_moments(forwards.result("s"), backwards.result("s"));
    expect_oracle(forwards.result("s"), data, length);
    const SiteStatistics denormal = observed({4, {tiny, -tiny, 5 * tiny, 9 * tiny}}, length);
    EXPECT_EQ(denormal.min, -tiny);
    EXPECT_EQ(denormal.max, 9 * tiny);
    EXPECT_EQ(std::accumulate(denormal.histogram.counts.begin(), denormal.histogram.counts.end(), std::uint64_t{0}), 4U);
}

TEST(Accumulator, SortedInputsKeepTheExtremes)
{
    Rows data{16, std::vector<float>(16 * 1000)};
    std::iota(data.values.begin(), data.values.end(), -3000.0F);
    expect_oracle(observed(data, length), data, length);
    std::reverse(data.values.begin(), data.values.end());
    expect_oracle(observed(data, length), data, length);
}

TEST(Accumulator, RefusesWhatIsNotFinite)
{
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
        Rows data = random_rows(10, 40, 9);
        data.values[173] = bad;
        SiteAccumulator a(options_for(data, length));
        EXPECT_THROW(feed(a, data, 0, 10, length), Error);
    }
}

TEST(Accumulator, ReservoirKeepsWholeRowsOfTheSmallestHashes)
{
    const Rows data = random_rows(200, 9, 8);
    const SiteStatistics s = observed(data, length);
    ASSERT_EQ(s.reservoir_rows, 16);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
    for (std::uint32_t t = 0; t < 200; ++t) order.emplace_back(token_hash(7, t), t);
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < 16; ++i) expected.push_back(order[i].second);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(s.reservoir_tokens, expected);
    for (std::size_t i = 0; i < 16; ++i) {
        for (std::size_t c = 0; c < 9; ++c) EXPECT_EQ(s.reservoir[i * 9 + c], half_of(data.row(expected[i])[c]));
    }
}

// More tokens than count: the quantile is of a sample of them, the same however the rows are split.
TEST(Accumulator, TheTailOfManyTokensIsOfASample)
{
    const Rows data = random_rows(3 * ChannelTails::most_values, 3, 21);
    const SiteStatistics whole = observed(data, length);
    ASSERT_EQ(whole.channel_abs_p999.size(), 3U);
    for (std::int64_t c = 0; c < 3; ++c) {
        std::vector<float> magnitudes;
        for (std::int64_t r = 0; r < data.count(); ++r) magnitudes.push_back(std::fabs(data.row(r)[c]));
        const float found = whole.channel_abs_p999[static_cast<std::size_t>(c)];
        EXPECT_GT(found, sorted_quantile(magnitudes, 0.998)) << c;  // four standard errors of the sample
        EXPECT_LT(found, sorted_quantile(magnitudes, 0.9999)) << c;
        EXPECT_LT(found, whole.channel_abs_max[static_cast<std::size_t>(c)]);
    }
    SiteAccumulator a(options_for(data, length)), b(options_for(data, length));
    feed(a, data, 0, 10000, length);
    feed(b, data, 10000, data.count(), length);
    b.merge(a);
    EXPECT_EQ(b.result("s").channel_abs_p999, whole.channel_abs_p999);
}

TEST(Accumulator, TheTailOfMoreThanExpectedIsNotKnown)
{
    const Rows data = random_rows(3000, 4, 22);
    auto options = options_for(data, length);
    options.expected_values = 500;
    SiteAccumulator few(options);
    feed(few, data, 0, 500, length);
    EXPECT_EQ(few.result("s").channel_abs_p999.size(), 4U);
    feed(few, data, 500, 3000, length);
    EXPECT_TRUE(few.result("s").channel_abs_p999.empty());
    options.expected_values = 0;
    SiteAccumulator none(options);
    feed(none, data, 0, 500, length);
    EXPECT_TRUE(none.result("s").channel_abs_p999.empty());
}

TEST(Accumulator, AttentionCountsWhatTheMaskLeaves)
{
    const std::int64_t heads = 2, n = 21;
    const Rows data = random_rows(heads * n, n, 10);  // [heads, queries, keys]
    for (const std::int64_t window : {0, 5}) {
        for (const bool masked_too : {false, true}) {
            SiteAccumulator a({heads, n, 4, 7, 1, n * n});
            a.add(AttentionBlock{data.values.data(), heads, n, n, n * n, n, 0, 0, window, masked_too});
            const SiteStatistics s = a.result("qk");
            std::vector<float> seen;
            float head_max[2] = {};
            std::vector<float> of_head[2];
            std::vector<float> positions(static_cast<std::size_t>(n), 0.0F);
            for (std::int64_t h = 0; h < heads; ++h) {
                for (std::int64_t q = 0; q < n; ++q) {
                    for (std::int64_t k = 0; k < n; ++k) {
                        const bool visible = k <= q && (window == 0 || q - k < window);
                        if (!visible && !masked_too) continue;
                        const float x = data.row(h * n + q)[k];
                        seen.push_back(x);
                        of_head[h].push_back(std::fabs(x));
                        head_max[h] = std::max(head_max[h], std::fabs(x));
                        positions[static_cast<std::size_t>(q)] = std::max(positions[static_cast<std::size_t>(q)], std::fabs(x));
                    }
                }
            }
            std::sort(seen.begin(), seen.end());
            EXPECT_EQ(s.count, seen.size());
            EXPECT_EQ(s.tokens, static_cast<std::uint64_t>(n));
            EXPECT_EQ(s.smallest, std::vector<float>(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(s.smallest.size())));
            EXPECT_EQ(s.channel_abs_max, std::vector<float>(head_max, head_max + 2));
            EXPECT_EQ(s.position_abs_max, positions);
            for (std::size_t h = 0; h < 2; ++h) EXPECT_EQ(s.channel_abs_p999.at(h), static_cast<float>(sorted_quantile(of_head[h], 0.999)));
            EXPECT_EQ(s.reservoir.size(), 4U * heads);
        }
    }
}

}  // namespace
}  // namespace bitwright::test
