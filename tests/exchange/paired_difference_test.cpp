// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/paired_difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace bitwright {
namespace {

constexpr std::int64_t per_window = 127;

/// Windows whose difficulty both models share: the difference between the models is far smaller than that between windows.
struct Pair {
    std::vector<double> a, b;
};
Pair draw(std::mt19937& random, std::size_t windows, double gap)
{
    std::normal_distribution<double> difficulty(3.0, 0.3), own(0, 0.02);
    Pair pair;
    for (std::size_t i = 0; i < windows; ++i) {
        const double shared = difficulty(random);
        pair.a.push_back(static_cast<double>(per_window) * (shared + gap + own(random)));
        pair.b.push_back(static_cast<double>(per_window) * (shared + own(random)));
    }
    return pair;
}

double perplexity(const std::vector<double>& nll)
{
    double sum = 0;
    for (const double value : nll) sum += value;
    return std::exp(sum / static_cast<double>(nll.size() * per_window));
}

// Tables: 2.5706, 2.2281, 2.0423.
TEST(PairedDifference, StudentsQuantilesAreThoseOfTheTables)
{
    EXPECT_NEAR(student_95(1), 12.7062, 1e-3);
    EXPECT_NEAR(student_95(2), 4.3027, 1e-3);
    EXPECT_NEAR(student_95(3), 3.1824, 0.006);
    EXPECT_NEAR(student_95(5), 2.5706, 1e-3);
    EXPECT_NEAR(student_95(10), 2.2281, 1e-4);
    EXPECT_NEAR(student_95(30), 2.0423, 1e-4);
}

TEST(PairedDifference, AgreesWithAPairedBootstrap)
{
    std::mt19937 random(3);
    const auto pair = draw(random, 60, 0.05);
    const auto found = paired_difference(pair.a, pair.b, per_window * 60);
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->value, perplexity(pair.a) - perplexity(pair.b), 1e-12);
    EXPECT_FALSE(found->within_chance());
    std::vector<double> differences;
    for (int i = 0; i < 4000; ++i) {
        Pair again;
        for (std::size_t w = 0; w < 60; ++w) {
            const auto chosen = random() % 60;
            again.a.push_back(pair.a[chosen]);
            again.b.push_back(pair.b[chosen]);
        }
        differences.push_back(perplexity(again.a) - perplexity(again.b));
    }
    std::sort(differences.begin(), differences.end());
    const double width = differences[3899] - differences[99];
    EXPECT_NEAR(found->high - found->low, width, 0.1 * width);
    EXPECT_NEAR(found->low, differences[99], 0.1 * width);
}

TEST(PairedDifference, CoversTheTruthAsOftenAsItSays)
{
    std::mt19937 random(11);
    const double scale = std::exp(3.0);  // sums of a window converge to the mean: the truth is exp of means
    const double truth = scale * (std::exp(0.05) - 1);
    int covered = 0;
    constexpr int rounds = 2000;
    for (int i = 0; i < rounds; ++i) {
        const auto pair = draw(random, 20, 0.05);
        const auto found = paired_difference(pair.a, pair.b, per_window * 20);
        covered += found->low <= truth && truth <= found->high;
    }
    EXPECT_NEAR(static_cast<double>(covered) / rounds, 0.95, 0.02);
}

TEST(PairedDifference, SaysNothingAboutTooFewOrDifferentWindows)
{
    const std::vector<double> four{1, 2, 3, 4}, five{1, 2, 3, 4, 5}, infinite{1, 2, 3, 4, INFINITY};
    EXPECT_FALSE(paired_difference(four, four, 4));
    EXPECT_FALSE(paired_difference(five, four, 5));
    EXPECT_FALSE(paired_difference(infinite, five, 5));
    const auto same = paired_difference(five, five, 5);
    ASSERT_TRUE(same);
    EXPECT_EQ(same->value, 0);
    EXPECT_TRUE(same->within_chance());
}

}  // namespace
}  // namespace bitwright
