// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/dense_table.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QTableView>

#include <algorithm>
#include <vector>

namespace bitwright::views {
namespace {

/// Ctrl+C where no action of the page takes it: Qt would copy the current cell alone, without a word what it is.
class RowCopy : public QObject {
public:
    explicit RowCopy(QTableView& table) : QObject(&table), table_(table) { table.installEventFilter(this); }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override
    {
        if (event->type() != QEvent::KeyPress || !static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy) || !table_.model()) return QObject::eventFilter(watched, event);
        QApplication::clipboard()->setText(rows_as_text(table_));
        return true;
    }

private:
    QTableView& table_;
};

}  // namespace

QString rows_as_text(const QTableView& table)
{
    const auto& model = *table.model();
    std::vector<int> columns;
    for (int visual = 0; visual < model.columnCount(); ++visual)
        if (const int column = table.horizontalHeader()->logicalIndex(visual); !table.isColumnHidden(column)) columns.push_back(column);
    std::vector<int> rows;
    for (const auto& index : table.selectionModel()->selectedRows()) rows.push_back(index.row());
    if (rows.empty())
        for (int row = 0; row < model.rowCount(); ++row) rows.push_back(row);
    std::ranges::sort(rows);
    QString text;
    const auto line = [&](auto&& cell) {
        QStringList cells;
        for (const int column : columns) cells << cell(column).toString().replace(QLatin1Char('\n'), QLatin1Char(' ')).replace(QLatin1Char('\t'), QLatin1Char(' '));
        text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
    };
    line([&](int column) { return model.headerData(column, Qt::Horizontal); });
    for (const int row : rows) line([&](int column) { return model.index(row, column).data(); });
    return text;
}

void copy_rows_by_key(QTableView& table) { new RowCopy(table); }

void make_dense(QTableView& table)
{
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setShowGrid(false);
    table.setTabKeyNavigation(false);
    table.verticalHeader()->hide();
    table.verticalHeader()->setDefaultSectionSize(22);
    table.horizontalHeader()->setHighlightSections(false);
    copy_rows_by_key(table);
}

}  // namespace bitwright::views
