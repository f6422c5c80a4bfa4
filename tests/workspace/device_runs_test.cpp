// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/device_runs.h"
#include "core/workspace/jobs.h"
#include "core/workspace/migrations.h"
#include "core/workspace/database.h"
#include "core/workspace/tensors.h"
#include "core/runtime/file.h"
#include "tests/support/shared_data.h"

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

namespace bitwright {
namespace {

struct DeviceRuns : ::testing::Test {
    std::filesystem::path folder = test::scratch(std::string("device-runs-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    Workspace workspace{folder / "w.bitwright"};

    RunRow run_on(const std::string& kind, const std::string& identity)
    {
        Conditions conditions;
        conditions.device_kind = kind;
        conditions.device_identity = identity;
        conditions.device_name = "Demo Phone";
        conditions.program = conditions.backend = "b";
        RunRow run;
        run.package = put_package(workspace, {0, std::string(64, 'a'), "/p", "recipe", 10, {}, {}});
        run.conditions = put_conditions(workspace, conditions);
        run.prompt_tokens = 4, run.generated = 8, run.repeats = 2;
        write_text(folder / "log", "{}\n");
        run.log = put_file(workspace, folder / "log");
        run.start = run.finish = timestamp();
        run.output_hash = std::string(64, 'e');
        run.measurements = {{"decode_tokens_per_s", "1/s", 5, {4, 6}}};
        return run;
    }
};

TEST_F(DeviceRuns, ComeBackWithTheirCircumstancesAndEnergy)
{
    DeviceRun device;
    device.answer = Answer::same;
    device.expected_hash = std::string(64, 'e');
    device.before = R"({"level":57})";
    device.thermal_before = 0, device.thermal_highest = 2;
    device.battery_before_c = 31.2;
    device.screen_on = false;
    device.session = "s", device.position = 1;
    EnergyRow energy;
    energy.tier = "B", energy.source = "battery gauge", energy.net_j = 1.5, energy.flags = {"CV above 5 %"};
    bool resumed = false;
    const auto job = begin_job(workspace, "measure", "k", "{}", false, resumed);
    const auto id = put_device_run(workspace, run_on("phone", device_identity("SERIAL1")), device, {energy}, job.id);
    EXPECT_EQ(get_job(workspace, job.id).result, "run:" + std::to_string(id));
    const auto back = get_device_run(workspace, id);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->answer, Answer::same);
    EXPECT_EQ(back->before, R"({"level":57})");
    EXPECT_EQ(back->thermal_highest, 2);
    EXPECT_FALSE(back->thermal_after) << "not told is absent";
    EXPECT_EQ(back->battery_before_c, 31.2);
    EXPECT_EQ(back->screen_on, false);
    EXPECT_EQ(runs_of_session(workspace, "s"), std::vector<std::int64_t>{id});
    const auto energies = get_energies(workspace, id);
    ASSERT_EQ(energies.size(), 1U);
    EXPECT_EQ(energies[0].net_j, 1.5);
    EXPECT_FALSE(energies[0].gross_j);
    EXPECT_EQ(energies[0].flags, energy.flags);
    EXPECT_EQ(get_run(workspace, id).measurements.size(), 1U);
    EXPECT_EQ(get_conditions(workspace, get_run(workspace, id).conditions).device_kind, "phone");
    EXPECT_EQ(find_expected_hash(workspace, back->run ? get_run(workspace, id).package : 0, 4, 8), device.expected_hash);
    EXPECT_FALSE(find_expected_hash(workspace, get_run(workspace, id).package, 4, 9));
}

TEST_F(DeviceRuns, AWrongAnswerIsNoFastResult)
{
    DeviceRun device;
    device.answer = Answer::wrong;
    device.expected_hash = std::string(64, 'f');
    EnergyRow energy;
    energy.tier = "B", energy.source = "battery gauge", energy.net_j = 1.5;
    const auto id = put_device_run(workspace, run_on("phone", "1"), device, {energy}, {});
    EXPECT_TRUE(get_run(workspace, id).aborted);
    EXPECT_TRUE(get_run(workspace, id).measurements.empty());
    EXPECT_TRUE(get_energies(workspace, id).empty());
    EXPECT_EQ(get_run(workspace, id).output_hash, std::string(64, 'e')) << "what it said is kept";
}

TEST_F(DeviceRuns, EnergyWithoutATierHasAReasonAndNoNumber)
{
    const auto id = put_device_run(workspace, run_on("phone", "1"), {}, {}, {});
    EnergyRow energy;
    energy.source = "battery gauge", energy.reason = "the phone was plugged in";
    put_energy(workspace, id, energy);
    energy.net_j = 1;
    EXPECT_THROW(put_energy(workspace, id, energy), Error) << "the schema refuses it";
    energy.net_j.reset(), energy.reason.reset();
    EXPECT_THROW(put_energy(workspace, id, energy), Error);
    EXPECT_EQ(get_energies(workspace, id).at(0).reason, "the phone was plugged in");
}

TEST_F(DeviceRuns, SimulatedAndHardwareAreTwoDevicesAndNoSerialIsStored)
{
    const auto one = get_conditions(workspace, run_on("phone", device_identity("SERIAL1")).conditions), other = get_conditions(workspace, run_on("simulated", device_identity("SERIAL1")).conditions);
    EXPECT_EQ(one.device_kind, "phone");
    EXPECT_EQ(other.device_kind, "simulated");
    EXPECT_EQ(one.device_identity, other.device_identity);
    EXPECT_EQ(one.device_identity.size(), 16U);
    EXPECT_EQ(one.device_identity.find("SERIAL"), std::string::npos);
    EXPECT_THROW((void)run_on("phone", ""), Error) << "a phone without identity";
    EXPECT_THROW((void)run_on("adb", "1"), Error);
}

TEST_F(DeviceRuns, WhatWasChangedStaysInTheListUntilItIsUndone)
{
    const auto first = put_phone_change(workspace, {0, "a", "charging is suspended", "", {"setprop", "power.battery_input.suspended", ""}, {}});
    const auto second = put_phone_change(workspace, {0, "b", "the screen stays on", "", {"svc", "power", "stayon", "false"}, {}});
    ASSERT_EQ(phone_changes(workspace, "").size(), 2U);
    EXPECT_EQ(phone_changes(workspace, "").front().id, second) << "undone in the opposite order";
    ASSERT_EQ(phone_changes(workspace, "a").size(), 1U);
    EXPECT_EQ(phone_changes(workspace, "a")[0].undo, (std::vector<std::string>{"setprop", "power.battery_input.suspended", ""}));
    phone_change_undone(workspace, first, "not permitted");
    EXPECT_EQ(phone_changes(workspace, "a").at(0).problem, "not permitted");
    phone_change_undone(workspace, first);
    EXPECT_TRUE(phone_changes(workspace, "a").empty());
}

TEST(DeviceMigration, KeepsDevicesAndWhatRefersToThem)
{
    const auto path = test::scratch("device-migration") / "w.bitwright";
    {
        SQLite::Database db(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        for (std::size_t i = 0; i < 6; ++i) db.exec(migrations()[i].sql);
        db.exec("PRAGMA application_id = " + std::to_string(application_id));
        db.exec("PRAGMA user_version = 6");
        db.exec("INSERT INTO devices (kind, name, facts, created) VALUES ('local', 'd', '{}', '')");
        db.exec("INSERT INTO conditions (device, program, backend, created) VALUES (1, 'p', 'b', '')");
    }
    Workspace workspace(path);
    EXPECT_EQ(get_conditions(workspace, 1).device_name, "d");
    EXPECT_EQ(get_conditions(workspace, 1).device_kind, "local");
    Conditions same;
    same.device_name = "d", same.program = "p", same.backend = "b";
    EXPECT_EQ(get_conditions(workspace, put_conditions(workspace, same)).device_name, "d");
}

}  // namespace
}  // namespace bitwright
