// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/window_ranges.h"

#include "core/workspace/database.h"

#include <algorithm>
#include <functional>
#include <map>

namespace bitwright {

void put_window_ranges(Workspace& workspace, std::int64_t calibration, std::int64_t window, const std::vector<WindowRange>& ranges)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT OR REPLACE INTO window_ranges (calibration, window, site, min, max) VALUES (?, ?, ?, ?, ?)");
        for (const auto& range : ranges) {
            row.bind(1, calibration);
            row.bind(2, window);
            row.bind(3, range.site);
            row.bind(4, static_cast<double>(range.min));
            row.bind(5, static_cast<double>(range.max));
            row.exec();
            row.reset();
        }
    });
}

std::vector<std::vector<WindowRange>> get_window_ranges(const Workspace& workspace, std::int64_t calibration)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT window, site, min, max FROM window_ranges WHERE calibration = ? ORDER BY window, site");
        query.bind(1, calibration);
        std::vector<std::vector<WindowRange>> windows;
        while (query.executeStep()) {
            const auto window = static_cast<std::size_t>(query.getColumn(0).getInt64());
            if (window > windows.size()) break;
            if (window == windows.size()) windows.emplace_back();
            windows.back().push_back({query.getColumn(1).getString(), static_cast<float>(query.getColumn(2).getDouble()), static_cast<float>(query.getColumn(3).getDouble())});
        }
        return windows;
    });
}

std::vector<SiteConvergence> site_convergence(const Workspace& workspace, std::int64_t calibration)
{
    struct Ends {
        std::vector<float> min, max;
    };
    std::map<std::string, Ends> sites;
    for (const auto& window : get_window_ranges(workspace, calibration)) {
        for (const auto& range : window) {
            sites[range.site].min.push_back(range.min);
            sites[range.site].max.push_back(range.max);
        }
    }
    std::vector<SiteConvergence> out;
    for (const auto& [site, ends] : sites) out.push_back({site, range_convergence(ends.min, ends.max)});
    std::ranges::stable_sort(out, std::greater<>(), [](const SiteConvergence& site) { return site.range.growth; });
    return out;
}

}  // namespace bitwright
