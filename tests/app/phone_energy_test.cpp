// SPDX-License-Identifier: GPL-3.0-or-later
// Energy of the demo phones whose power is known, measured as a user does: all at once, minutes long. Each gives the power of its scenario, or a reason.
#include "tests/app/program.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

struct Known {
    const char* scenario;
    const char* tier;
    double low_w, high_w;  ///< the mean power of the scenario's own curve; where the load counts, between idling and both cores at full load
    const char* reason;    ///< in the reason, where there is no number or no better tier
};
constexpr Known all[] = {
    {"known-power", "B", 1.98, 2.02, ""},            // 500 mA at 4.000 V, swinging by 4 mA
    {"samsung-gauge", "B", 1.55, 5.2, ""},           // 398 to 455 mA at 4.0 V, 380 mA a core; mA, mV, positive while discharging
    {"gauge-perfetto", "B", 1.54, 1.58, ""},         // 400 mA at 3.9 V
    {"gauge-service", "B", 1.54, 1.58, ""},          // the same, once a second
    {"charge-counter", "C", 1.97, 2.03, "current"},  // 500 mA at 4.000 V
    {"gauge-denied", "C", 1.33, 1.40, "current"},    // 350 mA at 3.9 V, from the battery service's charge counter
    {"gauge-empty", "C", 1.33, 1.40, "current"},
    {"rails", "A", 0.51, 2.4, ""},                   // 522 mW, 900 mW a core
    {"gauge-stuck", "X", 0, 0, "Stuck"},
    {"suspend-ignored", "X", 0, 0, "Plugged in"},
};

TEST(SlowPhoneEnergy, EveryGaugeGivesThePowerOfItsScenarioOrAReason)
{
    BITWRIGHT_NEEDS_ADB();
    const PrivateAdb adb;
    for (const auto& variable : adb.environment()) {
        const auto equals = variable.find('=');
        ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    const auto folder = scratch("phone-energy");
    const auto package = folder / "tiny.safetensors";
    TinyPackage::make(1).write(package);
    std::vector<std::unique_ptr<DemoPhone>> phones;
    std::vector<std::unique_ptr<Running>> programs;
    for (const auto& known : all) {
        phones.push_back(std::make_unique<DemoPhone>(scenario(known.scenario)));
        if (phones.back()->aarch64() == "none") GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
        ASSERT_TRUE(adb.connect(*phones.back()));
        programs.push_back(std::make_unique<Running>(Arguments{"measure", "--package", package.string(), "--device", phones.back()->address(), "--prompt-tokens", "8", "--generate", "24", "--repeats", "1",
                                                               "--threads", "1", "--seconds", "80", "--batches", "2", "--idle", "40", "--rest", "6", "-w",
                                                               (folder / (std::string(known.scenario) + ".bitwright")).string(), "--json"}));
    }
    for (std::size_t i = 0; i < programs.size(); ++i) {
        const auto& known = all[i];
        SCOPED_TRACE(known.scenario);
        const auto ended = programs[i]->wait();
        ASSERT_EQ(ended.code, 0) << ended.err;
        const auto energies = ended.json()["energy"];
        ASSERT_EQ(energies.size(), 1U) << energies;
        const auto& energy = energies[0];
        std::cout << known.scenario << ": " << energy.dump() << "\n";
        EXPECT_EQ(energy["tier"], known.tier) << energy;
        const auto reason = energy["reason"].is_string() ? energy["reason"].get<std::string>() : "";
        EXPECT_NE(reason.find(known.reason), std::string::npos) << energy;
        if (known.tier == std::string("X")) {
            EXPECT_TRUE(energy["gross_j"].is_null() && energy["mj_per_token"].is_null()) << energy;
            continue;
        }
        EXPECT_GT(energy["mean_w"].get<double>(), known.low_w) << energy;
        EXPECT_LT(energy["mean_w"].get<double>(), known.high_w) << energy;
        const double seconds = energy["gross_j"].get<double>() / energy["mean_w"].get<double>(), middle = (known.low_w + known.high_w) / 2 * seconds;
        if (known.high_w < 1.1 * known.low_w) {  // the curve is known exactly: the interval covers it, and nothing was drawn above idling
            EXPECT_NEAR(energy["gross_j"].get<double>(), middle, energy["gross_u"].get<double>() + 0.002 * middle) << energy;
            EXPECT_NEAR(energy["net_j"].get<double>(), 0, energy["net_u"].get<double>() + 0.002 * middle) << energy;
        }
    }
}

}  // namespace
}  // namespace bitwright::test
