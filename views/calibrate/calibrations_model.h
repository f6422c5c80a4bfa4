// SPDX-License-Identifier: GPL-3.0-or-later
// The calibrations made so far of the open model, newest first, with the one that is shown marked.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QAbstractTableModel>

namespace bitwright::views {

class CalibrationsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { shown, reference, origin, tokens, transforms, created, columns };
    explicit CalibrationsModel(Desk& desk, QObject* parent = nullptr);
    [[nodiscard]] std::int64_t id_at(int row) const { return rows_[static_cast<std::size_t>(row)].id; }
    [[nodiscard]] int shown_row() const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    void read();
    Desk& desk_;
    std::vector<CalibrationRow> rows_;
    std::optional<std::int64_t> shown_;
};

}  // namespace bitwright::views
