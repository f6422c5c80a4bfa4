// SPDX-License-Identifier: GPL-3.0-or-later
// A Report as a table: one row per recipe and level, one column per figure; under each figure its difference to the baseline. All texts and differences are
// core's (comparison_table); here they get the locale's decimal point and a sentence.
// Threading: UI thread.
#pragma once

#include "core/exchange/report_table.h"

#include <QAbstractTableModel>
#include <QStyledItemDelegate>

namespace bitwright::views {

class ComparisonModel : public QAbstractTableModel {
    Q_OBJECT
public:
    /// second_role: the smaller line below the value. obstacle_role: bool, this difference may not be taken.
    enum Role { second_role = Qt::UserRole, obstacle_role };

    using QAbstractTableModel::QAbstractTableModel;
    void set_report(Report report);
    [[nodiscard]] const Report& report() const noexcept { return report_; }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    [[nodiscard]] const TableCell& cell(const QModelIndex& index) const { return columns_[static_cast<std::size_t>(index.column() - 1)].cells[static_cast<std::size_t>(index.row())]; }
    [[nodiscard]] QString first_column(int row, int role) const;
    Report report_;
    std::vector<TableColumn> columns_;  ///< the figures
};

/// "1.8× faster prefill, perplexity +0.31 (+0.7 %), 95 % interval +0.12 … +0.50 over 32 windows", or why not.
[[nodiscard]] QString sentence_of(const ComparisonRow& row, const ComparisonRow& baseline);

/// Value above, difference below in a muted colour; what may not be compared in the warning colour.
class ComparisonDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace bitwright::views
