// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/dense_table.h"

#include <QHeaderView>
#include <QTableView>

namespace bitwright::views {

void make_dense(QTableView& table)
{
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setShowGrid(false);
    table.setTabKeyNavigation(false);
    table.verticalHeader()->hide();
    table.verticalHeader()->setDefaultSectionSize(22);
    table.horizontalHeader()->setHighlightSections(false);
}

}  // namespace bitwright::views
