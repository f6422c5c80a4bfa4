// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/meter_csv.h"

#include "core/runtime/error.h"
#include "device_bridge/energy/energy.h"
#include "tests/device_bridge/gauge_model.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

std::string message_of(const std::function<void()>& call)
{
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        return error.what();
    }
    return "accepted";
}

TEST(MeterCsv, ColumnsByName)
{
    const auto watts = [](const std::string& text) { return read_meter_csv(text, "m.csv").watts; };
    const std::vector<double> two{4, 8};
    EXPECT_EQ(watts("time,main current,main voltage\n0,1000,4\n0.1,2000,4\n"), two);  // Monsoon
    EXPECT_EQ(watts("Time (s),Main Avg Current (mA),Main Avg Voltage (V)\n0,1000,4\n0.1,2000,4\n"), two);
    EXPECT_EQ(watts("# Joulescope\n#time,current,voltage\n0,1,4\n0.5,2,4\n"), two);
    EXPECT_EQ(watts("timestamp_ms;ibus[A];vbus[V];temp\n0;1,0;4,0;30\n500;2,0;4,0;30\n"), two);  // decimal comma
    EXPECT_EQ(watts("Time\tPower (mW)\r\n0:00:01.5\t4000\r\n0:00:02\t8000\r\n\r\n"), two);
    EXPECT_EQ(watts("\xef\xbb\xbf\"Time (\xc2\xb5s)\",\"Power [W]\"\n\"1\",\"4\"\n2,8\n"), two);
    EXPECT_NEAR(read_meter_csv("Time (\xc2\xb5s),Power [W]\n1,4\n2,8\n", "m.csv").seconds[1], 2e-6, 1e-15);
    EXPECT_NEAR(read_meter_csv("Time,Power\n1:02:03.5,4\n1:02:04,8\n", "m.csv").seconds[0], 3723.5, 1e-9);
}

TEST(MeterCsv, FaultsNameTheLine)
{
    const auto fault = [](const std::string& text) { return message_of([&] { (void)read_meter_csv(text, "m.csv"); }); };
    EXPECT_TRUE(fault("").starts_with("m.csv: heading: no line names a time"));
    EXPECT_TRUE(fault("time,current\n0,1\n").starts_with("m.csv: heading:"));
    EXPECT_EQ(fault("time,power\n0,1\n1,x\n"), "m.csv: line 3: column 2 holds no number; remove the line or correct it");
    EXPECT_EQ(fault("time,power\n0,1\n1\n"), "m.csv: line 3: column 2 holds no number; remove the line or correct it");
    EXPECT_EQ(fault("time,power\n2,1\n1,1\n"), "m.csv: line 3: its time lies before the line above; sort the record by time");
    EXPECT_EQ(fault("time,power\n2,1\n"), "m.csv: holds fewer than two samples");
    EXPECT_EQ(fault("time,power\n0,-1\n1,-1\n"), "m.csv: its mean power is negative; the meter was connected the other way round, change the sign");
}

struct Bench {
    test::Plan plan;
    double marker_s = 10, end_marker_s = -1, offset_s = 777.125, drift = 0;
    std::vector<Span> marker;

    Bench() { plan.idle_s = 60; }
    [[nodiscard]] bool in_marker(double t) const
    {
        for (const double begin : {marker_s, end_marker_s})
            for (int wave = 0; wave < 3; ++wave)
                if (begin >= 0 && t >= begin + 2 * wave && t < begin + 2 * wave + 1) return true;
        return false;
    }
    void mark()
    {
        for (const double begin : {marker_s, end_marker_s})
            for (int wave = 0; wave < 3 && begin >= 0; ++wave) {
                const auto ns = [](double t) { return static_cast<std::int64_t>(std::llround((1000 + t) * 1e9)); };
                marker.push_back({ns(begin + 2 * wave), ns(begin + 2 * wave + 1)});
            }
    }
    /// The meter's record: its clock reads (t + offset) / (1 + drift).
    [[nodiscard]] MeterRecord record(double rate, double noise_w, std::uint64_t seed) const
    {
        std::mt19937_64 random(seed);
        std::normal_distribution<double> normal(0, 1);
        MeterRecord found;
        for (double t = 0; t < plan.end() + 40; t += 1 / rate) {
            found.seconds.push_back((t + offset_s) / (1 + drift));
            found.watts.push_back(1 + (plan.at(t).first >= 0 ? 4 : 0) + (in_marker(t) ? 3 : 0) + noise_w * normal(random));
        }
        return found;
    }
};

