// SPDX-License-Identifier: GPL-3.0-or-later
// How the desk's tables of rows look and take keys: whole rows, 22 pixels high, no grid, Tab leaves the table, Ctrl+C copies the selected rows.
// Threading: UI thread.
#pragma once

#include <QString>

class QTableView;

namespace bitwright::views {

/// Selection mode, columns and whether rows may be resized stay with the caller.
void make_dense(QTableView& table);

/// Ctrl+C in the table copies rows_as_text(), where no action of the page takes it. Part of make_dense().
void copy_rows_by_key(QTableView& table);

/// The selected rows (none selected: all) as shown, tab-separated under their headers: spreadsheets take it as it is.
[[nodiscard]] QString rows_as_text(const QTableView& table);

}  // namespace bitwright::views
