// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/extremes.h"
#include "core/statistics/moments.h"
#include "core/statistics/reservoir.h"
#include "core/statistics/row_kernels.h"
#include "core/runtime/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace bitwright {
namespace {

TEST(RowKernels, EveryVariantGivesTheSameBits)
{
    std::mt19937 generator(11);
    std::normal_distribution<float> normal;
    std::vector<float> x(1000);
    for (float& v : x) v = normal(generator);
    const auto all = runnable_row_kernels();
    for (const std::size_t n : {1U, 15U, 16U, 17U, 64U, 999U}) {
        struct Result {
            RowRange range;
            double sums[3];
            std::vector<std::uint32_t> counts;
            std::vector<float> low, high, above;
        };
        std::vector<Result> results;
        for (const RowKernels* kernels : all) {
            Result r{{}, {}, std::vector<std::uint32_t>(row_histogram_copies * row_histogram_bins), std::vector<float>(n, 0.5F), std::vector<float>(n, -0.5F), {}};
            r.range = kernels->range(x.data(), n, r.low.data(), r.high.data());
            kernels->moments(x.data(), n, 0.125, r.sums, {64, -1024, r.counts.data()});
            kernels->above(x.data(), n, -1, 1.5F, r.above);
            results.push_back(r);
        }
        std::vector<float> limits(n, 5.0F);
        for (const RowKernels* kernels : all) {
            EXPECT_FALSE(kernels->any_beyond(x.data(), limits.data(), n));
            for (const std::size_t i : {std::size_t{0}, n / 2, n - 1}) {
                limits[i] = std::fabs(x[i]);
                EXPECT_FALSE(kernels->any_beyond(x.data(), limits.data(), n));
                limits[i] = std::nextafter(std::fabs(x[i]), 0.0F);
                EXPECT_TRUE(kernels->any_beyond(x.data(), limits.data(), n)) << n << " " << i;
                limits[i] = 5;
            }
        }
        for (const Result& r : results) {
            EXPECT_EQ(r.range.min, results[0].range.min);
            EXPECT_EQ(r.range.max, results[0].range.max);
            EXPECT_EQ(std::bit_cast<std::uint64_t>(r.range.sum), std::bit_cast<std::uint64_t>(results[0].range.sum));
            for (int k = 0; k < 3; ++k) EXPECT_EQ(std::bit_cast<std::uint64_t>(r.sums[k]), std::bit_cast<std::uint64_t>(results[0].sums[k]));
            EXPECT_EQ(r.counts, results[0].counts);
            EXPECT_EQ(r.low, results[0].low);
            EXPECT_EQ(r.high, results[0].high);
            EXPECT_EQ(r.above, results[0].above);
        }
    }
}

TEST(Half, RoundsTripsAndSaturates)
{
    for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {  // every finite half, and the values half-way to the next
        const auto half = static_cast<std::uint16_t>(bits);
        const auto next = static_cast<std::uint16_t>(bits + 1);
        float value = 0, above = 0;
        const auto widen = [](const std::uint16_t& h, float& out) { to_float({Dtype::f16, {1}, std::as_bytes(std::span(&h, 1))}, std::span(&out, 1)); };
        widen(half, value);
        EXPECT_EQ(half_of(value), half);
        EXPECT_EQ(half_of(-value), half | 0x8000);
        if (next == 0x7c00) continue;
        widen(next, above);
        EXPECT_EQ(half_of((value + above) / 2), half % 2 == 0 ? half : next);
    }
    EXPECT_EQ(half_of(70000.0F), 0x7bff);
    EXPECT_EQ(half_of(-1e30F), 0xfbff);
}

TEST(Moments, MergingConstantsIsExact)
{
    Moments a{3, 0.1, 0, 0, 0};
    a.merge({1000000007, 0.1, 0, 0, 0});
    EXPECT_EQ(a.mean, 0.1);
    EXPECT_EQ(a.m2, 0);
    EXPECT_EQ(a.m4, 0);
}

TEST(Moments, MergingNothingChangesNothing)
{
    Moments a{4, 2.5, 5, 0.25, 10};
    a.merge({});
    EXPECT_EQ(a.n, 4U);
    EXPECT_EQ(a.m4, 10);
    Moments b;
    b.merge(a);
    EXPECT_EQ(b.mean, 2.5);
    EXPECT_EQ(b.m3, 0.25);
}

}  // namespace
}  // namespace bitwright
