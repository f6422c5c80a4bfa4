// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace bitwright {
namespace {

TEST(Bootstrap, AnAccuracysIntervalIsThatOfTheBinomial)
{
    std::vector<double> answers(1000, 0.0);
    for (std::size_t i = 0; i < 300; ++i) answers[i * 3] = 1;
    const auto interval = bootstrap_mean(answers);
    ASSERT_TRUE(interval);
    const double reach = 1.96 * std::sqrt(0.3 * 0.7 / 1000);
    EXPECT_NEAR(interval->low, 0.3 - reach, 0.004);
    EXPECT_NEAR(interval->high, 0.3 + reach, 0.004);
    EXPECT_EQ(bootstrap_mean(answers)->low, interval->low) << "the same scores, the same interval";
}

// Of 200 samples of a known mean, about 95 % of the intervals hold it.
TEST(Bootstrap, CoversWhatItSays)
{
    std::mt19937 random(3);
    std::exponential_distribution<double> draw(1.0);
    int covered = 0;
    for (int i = 0; i < 200; ++i) {
        std::vector<double> values(80);
        for (double& value : values) value = draw(random);
        const auto interval = bootstrap_mean(values);
        covered += interval->low <= 1 && interval->high >= 1;
    }
    EXPECT_GE(covered, 180);
    EXPECT_LE(covered, 199);
}

TEST(Bootstrap, PairsSeeWhatRowsShare)
{
    std::mt19937 random(5);
    std::bernoulli_distribution easy(0.5), flip(0.02);
    std::vector<double> a, b;
    for (int i = 0; i < 2000; ++i) {
        const bool right = easy(random);
        b.push_back(right);
        a.push_back(right && !flip(random));  // a loses one in fifty of b's right answers
    }
    const auto difference = bootstrap_difference(a, b);
    ASSERT_TRUE(difference);
    EXPECT_LT(difference->high, 0) << "rows in pairs tell the two apart";
    EXPECT_LT(difference->high - difference->low, (bootstrap_mean(a)->high - bootstrap_mean(a)->low) / 2);
    EXPECT_TRUE(bootstrap_difference(b, b)->within_chance());
    EXPECT_FALSE(bootstrap_mean(std::vector<double>(4, 1.0))) << "four values say too little";
    EXPECT_FALSE(bootstrap_difference(std::vector<double>(4, 1.0), std::vector<double>(4, 0.0)));
}

}  // namespace
}  // namespace bitwright
