// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_table_model.h"

#include "views/desk/formats.h"
#include "views/desk/site_titles.h"
#include "views/desk/theme.h"

#include <QBrush>
#include <QLocale>

#include <algorithm>
#include <limits>

namespace bitwright::views {
namespace {

bool is_float(const SiteDecision* decision) { return !decision || decision->scheme.kind == SchemeKind::floating; }

std::optional<double> least(const Numbers& values)
{
    if (!values || values->empty()) return std::nullopt;
    return *std::ranges::min_element(*values);
}
std::optional<double> most(const Numbers& values)
{
    if (!values || values->empty()) return std::nullopt;
    return *std::ranges::max_element(*values);
}

QString plain_number(double value) { return QString::number(value, 'g', 9); }
QString either(const std::optional<double>& value, bool plain) { return !value ? (plain ? QString() : not_measured) : plain ? plain_number(*value) : number(*value); }

QString granularity_text(const Scheme& scheme)
{
    QString text = QString::fromUtf8(name_of(scheme.granularity).data(), static_cast<qsizetype>(name_of(scheme.granularity).size()));
    if (scheme.granularity == Granularity::group) text += QLatin1Char(':') + QString::number(scheme.group_size);
    return text;
}

}  // namespace

void SiteTableModel::set_model(std::optional<Model> model)
{
    beginResetModel();
    model_ = std::move(model);
    recipe_.reset();
    errors_ = {};
    sensitivities_ = {};
    notes_.clear();
    rows_.clear();
    row_of_site_.clear();
    if (model_) {
        row_of_site_.assign(model_->sites->sites().size(), -1);
        for (const Site& site : model_->sites->sites()) {
            if (!site.levels.simulated && !site.levels.full && !site.levels.integer) continue;
            row_of_site_[static_cast<std::size_t>(site.id)] = static_cast<int>(rows_.size());
            rows_.push_back({&site, nullptr, {}, {}});
        }
    }
    endResetModel();
}

void SiteTableModel::set_recipe(std::shared_ptr<const Recipe> recipe)
{
    const auto before = std::exchange(recipe_, std::move(recipe));  // keeps the decisions compared with alive
    for (auto& row : rows_) {
        const auto found = recipe_ ? recipe_->sites.find(row.site->name) : std::map<std::string, SiteDecision>::const_iterator{};
        row.decision = recipe_ && found != recipe_->sites.end() ? &found->second : nullptr;
        if (row.measured.known && !same_grids(row.measured_for, row.decision ? *row.decision : SiteDecision{})) row.measured = {};
    }
    emit_columns(bits_column, sqnr_column);
}

void SiteTableModel::set_measured(SiteId site, MeasuredSite measured)
{
    const int at = row_of_site_.at(static_cast<std::size_t>(site));
    if (at < 0) return;
    auto& row = rows_[static_cast<std::size_t>(at)];
    row.measured = std::move(measured);
    row.measured_for = row.decision ? *row.decision : SiteDecision{};
    Q_EMIT dataChanged(index(at, saturation_column), index(at, sqnr_column));
}

void SiteTableModel::forget_measured()
{
    for (auto& row : rows_) row.measured = {};
    emit_columns(saturation_column, sqnr_column);
}

void SiteTableModel::set_layer_errors(KnownLayerErrors errors)
{
    errors_ = std::move(errors);
    emit_columns(introduced_column, accumulated_column);
}

void SiteTableModel::set_sensitivities(KnownSensitivities sensitivities)
{
    sensitivities_ = std::move(sensitivities);
    emit_columns(sensitivity_column, sensitivity_column);
}

std::optional<double> SiteTableModel::sensitivity(const Row& row) const
{
    const auto found = sensitivities_.alone.find(row.site->name);
    return found == sensitivities_.alone.end() ? std::nullopt : std::optional(found->second);
}
std::optional<double> SiteTableModel::sensitivity(int row) const { return sensitivity(rows_[static_cast<std::size_t>(row)]); }

void SiteTableModel::set_notes(std::map<std::string, std::string> notes)
{
    notes_ = std::move(notes);
    emit_columns(note_column, note_column);
}

void SiteTableModel::emit_columns(int first, int last)
{
    if (!rows_.empty()) Q_EMIT dataChanged(index(0, first), index(rowCount() - 1, last));
}

std::optional<LayerErrorRow> SiteTableModel::layer_error(const Row& row) const
{
    const auto found = std::ranges::find(errors_.layers, row.site->layer, &LayerErrorRow::layer);
    return row.site->layer < 0 || found == errors_.layers.end() ? std::nullopt : std::optional(*found);
}
std::optional<LayerErrorRow> SiteTableModel::layer_error(int row) const { return layer_error(rows_[static_cast<std::size_t>(row)]); }

std::string SiteTableModel::note(int row) const
{
    const auto found = notes_.find(site(row).name);
    return found == notes_.end() ? std::string() : found->second;
}

int SiteTableModel::row_of(std::string_view site) const noexcept
{
    const SiteId id = model_ ? model_->sites->find(site) : no_site;
    return id == no_site ? -1 : row_of_site_[static_cast<std::size_t>(id)];
}

std::vector<SiteId> SiteTableModel::unmeasured() const
{
    std::vector<SiteId> sites;
    for (const auto& row : rows_)
        if (!row.measured.known && !is_float(row.decision)) sites.push_back(row.site->id);
    return sites;
}

int SiteTableModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }
int SiteTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : column_count; }

