// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/calibrate/calibrations_model.h"

#include "views/desk/formats.h"

#include <QDateTime>
#include <QLocale>

namespace bitwright::views {

CalibrationsModel::CalibrationsModel(Desk& desk, QObject* parent) : QAbstractTableModel(parent), desk_(desk)
{
    connect(&desk_, &Desk::calibrations_changed, this, &CalibrationsModel::read);
    connect(&desk_, &Desk::statistics_changed, this, &CalibrationsModel::read);
    read();
}

void CalibrationsModel::read()
{
    beginResetModel();
    rows_ = desk_.calibrations();
    shown_ = desk_.calibration() ? std::optional(desk_.calibration()->id) : std::nullopt;
    endResetModel();
}

int CalibrationsModel::shown_row() const
{
    for (std::size_t i = 0; i < rows_.size(); ++i)
        if (rows_[i].id == shown_) return static_cast<int>(i);
    return -1;
}

QVariant CalibrationsModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const auto& row = rows_[static_cast<std::size_t>(index.row())];
    if (role == Qt::TextAlignmentRole) return index.column() == tokens ? int(Qt::AlignRight | Qt::AlignVCenter) : int(Qt::AlignLeft | Qt::AlignVCenter);
    if (role == Qt::AccessibleTextRole && index.column() == shown) return row.id == shown_ ? tr("shown") : tr("not shown");
    if (role == Qt::ToolTipRole) return QString::fromStdString(row.origin);
    if (role != Qt::DisplayRole) return {};
    switch (index.column()) {
    case shown: return row.id == shown_ ? QStringLiteral("●") : QString();
    case reference: return QString::fromStdString(to_string(Reference{"calibration", row.id}));
    case origin: return QString::fromStdString(row.origin);
    case tokens: return tr("%1 × %2").arg(count(row.windows), count(row.length));
    case transforms: return row.transforms.empty() ? tr("plain model") : tr("after transforms");
    case created: {
        const auto time = QDateTime::fromString(QString::fromStdString(row.created), Qt::ISODateWithMs);
        return QLocale().toString(time.toLocalTime(), QLocale::ShortFormat);
    }
    default: return {};
    }
}

QVariant CalibrationsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return section == tokens ? int(Qt::AlignRight | Qt::AlignVCenter) : int(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole) return {};
    switch (section) {
    case shown: return QString();
    case reference: return tr("Name");
    case origin: return tr("Windows from");
    case tokens: return tr("Windows × tokens");
    case transforms: return tr("Of");
    case created: return tr("Made");
    default: return {};
    }
}

}  // namespace bitwright::views
