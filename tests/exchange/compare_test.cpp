// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/compare.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

ComparisonRow row(const std::string& level)
{
    ComparisonRow out;
    out.level = level;
    out.placement = level == "simulated" ? "paper" : "";
    out.model_hash = "aaaaaaaaaaaaaaaa";
    out.evaluation_hash = "bbbbbbbbbbbbbbbb";
    out.definition = "d";
    out.semantics = "bitwright";
    return out;
}

TEST(Compare, FloatIsABaselineForEveryLevel)
{
    EXPECT_TRUE(perplexity_obstacles(row("simulated"), row("float")).empty());
    EXPECT_TRUE(perplexity_obstacles(row("integer"), row("float")).empty());
    EXPECT_TRUE(perplexity_obstacles(row("float"), row("simulated")).empty());
    EXPECT_TRUE(perplexity_obstacles(row("simulated"), row("simulated")).empty());
}

TEST(Compare, LevelsAndPlacementsAreNotMixed)
{
    const auto levels = perplexity_obstacles(row("integer"), row("simulated"));
    ASSERT_FALSE(levels.empty());
    EXPECT_EQ(levels[0], "other level (integer against simulated)");
    ComparisonRow full = row("simulated");
    full.placement = "full";
    EXPECT_EQ(perplexity_obstacles(full, row("simulated")).size(), 1U);
}

TEST(Compare, WholeHashesCountAndAreShownShort)
{
    ComparisonRow other = row("simulated");
    other.evaluation_hash = "bbbbbbbbbbbbbbbc";
    EXPECT_EQ(perplexity_obstacles(other, row("float")), std::vector<std::string>{"other evaluation text (bbbbbbbbbbbb against bbbbbbbbbbbb)"});
    other = row("simulated");
    other.model_hash = "";
    EXPECT_EQ(perplexity_obstacles(other, row("float")), std::vector<std::string>{"other model (unknown against aaaaaaaaaaaa)"});
    other = row("simulated");
    other.definition = "per token, BOS";
    EXPECT_EQ(perplexity_obstacles(other, row("float")).size(), 1U);
    other = row("simulated");
    other.semantics = "authors";
    EXPECT_EQ(perplexity_obstacles(other, row("simulated")).size(), 1U);
    other = row("integer");
    other.semantics = "authors";
    EXPECT_TRUE(perplexity_obstacles(other, row("integer")).empty());  // one engine computes both
}

TEST(Compare, SpeedNeedsTheSameCircumstances)
{
    ComparisonRow a = row("integer"), b = row("integer");
    a.threads = 2;
    EXPECT_TRUE(speed_obstacles(a, b).empty());  // nothing measured
    a.decode_tokens_per_s = {10, ""};
    b.decode_tokens_per_s = {20, ""};
    EXPECT_EQ(speed_obstacles(a, b), std::vector<std::string>{"other number of threads (2 against 0)"});
    b.threads = 2;
    b.device = "phone";
    b.prompt_tokens = 256;
    EXPECT_EQ(speed_obstacles(a, b).size(), 2U);
}

TEST(Compare, WhatWasEmulatedNeverStandsBesideHardware)
{
    ComparisonRow phone, emulated;
    phone.decode_tokens_per_s.value = 10, emulated.decode_tokens_per_s.value = 9;
    phone.device = emulated.device = "Pixel 8";
    phone.device_kind = "phone", emulated.device_kind = "simulated";
    phone.device_identity = emulated.device_identity = "1";
    ASSERT_EQ(speed_obstacles(emulated, phone).size(), 1U);
    EXPECT_NE(speed_obstacles(emulated, phone)[0].find("simulated against hardware"), std::string::npos);
    EXPECT_EQ(speed_obstacles(phone, emulated).size(), 1U);
    EXPECT_TRUE(speed_obstacles(emulated, emulated).empty());
    auto other = phone;
    other.device_identity = "2";
    EXPECT_EQ(speed_obstacles(phone, other), std::vector<std::string>{"another Pixel 8"});
}

TEST(Compare, RepeatsLieApartOrOverlap)
{
    const Figure once{10, "", {10}}, low{10, "", {9, 10, 12}}, middle{11, "", {11, 13, 10.5}}, high{15, "", {15, 14}};
    EXPECT_FALSE(once.spread().has_value()) << "one repeat says nothing about noise";
    EXPECT_EQ(*low.spread(), std::pair(9.0, 12.0));
    EXPECT_FALSE(apart(low, middle));
    EXPECT_TRUE(apart(low, high));
    EXPECT_TRUE(apart(high, low));
    EXPECT_TRUE(apart(low, once)) << "no spread to compare with";
}

}  // namespace
}  // namespace bitwright