QString SiteTableModel::plain_title(int column)
{
    static const char* const titles[] = {"site", "bits", "symmetric", "granularity", "min", "max", "range_source", "saturation", "sqnr_db", "introduced_sqnr_db", "accumulated_sqnr_db", "sensitivity_kl", "note"};
    return QLatin1String(titles[column]);
}

QString SiteTableModel::text(const Row& row, int column, bool plain) const
{
    const auto* decision = row.decision;
    const QString none = plain ? QString() : not_measured;
    switch (column) {
        case site_column:
            if (plain) return QString::fromStdString(row.site->name);
            return row.site->layer < 0 ? role_title(row.site->role) : QLocale().toString(static_cast<qlonglong>(row.site->layer)) + QStringLiteral(" · ") + role_title(row.site->role);
        case bits_column: return is_float(decision) ? (plain ? QStringLiteral("float") : tr("float")) : QString::number(decision->scheme.bits);
        case symmetry_column:
            if (is_float(decision)) return none;
            return plain ? QString::fromLatin1(decision->scheme.symmetric ? "true" : "false") : decision->scheme.symmetric ? tr("sym") : tr("asym");
        case granularity_column:
            if (is_float(decision)) return none;
            return granularity_text(decision->scheme) + (decision->scheme.dynamic ? (plain ? QStringLiteral(" dynamic") : tr(", dynamic")) : QString());
        case min_column: return decision ? either(least(decision->range.min), plain) : none;
        case max_column: return decision ? either(most(decision->range.max), plain) : none;
        case source_column: return decision && !decision->range.source.empty() ? QString::fromStdString(decision->range.source) : none;
        case saturation_column:
            if (!row.measured.saturation) return none;
            return plain ? plain_number(*row.measured.saturation) : number(100 * *row.measured.saturation);
        case sqnr_column: return either(row.measured.sqnr_db, plain);
        case introduced_column:
        case accumulated_column: {
            const auto error = layer_error(row);
            return either(!error ? std::nullopt : column == introduced_column ? error->introduced_sqnr_db : error->sqnr_db, plain);
        }
        case sensitivity_column: return either(sensitivity(row), plain);
        case note_column: {
            const auto note = notes_.find(row.site->name);
            return note == notes_.end() ? QString() : QString::fromStdString(note->second);
        }
        default: return {};
    }
}

QString SiteTableModel::tooltip(const Row& row, int column) const
{
    const auto* decision = row.decision;
    switch (column) {
        case site_column: {
            const QString size = row.site->kind == SiteKind::weight ? tr("%1 × %2").arg(count(row.site->rows), count(row.site->channels)) : tr("%1 channels").arg(count(row.site->channels));
            return QString::fromStdString(row.site->name) + QStringLiteral("\n") + size +
                   (row.site->shares == no_site ? QString() : QStringLiteral("\n") + tr("shares the grid of %1").arg(QString::fromStdString((*model_->sites)[row.site->shares].name)));
        }
        case bits_column:
        case symmetry_column:
        case granularity_column: return decision ? QString::fromStdString(in_words(decision->scheme)) : tr("The recipe does not decide this site: it stays float");
        case min_column:
        case max_column: {
            if (is_float(decision)) return tr("Float: no range");
            const auto& range = decision->range;
            if (range.scale) return tr("Learned: %n scale(s) and offset(s), no range", nullptr, static_cast<int>(range.scale->size()));
            if (!range.min) return decision->scheme.dynamic ? tr("Dynamic: the range is taken from the tensor at run time") : tr("Min and max of its values");
            if (range.min->size() == 1) return plain_number((column == min_column ? *range.min : *range.max).front());
            return column == min_column ? tr("The smallest of %n range(s)", nullptr, static_cast<int>(range.min->size())) : tr("The largest of %n range(s)", nullptr, static_cast<int>(range.min->size()));
        }
        case source_column: return decision ? QString::fromStdString(decision->range.source) : QString();
        case saturation_column:
        case sqnr_column:
            if (is_float(decision)) return tr("Float: nothing is rounded or clipped");
            if (!row.measured.known) return tr("Being computed");
            return (column == sqnr_column ? row.measured.sqnr_db : row.measured.saturation) ? tr("From %1").arg(row.measured.provenance) : row.measured.reason;
        case introduced_column:
        case accumulated_column: {
            const auto error = layer_error(row);
            if (row.site->layer < 0) return tr("Errors are computed per layer");
            if (!error) return tr("Not computed for this recipe; the loop computes it");
            return errors_.stale.isEmpty() ? tr("Of the whole layer %1").arg(row.site->layer) : errors_.stale;
        }
        case sensitivity_column:
            if (is_float(decision)) return tr("Float: nothing is rounded or clipped");
            if (!sensitivity(row)) return tr("Not measured for this site; “Measure sensitivity” does");
            return tr("KL to the float model per token with only this site quantized; the whole recipe: %1").arg(number(sensitivities_.whole)) +
                   (sensitivities_.stale.isEmpty() ? QString() : QLatin1Char('\n') + sensitivities_.stale);
        default: return text(row, column, false);
    }
}

