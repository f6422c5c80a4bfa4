// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics the slow way, in double, from all values at once: what the accumulators are held against.
#pragma once

#include "core/statistics/accumulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace bitwright::test {

/// [rows, channels], row-major.
struct Rows {
    std::int64_t channels = 0;
    std::vector<float> values;
    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(values.size()) / channels; }
    [[nodiscard]] const float* row(std::int64_t r) const { return values.data() + r * channels; }
};

/// Normal values with a few channels far out, so that histogram and extremes have something to do.
inline Rows random_rows(std::int64_t rows, std::int64_t channels, unsigned seed)
{
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.3F, 1.7F);
    Rows out{channels, {}};
    for (std::int64_t i = 0; i < rows * channels; ++i) out.values.push_back(normal(generator) * (i % channels == 3 ? 40.0F : 1.0F));
    return out;
}

inline AccumulatorOptions options_for(const Rows& data, std::int64_t length, int shards = 1) { return {data.channels, length, 16, 7, shards, data.count()}; }

/// Feeds rows [from, to) as tokens of windows of `length`.
inline void feed(SiteAccumulator& into, const Rows& data, std::int64_t from, std::int64_t to, std::int64_t length, const Parallel& parallel = {})
{
    for (std::int64_t r = from; r < to;) {
        const std::int64_t n = std::min(to - r, length - r % length);
        into.add(RowBlock{data.row(r), n, data.channels, 1, data.channels, 0, r % length, static_cast<std::uint32_t>(r)}, parallel);
        r += n;
    }
}

inline SiteStatistics observed(const Rows& data, std::int64_t length)
{
    SiteAccumulator all(options_for(data, length));
    feed(all, data, 0, data.count(), length);
    return all.result("s");
}

inline void expect_equal_but_moments(const SiteStatistics& a, const SiteStatistics& b)
{
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.max, b.max);
    EXPECT_EQ(a.entropy, b.entropy);
    EXPECT_EQ(a.channel_min, b.channel_min);
    EXPECT_EQ(a.channel_max, b.channel_max);
    EXPECT_EQ(a.channel_abs_max, b.channel_abs_max);
    EXPECT_EQ(a.channel_abs_p999, b.channel_abs_p999);
    EXPECT_EQ(a.position_abs_max, b.position_abs_max);
    EXPECT_EQ(a.histogram.low, b.histogram.low);
    EXPECT_EQ(a.histogram.high, b.histogram.high);
    EXPECT_EQ(a.histogram.counts, b.histogram.counts);
    EXPECT_EQ(a.smallest, b.smallest);
    EXPECT_EQ(a.largest, b.largest);
    EXPECT_EQ(a.reservoir, b.reservoir);
    EXPECT_EQ(a.reservoir_tokens, b.reservoir_tokens);
    EXPECT_EQ(a.reservoir_rows, b.reservoir_rows);
}

inline void expect_near_moments(const SiteStatistics& a, const SiteStatistics& b)
{
    EXPECT_NEAR(a.mean, b.mean, 1e-12 * std::max(a.sigma, std::fabs(a.mean)));
    EXPECT_NEAR(a.sigma, b.sigma, 1e-12 * a.sigma);
    if (std::isnan(a.kurtosis)) EXPECT_TRUE(std::isnan(b.kurtosis));
    else EXPECT_NEAR(a.kurtosis, b.kurtosis, 1e-12 * a.kurtosis);
}

/// Hyndman and Fan's type 7, counted from the top so that the last bit is the same.
inline double sorted_quantile(std::vector<float> values, double p)
{
    std::sort(values.begin(), values.end(), std::greater<>());
    const double at = (1 - p) < 0.0011 ? 0.001 * static_cast<double>(values.size() - 1) : (1 - p) * static_cast<double>(values.size() - 1);
    const auto rank = static_cast<std::size_t>(at);
    const double here = static_cast<double>(values[rank]), next = static_cast<double>(values[std::min(rank + 1, values.size() - 1)]);
    return at > static_cast<double>(rank) ? here + (at - static_cast<double>(rank)) * (next - here) : here;
}

/// Everything recomputed from the values.
inline void expect_oracle(const SiteStatistics& s, const Rows& data, std::int64_t length)
{
    std::vector<float> sorted = data.values;
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<long double>(sorted.size());
    long double sum = 0, m2 = 0, m4 = 0;
    for (const float x : sorted) sum += static_cast<long double>(x);
    const long double mean = sum / n;
    for (const float x : sorted) {
        const long double d = static_cast<long double>(x) - mean;
        m2 += d * d;
        m4 += d * d * d * d;
    }
    SiteStatistics exact;
    exact.mean = static_cast<double>(mean);
    exact.sigma = static_cast<double>(std::sqrt(m2 / n));
    exact.kurtosis = static_cast<double>(n * m4 / (m2 * m2));
    expect_near_moments(exact, s);

    EXPECT_EQ(s.count, sorted.size());
    EXPECT_EQ(s.tokens, static_cast<std::uint64_t>(data.count()));
    EXPECT_EQ(s.min, sorted.front());
    EXPECT_EQ(s.max, sorted.back());
    const auto kept = static_cast<std::ptrdiff_t>(std::min(sorted.size(), Extremes::kept));
    EXPECT_EQ(s.smallest, std::vector<float>(sorted.begin(), sorted.begin() + kept));
    EXPECT_EQ(s.largest, std::vector<float>(sorted.rbegin(), sorted.rbegin() + kept));

    std::vector<float> positions(static_cast<std::size_t>(length), 0.0F);
    for (std::int64_t c = 0; c < data.channels; ++c) {
        float low = data.row(0)[c], high = low;
        for (std::int64_t r = 0; r < data.count(); ++r) {
            const float x = data.row(r)[c];
            low = std::min(low, x);
            high = std::max(high, x);
            float& most = positions[static_cast<std::size_t>(r % length)];
            most = std::max(most, std::fabs(x));
        }
        std::vector<float> magnitudes;
        for (std::int64_t r = 0; r < data.count(); ++r) magnitudes.push_back(std::fabs(data.row(r)[c]));
        EXPECT_EQ(s.channel_abs_p999.at(static_cast<std::size_t>(c)), static_cast<float>(sorted_quantile(magnitudes, 0.999)));
        EXPECT_EQ(s.channel_min[static_cast<std::size_t>(c)], low);
        EXPECT_EQ(s.channel_max[static_cast<std::size_t>(c)], high);
        EXPECT_EQ(s.channel_abs_max[static_cast<std::size_t>(c)], std::max(std::fabs(low), std::fabs(high)));
    }
    EXPECT_EQ(s.position_abs_max, positions);

    const double width = (s.histogram.high - s.histogram.low) / static_cast<double>(s.histogram.counts.size());
    std::vector<std::uint64_t> counts(s.histogram.counts.size());
    for (const float x : sorted) ++counts.at(static_cast<std::size_t>(std::floor(static_cast<double>(x) / width) - std::floor(s.histogram.low / width)));
    EXPECT_EQ(s.histogram.counts, counts);
    EXPECT_GT(s.histogram.counts.front(), 0U);
    EXPECT_GT(s.histogram.counts.back(), 0U);
}

}  // namespace bitwright::test
