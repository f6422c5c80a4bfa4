// SPDX-License-Identifier: GPL-3.0-or-later
// The offenders of a map as a table: site, channel (or position), value, ratio to the median, how many of the sampled tokens are beyond the threshold.
// Threading: UI thread.
#pragma once

#include "views/explore/site_map.h"

#include <QAbstractTableModel>

namespace bitwright::views {

class OffendersModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { site, column, value, ratio, tokens, columns };
    static constexpr int sort_role = Qt::UserRole;

    using QAbstractTableModel::QAbstractTableModel;
    void set(const Model& model, std::vector<FoundOffender> offenders, MapAxis axis, bool weights);
    [[nodiscard]] const FoundOffender& at(int row) const { return offenders_.at(static_cast<std::size_t>(row)); }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(offenders_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::shared_ptr<const SiteCatalogue> catalogue_;
    std::vector<FoundOffender> offenders_;
    MapAxis axis_ = MapAxis::channel;
    bool weights_ = false;
};

}  // namespace bitwright::views
