// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/results_model.h"

#include "views/desk/formats.h"
#include "views/desk/simulated_badge.h"
#include "views/desk/theme.h"

#include <QDateTime>
#include <QLocale>
#include <QRegularExpression>

#include <algorithm>

namespace bitwright::views {
namespace {

QString with_spread(const std::optional<double>& value, const std::optional<std::pair<double, double>>& spread)
{
    if (!value || !spread) return number(value);
    return number(*value) + QStringLiteral("  (%1–%2)").arg(number(spread->first), number(spread->second));
}

}  // namespace

void ResultsModel::set_rows(std::vector<ResultRow> rows)
{
    beginResetModel();
    rows_ = std::move(rows);
    endResetModel();
}

int ResultsModel::find(const Reference& reference) const
{
    const auto row = std::ranges::find_if(rows_, [&](const ResultRow& r) { return r.reference.kind == reference.kind && r.reference.id == reference.id; });
    return row == rows_.end() ? -1 : static_cast<int>(row - rows_.begin());
}

void ResultsModel::set_archived(const std::vector<Reference>& references, bool archived)
{
    for (const auto& reference : references) {
        const int row = find(reference);
        if (row < 0) continue;
        rows_[static_cast<std::size_t>(row)].archived = archived;
        Q_EMIT dataChanged(index(row, 0), index(row, columns - 1));
    }
}

void ResultsModel::set_tags(int row, const QStringList& words)
{
    auto& changed = rows_[static_cast<std::size_t>(row)];
    if (changed.tags == words) return;
    changed.tags = words;
    Q_EMIT dataChanged(index(row, 0), index(row, columns - 1));
    Q_EMIT tags_edited(changed.id(), words);
}

int ResultsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }
int ResultsModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : columns; }

QString ResultsModel::text(const ResultRow& row, int column) const
{
    switch (column) {
    case star: return row.starred() ? QStringLiteral("★") : QString();
    case name: return row.name;
    case method: return method_title(row.method);
    case level: return row.level == QLatin1String("float") ? tr("float") : row.level == QLatin1String("integer") ? tr("integer") : tr("simulated");
    case perplexity: return number(row.perplexity, 4);
    case kl: return number(row.kl);
    case accuracy: return row.accuracy ? number(100 * *row.accuracy) + QStringLiteral(" %") : not_measured;
    case prefill: return with_spread(row.prefill, row.prefill_spread);
    case decode: return with_spread(row.decode, row.decode_spread);
    case memory: return row.memory ? bytes(static_cast<std::uint64_t>(*row.memory)) : not_measured;
    case measured_on: return row.measured_on;
    case tags: {
        QStringList shown = row.tags;
        shown.removeAll(QStringLiteral("star"));
        return shown.join(QStringLiteral(", "));
    }
    case note: return row.note;
    case created: return QLocale().toString(QDateTime::fromString(row.created, Qt::ISODateWithMs).toLocalTime(), QStringLiteral("d MMM HH:mm"));
    default: return {};
    }
}

QVariant ResultsModel::key(const ResultRow& row, int column) const
{
    const auto figure = [](const std::optional<double>& value) { return value ? QVariant(*value) : QVariant(); };
    switch (column) {
    case perplexity: return figure(row.perplexity);
    case kl: return figure(row.kl);
    case accuracy: return figure(row.accuracy);
    case prefill: return figure(row.prefill);
    case decode: return figure(row.decode);
    case memory: return figure(row.memory);
    case created: return row.created;
    case star: return row.starred() ? 0 : 1;
    default: return text(row, column);
    }
}

/// Why there is a dash.
QString ResultsModel::reason(const ResultRow& row, int column) const
{
    if (column == perplexity && row.accuracy) return tr("Not measured: this is the score of a task; evaluate on a text to know the perplexity");
    if (column == kl && !row.kl) return row.is_run() || row.accuracy ? tr("Not measured: the distance to the float model is that of an evaluation on a text") : row.level == QLatin1String("float") ? tr("This is the float model itself") : tr("Not asked for: evaluate with --metrics kl,top1,divergence");
    if (column == accuracy && !row.accuracy) return tr("No task: evaluate with --tasks to know how many answers are right");
    if (column == perplexity && !row.perplexity) return tr("Not measured: a run measures speed; evaluate the recipe to know its perplexity");
    if (column == prefill || column == decode || column == memory) {
        if (!row.is_run()) return tr("Not measured: an evaluation measures quality; measure the recipe on a device to know its speed");
        if (row.aborted) return tr("Not measured: the run was aborted (%1)").arg(row.note);
        if (column == decode && !row.decode) return tr("Not measured: nothing was generated");
        if (column == memory && !row.memory) return tr("Not measured: the runner could not read its memory");
    }
    return {};
}

