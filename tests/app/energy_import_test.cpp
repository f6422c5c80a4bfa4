// SPDX-License-Identifier: GPL-3.0-or-later
// Energy rows of stored runs: a synthetic run whose power is known, seen by a meter whose clock is another.
#include "app/jobs/phone_energy.h"
#include "core/runtime/file.h"
#include "core/workspace/tensors.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <sstream>

namespace bitwright {
namespace {

constexpr std::int64_t second = 1'000'000'000, boot = 500 * second;

struct Load {
    double from_s, to_s, watts;
};

/// Marker, idle, five batches of 60 s with rests, idle, marker; 1 W idle, 4 W while it works, in seconds after the beginning.
struct KnownRun {
    std::string lines = "{\"type\":\"hello\",\"version\":\"0.1.0\",\"isa\":\"aarch64\",\"kernels\":\"scalar\"}\n";
    std::vector<Load> loads;
    double end = 0;

    KnownRun()
    {
        for (int i = 0; i < 3; ++i) work("marker", i, 1, 1, 0);
        rest("idle", 0, 40);
        for (int i = 0; i < 5; ++i) {
            work("batch", i, 60, 5, 3000, true);
            rest("rest", i, 15);
        }
        rest("idle", 1, 40);
        for (int i = 3; i < 6; ++i) work("marker", i, 1, 1, 0);
        lines += "{\"type\":\"end\",\"rc\":0,\"sha256\":\"" + std::string(64, 'e') + "\"}\n";
    }
    void phase(const std::string& name, int run, double from, double to, int tokens)
    {
        const auto ns = [](double s) { return std::to_string(boot + static_cast<std::int64_t>(s * 1e9)); };
        lines += "{\"type\":\"phase\",\"name\":\"" + name + "\",\"run\":" + std::to_string(run) + ",\"t0_ns\":" + ns(from) + ",\"t1_ns\":" + ns(to) + ",\"tokens\":" + std::to_string(tokens) + "}\n";
    }
    void work(const std::string& name, int run, double seconds, double after, int tokens, bool decodes = false)
    {
        if (decodes) phase("decode", run, end, end + seconds, tokens);
        phase(name, run, end, end + seconds, tokens);
        loads.push_back({end, end + seconds, 4});
        end += seconds + after;
    }
    void rest(const std::string& name, int run, double seconds)
    {
        phase(name, run, end, end + seconds, 0);
        end += seconds;
    }
    /// 50 samples a second on a clock that begins 12.5 s before the run.
    [[nodiscard]] std::string meter() const
    {
        std::ostringstream csv;
        csv << "time (s),power (W)\n";
        csv.precision(10);
        for (int i = 0; i < static_cast<int>((end + 30) * 50); ++i) {
            const double at = i / 50.0 - 12.5;
            double watts = 1;
            for (const auto& load : loads)
                if (at >= load.from_s && at < load.to_s) watts = load.watts;
            csv << i / 50.0 << "," << watts + (i % 2 ? 0.01 : -0.01) << "\n";
        }
        return csv.str();
    }
};

struct EnergyImport : ::testing::Test {
    std::filesystem::path folder = test::scratch(std::string("energy-import-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    Workspace workspace{folder / "w.bitwright"};

    std::int64_t stored(const std::string& lines, bool on_phone = true)
    {
        Conditions conditions;
        conditions.device_kind = "phone", conditions.device_identity = "1", conditions.device_name = "p", conditions.program = conditions.backend = "b";
        RunRow run;
        run.package = put_package(workspace, {0, std::string(64, 'a'), "/p", "recipe", 10, {}, {}});
        run.conditions = put_conditions(workspace, conditions);
        run.prompt_tokens = 1, run.generated = 10, run.repeats = 5;
        write_text(folder / "log", lines);
        run.log = put_file(workspace, folder / "log");
        run.start = run.finish = timestamp();
        run.output_hash = std::string(64, 'e');
        return on_phone ? put_device_run(workspace, run, {}, {}, {}) : put_run(workspace, run);
    }
};

TEST_F(EnergyImport, AKnownPowerComesBackFromAMeter)
{
    const KnownRun known;
    const auto run = stored(known.lines);
    write_text(folder / "meter.csv", known.meter());
    const auto imported = import_energy(workspace, run, folder / "meter.csv");
    ASSERT_EQ(imported.rows.size(), 1U);
    const auto energy = get_energies(workspace, run).at(0);
    EXPECT_EQ(energy.phase, "decode");
    EXPECT_EQ(energy.tier, "A");
    EXPECT_EQ(energy.source, "external meter");
    ASSERT_TRUE(energy.gross_j && energy.net_j && energy.mj_per_token);
    EXPECT_NEAR(*energy.gross_j, 240, 1.0);
    EXPECT_NEAR(*energy.net_j, 180, 1.0);
    EXPECT_NEAR(*energy.mj_per_token, 60, 0.4);
    EXPECT_NEAR(*energy.mean_w, 4, 0.02);
}

TEST_F(EnergyImport, WhatCannotBeImportedIsSaid)
{
    const KnownRun known;
    write_text(folder / "meter.csv", "time (s),power (W)\n0,1\n1,1\n2,1\n");
    EXPECT_THROW((void)import_energy(workspace, stored(known.lines), folder / "meter.csv"), Error) << "no marker in the record";
    EXPECT_THROW((void)import_energy(workspace, stored(known.lines, false), folder / "meter.csv"), Error) << "not on a phone";
    auto unmarked = known.lines;
    for (auto at = unmarked.find("marker"); at != std::string::npos; at = unmarked.find("marker")) unmarked.replace(at, 6, "rest");
    EXPECT_THROW((void)import_energy(workspace, stored(unmarked), folder / "meter.csv"), Error);
    EXPECT_THROW((void)import_energy(workspace, 99, folder / "meter.csv"), Error);
}

TEST(PhoneEnergy, PluggedInHasAReasonAndNoNumber)
{
    CollectedRun run;
    run.log.phases = {{"idle", 0, 0, 40 * second, 0}, {"decode", 0, 40 * second, 110 * second, 10}, {"idle", 1, 110 * second, 150 * second, 0}};
    for (int i = 0; i < 600; ++i) run.log.power.push_back({i * second / 4, 4'000'000, 900'000 + i, 3'000'000, 60, 300, "Charging"});
    const auto rows = energies_of(run, {});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].tier, "X");
    EXPECT_NE(rows[0].reason->find("Plugged in"), std::string::npos);
    EXPECT_FALSE(rows[0].gross_j || rows[0].net_j || rows[0].mean_w);
    run.log.power.clear();
    EXPECT_TRUE(energies_of(run, {}).empty()) << "nobody sampled";
}

}  // namespace
}  // namespace bitwright