TEST(MeterAlignment, FindsTheMarkerInNoise)
{
    for (int seed = 1; seed <= 20; ++seed) {
        Bench bench;
        bench.mark();
        const auto record = bench.record(200, 0.5, static_cast<std::uint64_t>(seed));
        const auto alignment = align_meter(record, bench.marker, "m.csv");
        EXPECT_NEAR(alignment.offset_s, 1000 - bench.offset_s, 0.008) << seed;
        EXPECT_GT(alignment.correlation, 0.85);
    }
}

TEST(MeterAlignment, TwoMarkersTellTheDrift)
{
    Bench bench;
    bench.end_marker_s = bench.plan.end() + 10;
    bench.drift = 120e-6;
    bench.mark();
    const auto record = bench.record(500, 0.2, 1);
    const auto alignment = align_meter(record, bench.marker, "m.csv");
    EXPECT_NEAR(alignment.drift, 120e-6, 15e-6) << alignment.text;
    EXPECT_NE(alignment.text.find("ppm"), std::string::npos);
    auto session = bench.plan.session();
    session.windows[0].span.t0_ns += 20'000'000'000;  // idling begins behind the marker
    const auto report = energy_of_trace(meter_trace(record, alignment), session, "external meter");
    ASSERT_EQ(report.tier, EnergyTier::A);
    EXPECT_NEAR(report.find("decode_energy_net_j")->estimate.value, 260, 1);

    auto cut = record;  // the meter was stopped before the end
    while (cut.seconds.back() > record.seconds.front() + bench.end_marker_s - 5) {
        cut.seconds.pop_back();
        cut.watts.pop_back();
    }
    const auto alone = align_meter(cut, bench.marker, "m.csv");
    EXPECT_EQ(alone.drift, 0);
    EXPECT_NE(alone.text.find("was not found"), std::string::npos) << alone.text;
    EXPECT_NEAR(static_cast<double>(alone.phone_ns(record.seconds[0])) * 1e-9, 1000, 0.1);
}

TEST(MeterAlignment, RefusesWhatDoesNotFit)
{
    Bench bench;
    bench.mark();
    const auto fault = [&](const MeterRecord& record, const std::vector<Span>& marker) {
        return message_of([&] { (void)align_meter(record, marker, "m.csv"); });
    };
    const auto record = bench.record(100, 0.1, 1);
    EXPECT_TRUE(fault(record, {}).starts_with("m.csv: marker: the run has no marker"));
    MeterRecord flat = record;
    for (auto& watts : flat.watts) watts = 1;
    EXPECT_TRUE(fault(flat, bench.marker).starts_with("m.csv: marker: the record holds nothing like the marker"));
    MeterRecord twice = record;  // the same marker again, of another run
    for (std::size_t i = 0; i < twice.seconds.size(); ++i)
        if (const double t = twice.seconds[i] - bench.offset_s - 30; bench.in_marker(t)) twice.watts[i] += 3;
    EXPECT_TRUE(fault(twice, bench.marker).starts_with("m.csv: marker: the marker fits at two places")) << fault(twice, bench.marker);
    auto bad = bench.marker;
    std::swap(bad[0], bad[2]);
    EXPECT_EQ(fault(record, bad), "m.csv: marker: its spans are out of order or too long");
}

}  // namespace
}  // namespace bitwright
