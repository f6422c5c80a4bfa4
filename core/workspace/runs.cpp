// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/runs.h"

#include "core/workspace/database.h"
#include "core/workspace/stored_json.h"


namespace bitwright {
namespace {

constexpr const char* select_run =
    "SELECT id, package, conditions, prompt_tokens, generated, repeats, state, output_hash, note, log, start, finish, tags, archived, runtime, offload, evidence FROM runs ";

RunRow row_of(const Workspace& workspace, SQLite::Database& db, SQLite::Statement& query)
{
    RunRow row;
    int i = 0;
    for (auto* number : {&row.id, &row.package, &row.conditions, &row.prompt_tokens, &row.generated, &row.repeats}) *number = query.getColumn(i++).getInt64();
    row.aborted = query.getColumn(6).getString() == "aborted";
    row.output_hash = optional_string(query.getColumn(7));
    row.note = optional_string(query.getColumn(8));
    row.log = query.getColumn(9).getString();
    row.start = query.getColumn(10).getString();
    row.finish = query.getColumn(11).getString();
    row.tags = stored_json<std::vector<std::string>>(workspace, "run:" + std::to_string(row.id) + ", tags", query.getColumn(12).getString());
    row.archived = query.getColumn(13).getInt() != 0;
    row.runtime = query.getColumn(14).getString();
    row.offload = optional_string(query.getColumn(15));
    row.evidence = optional_string(query.getColumn(16));
    SQLite::Statement measured(db, "SELECT id, quantity, unit, value FROM measurements WHERE run = ? ORDER BY id");
    measured.bind(1, row.id);
    while (measured.executeStep()) {
        Measurement measurement{measured.getColumn(1).getString(), measured.getColumn(2).getString(), measured.getColumn(3).getDouble(), {}};
        SQLite::Statement samples(db, "SELECT value FROM samples WHERE measurement = ? ORDER BY repeat");
        samples.bind(1, measured.getColumn(0).getInt64());
        while (samples.executeStep()) measurement.samples.push_back(samples.getColumn(0).getDouble());
        row.measurements.push_back(std::move(measurement));
    }
    return row;
}

}  // namespace

std::int64_t put_package(Workspace& workspace, const PackageRow& package)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "INSERT INTO packages (sha256, path, bytes, recipe_hash, recipe, conversions, created) VALUES (?, ?, ?, ?, ?, ?, ?) "
                              "ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, recipe = coalesce(recipe, excluded.recipe), "
                              "conversions = coalesce(excluded.conversions, conversions)");
        row.bind(1, package.sha256);
        row.bind(2, package.path);
        row.bind(3, package.bytes);
        row.bind(4, package.recipe_hash);
        bind_optional(row, 5, package.recipe);
        bind_optional(row, 6, package.conversions);
        row.bind(7, timestamp());
        row.exec();
        SQLite::Statement query(db, "SELECT id FROM packages WHERE sha256 = ?");
        query.bind(1, package.sha256);
        query.executeStep();
        return query.getColumn(0).getInt64();
    });
}

PackageRow get_package(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT id, sha256, path, recipe_hash, bytes, recipe, conversions FROM packages WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "package:" + std::to_string(id), "is not in the workspace");
        return PackageRow{query.getColumn(0).getInt64(), query.getColumn(1).getString(),   query.getColumn(2).getString(),     query.getColumn(3).getString(),
                          query.getColumn(4).getInt64(), optional_int(query.getColumn(5)), optional_string(query.getColumn(6))};
    });
}

std::int64_t put_run(Workspace& workspace, const RunRow& run)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "INSERT INTO runs (package, conditions, prompt_tokens, generated, repeats, state, output_hash, log, start, finish, tags, note, runtime, offload, evidence) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        int i = 1;
        for (const auto number : {run.package, run.conditions, run.prompt_tokens, run.generated, run.repeats}) row.bind(i++, number);
        row.bind(6, run.aborted ? "aborted" : "done");
        bind_optional(row, 7, run.output_hash);
        row.bind(8, run.log);
        row.bind(9, run.start);
        row.bind(10, run.finish);
        row.bind(11, nlohmann::json(run.tags).dump());
        bind_optional(row, 12, run.note);
        row.bind(13, run.runtime);
        bind_optional(row, 14, run.offload);
        bind_optional(row, 15, run.evidence);
        row.exec();
        const auto id = db.getLastInsertRowid();
        for (const auto& measurement : run.measurements) {
            SQLite::Statement measured(db, "INSERT INTO measurements (run, quantity, unit, value) VALUES (?, ?, ?, ?)");
            measured.bind(1, id);
            measured.bind(2, measurement.quantity);
            measured.bind(3, measurement.unit);
            measured.bind(4, measurement.value);
            measured.exec();
            const auto measurement_id = db.getLastInsertRowid();
            SQLite::Statement sample(db, "INSERT INTO samples (measurement, repeat, value) VALUES (?, ?, ?)");
            for (std::size_t repeat = 0; repeat < measurement.samples.size(); ++repeat) {
                sample.bind(1, measurement_id);
                sample.bind(2, static_cast<std::int64_t>(repeat));
                sample.bind(3, measurement.samples[repeat]);
                sample.exec();
                sample.reset();
            }
        }
        return id;
    });
}

RunRow get_run(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_run) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "run:" + std::to_string(id), "is not in the workspace; runs list shows them");
        return row_of(workspace, db, query);
    });
}

std::vector<RunRow> list_runs(const Workspace& workspace, bool archived)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<RunRow> rows;
        SQLite::Statement query(db, std::string(select_run) + (archived ? "" : "WHERE archived = 0 ") + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(row_of(workspace, db, query));
        return rows;
    });
}

}  // namespace bitwright
