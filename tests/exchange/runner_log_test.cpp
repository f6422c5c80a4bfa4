// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/runner_log.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

TEST(RunnerLog, MediansWithoutWarmUpAndHonestAboutWhatIsMissing)
{
    const std::string whole = R"({"type":"hello","version":"0.1.0","isa":"x86-64","kernels":"scalar"}
{"type":"phase","name":"load","run":-1,"t0_ns":0,"t1_ns":2000000,"tokens":0}
{"type":"phase","name":"prefill","run":-1,"t0_ns":0,"t1_ns":1,"tokens":64}
{"type":"phase","name":"prefill","run":0,"t0_ns":0,"t1_ns":1000000000,"tokens":64}
{"type":"phase","name":"prefill","run":1,"t0_ns":0,"t1_ns":2000000000,"tokens":64}
{"type":"end","rc":0,"sha256":"abc","peak_rss_bytes":1000}
)";
    const auto log = read_runner_log(whole, "log");
    EXPECT_TRUE(log.complete);
    EXPECT_EQ(log.output_hash, "abc");
    ASSERT_EQ(log.measurements.size(), 3U);
    EXPECT_EQ(log.measurements[1].quantity, "prefill_tokens_per_s");
    EXPECT_EQ(log.measurements[1].samples, (std::vector<double>{64, 32}));
    EXPECT_EQ(log.measurements[1].value, 48);

    const auto cut = read_runner_log(whole.substr(0, whole.size() - 30), "log");
    EXPECT_FALSE(cut.complete) << "no end line: aborted";
    EXPECT_TRUE(cut.output_hash.empty());
    EXPECT_THROW((void)read_runner_log("not json\n", "log"), Error);
    EXPECT_THROW((void)read_runner_log("{\"type\":\"phase\"}\n", "log"), Error);
}

TEST(RunnerLog, KeepsSamplesAsThePhoneGaveThem)
{
    const std::string whole = R"({"type":"hello","version":"0.1.0","isa":"aarch64","kernels":"scalar","hwcap":["asimd","i8mm"],"pid":77}
{"type":"power","t_ns":5,"uV":4100000,"uA_raw":-350,"status":"Discharging"}
{"type":"thermal","t_ns":6,"raw":{"cpu-0":41000,"battery":312}}
{"type":"freq","t_ns":7,"kHz":[1800000,null]}
)";
    RunnerLogReader reader("log");
    for (const char c : whole) reader.feed({&c, 1});  // cut anywhere
    const auto log = reader.log();
    EXPECT_TRUE(log.began);
    EXPECT_FALSE(log.complete);
    EXPECT_EQ(log.hwcap, (std::vector<std::string>{"asimd", "i8mm"}));
    EXPECT_EQ(log.pid, 77);
    ASSERT_EQ(log.power.size(), 1U);
    EXPECT_EQ(log.power[0].current_raw, -350);
    EXPECT_FALSE(log.power[0].charge_raw) << "not read is absent, not 0";
    EXPECT_EQ(log.thermal.at(0).raw.at("battery"), 312);
    EXPECT_EQ(log.frequencies.at(0).kHz, (std::vector<std::optional<std::int64_t>>{1800000, std::nullopt}));
}

TEST(RunnerLog, LatenciesOfEachRepeatAreBetweenItsTokens)
{
    std::string whole;
    for (int run = -1; run < 2; ++run)
        for (int token = 0; token < 12; ++token)
            whole += "{\"type\":\"token\",\"run\":" + std::to_string(run) + ",\"t_ns\":" + std::to_string(token * (run + 2) * 1'000'000 + (token == 11 ? 50'000'000 : 0)) + ",\"id\":3}\n";
    const auto log = read_runner_log(whole, "log");
    const auto *p50 = log.find("token_latency_p50_s"), *p99 = log.find("token_latency_p99_s");
    ASSERT_TRUE(p50 && p99);
    ASSERT_EQ(p50->samples.size(), 2U) << "the warm-up is left out";
    EXPECT_NEAR(p50->samples[0], 0.002, 1e-12);
    EXPECT_NEAR(p50->samples[1], 0.003, 1e-12);
    EXPECT_NEAR(p50->value, 0.0025, 1e-12);
    EXPECT_NEAR(p99->samples[0], 0.002 + 0.9 * 0.050, 1e-12);  // between the largest two of eleven
}

TEST(RunnerLog, RefusesWhatWouldOverflow)
{
    EXPECT_THROW((void)read_runner_log("{\"type\":\"phase\",\"name\":\"load\",\"t0_ns\":-9223372036854775808,\"t1_ns\":9223372036854775807}\n", "log"), Error);
    EXPECT_THROW((void)read_runner_log("{\"type\":\"power\",\"t_ns\":1e300}\n", "log"), Error);
    EXPECT_THROW((void)read_runner_log(std::string(2 << 20, 'x'), "log"), Error);
}

TEST(Outliers, AreMarkedFromFiveSamplesOn)
{
    EXPECT_EQ(outliers({1, 1, 1, 100}), std::vector<bool>(4, false));
    EXPECT_EQ(outliers({10, 10.1, 9.9, 10.2, 30}), (std::vector<bool>{false, false, false, false, true}));
    EXPECT_EQ(outliers({5, 5, 5, 5, 6}), std::vector<bool>(5, false)) << "no spread to compare with";
}

}  // namespace
}  // namespace bitwright
