// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/migrations.h"
#include "core/workspace/database.h"
#include "core/workspace/device_runs.h"
#include "core/workspace/models.h"
#include "core/workspace/workspace.h"
#include "tests/support/shared_data.h"

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace bitwright {
namespace {

std::string schema_of(const std::filesystem::path& path)
{
    const SQLite::Database db(path.string(), SQLite::OPEN_READONLY);
    SQLite::Statement query(db, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name");
    std::string text;
    while (query.executeStep()) text += query.getColumn(2).getString() + "\n";
    return text;
}

// The workspace of every older version, with a row in it, comes to the schema a new one has, and keeps the row.
TEST(Migrations, ApplyFromEveryOlderVersion)
{
    const auto folder = test::scratch("migrations");
    {
        const Workspace fresh(folder / "fresh.bitwright");
    }
    const auto newest = schema_of(folder / "fresh.bitwright");
    for (std::size_t version = 1; version < migrations().size(); ++version) {
        const auto path = folder / ("v" + std::to_string(version) + ".bitwright");
        {
            SQLite::Database db(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
            db.exec("PRAGMA synchronous = OFF");
            for (std::size_t i = 0; i < version; ++i) db.exec(migrations()[i].sql);
            db.exec("PRAGMA application_id = " + std::to_string(application_id));
            db.exec("PRAGMA user_version = " + std::to_string(version));
            db.exec("INSERT INTO models (content_hash, family, architecture, created) VALUES ('" + std::string(64, 'a') + "', 'llama', 'x', '2026')");
        }
        {
            const Workspace workspace(path);
            EXPECT_EQ(get_model(workspace, 1).family, "llama");
            EXPECT_FALSE(get_model(workspace, 1).parameters.has_value()) << "unknown stays unknown";
        }
        EXPECT_EQ(schema_of(path), newest) << "from version " << version;
    }
}

using Columns = std::map<std::string, std::string>;  // of each table, "a, b, c"

Columns columns_of(SQLite::Database& db)
{
    Columns tables;
    SQLite::Statement names(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (names.executeStep()) {
        const auto table = names.getColumn(0).getString();
        SQLite::Statement columns(db, "SELECT group_concat(name, ', ') FROM pragma_table_info('" + table + "')");
        columns.executeStep();
        tables[table] = columns.getColumn(0).getString();
    }
    return tables;
}

/// Every row of these columns, with the type of each value.
std::map<std::string, std::vector<std::string>> rows_of(SQLite::Database& db, const Columns& tables)
{
    std::map<std::string, std::vector<std::string>> all;
    for (const auto& [table, columns] : tables) {
        SQLite::Statement query(db, "SELECT " + columns + " FROM " + table + " ORDER BY " + columns);
        auto& rows = all[table];
        while (query.executeStep()) {
            std::string row;
            for (int i = 0; i < query.getColumnCount(); ++i) row += std::to_string(query.getColumn(i).getType()) + ":" + query.getColumn(i).getString() + "|";
            rows.push_back(row);
        }
    }
    return all;
}

/// Two runs with all that hangs on them in a workspace of this version (2: the first that has runs), and a job that names one.
void put_runs(SQLite::Database& db, std::size_t version)
{
    const std::string hash(64, 'b'), output(64, 'c');
    db.exec("INSERT INTO models (content_hash, family, architecture, created) VALUES ('" + std::string(64, 'a') + "', 'llama', 'x', '2026')");
    db.exec("INSERT INTO tensor VALUES ('" + hash + "', 'U8', '[2]', 2, x'7b7d', '2026')");
    db.exec("INSERT INTO packages (sha256, path, bytes, recipe_hash, created) VALUES ('" + hash + "', 'p', 9, 'r', '2026')");
    db.exec(version < 7 ? "INSERT INTO devices (kind, name, facts, created) VALUES ('local', 'here', '{\"cores\": 2}', '2026')"
                        : "INSERT INTO devices (kind, identity, name, facts, created) VALUES ('phone', '0123456789abcdef', 'a phone', '{\"cores\": 8}', '2026')");
    db.exec("INSERT INTO conditions (device, program, backend, threads, load_average, governor, temperature_c, power_source, seed, created) "
            "VALUES (1, 'p', 'b', 4, 0.25, 'walt', 31.5, 'battery', 7, '2026')");
    const std::string columns = "INSERT INTO runs (id, package, conditions, prompt_tokens, generated, repeats, state, output_hash, log, start, finish, tags, note, archived) VALUES (";
    db.exec(columns + "3, 1, 1, 64, 32, 5, 'done', '" + output + "', '" + hash + "', 's', 'f', '[\"best\", \"paper\"]', 'the note', 0)");
    db.exec(columns + "8, 1, 1, 64, 0, 1, 'aborted', NULL, '" + hash + "', 's', 'f', '[]', NULL, 1)");
    db.exec("INSERT INTO measurements (run, quantity, unit, value) VALUES (3, 'decode_tokens_per_s', '1/s', 12.125), (3, 'peak_rss', 'B', 4096)");
    db.exec("INSERT INTO samples VALUES (1, 0, 12.0), (1, 1, 12.25), (2, 0, 4096)");
    db.exec("INSERT INTO jobs (kind, key, args, state, process, process_start, start, heartbeat, finish, result) VALUES ('measure', 'k', '{}', 'done', 1, 's', 's', 's', 's', 'run:3')");
    if (version < 7) return;
    db.exec("INSERT INTO device_runs (run, answer, expected_hash, plan, level_before, session, position) VALUES (3, 'same', '" + output + "', '{}', 64, 'ab', 1)");
    db.exec("INSERT INTO energy (run, phase, tier, source, reason) VALUES (3, 'run', 'X', 'battery gauge', 'Plugged in')");
    db.exec("INSERT INTO phone_changes (identity, what, undo, made) VALUES ('0123456789abcdef', 'w', '[]', '2026')");
    if (version < 8) return;
    db.exec("UPDATE runs SET runtime = 'llama.cpp', offload = 'verified accelerator', evidence = 'line' WHERE id = 8");
}

// Rebuilding the tables of devices (0007) and of runs (0008) loses no row, value, tag or mark, and what hangs on a run still does.
TEST(Migrations, KeepRunsAndAllThatHangsOnThem)
{
    const auto folder = test::scratch("migrations-runs");
    for (std::size_t version = 2; version < migrations().size(); ++version) {
        SCOPED_TRACE("from version " + std::to_string(version));
        const auto path = folder / ("v" + std::to_string(version) + ".bitwright");
        Columns columns;
        std::map<std::string, std::vector<std::string>> before;
        {
            SQLite::Database db(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
            db.exec("PRAGMA synchronous = OFF");
            for (std::size_t i = 0; i < version; ++i) db.exec(migrations()[i].sql);
            db.exec("PRAGMA application_id = " + std::to_string(application_id));
            db.exec("PRAGMA user_version = " + std::to_string(version));
            db.exec("PRAGMA foreign_keys = ON");
            put_runs(db, version);
            columns = columns_of(db);
            before = rows_of(db, columns);
        }
        {
            Workspace workspace(path);
            const auto run = get_run(workspace, 3);
            EXPECT_EQ(run.tags, (std::vector<std::string>{"best", "paper"}));
            EXPECT_EQ(run.note, "the note");
            EXPECT_EQ(run.runtime, "bitwright");
            ASSERT_EQ(run.measurements.size(), 2U);
            EXPECT_EQ(run.measurements[0].samples, (std::vector<double>{12.0, 12.25}));
            EXPECT_TRUE(get_run(workspace, 8).archived);
            EXPECT_EQ(get_run(workspace, 8).runtime, version < 8 ? "bitwright" : "llama.cpp");
            EXPECT_EQ(list_runs(workspace, true).size(), 2U);
            EXPECT_EQ(get_energies(workspace, 3).size(), version < 7 ? 0U : 1U);
        }
        SQLite::Database db(path.string(), SQLite::OPEN_READWRITE);
        EXPECT_EQ(rows_of(db, columns), before);
        SQLite::Statement broken(db, "PRAGMA foreign_key_check");
        EXPECT_FALSE(broken.executeStep());
        db.exec("PRAGMA foreign_keys = ON");
        EXPECT_THROW(db.exec("INSERT INTO measurements (run, quantity, unit, value) VALUES (4, 'x', 's', 1)"), SQLite::Exception) << "of no run";
        EXPECT_THROW(db.exec("DELETE FROM packages"), SQLite::Exception) << "runs still refer to it";
        db.exec("DELETE FROM runs WHERE id = 3");
        for (const auto* table : {"measurements", "samples", "device_runs", "energy"})
            EXPECT_EQ(db.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt(), 0) << table << " goes with its run";
    }
}

TEST(Migrations, AreNumberedAndNamed)
{
    ASSERT_GE(migrations().size(), 2U);
    for (std::size_t i = 0; i < migrations().size(); ++i) EXPECT_EQ(std::stoul(migrations()[i].name), i + 1);
}

// The schema itself refuses a result without conditions or hashes, and 0 for unknown.
TEST(Migrations, TheSchemaRefusesResultsWithoutTheirConditions)
{
    const auto path = test::scratch("schema") / "w.bitwright";
    {
        const Workspace workspace(path);
    }
    SQLite::Database db(path.string(), SQLite::OPEN_READWRITE);
    db.exec("PRAGMA foreign_keys = ON");
    const std::string hash(64, 'b');
    db.exec("INSERT INTO models (content_hash, family, architecture, created) VALUES ('" + hash + "', 'llama', 'x', '')");
    db.exec("INSERT INTO tensor VALUES ('" + hash + "', 'F64', '[0]', 0, x'', '')");
    db.exec("INSERT INTO devices (kind, name, facts, created) VALUES ('local', 'd', '{}', '')");
    db.exec("INSERT INTO conditions (device, program, backend, created) VALUES (1, 'p', 'b', '')");
    const auto evaluation = [&](const std::string& values) {
        return "INSERT INTO evaluations (level, placement, model, recipe, package, conditions, definition, token_hash, windows, tokens, nll_sum, words, "
               "whole_text, window_nll, created) VALUES (" +
               values + ", 0, '" + hash + "', '')";
    };
    const auto tokens = ", 'd', '" + hash + "', 1, 5, 9.5, ";
    EXPECT_NO_THROW(db.exec(evaluation("'float', NULL, 1, NULL, NULL, 1" + tokens + "NULL")));
    EXPECT_THROW(db.exec(evaluation("'float', NULL, 1, NULL, NULL, NULL" + tokens + "NULL")), SQLite::Exception) << "no conditions";
    EXPECT_THROW(db.exec(evaluation("'float', NULL, 1, NULL, NULL, 7" + tokens + "NULL")), SQLite::Exception) << "conditions that do not exist";
    EXPECT_THROW(db.exec(evaluation("'float', NULL, NULL, NULL, NULL, 1" + tokens + "NULL")), SQLite::Exception) << "no model";
    EXPECT_THROW(db.exec(evaluation("'simulated', 'paper', 1, NULL, NULL, 1" + tokens + "NULL")), SQLite::Exception) << "simulated without a recipe";
    EXPECT_THROW(db.exec(evaluation("'integer', NULL, 1, NULL, NULL, 1" + tokens + "NULL")), SQLite::Exception) << "integer without a package";
    EXPECT_THROW(db.exec(evaluation("'float', NULL, 1, NULL, NULL, 1" + tokens + "0")), SQLite::Exception) << "0 words for unknown";
    EXPECT_THROW(db.exec("INSERT INTO measurements (run, quantity, unit, value) VALUES (1, 'x', 's', 1)"), SQLite::Exception) << "measurement of no run";
    EXPECT_THROW(db.exec("UPDATE models SET content_hash = 'short'"), SQLite::Exception);
}

}  // namespace
}  // namespace bitwright
