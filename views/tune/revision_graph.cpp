// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/revision_graph.h"

#include <algorithm>

namespace bitwright::views {

std::vector<GraphRow> revision_graph(std::span<const std::int64_t> parents)
{
    constexpr std::int64_t free_column = -1;
    std::vector<GraphRow> rows;
    std::vector<std::int64_t> awaited;  // by column: the revision its line leads to
    for (std::int64_t at = 0; at < std::ssize(parents); ++at) {
        GraphRow row;
        bool placed = false;
        for (std::size_t column = 0; column < awaited.size(); ++column) {
            if (awaited[column] == free_column) continue;
            if (awaited[column] != at) {
                row.through.push_back(static_cast<int>(column));
            } else if (!placed) {
                row.column = static_cast<int>(column);
                placed = true;
            } else {
                row.joins.push_back(static_cast<int>(column));
                awaited[column] = free_column;
            }
        }
        if (!placed) {
            row.newest = true;
            const auto open = std::ranges::find(awaited, free_column);
            row.column = static_cast<int>(open - awaited.begin());
            if (open == awaited.end()) awaited.push_back(free_column);
        }
        const auto parent = parents[static_cast<std::size_t>(at)];
        row.oldest = parent < 0;
        awaited[static_cast<std::size_t>(row.column)] = parent < 0 ? free_column : parent;
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace bitwright::views
