// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/notes.h"

#include "core/workspace/database.h"

namespace bitwright {

std::map<std::string, std::string> site_notes(const Workspace& workspace, std::int64_t model)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::map<std::string, std::string> notes;
        SQLite::Statement query(db, "SELECT site, note FROM site_notes WHERE model = ?");
        query.bind(1, model);
        while (query.executeStep()) notes.emplace(query.getColumn(0).getString(), query.getColumn(1).getString());
        return notes;
    });
}

void put_site_notes(Workspace& workspace, std::int64_t model, std::span<const std::string> sites, const std::string& note)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, note.empty() ? "DELETE FROM site_notes WHERE model = ? AND site = ?"
                                               : "INSERT INTO site_notes (model, site, note) VALUES (?, ?, ?) "
                                                 "ON CONFLICT (model, site) DO UPDATE SET note = excluded.note");
        for (const auto& site : sites) {
            row.bind(1, model);
            row.bind(2, site);
            if (!note.empty()) row.bind(3, note);
            row.exec();
            row.reset();
        }
    });
}

}  // namespace bitwright
