// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/offenders_model.h"

#include "views/desk/formats.h"
#include "views/desk/site_titles.h"

#include <cmath>

namespace bitwright::views {

void OffendersModel::set(const Model& model, std::vector<FoundOffender> offenders, MapAxis axis, bool weights)
{
    beginResetModel();
    catalogue_ = model.sites;
    offenders_ = std::move(offenders);
    axis_ = axis;
    weights_ = weights;
    endResetModel();
}

QVariant OffendersModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid()) return {};
    const auto& offender = at(index.row());
    const Site& found = (*catalogue_)[offender.site];
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (index.column() == site ? Qt::AlignLeft : Qt::AlignRight)));
    if (role == Qt::ToolTipRole) {
        if (index.column() == site) return QString::fromStdString(found.name);
        if (index.column() == tokens && !offender.tokens)
            return axis_ == MapAxis::token ? tr("A position holds one token of every window") : tr("The calibration kept no rows of this site");
    }
    if (role != Qt::DisplayRole && role != sort_role) return {};
    const bool sorting = role == sort_role;
    switch (index.column()) {
        case site: return sorting ? QVariant(offender.site) : QVariant(site_title(found));
        case column: return sorting ? QVariant(offender.column) : QVariant(count(offender.column));
        case value: return sorting ? QVariant(offender.value) : QVariant(number(offender.value));
        case ratio: return sorting ? QVariant(std::isnan(offender.ratio) ? -1.0 : offender.ratio) : QVariant(std::isnan(offender.ratio) ? not_measured : number(offender.ratio));
        case tokens:
            if (sorting) return offender.tokens.value_or(-1);
            return offender.tokens ? tr("%1 of %2").arg(count(*offender.tokens), count(offender.sampled)) : not_measured;
        default: return {};
    }
}

QVariant OffendersModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (section == site ? Qt::AlignLeft : Qt::AlignRight)));
    if (role == Qt::ToolTipRole && section == tokens)
        return weights_ ? tr("Output rows beyond the threshold, of those kept as a sample") : tr("Tokens beyond the threshold in this channel, of those the calibration kept");
    if (role != Qt::DisplayRole) return {};
    switch (section) {
        case site: return tr("Site");
        case column: return axis_ == MapAxis::token ? (weights_ ? tr("Output row") : tr("Position")) : tr("Channel");
        case value: return tr("Absolute max");
        case ratio: return tr("÷ median");
        case tokens: return weights_ ? tr("Sampled rows") : tr("Sampled tokens");
        default: return {};
    }
}

}  // namespace bitwright::views
