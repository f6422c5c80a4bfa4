// SPDX-License-Identifier: GPL-3.0-or-later
// Where the lines of a history run: a column per branch that is open at a row, newest revision first.
// Invariant: a revision lies in the column of its newest child; columns are freed where a branch begins.
// Threading: pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitwright::views {

struct GraphRow {
    int column = 0;             ///< of the revision's dot
    bool newest = false;        ///< nothing was made from it: no line comes from above
    bool oldest = false;        ///< made from nothing that is shown: no line goes down
    std::vector<int> through;   ///< columns of other branches that pass by
    std::vector<int> joins;     ///< columns of branches that were made from it and end here, besides its own
};

/// `parents[i]`: index of revision i's parent, greater than i; −1: none. Revisions newest first.
[[nodiscard]] std::vector<GraphRow> revision_graph(std::span<const std::int64_t> parents);

}  // namespace bitwright::views
