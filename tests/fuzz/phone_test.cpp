// SPDX-License-Identifier: GPL-3.0-or-later
// What phones and users' files say, mutated: a phone's answer may say anything and nothing is thrown; a file may be refused with an Error.
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "device_bridge/energy/energy.h"
#include "device_bridge/energy/meter_csv.h"
#include "device_bridge/energy/perfetto.h"
#include "device_bridge/energy/sources.h"
#include "device_bridge/phone/facts.h"
#include "device_bridge/phone/soc_profile.h"
#include "tests/device_bridge/perfetto_bytes.h"
#include "tests/device_bridge/phone_answers.h"
#include "tests/fuzz/mutate.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

TEST(PhoneFuzz, Facts)
{
    test::Mutator mutate(11);
    const auto answer = test::snapdragon_answer();
    int batteries = 0;
    for (int i = 0; i < 3000; ++i) {
        const auto facts = parse_facts(mutate(answer));
        const auto json = to_json(facts);
        ASSERT_NO_THROW((void)json.dump()) << "iteration " << i;
        ASSERT_EQ(to_json(facts_from_json(json, "x")), json) << "iteration " << i;
        (void)big_core_mask(facts.state.cores);
        batteries += facts.state.battery.has_value();
    }
    EXPECT_GT(batteries, 1000);
}

TEST(PhoneFuzz, Thermal)
{
    test::Mutator mutate(12);
    for (int i = 0; i < 10'000; ++i) {
        (void)parse_thermal_service(mutate(std::string(test::pixel_thermal_service)));
        (void)parse_battery_dump(mutate(std::string(test::samsung_battery)));
        (void)parse_thermal_zones(mutate("/sys/class/thermal/thermal_zone0/type:a\n/sys/class/thermal/thermal_zone0/temp:1\n"));
    }
}

TEST(PhoneFuzz, StoredFactsAndProfiles)
{
    test::Mutator mutate(13);
    const auto stored = to_json(parse_facts(test::snapdragon_answer())).dump();
    const auto profile = read_text(std::filesystem::path(BITWRIGHT_SOURCE_DIR) / "resources/devices/soc/sm8650.json");
    int read = 0;
    for (int i = 0; i < 10'000; ++i) {
        try {
            (void)parse_soc_profile(mutate(profile), "x");
            const auto json = nlohmann::json::parse(mutate(stored), nullptr, false);
            if (json.is_discarded()) continue;
            (void)facts_from_json(json, "x");
            ++read;
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::bad_input) << "iteration " << i << ": " << error.what();
        } catch (const std::exception& error) {
            FAIL() << "iteration " << i << ": " << error.what();
        }
    }
    EXPECT_GT(read, 10);
}

TEST(PhoneFuzz, Samples)
{
    test::Mutator mutate(14);
    std::string csv = "t_s,voltage_now,current_now,charge_counter,temp,capacity,status\n", lines = "{\"type\":\"hello\",\"version\":\"x\"}\n";
    EnergySession session;
    session.plugged = false;
    session.windows = {{WindowKind::idle, {1'000'000'000, 60'000'000'000}, 0, 0},
                       {WindowKind::decode, {62'000'000'000, 124'000'000'000}, 100, 0},
                       {WindowKind::decode, {126'000'000'000, 190'000'000'000}, 100, 1}};
    for (int i = 0; i < 200; ++i) {
        const auto amperes = std::to_string(-(i < 60 ? 300'000 : 1'200'000) - 37 * (i % 11)), left = std::to_string(3'000'000 - 300 * i);
        csv += std::to_string(i) + ".00,4000000," + amperes + "," + left + ",300,70,Discharging\n";
        lines += "{\"type\":\"power\",\"t_ns\":" + std::to_string(i) + "000000000,\"uV\":4000000,\"uA_raw\":" + amperes + ",\"uAh\":" + left +
                 ",\"status\":\"Discharging\"}\n";
    }
    ASSERT_EQ(energy_of_gauge(read_samples(csv), session).tier, EnergyTier::B);
    ASSERT_EQ(energy_of_gauge(read_samples(lines), session).tier, EnergyTier::B);
    int numbers = 0;
    for (int i = 0; i < 4000; ++i) {
        const auto report = energy_of_gauge(read_samples(mutate(i % 2 == 0 ? csv : lines)), session);
        ASSERT_NO_THROW((void)to_json(report).dump()) << "iteration " << i;
        ASSERT_EQ(report.tier == EnergyTier::X, report.quantities.empty()) << "iteration " << i;
        ASSERT_FALSE(report.tier == EnergyTier::X && report.refusals.empty()) << "iteration " << i;
        numbers += report.tier != EnergyTier::X;
    }
    EXPECT_GT(numbers, 1000);
}

TEST(PhoneFuzz, RailsAndPerfetto)
{
    test::Mutator mutate(15);
    std::string trace = test::rail_names_packet(), rails;
    for (int i = 0; i < 20; ++i) {
        trace += test::rails_packet(1000 * i, 1000 * i, 2000 * i) + test::battery_packet(i * 1'000'000'000LL, 3'000'000 - i, -500'000, 4'000'000);
        rails += "\n==bitwright:rails " + std::to_string(i) + ".5==\n==== energy meter ====\n  [A]:CPU   " + std::to_string(10 * i) +
                 ".00 mWs\n  B : 3.00 mWs\n==== End of energy meter ====\n";
    }
    std::size_t samples = 0, readings = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto power = read_perfetto(mutate(trace));
        samples += power.battery.samples.size();
        const auto by_trace = rails_trace(power);
        (void)by_trace.joules(by_trace.span());
        const auto read = read_rails(mutate(rails));
        readings += read.size();
        const auto by_text = rails_trace(read);
        (void)by_text.joules(by_text.span());
        const auto answer = mutate(std::string("-512000\n==bitwright:again==\n2876000\n"));
        (void)choose_source({}, {{"rails", answer}, {"perfetto", answer}, {"service", answer}});
    }
    EXPECT_GT(samples, 100'000u);
    EXPECT_GT(readings, 100'000u);
}

TEST(PhoneFuzz, MeterCsv)
{
    test::Mutator mutate(16);
    std::string csv = "Time (ms);Current [mA];Voltage (V)\n";
    for (int i = 0; i < 400; ++i) csv += std::to_string(i * 20) + ";" + ((i / 50) % 2 == 1 ? "900,5" : "200,25") + ";4,0\n";
    const std::vector<Span> marker{{51'000'000'000, 52'000'000'000}, {53'000'000'000, 54'000'000'000}, {55'000'000'000, 56'000'000'000}};
    int aligned = 0;
    for (int i = 0; i < 3000; ++i) {
        try {
            const auto record = read_meter_csv(mutate(csv), "x");
            const auto alignment = align_meter(record, marker, "x");
            (void)meter_trace(record, alignment).joules({52'000'000'000, 54'000'000'000});
            ++aligned;
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::bad_input) << "iteration " << i << ": " << error.what();
        }
    }
    EXPECT_GT(aligned, 100);
}

}  // namespace
}  // namespace bitwright