QVariant SiteTableModel::sort_value(const Row& row, int column) const
{
    constexpr double last = std::numeric_limits<double>::infinity();
    const auto or_last = [&](const std::optional<double>& value) { return value.value_or(last); };
    const auto* decision = row.decision;
    switch (column) {
        case site_column: return row.site->id;
        case bits_column: return is_float(decision) ? 32 : decision->scheme.bits;
        case min_column: return or_last(decision ? least(decision->range.min) : std::nullopt);
        case max_column: return or_last(decision ? most(decision->range.max) : std::nullopt);
        case saturation_column: return or_last(row.measured.saturation);
        case sqnr_column: return or_last(row.measured.sqnr_db);
        case introduced_column:
        case accumulated_column: {
            const auto error = layer_error(row);
            return or_last(!error ? std::nullopt : column == introduced_column ? error->introduced_sqnr_db : error->sqnr_db);
        }
        case sensitivity_column: return sensitivity(row).value_or(-1);  // the largest first when sorted downwards, unknown ones after them
        default: return text(row, column, true);
    }
}

QVariant SiteTableModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount() || index.column() >= column_count) return {};
    const auto& row = rows_[static_cast<std::size_t>(index.row())];
    const int column = index.column();
    switch (role) {
        case Qt::DisplayRole: return text(row, column, false);
        case Qt::EditRole:
            if (column == min_column || column == max_column) {
                const auto value = row.decision ? (column == min_column ? least(row.decision->range.min) : most(row.decision->range.max)) : std::nullopt;
                return value ? QLocale().toString(*value, 'g', 7) : QString();
            }
            return text(row, column, true);
        case Qt::ToolTipRole: return tooltip(row, column);
        case Qt::TextAlignmentRole: {
            const bool words = column == site_column || column == symmetry_column || column == granularity_column || column == source_column || column == note_column;
            return static_cast<int>((words ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
        }
        case Qt::ForegroundRole:
            if (column == sensitivity_column && !sensitivities_.stale.isEmpty()) return QBrush(signal_colours().stale);
            if ((column == introduced_column || column == accumulated_column) && !errors_.stale.isEmpty()) return QBrush(signal_colours().stale);
            if (is_float(row.decision) && column != site_column && column != note_column) return QBrush(signal_colours().stale);
            return {};
        case Qt::AccessibleTextRole: return headerData(column, Qt::Horizontal).toString() + QStringLiteral(": ") + text(row, column, false);
        case sort_role: return sort_value(row, column);
        case plain_role: return text(row, column, true);
        default: return {};
    }
}

QVariant SiteTableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= column_count) return {};
    if (role == Qt::TextAlignmentRole) return index(0, section).isValid() ? data(index(0, section), role) : QVariant();
    const QString titles[] = {tr("Site"), tr("Bits"), tr("Sym."), tr("Per"), tr("Min"), tr("Max"), tr("Range"), tr("Clipped %"), tr("SQNR dB"), tr("Introduced dB"), tr("Accumulated dB"), tr("Sensitivity"), tr("Note")};
    if (role == Qt::DisplayRole) return titles[section];
    if (role != Qt::ToolTipRole) return {};
    switch (section) {
        case symmetry_column: return tr("Symmetry: whether the grid has its zero in the middle");
        case granularity_column: return tr("Granularity: what has a grid of its own");
        case source_column: return tr("Where the range comes from");
        case saturation_column: return tr("Saturation: share of the observed values that lie outside the grid");
        case sqnr_column: return tr("Signal to quantization noise at this site alone");
        case introduced_column: return tr("SQNR of the layer's output when only this layer is quantized");
        case accumulated_column: return tr("SQNR of the layer's output with every layer before it quantized, too");
        case sensitivity_column: return tr("KL to the float model per token when only this site is quantized");
        default: return titles[section];
    }
}

Qt::ItemFlags SiteTableModel::flags(const QModelIndex& index) const
{
    if (!index.isValid()) return Qt::NoItemFlags;
    auto flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
    const int column = index.column();
    const bool on_float = is_float(rows_[static_cast<std::size_t>(index.row())].decision);
    if (column == bits_column || column == note_column) flags |= Qt::ItemIsEditable;
    if (!on_float && column >= symmetry_column && column <= max_column) flags |= Qt::ItemIsEditable;
    return flags;
}

bool SiteTableModel::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (index.isValid() && role == Qt::EditRole && (flags(index) & Qt::ItemIsEditable)) Q_EMIT edit_wanted(index.row(), index.column(), value.toString());
    return false;
}

}  // namespace bitwright::views
