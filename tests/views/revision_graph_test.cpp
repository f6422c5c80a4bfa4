// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/revision_graph.h"

#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

TEST(RevisionGraph, ALineHasOneColumn)
{
    const std::int64_t parents[] = {1, 2, -1};
    const auto rows = revision_graph(parents);
    EXPECT_TRUE(rows[0].newest);
    EXPECT_TRUE(rows[2].oldest);
    for (const auto& row : rows) {
        EXPECT_EQ(row.column, 0);
        EXPECT_TRUE(row.through.empty() && row.joins.empty());
    }
}

// 0 ─ 2 ─ 3 and 1 ─ 3: the second branch runs beside the first and ends where both began.
TEST(RevisionGraph, BranchesRunBesideAndJoinWhereTheyBegan)
{
    const std::int64_t parents[] = {2, 3, 3, -1};
    const auto rows = revision_graph(parents);
    EXPECT_EQ(rows[0].column, 0);
    EXPECT_EQ(rows[1].column, 1);
    EXPECT_EQ(rows[1].through, std::vector<int>{0});
    EXPECT_EQ(rows[2].column, 0);
    EXPECT_EQ(rows[2].through, std::vector<int>{1});
    EXPECT_EQ(rows[3].column, 0);
    EXPECT_EQ(rows[3].joins, std::vector<int>{1});
    EXPECT_TRUE(rows[3].oldest);
}

// A column is free again after its branch joined: two short branches use the same one.
TEST(RevisionGraph, ColumnsAreUsedAgain)
{
    const std::int64_t parents[] = {2, 2, 4, 4, -1};
    const auto rows = revision_graph(parents);
    EXPECT_EQ(rows[1].column, 1);
    EXPECT_EQ(rows[3].column, 1);
    EXPECT_EQ(rows[4].joins, std::vector<int>{1});
}

}  // namespace
}  // namespace bitwright::views
