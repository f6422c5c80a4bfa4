// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/migrations.h"
#include "core/workspace/database.h"
#include "core/workspace/models.h"
#include "core/workspace/workspace.h"
#include "tests/support/shared_data.h"

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>

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
