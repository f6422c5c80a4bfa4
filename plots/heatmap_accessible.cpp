// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/heatmap_accessible.h"

#include "plots/heatmap.h"
#include "plots/numbers.h"

#include <QAccessibleWidget>
#include <QHash>
#include <QPointer>

#include <algorithm>
#include <utility>

namespace bitwright::plots {
namespace {

constexpr qsizetype most_cells = 4096;  // that are kept for whoever asked

class AccessibleCell : public QAccessibleInterface, public QAccessibleTableCellInterface {
public:
    AccessibleCell(HeatmapView* view, int row, int display) : view_(view), row_(row), display_(display) {}

    [[nodiscard]] bool isValid() const override { return view_ && row_ < view_->data().rows && display_ < view_->data().columns; }
    [[nodiscard]] QObject* object() const override { return nullptr; }
    [[nodiscard]] QWindow* window() const override { return view_ ? view_->window()->windowHandle() : nullptr; }
    [[nodiscard]] QAccessibleInterface* childAt(int, int) const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* parent() const override { return QAccessible::queryAccessibleInterface(view_); }
    [[nodiscard]] QAccessibleInterface* child(int) const override { return nullptr; }
    [[nodiscard]] int childCount() const override { return 0; }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface*) const override { return -1; }
    [[nodiscard]] QAccessible::Role role() const override { return QAccessible::Cell; }
    void setText(QAccessible::Text, const QString&) override {}
    void* interface_cast(QAccessible::InterfaceType type) override { return type == QAccessible::TableCellInterface ? static_cast<QAccessibleTableCellInterface*>(this) : nullptr; }

    [[nodiscard]] QString text(QAccessible::Text what) const override
    {
        if (!isValid()) return {};
        if (what == QAccessible::Name) return view_->description(cell());
        return what == QAccessible::Value ? number_text(view_->valueAt(cell()), view_->locale()) : QString();
    }
    [[nodiscard]] QRect rect() const override
    {
        if (!isValid()) return {};
        const QRect where = view_->cellRect(cell()).toAlignedRect();
        return {view_->mapToGlobal(where.topLeft()), where.size()};
    }
    [[nodiscard]] QAccessible::State state() const override
    {
        QAccessible::State state;
        state.invalid = !isValid();
        if (state.invalid) return state;
        state.focusable = state.selectable = state.readOnly = true;
        state.selected = isSelected();
        state.focused = state.selected && view_->hasFocus();
        state.offscreen = !QRectF(view_->mapRect()).intersects(view_->cellRect(cell()));
        return state;
    }

    [[nodiscard]] bool isSelected() const override { return isValid() && view_->currentCell() == cell(); }
    [[nodiscard]] QList<QAccessibleInterface*> columnHeaderCells() const override { return {}; }
    [[nodiscard]] QList<QAccessibleInterface*> rowHeaderCells() const override { return {}; }
    [[nodiscard]] int columnIndex() const override { return display_; }
    [[nodiscard]] int rowIndex() const override { return row_; }
    [[nodiscard]] int columnExtent() const override { return 1; }
    [[nodiscard]] int rowExtent() const override { return 1; }
    [[nodiscard]] QAccessibleInterface* table() const override { return parent(); }

private:
    [[nodiscard]] Cell cell() const { return {row_, view_->columnOrder().empty() ? display_ : view_->columnOrder()[static_cast<std::size_t>(display_)]}; }

    QPointer<HeatmapView> view_;
    int row_, display_;
};

class AccessibleHeatmap : public QAccessibleWidget, public QAccessibleTableInterface {
public:
    explicit AccessibleHeatmap(HeatmapView* view) : QAccessibleWidget(view, QAccessible::Table) {}
    ~AccessibleHeatmap() override { forget(); }

    void forget()
    {
        for (const QAccessible::Id id : std::exchange(cells_, {})) QAccessible::deleteAccessibleInterface(id);
    }
    [[nodiscard]] int placeOf(Cell cell) const
    {
        if (!cell.valid()) return -1;
        const auto& order = view().columnOrder();
        const auto column = order.empty() ? cell.column : static_cast<int>(std::ranges::find(order, cell.column) - order.begin());
        return cell.row * columnCount() + column;
    }

