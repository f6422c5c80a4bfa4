// SPDX-License-Identifier: GPL-3.0-or-later
// The table of sites as users handle it: sorted, filtered in words, columns hidden from the header, Enter edits, rows copied as CSV or Markdown.
// Threading: UI thread.
#pragma once

#include "core/recipe/site_filter.h"
#include "views/tune/site_table_model.h"

#include <QJsonObject>
#include <QSortFilterProxyModel>
#include <QTableView>

namespace bitwright::views {

/// Sorts by value, not by text; what was not measured comes last in ascending order.
class SiteOrder : public QSortFilterProxyModel {
    Q_OBJECT
public:
    SiteOrder(SiteTableModel& sites, QObject* parent = nullptr);
    void set_filter(SiteFilter filter);
    /// Figures arrived: a filter that compares them is asked again.
    void measured();

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;
    [[nodiscard]] bool lessThan(const QModelIndex& a, const QModelIndex& b) const override;

private:
    SiteTableModel& sites_;
    SiteFilter filter_;
};

class SiteTableView : public QTableView {
    Q_OBJECT
public:
    SiteTableView(SiteTableModel& sites, QWidget* parent = nullptr);
    [[nodiscard]] SiteOrder& order() const noexcept { return *order_; }
    /// Selected rows as rows of the site model, in the order shown.
    [[nodiscard]] std::vector<int> selected_rows() const;
    void select_rows(const std::vector<int>& rows, int current);
    /// Selected rows (all shown ones when none is selected), shown columns, invariant numbers.
    [[nodiscard]] QString as_csv() const;
    [[nodiscard]] QString as_markdown() const;
    [[nodiscard]] QJsonObject saved() const;
    void restore(const QJsonObject& state);

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    void show_columns_menu(const QPoint& at);
    [[nodiscard]] std::vector<int> shown_columns() const;
    [[nodiscard]] std::vector<QStringList> copied() const;
    SiteTableModel& sites_;
    SiteOrder* order_;
};

}  // namespace bitwright::views
