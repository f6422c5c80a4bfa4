// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sustained.h"

#include <gtest/gtest.h>

#include <random>

namespace bitwright {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::vector<Minute> minutes_of(const std::vector<double>& speeds)
{
    std::vector<TokenSpan> work;
    std::vector<CelsiusReading> heat;
    std::int64_t t = 5 * second;
    for (std::size_t i = 0; i < speeds.size(); ++i) {
        for (int part = 0; part < 4; ++part) {  // four generations a minute
            work.push_back({{t, t + 15 * second}, static_cast<std::int64_t>(speeds[i] * 15)});
            t += 15 * second;
        }
        heat.push_back({t - 30 * second, 30.0 + static_cast<double>(i)});
    }
    return minute_by_minute(work, heat);
}

TEST(Sustained, MinuteByMinute)
{
    const auto minutes = minutes_of({20, 20, 10});
    ASSERT_EQ(minutes.size(), 3u);
    EXPECT_NEAR(*minutes[0].tokens_per_s, 20, 1e-9);
    EXPECT_NEAR(*minutes[2].tokens_per_s, 10, 1e-9);
    EXPECT_DOUBLE_EQ(*minutes[1].celsius, 31);
    const auto across = minute_by_minute({{{0, 90 * second}, 900}, {{130 * second, 135 * second}, 50}}, {});
    ASSERT_EQ(across.size(), 3u);
    EXPECT_NEAR(*across[0].tokens_per_s, 10, 1e-9);
    EXPECT_NEAR(across[1].busy_s, 30, 1e-9);
    EXPECT_FALSE(across[2].tokens_per_s);  // five seconds are too few
    EXPECT_TRUE(minute_by_minute({}, {}).empty());
}

TEST(Sustained, Throttling)
{
    const auto found = sustained_speed(minutes_of({20, 20.4, 20, 17, 14, 13, 13, 13, 13}));
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->peak, 20.4, 1e-9);
    EXPECT_NEAR(found->sustained, 13, 1e-9);
    EXPECT_EQ(found->onset, 3);
    EXPECT_DOUBLE_EQ(*found->onset_celsius, 33);
    EXPECT_EQ(found->text, "It slowed down from minute 4 on at 33 °C: from 20.4 to 13 tokens/s (−36.3 %).");
    const auto steady = sustained_speed(minutes_of({20, 19.8, 18, 20, 20.1, 19.9}));  // one slow minute is no throttling
    ASSERT_TRUE(steady);
    EXPECT_FALSE(steady->onset);
    EXPECT_FALSE(sustained_speed(minutes_of({20, 20})));
}

PhoneState state_with(double celsius, std::int64_t status)
{
    PhoneState state;
    state.battery.emplace().celsius = celsius;
    state.thermal.emplace().status = status;
    return state;
}

TEST(Sustained, CoolGate)
{
    const CoolGate gate{30, 1.5, 600};
    EXPECT_EQ(cool_gate(gate, state_with(31.4, 0), 0).answer, GateAnswer::go);
    const auto warm = cool_gate(gate, state_with(33, 1), 10);
    EXPECT_EQ(warm.answer, GateAnswer::wait);
    EXPECT_EQ(warm.why, "Waiting for the phone to cool: its thermal status is light and its battery has 33 °C, 3 °C more than before the first run.");
    EXPECT_EQ(cool_gate(gate, state_with(33, 0), 600).answer, GateAnswer::give_up);
    EXPECT_EQ(cool_gate(gate, {}, 0).answer, GateAnswer::go);  // says nothing
}

TEST(Sustained, Preconditions)
{
    auto state = state_with(30, 2);
    state.battery->level_percent = 95;
    state.battery->plugged = true;
    state.battery->faked = true;
    state.screen_on = false;
    std::vector<std::string> codes;
    for (const auto& one : energy_preconditions(state)) codes.push_back(one.code);
    EXPECT_EQ(codes, (std::vector<std::string>{"level", "faked", "plugged", "screen", "thermal"}));
    auto good = state_with(30, 0);
    good.battery->level_percent = 55;
    good.battery->plugged = true;
    good.battery->status = ChargeStatus::discharging;
    good.input_suspended = true;
    good.screen_on = true;
    EXPECT_TRUE(energy_preconditions(good).empty());
    EXPECT_TRUE(energy_preconditions({}).empty());
}

TEST(Sustained, AbbaCancelsADrift)
{
    EXPECT_EQ(abba_order(4), "ABBAABBA");
    EXPECT_FALSE(paired_in_order("ABAB", {1, 2, 3, 4}));
    EXPECT_FALSE(paired_in_order("AB", {1, 2}));
    std::mt19937 random(1);
    std::normal_distribution<double> normal(0, 0.2);
    int covered = 0;
    for (int seed = 0; seed < 300; ++seed) {
        const auto order = abba_order(6);
        std::vector<double> results;
        for (std::size_t i = 0; i < order.size(); ++i)
            results.push_back(100 - 0.5 * static_cast<double>(i) + (order[i] == 'A' ? 2 : 0) + normal(random));  // slower and slower
        const auto found = paired_in_order(order, results);
        ASSERT_TRUE(found);
        EXPECT_FALSE(found->within_chance());
        covered += *found->difference.low <= 2 && 2 <= *found->difference.high;
    }
    EXPECT_GE(covered, 280);
}

}  // namespace
}  // namespace bitwright