    void* interface_cast(QAccessible::InterfaceType type) override
    {
        return type == QAccessible::TableInterface ? static_cast<QAccessibleTableInterface*>(this) : QAccessibleWidget::interface_cast(type);
    }
    [[nodiscard]] QString text(QAccessible::Text what) const override
    {
        const QString given = QAccessibleWidget::text(what);
        if (what == QAccessible::Value) return view().isEmpty() ? view().emptyText() : view().description(view().currentCell());
        if (!given.isEmpty()) return given;
        if (what == QAccessible::Name) return HeatmapView::tr("Heatmap %1").arg(view().exportTitle()).trimmed();
        if (what != QAccessible::Description || view().isEmpty()) return given;
        const Heatmap& data = view().data();
        return HeatmapView::tr("%1 × %2 cells, %3 by %4, %5. Arrow keys move from cell to cell.").arg(data.rows).arg(data.columns).arg(data.row_axis, data.column_axis, data.unit);
    }
    [[nodiscard]] int childCount() const override { return rowCount() * columnCount(); }
    [[nodiscard]] QAccessibleInterface* child(int index) const override { return columnCount() > 0 && index >= 0 ? cellAt(index / columnCount(), index % columnCount()) : nullptr; }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface* child) const override
    {
        const auto* cell = child && child->role() == QAccessible::Cell ? const_cast<QAccessibleInterface*>(child)->tableCellInterface() : nullptr;
        return cell ? cell->rowIndex() * columnCount() + cell->columnIndex() : -1;
    }
    [[nodiscard]] QAccessibleInterface* childAt(int x, int y) const override { return child(placeOf(view().cellAt(view().mapFromGlobal(QPoint(x, y))))); }
    [[nodiscard]] QAccessibleInterface* focusChild() const override { return view().hasFocus() ? child(placeOf(view().currentCell())) : nullptr; }

    [[nodiscard]] QAccessibleInterface* caption() const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* summary() const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* cellAt(int row, int column) const override
    {
        if (row < 0 || column < 0 || row >= rowCount() || column >= columnCount()) return nullptr;
        const int index = row * columnCount() + column;
        if (const auto known = cells_.constFind(index); known != cells_.constEnd()) return QAccessible::accessibleInterface(*known);
        auto& self = const_cast<AccessibleHeatmap&>(*this);
        if (cells_.size() >= most_cells) self.forget();
        auto* made = new AccessibleCell(self.viewPointer(), row, column);
        self.cells_.insert(index, QAccessible::registerAccessibleInterface(made));
        return made;
    }
    [[nodiscard]] int selectedCellCount() const override { return view().currentCell().valid() ? 1 : 0; }
    [[nodiscard]] QList<QAccessibleInterface*> selectedCells() const override
    {
        auto* current = child(placeOf(view().currentCell()));
        return current ? QList<QAccessibleInterface*>{current} : QList<QAccessibleInterface*>{};
    }
    [[nodiscard]] QString columnDescription(int column) const override { return QStringLiteral("%1 %2").arg(view().data().column_axis).arg(view().columnOrder().empty() ? column : view().columnOrder()[static_cast<std::size_t>(column)]); }
    [[nodiscard]] QString rowDescription(int row) const override { return QStringLiteral("%1 %2").arg(view().data().row_axis, view().rowName(row)); }
    [[nodiscard]] int selectedColumnCount() const override { return 0; }
    [[nodiscard]] int selectedRowCount() const override { return 0; }
    [[nodiscard]] int columnCount() const override { return view().data().columns; }
    [[nodiscard]] int rowCount() const override { return view().data().rows; }
    [[nodiscard]] QList<int> selectedColumns() const override { return {}; }
    [[nodiscard]] QList<int> selectedRows() const override { return {}; }
    [[nodiscard]] bool isColumnSelected(int) const override { return false; }
    [[nodiscard]] bool isRowSelected(int) const override { return false; }
    bool selectRow(int) override { return false; }
    bool selectColumn(int) override { return false; }
    bool unselectRow(int) override { return false; }
    bool unselectColumn(int) override { return false; }
    void modelChange(QAccessibleTableModelChangeEvent*) override { forget(); }

private:
    [[nodiscard]] const HeatmapView& view() const { return static_cast<const HeatmapView&>(*widget()); }
    [[nodiscard]] HeatmapView* viewPointer() const { return static_cast<HeatmapView*>(widget()); }

    QHash<int, QAccessible::Id> cells_;
};

QAccessibleInterface* make(const QString& class_name, QObject* object)
{
    if (class_name != QLatin1String(HeatmapView::staticMetaObject.className())) return nullptr;
    return new AccessibleHeatmap(static_cast<HeatmapView*>(object));
}

}  // namespace

void install_heatmap_accessibility()
{
    static const bool installed = (QAccessible::installFactory(make), true);
    static_cast<void>(installed);
}

void announce_heatmap_cell(HeatmapView& view)
{
    if (!QAccessible::isActive() || !view.currentCell().valid()) return;
    if (view.hasFocus()) {  // the cell with the focus is what a reader speaks
        auto* table = static_cast<AccessibleHeatmap*>(QAccessible::queryAccessibleInterface(&view));
        QAccessibleEvent event(&view, QAccessible::Focus);
        event.setChild(table->placeOf(view.currentCell()));
        QAccessible::updateAccessibility(&event);
    } else {
        QAccessibleValueChangeEvent event(&view, view.description(view.currentCell()));
        QAccessible::updateAccessibility(&event);
    }
}

void announce_heatmap_reset(HeatmapView& view)
{
    if (!QAccessible::isActive()) return;
    QAccessibleTableModelChangeEvent event(&view, QAccessibleTableModelChangeEvent::ModelReset);
    QAccessible::updateAccessibility(&event);
    static_cast<AccessibleHeatmap*>(QAccessible::queryAccessibleInterface(&view))->forget();
}

}  // namespace bitwright::plots
