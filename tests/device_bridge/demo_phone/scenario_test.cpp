// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/scenario.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "device_bridge/demo_phone/gauges.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/demo_phone.h"

#include <gtest/gtest.h>

namespace fs = std::filesystem;

namespace bitwright::demo {
namespace {

std::string refusal(const std::string& text)
{
    try {
        (void)Scenario::parse(text, "x.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        return error.what();
    }
    return "accepted";
}

std::vector<fs::path> all_files()
{
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(test::scenario("demo").parent_path())) files.push_back(entry.path());
    return files;
}

TEST(DemoPhoneScenario, EveryFileIsRead)
{
    EXPECT_GE(all_files().size(), 25U);
    for (const auto& file : all_files()) {
        Scenario scenario;
        ASSERT_NO_THROW(scenario = Scenario::read(file)) << file;
        EXPECT_FALSE(scenario.about.empty()) << file;
        EXPECT_EQ(scenario.all_properties().at("ro.product.model"), scenario.phone.model);
    }
}

TEST(DemoPhoneScenario, FaultsAreNamed)
{
    EXPECT_EQ(refusal("{}"), "accepted");
    EXPECT_NE(refusal(R"({"phon": {}})").find("x.json: phon: is not known here; known are about, battery,"), std::string::npos) << refusal(R"({"phon": {}})");
    EXPECT_NE(refusal(R"({"battery": {"curent_ma": 3}})").find("battery.curent_ma: is not known"), std::string::npos);
    EXPECT_NE(refusal(R"({"thermal": {"zones": [{}, {"typ": "x"}]}})").find("thermal.zones[1].typ: is not known"), std::string::npos);
    EXPECT_EQ(refusal(R"({"phone": {"sdk": "34"}})"), "x.json: phone.sdk: is no whole number from 21 to 100");
    EXPECT_NE(refusal(R"({"battery": {"current_ma": [[0, 1], [0, 2]]}})").find("seconds that do not increase"), std::string::npos);
    EXPECT_NE(refusal(R"({"battery": {"current_ma": []}})").find("has no point"), std::string::npos);
    EXPECT_NE(refusal(R"({"battery": {"sign": "up"}})").find("is none of discharge_negative, discharge_positive"), std::string::npos);
    EXPECT_NE(refusal(R"({"faults": {"drop": {"bytes": 3}}})").find("needs either direction and bytes, or after_s"), std::string::npos);
    EXPECT_NE(refusal(R"({"commands": [{"equals": "a", "starts": "b"}]})").find("exactly one of"), std::string::npos);
    EXPECT_NE(refusal(R"({"files": [{"path": "/../etc/x"}]})").find("is no absolute path"), std::string::npos);
    EXPECT_NE(refusal(R"({"phone": {"model": "a;b"}})").find("adb's banner"), std::string::npos);
    EXPECT_NE(refusal(R"({"properties": {"a/b": "c"}})").find("none of a property"), std::string::npos);
    EXPECT_NE(refusal(R"({"about": "a", "about": "b"})").find("repeated"), std::string::npos);
    EXPECT_NE(refusal("[]").find("is no object"), std::string::npos);
}

TEST(DemoPhoneScenario, AnyTextIsReadOrRefused)
{
    test::Mutator mutate(12);
    std::vector<std::string> corpus;
    for (const auto& file : all_files()) corpus.push_back(read_text(file));
    int accepted = 0;
    for (std::size_t i = 0; i < 20'000; ++i) {
        try {
            const Scenario scenario = Scenario::parse(mutate(corpus[i % corpus.size()]), "x.json");
            GaugeModel model(scenario);
            for (const double second : {0.0, 1.5, 1e6}) {
                const Gauges& gauges = model.advance(second, 1, false);
                EXPECT_FALSE(gauge_files(scenario, gauges).empty());
                EXPECT_FALSE(dumpsys_texts(scenario, gauges).empty());
            }
            ++accepted;
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::bad_input);
        }
    }
    EXPECT_GT(accepted, 1000);
}

TEST(DemoPhoneScenario, SeriesAreLinearBetweenPoints)
{
    const Series series{{{0, 10}, {10, 20}, {20, 0}}};
    EXPECT_EQ(series.at(-1), 10);
    EXPECT_EQ(series.at(5), 15);
    EXPECT_EQ(series.at(10), 20);
    EXPECT_EQ(series.at(15), 10);
    EXPECT_EQ(series.at(100), 0);
}

std::string file_text(const Scenario& scenario, const Gauges& gauges, const std::string& name)
{
    for (const auto& file : gauge_files(scenario, gauges)) {
        if (file.path.ends_with("/" + name)) return file.text;
    }
    return "none";
}

TEST(DemoPhoneGauges, CountAKnownPower)
{
    const Scenario scenario = Scenario::read(test::scenario("known-power"));
    GaugeModel model(scenario);
    Gauges gauges;
    for (int i = 0; i <= 36'000; ++i) gauges = model.advance(0.1 * i, 3, false);  // an hour
    EXPECT_NEAR(gauges.charge_mah, 2500 - 500, 0.5);
    EXPECT_NEAR(std::stod(file_text(scenario, gauges, "current_now")), -500'000, 4'000) << "swinging";
    EXPECT_EQ(file_text(scenario, gauges, "voltage_now"), "4000000\n");
    EXPECT_EQ(file_text(scenario, gauges, "status"), "Discharging\n");
    EXPECT_NEAR(std::stod(file_text(scenario, gauges, "charge_counter")), 2'000'000, 500);
}

TEST(DemoPhoneGauges, HaveTheQuirksOfRealPhones)
{
    const Scenario samsung = Scenario::read(test::scenario("samsung-gauge"));
    GaugeModel model(samsung);
    const Gauges first = model.advance(0, 0, false);
    EXPECT_EQ(file_text(samsung, first, "current_now"), "412\n");
    EXPECT_EQ(file_text(samsung, first, "voltage_now"), "4021\n");
    EXPECT_NE(dumpsys_texts(samsung, first).at("battery").find("  current now: 412\n"), std::string::npos);
    EXPECT_EQ(model.advance(0.4, 2, false).current_ma, 412) << "the gauge shows a new value every half second";
    EXPECT_GT(model.advance(0.5, 2, false).current_ma, 412 + 2 * 380);

    const Scenario demo = Scenario::read(test::scenario("demo"));
    GaugeModel plugged(demo);
    EXPECT_LT(plugged.advance(1, 0, false).current_ma, 0);
    const Gauges freed = plugged.advance(2, 1, true);
    EXPECT_NEAR(freed.current_ma, 311 + 420, 1);
    EXPECT_NE(dumpsys_texts(demo, freed).at("battery").find("USB powered: false"), std::string::npos);
    const Scenario ignored = Scenario::read(test::scenario("suspend-ignored"));
    GaugeModel stays(ignored);
    EXPECT_LT(stays.advance(2, 1, true).current_ma, 0);

    const Scenario rails = Scenario::read(test::scenario("rails"));
    GaugeModel counting(rails);
    const std::string text = dumpsys_texts(rails, counting.advance(10, 0, false)).at("android.hardware.power.stats.IPowerStats/default");
    EXPECT_NE(text.find("PowerStats HAL 2.0 energy meter"), std::string::npos);
    EXPECT_NE(text.find("[VSYS_PWR_TPU]:S10M_VDD_TPU  : 120.00 mWs"), std::string::npos) << text;
}

}  // namespace
}  // namespace bitwright::demo
