// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/facts.h"

#include "core/runtime/error.h"
#include "device_bridge/phone/lines.h"
#include "tests/device_bridge/phone_answers.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace bitwright {
namespace {

std::string run_here(const std::string& script)
{
    const std::string path = ::testing::TempDir() + "/facts_script_" + std::to_string(::getpid()) + ".sh";
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs(script.c_str(), file);
    std::fclose(file);
    std::FILE* pipe = ::popen(("sh " + path).c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
    EXPECT_EQ(::pclose(pipe), 0);
    std::remove(path.c_str());
    return text;
}

TEST(PhoneFacts, EverythingAPhoneSays)
{
    const auto facts = parse_facts(test::snapdragon_answer());
    EXPECT_TRUE(facts.complete);
    EXPECT_EQ(facts.model, "SM-S928B");
    EXPECT_EQ(facts.soc_model, "SM8650");
    EXPECT_EQ(facts.soc_id, 557);
    EXPECT_EQ(facts.android, "14");
    EXPECT_EQ(facts.sdk, 34);
    EXPECT_EQ(facts.abis, (std::vector<std::string>{"arm64-v8a", "armeabi-v7a"}));
    EXPECT_EQ(facts.kernel, "6.1.57-android14-11");
    EXPECT_EQ(facts.user, "shell");
    EXPECT_EQ(facts.selinux, "Enforcing");
    EXPECT_EQ(facts.memory_total_bytes, std::int64_t{11534336} * 1024);
    EXPECT_EQ(facts.hexagon_rpc, true);
    ASSERT_TRUE(facts.instruction_sets);
    for (const char* name : {"asimddp", "i8mm", "bf16", "asimdhp"}) EXPECT_TRUE(std::ranges::count(*facts.instruction_sets, name)) << name;
    EXPECT_FALSE(std::ranges::count(*facts.instruction_sets, "sve"));
    ASSERT_TRUE(facts.battery_files);
    EXPECT_EQ(facts.battery_files->at("current_now").answer, FileAnswer::denied);
    EXPECT_EQ(facts.battery_files->at("current_avg").answer, FileAnswer::missing);
    EXPECT_EQ(facts.battery_files->at("voltage_now").value, "4123000");
    EXPECT_EQ(facts.battery_files->at("charge_counter").answer, FileAnswer::empty);
    EXPECT_EQ(phone_name(facts), "Samsung SM-S928B");

    const auto& state = facts.state;
    EXPECT_EQ(state.free_bytes, std::int64_t{176000000} * 1024);
    EXPECT_EQ(state.memory_available_bytes, std::int64_t{5242880} * 1024);
    EXPECT_EQ(state.screen_on, true);
    EXPECT_FALSE(state.input_suspended);  // the property is not set: the phone did not say
    EXPECT_EQ(state.uptime_s, 12345.67);
    EXPECT_EQ(state.clock_s, 1732310000);
    ASSERT_EQ(state.cores.size(), 8u);
    EXPECT_EQ(state.cores[7].max_khz, 3398400);
    EXPECT_EQ(state.cores[0].governor, "walt");
    EXPECT_EQ(big_core_mask(state.cores), 0xFCu);
    ASSERT_TRUE(state.zones);
    ASSERT_EQ(state.zones->size(), 2u);
    EXPECT_EQ((*state.zones)[1].name, "nsphvx-0");
    EXPECT_EQ((*state.zones)[1].kind, TemperatureKind::npu);
    EXPECT_DOUBLE_EQ((*state.zones)[0].celsius, 38.4);
    EXPECT_EQ(parse_facts(test::snapdragon_answer()).state.battery->level_percent, 76);
}

TEST(PhoneFacts, TheScriptRunsInAPlainShellAndSaysWhatThisComputerKnows)
{
    EXPECT_LT(facts_script().size(), 4096u);  // one message of the oldest protocol
    const auto facts = parse_facts(run_here(facts_script()));
    EXPECT_TRUE(facts.complete);
    EXPECT_FALSE(facts.soc_model);  // no getprop here
    EXPECT_FALSE(facts.android);
    EXPECT_TRUE(facts.kernel);
    EXPECT_TRUE(facts.user);
    EXPECT_TRUE(facts.memory_total_bytes);
    EXPECT_EQ(facts.hexagon_rpc, false);
    EXPECT_FALSE(facts.state.battery);
    EXPECT_FALSE(facts.state.thermal);
    EXPECT_FALSE(facts.state.cores.empty());
    EXPECT_TRUE(facts.state.boot_id);
    EXPECT_EQ(facts.instruction_sets.has_value(), facts.machine == "aarch64");  // x86 words are not read as ARM's
    const auto state = parse_facts(run_here(state_script()));
    EXPECT_TRUE(state.complete);
    EXPECT_EQ(state.state.boot_id, facts.state.boot_id);
    EXPECT_FALSE(state.kernel);
}

TEST(PhoneFacts, WhatIsCutOffIsAbsent)
{
    const auto whole = test::snapdragon_answer();
    for (std::size_t size = 0; size < whole.size(); size += 7) EXPECT_FALSE(parse_facts(std::string_view(whole).substr(0, size)).complete);
    const auto nothing = parse_facts("sh: getprop: not found\n");
    EXPECT_FALSE(nothing.model || nothing.kernel || nothing.battery_files || nothing.hexagon_rpc || nothing.state.battery || nothing.state.zones);
    EXPECT_FALSE(phone_name(nothing));
    EXPECT_EQ(to_json(nothing).dump(), R"({"complete":false,"state":{}})");
}

TEST(PhoneFacts, JsonBringsEverythingBack)
{
    const auto facts = parse_facts(test::snapdragon_answer());
    const auto json = to_json(facts);
    EXPECT_EQ(to_json(facts_from_json(json, "workspace")), json);
    EXPECT_EQ(to_json(state_from_json(json["state"], "workspace")), json["state"]);
    EXPECT_EQ(json["state"]["battery"]["status"], "charging");
}

TEST(PhoneFacts, JsonFaultsNameTheField)
{
    const auto message = [](const char* field, const nlohmann::json& value) {
        auto json = to_json(parse_facts(test::snapdragon_answer()));
        json[nlohmann::json::json_pointer(field)] = value;
        try {
            (void)facts_from_json(json, "x.bitwright");
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    EXPECT_EQ(message("/sdk", "x"), "x.bitwright: sdk: is no whole number");
    EXPECT_EQ(message("/abis", nlohmann::json::array({1})), "x.bitwright: abis: is no list of texts");
    EXPECT_EQ(message("/state/battery/volts", "high"), "x.bitwright: state.battery.volts: is no number");
    EXPECT_EQ(message("/state/cores/3/index", nullptr), "x.bitwright: state.cores[3].index: is no whole number");
    EXPECT_EQ(message("/battery_files/status/answer", "yes"), "x.bitwright: battery_files.status.answer: is \"yes\", none of value, empty, denied, missing");
}

TEST(PhoneFacts, BigCores)
{
    const auto cores = [](std::vector<std::int64_t> khz) {
        std::vector<PhoneCore> list;
        for (const auto f : khz) list.push_back({static_cast<std::int64_t>(list.size()), f, {}, {}, {}});
        return list;
    };
    EXPECT_EQ(big_core_mask(cores({3532800, 3532800, 3532800, 3532800, 3532800, 3532800, 4320000, 4320000})), 0xFFu);  // all big
    EXPECT_EQ(big_core_mask(cores({1804800, 1804800, 1804800, 1804800, 2419200, 2419200, 2419200, 2841600})), 0xF0u);
    auto by_capacity = cores({2000000, 2000000, 2200000, 2200000});  // near in frequency, far in what they do
    for (std::size_t i = 0; i < 4; ++i) by_capacity[i].capacity = i < 2 ? 380 : 1024;
    EXPECT_EQ(big_core_mask(by_capacity), 0xCu);
    EXPECT_FALSE(big_core_mask(cores({})));
    EXPECT_FALSE(big_core_mask(std::vector<PhoneCore>(4)));
}

TEST(Thermal, HalBeforeCache)
{
    const auto state = parse_thermal_service(test::pixel_thermal_service);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->status, 1);
    EXPECT_FALSE(state->overridden);
    EXPECT_FALSE(state->cached);
    ASSERT_EQ(state->temperatures.size(), 4u);  // NaN is no temperature
    EXPECT_DOUBLE_EQ(*hottest(state->temperatures, TemperatureKind::battery), 33.4);
    EXPECT_DOUBLE_EQ(*hottest(state->temperatures, TemperatureKind::npu), 59);
    EXPECT_FALSE(hottest(state->temperatures, TemperatureKind::usb));
    EXPECT_EQ(thermal_status_name(1), "light");

    const auto only_cached = parse_thermal_service(
        "IsStatusOverride: true\nThermal Status: 0\nCached temperatures:\n\tTemperature{mValue=36.0, mType=1, mName=GPU, mStatus=0}\nHAL Ready: false\n");
    ASSERT_TRUE(only_cached);
    EXPECT_TRUE(only_cached->cached);
    EXPECT_TRUE(only_cached->overridden);
    EXPECT_EQ(only_cached->temperatures.size(), 1u);
    EXPECT_FALSE(parse_thermal_service("Can't find service: thermalservice\n"));
}

TEST(Thermal, ZonesInAnyUnit)
{
    const auto zones = parse_thermal_zones(
        "/sys/class/thermal/thermal_zone0/type:battery\n/sys/class/thermal/thermal_zone0/temp:312\n/sys/class/thermal/thermal_zone1/temp:41\n"
        "/sys/class/thermal/thermal_zone2/temp:0\n/sys/class/thermal/thermal_zone4/type:skin-therm\n");
    ASSERT_EQ(zones.size(), 2u);
    EXPECT_DOUBLE_EQ(zones[0].celsius, 31.2);
    EXPECT_DOUBLE_EQ(zones[1].celsius, 41);
    EXPECT_EQ(zones[1].name, "thermal_zone1");
}

TEST(Battery, Dump)
{
    const auto battery = parse_battery_dump(test::samsung_battery);
    ASSERT_TRUE(battery);
    EXPECT_EQ(battery->status, ChargeStatus::charging);  // not the history's
    EXPECT_EQ(battery->plugged, true);
    EXPECT_EQ(battery->power_source, "usb");
    EXPECT_DOUBLE_EQ(*battery->volts, 4.123);
    EXPECT_DOUBLE_EQ(*battery->celsius, 28.7);
    EXPECT_EQ(battery->charge_counter_uah, 2876000);
    EXPECT_EQ(battery->current_now_raw, 559);
    EXPECT_FALSE(battery->faked);
    const auto faked =
        parse_battery_dump("Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n  AC powered: false\n  level: 50\n  scale: 200\n");
    ASSERT_TRUE(faked);
    EXPECT_TRUE(faked->faked);
    EXPECT_EQ(faked->level_percent, 25);
    EXPECT_EQ(faked->power_source, "battery");
    EXPECT_FALSE(parse_battery_dump("Can't find service: battery"));
    EXPECT_EQ(charge_status_of("Not charging\n"), ChargeStatus::not_charging);
    EXPECT_FALSE(charge_status_of("7"));
}

TEST(Lines, NumbersAndTexts)
{
    EXPECT_EQ(whole_number(" 42\r\n"), 42);
    EXPECT_FALSE(whole_number("42 kB"));
    EXPECT_FALSE(whole_number("99999999999999999999"));
    EXPECT_FALSE(real_number("nan"));
    EXPECT_FALSE(real_number("inf"));
    EXPECT_EQ(real_number("-1.5e3"), -1500);
    EXPECT_EQ(short_text("a\x01 b\xff\n"), "a b\xef\xbf\xbd");
    EXPECT_FALSE(short_text(" \t\n"));
    EXPECT_LE(short_text(std::string(10'000, 'x'))->size(), 256u);
}

}  // namespace
}  // namespace bitwright
