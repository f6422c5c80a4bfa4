// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/device_runs.h"

#include "core/runtime/hash.h"
#include "core/workspace/database.h"
#include "core/workspace/jobs.h"
#include "core/workspace/stored_json.h"

namespace bitwright {
namespace {

Answer answer_of(const std::string& name) { return name == "same" ? Answer::same : name == "wrong" ? Answer::wrong : Answer::unchecked; }

void insert_energy(SQLite::Database& db, std::int64_t run, const EnergyRow& energy)
{
    SQLite::Statement row(db,
                          "INSERT OR REPLACE INTO energy (run, phase, tier, source, reason, flags, gross_j, gross_u, net_j, net_u, mj_per_token, mj_per_token_u, mean_w, "
                          "peak_w, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    row.bind(1, run);
    row.bind(2, energy.phase);
    row.bind(3, energy.tier);
    row.bind(4, energy.source);
    bind_optional(row, 5, energy.reason);
    row.bind(6, nlohmann::json(energy.flags).dump());
    int i = 7;
    for (const auto* number :
         {&energy.gross_j, &energy.gross_u, &energy.net_j, &energy.net_u, &energy.mj_per_token, &energy.mj_per_token_u, &energy.mean_w, &energy.peak_w})
        bind_optional(row, i++, *number);
    row.bind(15, energy.detail);
    row.exec();
}

void insert_device_run(SQLite::Database& db, const DeviceRun& device)
{
    SQLite::Statement row(db,
                          "INSERT INTO device_runs (run, answer, expected_hash, plan, before, after, thermal_before, thermal_highest, thermal_after, battery_before_c, "
                          "battery_highest_c, level_before, level_after, screen_on, memory_available, frequencies, session, position) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    row.bind(1, device.run);
    row.bind(2, name_of(device.answer));
    bind_optional(row, 3, device.expected_hash);
    row.bind(4, device.plan);
    bind_optional(row, 5, device.before);
    bind_optional(row, 6, device.after);
    int i = 7;
    for (const auto* status : {&device.thermal_before, &device.thermal_highest, &device.thermal_after}) bind_optional(row, i++, *status);
    for (const auto* number : {&device.battery_before_c, &device.battery_highest_c, &device.level_before, &device.level_after}) bind_optional(row, i++, *number);
    bind_optional(row, 14, device.screen_on ? std::optional<std::int64_t>(*device.screen_on) : std::nullopt);
    bind_optional(row, 15, device.memory_available);
    bind_optional(row, 16, device.frequencies);
    bind_optional(row, 17, device.session);
    bind_optional(row, 18, device.position);
    row.exec();
}

}  // namespace

std::string device_identity(std::string_view serial) { return sha256_hex("bitwright device " + std::string(serial)).substr(0, 16); }

const char* name_of(Answer answer) noexcept { return answer == Answer::same ? "same" : answer == Answer::wrong ? "wrong" : "unchecked"; }

std::int64_t put_device_run(Workspace& workspace, RunRow run, DeviceRun device, const std::vector<EnergyRow>& energies, std::optional<std::int64_t> job)
{
    if (device.answer == Answer::wrong) {
        run.aborted = true;
        run.measurements.clear();
    }
    return workspace.database().write([&](SQLite::Database& db) {
        device.run = put_run(workspace, run);
        insert_device_run(db, device);
        if (device.answer != Answer::wrong)
            for (const auto& energy : energies) insert_energy(db, device.run, energy);
        if (job) end_job(workspace, *job, JobState::done, to_string(Reference{"run", device.run}));
        return device.run;
    });
}

std::optional<DeviceRun> get_device_run(const Workspace& workspace, std::int64_t run)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<DeviceRun> {
        SQLite::Statement query(db,
                                "SELECT answer, expected_hash, plan, before, after, thermal_before, thermal_highest, thermal_after, battery_before_c, battery_highest_c, "
                                "level_before, level_after, screen_on, memory_available, frequencies, session, position FROM device_runs WHERE run = ?");
        query.bind(1, run);
        if (!query.executeStep()) return std::nullopt;
        DeviceRun device;
        device.run = run;
        device.answer = answer_of(query.getColumn(0).getString());
        device.expected_hash = optional_string(query.getColumn(1));
        device.plan = query.getColumn(2).getString();
        device.before = optional_string(query.getColumn(3));
        device.after = optional_string(query.getColumn(4));
        int i = 5;
        for (auto* status : {&device.thermal_before, &device.thermal_highest, &device.thermal_after}) *status = optional_int(query.getColumn(i++));
        for (auto* number : {&device.battery_before_c, &device.battery_highest_c, &device.level_before, &device.level_after}) *number = optional_double(query.getColumn(i++));
        if (const auto on = optional_int(query.getColumn(12))) device.screen_on = *on != 0;
        device.memory_available = optional_int(query.getColumn(13));
        device.frequencies = optional_string(query.getColumn(14));
        device.session = optional_string(query.getColumn(15));
        device.position = optional_int(query.getColumn(16));
        return device;
    });
}

std::vector<EnergyRow> get_energies(const Workspace& workspace, std::int64_t run)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<EnergyRow> rows;
        SQLite::Statement query(db,
                                "SELECT phase, tier, source, reason, flags, gross_j, gross_u, net_j, net_u, mj_per_token, mj_per_token_u, mean_w, peak_w, detail FROM energy "
                                "WHERE run = ? ORDER BY phase");
        query.bind(1, run);
        while (query.executeStep()) {
            EnergyRow row;
            row.phase = query.getColumn(0).getString();
            row.tier = query.getColumn(1).getString();
            row.source = query.getColumn(2).getString();
            row.reason = optional_string(query.getColumn(3));
            row.flags = stored_json<std::vector<std::string>>(workspace, "energy of run:" + std::to_string(run) + ", flags", query.getColumn(4).getString());
            int i = 5;
            for (auto* number : {&row.gross_j, &row.gross_u, &row.net_j, &row.net_u, &row.mj_per_token, &row.mj_per_token_u, &row.mean_w, &row.peak_w})
                *number = optional_double(query.getColumn(i++));
            row.detail = query.getColumn(13).getString();
            rows.push_back(std::move(row));
        }
        return rows;
    });
}

