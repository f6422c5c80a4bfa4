// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/inspector/figures_model.h"

#include "views/desk/formats.h"

#include <QGuiApplication>
#include <QPalette>

#include <cmath>

namespace bitwright::views {
namespace {

QString words_of(Provenance from)
{
    switch (from) {
        case Provenance::extremes: return FiguresModel::tr("all tokens");
        case Provenance::histogram: return FiguresModel::tr("histogram");
        case Provenance::reservoir: return FiguresModel::tr("reservoir");
        case Provenance::values: return FiguresModel::tr("all values");
        case Provenance::some_rows: return FiguresModel::tr("some rows");
        case Provenance::windows: return FiguresModel::tr("all tokens");
    }
    return {};
}

QString db(double value) { return std::isinf(value) ? FiguresModel::tr("exact") : number(value); }

}  // namespace

void FiguresModel::set(Side earlier, Side latest, bool has_output, bool weight)
{
    std::vector<Row> shown;
    for (int row = 0; row < rows; ++row) {
        const bool of_output = row == output_estimate || row == output_reservoir || row == output_windows;
        if (!of_output || has_output) shown.push_back(static_cast<Row>(row));
        if (weight && shown.back() == sqnr_windows) shown.pop_back();  // a weight's own figures do not depend on tokens
    }
    const bool reset = shown != shown_ || weight != weight_;
    if (reset) beginResetModel();
    before_ = std::move(earlier);
    now_ = std::move(latest);
    shown_ = std::move(shown);
    weight_ = weight;
    if (reset)
        endResetModel();
    else
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columns - 1));
}

void FiguresModel::set_windows_note(const QString& note)
{
    windows_note_ = note;
    if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columns - 1));
}

FiguresModel::Cell FiguresModel::cell_of(const std::optional<SiteFigure>& figure, const QString& text) const
{
    if (!figure) return {not_measured, {}, tr("Not measured for this scheme")};
    return {text, words_of(figure->from), tr("Measured on: %1").arg(words_of(figure->from))};
}

FiguresModel::Cell FiguresModel::cell_of(const OutputErrors& errors, const QString& from, bool with_spread) const
{
    if (!errors.alone) return {not_measured, from, tr("Not measured for this scheme")};
    const auto& e = *errors.alone;
    QString text = percent(e.relative);
    if (e.spread > 0 && with_spread) text += QStringLiteral(" ±") + number(e.spread * 100, 1);
    QString tip = tr("Error of the next outputs, ‖ŷ − y‖ ÷ ‖y‖ (%1 dB), from %2 rows and %3 outputs, everything else in float").arg(db(e.sqnr_db), count(e.rows), count(e.outputs));
    if (e.spread > 0) tip += tr("; ± one standard error against all rows and outputs");
    if (errors.both) tip += weight_ ? tr("\nWith the input quantized too: %1").arg(percent(errors.both->relative)) : tr("\nWith the weights quantized too: %1").arg(percent(errors.both->relative));
    return {text, from, tip};
}

FiguresModel::Cell FiguresModel::cell(Row row, const Side& side) const
{
    if (row == output_windows || row == sqnr_windows) {
        if (!side.windows) return {not_measured, tr("all tokens"), windows_note_.isEmpty() ? tr("Measured when a line is let go, or with “All tokens”") : windows_note_};
        const auto& w = *side.windows;
        if (row == sqnr_windows) return {w.figures.sqnr_db ? db(w.figures.sqnr_db->value) : not_measured, tr("all tokens"), tr("Over every token of all calibration windows")};
        return cell_of(w.outputs, tr("all tokens"), true);
    }
    if (row == output_reservoir) {
        if (!side.reservoir) return {not_measured, tr("reservoir"), tr("Being measured, or nothing to measure with")};
        return cell_of(*side.reservoir, tr("reservoir"), true);
    }
    if (!side.figures) return {not_measured, {}, tr("Not measured")};
    const auto& p = side.figures->preview;
    switch (row) {
        case saturation: {
            auto cell = cell_of(p.saturation(), p.saturation() ? percent(p.saturation()->value, 2) : QString());
            if (p.clipped_low && p.clipped_high) cell.tip += tr("\nBelow the lowest code: %1, above the highest: %2").arg(percent(p.clipped_low->value), percent(p.clipped_high->value));
            return cell;
        }
        case zeros: return cell_of(p.zeros, p.zeros ? percent(p.zeros->value) : QString());
        case codes_used: {
            auto cell = cell_of(p.codes_used, p.codes_used ? count(std::llround(p.codes_used->value)) : QString());
            if (p.codes_used) cell.tip += tr("\nOf %1 codes").arg(count(p.codes));
            return cell;
        }
        case sqnr: {
            auto cell = cell_of(p.sqnr_db, p.sqnr_db ? db(p.sqnr_db->value) : QString());
            if (p.sqnr_db && p.sqnr_db->from != Provenance::windows) cell.tip += tr("\nA few outlier tokens can carry most of the signal; a sample may hold none of them. “All tokens” counts each.");
            return cell;
        }
        case cosine: return cell_of(p.cosine, p.cosine ? number(p.cosine->value, 4) : QString());
        case output_estimate: {
            const auto& alone = side.figures->outputs.alone;
            return cell_of(side.figures->outputs, alone ? tr("estimate") : QString(), &side == &now_);  // before: the spread is in its tooltip
        }
        default: return {};
    }
}

QVariant FiguresModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid()) return {};
    const Row row = row_at(index.row());
    if (role == Qt::TextAlignmentRole) {
        const bool numeric = index.column() == before || index.column() == now;
        return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (numeric ? Qt::AlignRight : Qt::AlignLeft)));
    }
    if (role == Qt::ForegroundRole && (index.column() == measured_on || index.column() == before)) return QGuiApplication::palette().brush(QPalette::PlaceholderText);
    if (index.column() == name) {
        if (role != Qt::DisplayRole) return {};
        switch (row) {
            case saturation: return tr("Saturation");
            case zeros: return tr("Zeros");
            case codes_used: return tr("Codes used");
            case sqnr: return tr("SQNR, dB");
            case sqnr_windows: return tr("… all tokens");
            case cosine: return tr("Cosine");
            case output_estimate: return tr("Output error");
            case output_reservoir: return tr("… sampled");
            case output_windows: return tr("… all tokens");
            case rows: return {};
        }
    }
    const Cell found = cell(row, index.column() == before ? before_ : now_);
    if (role == Qt::ToolTipRole) return found.tip;
    if (role != Qt::DisplayRole) return {};
    return index.column() == measured_on ? found.from : found.text;
}

QVariant FiguresModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (section == before || section == now ? Qt::AlignRight : Qt::AlignLeft)));
    if (role != Qt::DisplayRole) return {};
    switch (section) {
        case before: return tr("Before");
        case now: return tr("Now");
        case measured_on: return tr("From");
        default: return QString();
    }
}

}  // namespace bitwright::views
