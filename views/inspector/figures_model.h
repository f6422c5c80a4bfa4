// SPDX-License-Identifier: GPL-3.0-or-later
// Before → now, a row per figure, each with what it was measured on.
// Threading: UI thread.
#pragma once

#include "core/numerics/numerics.h"
#include "views/inspector/subject.h"

#include <QAbstractTableModel>

#include <vector>

namespace bitwright::views {

class FiguresModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Row { saturation, zeros, codes_used, sqnr, sqnr_windows, cosine, output_estimate, output_reservoir, output_windows, rows };
    enum Column { name, before, now, measured_on, columns };

    /// All that is known about one range.
    struct Side {
        std::optional<Figures> figures;
        std::optional<OutputErrors> reservoir;  ///< over all its rows
        std::optional<SiteError> windows;       ///< over all tokens of the calibration
    };

    explicit FiguresModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}
    /// @param has_output the site feeds linears (else those rows are absent).
    void set(Side earlier, Side latest, bool has_output, bool weight);
    [[nodiscard]] const Side& side(Column column) const noexcept { return column == before ? before_ : now_; }
    /// A sentence instead of the value over all windows: it is being measured, or failed.
    void set_windows_note(const QString& note);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(shown_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] Row row_at(int row) const { return shown_.at(static_cast<std::size_t>(row)); }

private:
    struct Cell {
        QString text, from, tip;
    };
    [[nodiscard]] Cell cell(Row row, const Side& side) const;
    [[nodiscard]] Cell cell_of(const std::optional<SiteFigure>& figure, const QString& text) const;
    [[nodiscard]] Cell cell_of(const OutputErrors& errors, const QString& from, bool with_spread) const;

    Side before_, now_;
    QString windows_note_;
    bool weight_ = false;
    std::vector<Row> shown_;
};

}  // namespace bitwright::views
