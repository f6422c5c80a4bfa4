// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/engine_speeds.h"

#include "core/workspace/database.h"
#include "core/workspace/stored_json.h"

#include <map>

namespace bitwright {

std::int64_t put_engine_speed(Workspace& workspace, const EngineSpeedRow& speed)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT INTO engine_speeds (isa, package, figures, conditions, created) VALUES (?, ?, ?, ?, ?)");
        row.bind(1, speed.isa);
        bind_optional(row, 2, speed.package);
        row.bind(3, nlohmann::json(std::map<std::string, double>(speed.figures.begin(), speed.figures.end())).dump());
        row.bind(4, speed.conditions);
        row.bind(5, timestamp());
        row.exec();
        return static_cast<std::int64_t>(db.getLastInsertRowid());
    });
}

std::vector<EngineSpeedRow> list_engine_speeds(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT id, isa, package, figures, conditions, created FROM engine_speeds ORDER BY id DESC");
        std::vector<EngineSpeedRow> rows;
        while (query.executeStep()) {
            EngineSpeedRow row;
            row.id = query.getColumn(0).getInt64();
            row.isa = query.getColumn(1).getString();
            if (!query.getColumn(2).isNull()) row.package = query.getColumn(2).getString();
            const auto field = "engine_speeds:" + std::to_string(row.id) + ", figures";
            const auto figures = stored_json<std::map<std::string, double>>(workspace, field, query.getColumn(3).getString());
            row.figures.assign(figures.begin(), figures.end());
            row.conditions = query.getColumn(4).getInt64();
            row.created = query.getColumn(5).getString();
            rows.push_back(std::move(row));
        }
        return rows;
    });
}

}  // namespace bitwright
