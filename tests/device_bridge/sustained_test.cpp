// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sustained.h"

#include <gtest/gtest.h>

#include <random>

namespace bitwright {
namespace {

std::vector<MinuteSpeed> minutes_of(const std::vector<double>& speeds)
{
    std::vector<MinuteSpeed> minutes;
    for (const double speed : speeds) {
        const auto minute = static_cast<std::int64_t>(minutes.size());
        minutes.push_back({minute, speed, 30.0 + static_cast<double>(minute)});
    }
    return minutes;
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