QVariant ResultsModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
    const auto& row = rows_[static_cast<std::size_t>(index.row())];
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole: return text(row, column);
    case Qt::DecorationRole: return row.simulated && column == measured_on ? QVariant(simulated_badge()) : QVariant();
    case Qt::EditRole: return column == note ? row.note : text(row, column);
    case sort_role: return key(row, column);
    case Qt::TextAlignmentRole:
        if (column >= perplexity && column <= memory) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
        return QVariant((column == star ? Qt::AlignHCenter : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::ForegroundRole: return row.archived || row.aborted ? QVariant(signal_colours().stale) : QVariant();
    case Qt::ToolTipRole: {
        if (const auto why = reason(row, column); !why.isEmpty()) return why;
        if (column == created) return QLocale().toString(QDateTime::fromString(row.created, Qt::ISODateWithMs).toLocalTime(), QLocale::LongFormat);
        if (column == measured_on && row.simulated) return tr("%1\nA simulated phone: its speed and energy say nothing about hardware").arg(row.measured_on);
        if (column == prefill || column == decode) return tr("Median of the repeats (smallest–largest)");
        return column == name ? row.id() : text(row, column);
    }
    case Qt::AccessibleTextRole:
        if (column == measured_on && row.simulated) return tr("Simulated, %1").arg(row.measured_on);
        if (column == star) return row.starred() ? tr("starred") : tr("not starred");
        return headerData(column, Qt::Horizontal, Qt::DisplayRole).toString() + QLatin1Char(' ') + text(row, column);
    default: return {};
    }
}

bool ResultsModel::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (!index.isValid() || role != Qt::EditRole) return false;
    auto& row = rows_[static_cast<std::size_t>(index.row())];
    if (index.column() == note) {
        const auto words = value.toString().trimmed();
        if (words == row.note) return false;
        row.note = words;
        Q_EMIT dataChanged(index, index);
        Q_EMIT note_edited(row.id(), words);
        return true;
    }
    if (index.column() != tags) return false;
    QStringList words = value.toString().split(QRegularExpression(QStringLiteral("[\\s,]+")), Qt::SkipEmptyParts);
    words.removeAll(QStringLiteral("star"));
    if (row.starred()) words.prepend(QStringLiteral("star"));
    words.removeDuplicates();
    if (words == row.tags) return false;
    set_tags(index.row(), words);
    return true;
}

QVariant ResultsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= columns) return {};
    if (role == Qt::TextAlignmentRole) return QVariant((section >= perplexity && section <= memory ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role == Qt::AccessibleTextRole && section == star) return tr("Star");
    if (role == Qt::ToolTipRole && section == perplexity) return tr("Perplexity per token; smaller is better");
    if (role == Qt::ToolTipRole && section == kl) return tr("Mean KL divergence from the float model per token, natural logarithm; smaller is better");
    if (role == Qt::ToolTipRole && section == accuracy) return tr("Share of a task's rows answered right");
    if (role != Qt::DisplayRole) return {};
    static const char* const names[] = {"★",
                                        QT_TR_NOOP("Recipe"),
                                        QT_TR_NOOP("Method"),
                                        QT_TR_NOOP("Level"),
                                        QT_TR_NOOP("Perplexity"),
                                        QT_TR_NOOP("KL to float"),
                                        QT_TR_NOOP("Accuracy"),
                                        QT_TR_NOOP("Prefill, tokens/s"),
                                        QT_TR_NOOP("Decode, tokens/s"),
                                        QT_TR_NOOP("Memory, peak"),
                                        QT_TR_NOOP("Measured on"),
                                        QT_TR_NOOP("Tags"),
                                        QT_TR_NOOP("Note"),
                                        QT_TR_NOOP("When")};
    return section == star ? QString::fromUtf8(names[star]) : tr(names[section]);
}

Qt::ItemFlags ResultsModel::flags(const QModelIndex& index) const
{
    auto flags = QAbstractTableModel::flags(index);
    if (index.isValid() && (index.column() == tags || index.column() == note)) flags |= Qt::ItemIsEditable;
    return flags;
}

ResultsProxy::ResultsProxy(ResultsModel& model, QObject* parent) : QSortFilterProxyModel(parent), model_(model)
{
    setSourceModel(&model);
    setSortRole(ResultsModel::sort_role);
    setSortCaseSensitivity(Qt::CaseInsensitive);
}

void ResultsProxy::set_filter(const QString& words, bool archived)
{
    filter_ = ResultFilter(words);
    archived_ = archived || filter_.wants_archived();
    invalidateFilter();
}

std::vector<ResultRow> ResultsProxy::shown() const
{
    std::vector<ResultRow> rows;
    for (int i = 0; i < rowCount(); ++i) rows.push_back(model_.row(mapToSource(index(i, 0)).row()));
    return rows;
}

bool ResultsProxy::filterAcceptsRow(int row, const QModelIndex&) const
{
    const auto& result = model_.row(row);
    return (archived_ || !result.archived) && filter_.matches(result);
}

/// What was not measured comes last, in whichever direction.
bool ResultsProxy::lessThan(const QModelIndex& left, const QModelIndex& right) const
{
    const auto a = left.data(ResultsModel::sort_role), b = right.data(ResultsModel::sort_role);
    if (!a.isValid() || !b.isValid()) return sortOrder() == Qt::AscendingOrder ? a.isValid() && !b.isValid() : !a.isValid() && b.isValid();
    return QSortFilterProxyModel::lessThan(left, right);
}

}  // namespace bitwright::views
