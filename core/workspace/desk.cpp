// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/desk.h"

#include "core/workspace/database.h"

#include <nlohmann/json.hpp>

namespace bitwright {

nlohmann::json desk_value(const Workspace& workspace, const std::string& key)
{
    return workspace.database().read([&](SQLite::Database& db) -> nlohmann::json {
        SQLite::Statement query(db, "SELECT value FROM desk WHERE key = ?");
        query.bind(1, key);
        if (!query.executeStep()) return nullptr;
        return nlohmann::json::parse(query.getColumn(0).getString(), nullptr, false);  // the schema holds valid JSON only
    });
}

void put_desk_value(Workspace& workspace, const std::string& key, const nlohmann::json& value)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT INTO desk (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        row.bind(1, key);
        row.bind(2, value.dump());
        row.exec();
    });
}

}  // namespace bitwright