void put_energy(Workspace& workspace, std::int64_t run, const EnergyRow& energy)
{
    (void)get_run(workspace, run);
    workspace.database().write([&](SQLite::Database& db) { insert_energy(db, run, energy); });
}

std::vector<std::int64_t> runs_of_session(const Workspace& workspace, const std::string& session)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<std::int64_t> runs;
        SQLite::Statement query(db, "SELECT run FROM device_runs WHERE session = ? ORDER BY position");
        query.bind(1, session);
        while (query.executeStep()) runs.push_back(query.getColumn(0).getInt64());
        return runs;
    });
}

std::optional<std::string> find_expected_hash(const Workspace& workspace, std::int64_t package, std::int64_t prompt_tokens, std::int64_t generated)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<std::string> {
        SQLite::Statement query(db,
                                "SELECT expected_hash FROM device_runs JOIN runs ON runs.id = run WHERE package = ? AND prompt_tokens = ? AND generated = ? "
                                "AND expected_hash IS NOT NULL ORDER BY run DESC LIMIT 1");
        query.bind(1, package);
        query.bind(2, prompt_tokens);
        query.bind(3, generated);
        if (!query.executeStep()) return std::nullopt;
        return query.getColumn(0).getString();
    });
}

std::int64_t put_phone_change(Workspace& workspace, const PhoneChange& change)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT INTO phone_changes (identity, what, undo, made) VALUES (?, ?, ?, ?)");
        row.bind(1, change.identity);
        row.bind(2, change.what);
        row.bind(3, nlohmann::json(change.undo).dump());
        row.bind(4, timestamp());
        row.exec();
        return db.getLastInsertRowid();
    });
}

std::vector<PhoneChange> phone_changes(const Workspace& workspace, const std::string& identity)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<PhoneChange> changes;
        SQLite::Statement query(db, "SELECT id, identity, what, undo, made, problem FROM phone_changes WHERE undone IS NULL AND (?1 = '' OR identity = ?1) ORDER BY id DESC");
        query.bind(1, identity);
        while (query.executeStep()) {
            PhoneChange change;
            change.id = query.getColumn(0).getInt64();
            change.identity = query.getColumn(1).getString();
            change.what = query.getColumn(2).getString();
            change.undo = stored_json<std::vector<std::string>>(workspace, "phone_changes " + std::to_string(change.id) + ", undo", query.getColumn(3).getString());
            change.made = query.getColumn(4).getString();
            change.problem = optional_string(query.getColumn(5));
            changes.push_back(std::move(change));
        }
        return changes;
    });
}

void phone_change_undone(Workspace& workspace, std::int64_t id, const std::optional<std::string>& problem)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "UPDATE phone_changes SET undone = ?, problem = ? WHERE id = ?");
        bind_optional(row, 1, problem ? std::nullopt : std::optional(timestamp()));
        bind_optional(row, 2, problem);
        row.bind(3, id);
        row.exec();
    });
}

}  // namespace bitwright
