// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_table_view.h"

#include "views/desk/dense_table.h"
#include "views/tune/site_delegate.h"

#include <QHeaderView>
#include <QJsonArray>
#include <QKeyEvent>
#include <QMenu>

#include <algorithm>

namespace bitwright::views {

SiteOrder::SiteOrder(SiteTableModel& sites, QObject* parent) : QSortFilterProxyModel(parent), sites_(sites)
{
    setSortRole(SiteTableModel::sort_role);
    setDynamicSortFilter(false);  // rows stay where they are while they are edited
    setSourceModel(&sites);
}

void SiteOrder::set_filter(SiteFilter filter)
{
    filter_ = std::move(filter);
    invalidateFilter();
}

void SiteOrder::measured()
{
    if (filter_.needs_figures()) invalidateFilter();
}

bool SiteOrder::filterAcceptsRow(int row, const QModelIndex&) const
{
    if (filter_.empty()) return true;
    const auto& measured = sites_.measured(row);
    SiteFigures figures;
    figures.sqnr_db = measured.sqnr_db;
    figures.saturation = measured.saturation;
    figures.zeros = measured.zeros;
    figures.codes_used = measured.codes_used;
    figures.cosine = measured.cosine;
    if (const auto error = sites_.layer_error(row)) {
        figures.introduced_sqnr_db = error->introduced_sqnr_db;
        figures.accumulated_sqnr_db = error->sqnr_db;
    }
    figures.sensitivity = sites_.sensitivity(row);
    figures.note = sites_.note(row);
    return filter_(sites_.site(row), sites_.decision(row), &figures);
}

bool SiteOrder::lessThan(const QModelIndex& a, const QModelIndex& b) const
{
    const auto x = a.data(SiteTableModel::sort_role), y = b.data(SiteTableModel::sort_role);
    const bool text = x.typeId() == QMetaType::QString;
    if (text ? x.toString() != y.toString() : x.toDouble() != y.toDouble()) return text ? x.toString() < y.toString() : x.toDouble() < y.toDouble();
    return a.row() < b.row();
}

SiteTableView::SiteTableView(SiteTableModel& sites, QWidget* parent) : QTableView(parent), sites_(sites), order_(new SiteOrder(sites, this))
{
    setModel(order_);
    setItemDelegate(new SiteDelegate(this));
    make_dense(*this);
    setSelectionMode(QAbstractItemView::ExtendedSelection);
    setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    setAlternatingRowColors(true);
    setWordWrap(false);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    auto* header = horizontalHeader();
    header->setSectionsMovable(true);
    header->setStretchLastSection(true);
    header->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(header, &QWidget::customContextMenuRequested, this, &SiteTableView::show_columns_menu);
    const int widths[] = {166, 36, 42, 48, 68, 68, 66, 80, 68, 96, 108, 84, 80};
    for (int column = 0; column < SiteTableModel::column_count; ++column) setColumnWidth(column, widths[column]);
    setSortingEnabled(true);
    sortByColumn(SiteTableModel::site_column, Qt::AscendingOrder);
    setAccessibleName(tr("Sites of the recipe"));
    setAccessibleDescription(tr("Enter or F2 edits; with several rows selected the edit applies to all of them"));
}

void SiteTableView::keyPressEvent(QKeyEvent* event)
{
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && state() != QAbstractItemView::EditingState && currentIndex().isValid()) {
        if (model()->flags(currentIndex()) & Qt::ItemIsEditable) return edit(currentIndex());
    }
    QTableView::keyPressEvent(event);
}

std::vector<int> SiteTableView::selected_rows() const
{
    auto chosen = selectionModel()->selectedRows();
    std::ranges::sort(chosen, {}, &QModelIndex::row);
    std::vector<int> rows;
    for (const auto& index : chosen) rows.push_back(order_->mapToSource(index).row());
    return rows;
}

void SiteTableView::select_rows(const std::vector<int>& rows, int current)
{
    QItemSelection selection;
    for (const int row : rows) {
        const auto index = order_->mapFromSource(sites_.index(row, 0));
        if (index.isValid()) selection.select(index, index);
    }
    selectionModel()->select(selection, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
    if (current < 0) return;
    const int column = std::max(0, currentIndex().column());
    const auto index = order_->mapFromSource(sites_.index(current, column));
    if (!index.isValid()) return;
    selectionModel()->setCurrentIndex(index, QItemSelectionModel::NoUpdate);
    if (isVisible()) scrollTo(index);
}

void SiteTableView::show_columns_menu(const QPoint& at)
{
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (int column = 1; column < SiteTableModel::column_count; ++column) {
        auto* shown = menu->addAction(sites_.headerData(column, Qt::Horizontal).toString());
        shown->setCheckable(true);
        shown->setChecked(!isColumnHidden(column));
        connect(shown, &QAction::toggled, this, [this, column](bool on) { setColumnHidden(column, !on); });
    }
    menu->popup(horizontalHeader()->viewport()->mapToGlobal(at));
}

std::vector<int> SiteTableView::shown_columns() const
{
    std::vector<int> columns;
    for (int visual = 0; visual < SiteTableModel::column_count; ++visual) {
        const int column = horizontalHeader()->logicalIndex(visual);
        if (!isColumnHidden(column)) columns.push_back(column);
    }
    return columns;
}

std::vector<QStringList> SiteTableView::copied() const
{
    const auto columns = shown_columns();
    auto rows = selected_rows();
    if (rows.empty())
        for (int row = 0; row < order_->rowCount(); ++row) rows.push_back(order_->mapToSource(order_->index(row, 0)).row());
    std::vector<QStringList> lines(1);
    for (const int column : columns) lines.front() << SiteTableModel::plain_title(column);
    for (const int row : rows) {
        QStringList line;
        for (const int column : columns) line << sites_.index(row, column).data(SiteTableModel::plain_role).toString();
        lines.push_back(std::move(line));
    }
    return lines;
}

QString SiteTableView::as_csv() const
{
    QString text;
    for (auto line : copied()) {
        for (auto& cell : line)
            if (cell.contains(QLatin1Char(',')) || cell.contains(QLatin1Char('"')) || cell.contains(QLatin1Char('\n'))) cell = QLatin1Char('"') + cell.replace(QLatin1Char('"'), QLatin1String("\"\"")) + QLatin1Char('"');
        text += line.join(QLatin1Char(',')) + QLatin1Char('\n');
    }
    return text;
}

QString SiteTableView::as_markdown() const
{
    QString text;
    for (auto line : copied()) {
        for (auto& cell : line) cell.replace(QLatin1Char('|'), QLatin1String("\\|")).replace(QLatin1Char('\n'), QLatin1Char(' '));
        const bool head = text.isEmpty();
        text += QStringLiteral("| ") + line.join(QStringLiteral(" | ")) + QStringLiteral(" |\n");
        if (head) text += QLatin1Char('|') + QStringLiteral(" --- |").repeated(line.size()) + QLatin1Char('\n');
    }
    return text;
}

QJsonObject SiteTableView::saved() const { return {{QStringLiteral("header"), QString::fromLatin1(horizontalHeader()->saveState().toBase64())}}; }

void SiteTableView::restore(const QJsonObject& state)
{
    const auto header = QByteArray::fromBase64(state.value(QStringLiteral("header")).toString().toLatin1());
    if (!header.isEmpty() && horizontalHeader()->restoreState(header)) order_->sort(horizontalHeader()->sortIndicatorSection(), horizontalHeader()->sortIndicatorOrder());
}

}  // namespace bitwright::views
