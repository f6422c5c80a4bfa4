// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/generation.h"

#include "core/runtime/error.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace bitwright {
namespace {

/// How often each id is drawn of `draws`.
std::array<int, 5> drawn(const SamplingOptions& options, int draws)
{
    constexpr std::array<float, 5> logits{0.5F, 2.0F, -1.0F, 2.0F, 1.0F};
    Sampler sampler(options);
    std::array<int, 5> counts{};
    for (int i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(sampler.choose(logits))];
    return counts;
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) { EXPECT_EQ(drawn({}, 10), (std::array<int, 5>{0, 10, 0, 0, 0})); }

TEST(Sampler, DrawsWithTheProbabilitiesOfTheTemperature)
{
    constexpr std::array<double, 5> logits{0.5, 2, -1, 2, 1};
    constexpr int draws = 200000;
    for (const double temperature : {0.5, 1.0, 2.0}) {
        double total = 0;
        for (const double logit : logits) total += std::exp(logit / temperature);
        const auto counts = drawn({temperature, 0, 1, 7}, draws);
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const double p = std::exp(logits[i] / temperature) / total;
            EXPECT_NEAR(counts[i], draws * p, 5 * std::sqrt(draws * p * (1 - p))) << temperature << ' ' << i;
        }
    }
}

TEST(Sampler, TopKAndTopPKeepTheMostLikely)
{
    EXPECT_EQ(drawn({1, 1, 1, 3}, 1000), (std::array<int, 5>{0, 1000, 0, 0, 0}));  // of equals the first
    const auto two = drawn({1, 2, 1, 3}, 1000);
    EXPECT_EQ(two[1] + two[3], 1000);
    EXPECT_GT(two[3], 400);
    // Σ exp: 7.389 + 7.389 + 2.718 + 1.649 + 0.368 = 19.51; the first two are 0.757 of it, three 0.897
    const auto nucleus = drawn({1, 0, 0.75, 3}, 1000);
    EXPECT_EQ(nucleus[1] + nucleus[3], 1000);
    const auto wider = drawn({1, 0, 0.76, 3}, 1000);
    EXPECT_EQ(wider[1] + wider[3] + wider[4], 1000);
    EXPECT_GT(wider[4], 50);
    EXPECT_EQ(drawn({1, 2, 0.4, 3}, 1000)[1], 1000);  // p counts among the k
}

TEST(Sampler, TheSeedDecides)
{
    EXPECT_EQ(drawn({1, 0, 1, 5}, 100), drawn({1, 0, 1, 5}, 100));
    EXPECT_NE(drawn({1, 0, 1, 5}, 100), drawn({1, 0, 1, 6}, 100));
}

TEST(Sampler, RefusesWhatMakesNoSense)
{
    for (const SamplingOptions& bad : {SamplingOptions{-1}, SamplingOptions{std::nan("")}, SamplingOptions{1, -1}, SamplingOptions{1, 0, 0}, SamplingOptions{1, 0, 1.5}}) EXPECT_THROW(Sampler{bad}, Error);
}

TEST(Generate, EndsAtEosAtTheLimitAndWhereNothingFollows)
{
    const std::vector<std::int32_t> prompt{9, 8};
    const auto counting = [](std::int32_t last) {
        return [last](std::span<const std::int32_t> ids, Sampler&) { return ids.back() >= last ? std::nullopt : std::optional<std::int32_t>(ids.size() > 1 ? 0 : ids[0] + 1); };
    };
    std::vector<std::int32_t> streamed;
    const auto made = generate(prompt, 3, {10, true, {}, [&](std::int32_t id) { streamed.push_back(id); }}, Control(), counting(100));
    EXPECT_EQ(made.ids, (std::vector<std::int32_t>{0, 1, 2}));
    EXPECT_EQ(streamed, made.ids);
    EXPECT_EQ(generate(prompt, 3, {6, false}, Control(), counting(100)).ids.size(), 6U);
    EXPECT_EQ(generate(prompt, 3, {6, false}, Control(), counting(4)).ids.size(), 0U);  // the prompt filled it
    EXPECT_FALSE(generate(prompt, 3, {1, false}, Control(), counting(100)).generated_tokens_per_s());
    Control stopped;
    stopped.request_cancel();
    EXPECT_THROW((void)generate(prompt, 3, {6, false}, stopped, counting(100)), Cancelled);
}

TEST(FirstDifference, IsWhereTheyPartOrOneEnds)
{
    const std::vector<std::int32_t> a{1, 2, 3}, b{1, 2, 4}, c{1, 2};
    EXPECT_EQ(first_difference(a, b), 2U);
    EXPECT_EQ(first_difference(a, c), 2U);
    EXPECT_EQ(first_difference(c, a), 2U);
    EXPECT_FALSE(first_difference(a, a));
}

}  // namespace
}  // namespace bitwright
