// SPDX-License-Identifier: GPL-3.0-or-later
// The jobs of this session, newest first, and below them those of earlier sessions that wait to be resumed, as a table.
// Threading: UI thread; the workspace's rows are read on the interactive lane.
#pragma once

#include "views/desk/desk.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitwright::views {

class JobsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { title, state, progress, time, columns };
    explicit JobsModel(Desk& desk, QObject* parent = nullptr);

    [[nodiscard]] const std::vector<Job>& jobs() const noexcept { return jobs_; }
    [[nodiscard]] const Job* at(int row) const { return row >= 0 && row < rowCount() ? &jobs_[static_cast<std::size_t>(row)] : nullptr; }
    [[nodiscard]] int row_of(std::int64_t number) const;
    /// Jobs of earlier sessions are resumed by repeating their command.
    void resume(const Job& job);
    /// Gives up; one of an earlier session loses its checkpoint.
    void cancel(const Job& job);
    void read_stored();

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(jobs_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

Q_SIGNALS:
    void changed();  ///< any of it

private:
    void take(std::int64_t number);
    void rebuild();
    Desk& desk_;
    std::vector<Job> stored_, jobs_;
};

}  // namespace bitwright::views
