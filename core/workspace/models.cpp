// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/models.h"

#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/workspace/database.h"

namespace bitwright {
namespace {

constexpr const char* select_model =
    "SELECT m.id, m.content_hash, m.family, m.architecture, m.parameters, m.weight_bytes, "
    "(SELECT path FROM model_places WHERE model = m.id ORDER BY seen DESC LIMIT 1) FROM models m ";

ModelRow row_of(SQLite::Statement& query)
{
    ModelRow row;
    row.id = query.getColumn(0).getInt64();
    row.content_hash = query.getColumn(1).getString();
    row.family = query.getColumn(2).getString();
    row.architecture = query.getColumn(3).getString();
    row.parameters = optional_int(query.getColumn(4));
    row.weight_bytes = optional_int(query.getColumn(5));
    row.path = query.getColumn(6).getString();
    return row;
}

}  // namespace

std::optional<std::string> known_content_hash(const Workspace& workspace, const std::string& identity)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<std::string> {
        SQLite::Statement query(db, "SELECT content_hash FROM models JOIN model_places ON model = models.id WHERE identity = ?");
        query.bind(1, identity);
        return query.executeStep() ? std::optional(query.getColumn(0).getString()) : std::nullopt;
    });
}

std::int64_t put_model(Workspace& workspace, const ModelRow& model, const std::string& identity)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "INSERT INTO models (content_hash, family, architecture, parameters, weight_bytes, created) VALUES (?, ?, ?, ?, ?, ?) "
                              "ON CONFLICT (content_hash) DO NOTHING");
        row.bind(1, model.content_hash);
        row.bind(2, model.family);
        row.bind(3, model.architecture);
        bind_optional(row, 4, model.parameters);
        bind_optional(row, 5, model.weight_bytes);
        row.bind(6, timestamp());
        row.exec();
        SQLite::Statement query(db, "SELECT id FROM models WHERE content_hash = ?");
        query.bind(1, model.content_hash);
        query.executeStep();
        const auto id = query.getColumn(0).getInt64();
        SQLite::Statement place(db,
                                "INSERT INTO model_places (identity, model, path, seen) VALUES (?, ?, ?, ?) "
                                "ON CONFLICT (identity) DO UPDATE SET model = excluded.model, path = excluded.path, seen = excluded.seen");
        place.bind(1, identity);
        place.bind(2, id);
        place.bind(3, model.path);
        place.bind(4, timestamp());
        place.exec();
        return id;
    });
}

ModelRow get_model(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_model) + "WHERE m.id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "model:" + std::to_string(id), "is not in the workspace");
        return row_of(query);
    });
}

std::vector<ModelRow> list_models(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<ModelRow> rows;
        SQLite::Statement query(db, std::string(select_model) + "ORDER BY (SELECT max(seen) FROM model_places WHERE model = m.id) DESC");
        while (query.executeStep()) rows.push_back(row_of(query));
        return rows;
    });
}

std::optional<ModelRow> find_model(const Workspace& workspace, const std::string& content_hash)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<ModelRow> {
        SQLite::Statement query(db, std::string(select_model) + "WHERE m.content_hash = ?");
        query.bind(1, content_hash);
        return query.executeStep() ? std::optional(row_of(query)) : std::nullopt;
    });
}

std::string text_path(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT path FROM texts WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "text " + std::to_string(id), "is not in the workspace");
        return query.getColumn(0).getString();
    });
}

std::int64_t put_text(Workspace& workspace, const std::filesystem::path& file)
{
    const MappedFile mapped(file);
    const auto sha256 = sha256_hex(mapped.bytes());
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "INSERT INTO texts (sha256, path, bytes, created) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET path = excluded.path");
        row.bind(1, sha256);
        row.bind(2, std::filesystem::absolute(file).string());
        row.bind(3, static_cast<std::int64_t>(mapped.bytes().size()));
        row.bind(4, timestamp());
        row.exec();
        SQLite::Statement query(db, "SELECT id FROM texts WHERE sha256 = ?");
        query.bind(1, sha256);
        query.executeStep();
        return query.getColumn(0).getInt64();
    });
}

std::optional<std::int64_t> find_text(const Workspace& workspace, const std::filesystem::path& file)
{
    const auto sha256 = sha256_hex(MappedFile(file).bytes());
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<std::int64_t> {
        SQLite::Statement query(db, "SELECT id FROM texts WHERE sha256 = ?");
        query.bind(1, sha256);
        return query.executeStep() ? std::optional<std::int64_t>(query.getColumn(0).getInt64()) : std::nullopt;
    });
}

TextRow get_text(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT id, bytes, sha256, path FROM texts WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "text " + std::to_string(id), "is not in the workspace");
        return TextRow{query.getColumn(0).getInt64(), query.getColumn(1).getInt64(), query.getColumn(2).getString(), query.getColumn(3).getString()};
    });
}

}  // namespace bitwright
