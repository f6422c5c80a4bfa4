// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/convergence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

namespace bitwright {
namespace {

/// Mean over all subsets of k windows of their largest value.
double over_subsets(const std::vector<float>& values, int k)
{
    double sum = 0;
    int subsets = 0;
    for (unsigned set = 0; set < 1U << values.size(); ++set) {
        if (std::popcount(set) != k) continue;
        float largest = -1e30F;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (set >> i & 1U) largest = std::max(largest, values[i]);
        sum += largest;
        ++subsets;
    }
    return sum / subsets;
}

TEST(Convergence, TheExpectationIsThatOverAllSubsets)
{
    std::mt19937 random(7);
    std::normal_distribution<float> draw(0, 2);
    std::vector<float> high(9), low(9), negated(9);
    for (std::size_t i = 0; i < high.size(); ++i) {
        high[i] = 5 + draw(random);
        low[i] = -3 + draw(random);
        negated[i] = -low[i];
    }
    const auto found = range_convergence(low, high);
    ASSERT_EQ(found.curve.size(), 5U);  // 1, 2, 4, 8, 9
    for (const auto& point : found.curve) {
        EXPECT_NEAR(point.max, over_subsets(high, static_cast<int>(point.windows)), 1e-9) << point.windows;
        EXPECT_NEAR(-point.min, over_subsets(negated, static_cast<int>(point.windows)), 1e-9) << point.windows;
    }
    EXPECT_FLOAT_EQ(static_cast<float>(found.curve.back().max), *std::ranges::max_element(high));
    std::ranges::shuffle(high, random);
    std::ranges::shuffle(low, random);
    EXPECT_DOUBLE_EQ(range_convergence(low, high).growth, found.growth) << "the order of the windows says nothing";
}

TEST(Convergence, EnoughWhereWindowsAgreeNotYetWhereOneDecides)
{
    const std::vector<float> steady_high(16, 4), steady_low(16, -4);
    EXPECT_TRUE(range_convergence(steady_low, steady_high).enough);
    EXPECT_NEAR(range_convergence(steady_low, steady_high).growth, 0, 1e-12);
    auto one = steady_high;
    one[5] = 40;  // half of the halves miss it
    const auto decided = range_convergence(steady_low, one);
    EXPECT_FALSE(decided.enough);
    EXPECT_NEAR(decided.growth, 0.5 * 36 / 44, 1e-9);
    const std::vector<float> few(4, 4), few_low(4, -4);
    EXPECT_FALSE(range_convergence(few_low, few).enough) << "four windows say too little";
    const std::vector<float> none(8, 0);
    EXPECT_TRUE(range_convergence(none, none).enough);
}

}  // namespace
}  // namespace bitwright
