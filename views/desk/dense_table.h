// SPDX-License-Identifier: GPL-3.0-or-later
// How the desk's tables of rows look and take keys: whole rows, 22 pixels high, no grid, Tab leaves the table.
// Threading: UI thread.
#pragma once

class QTableView;

namespace bitwright::views {

/// Selection mode, columns and whether rows may be resized stay with the caller.
void make_dense(QTableView& table);

}  // namespace bitwright::views
