// SPDX-License-Identifier: GPL-3.0-or-later
// The comparison table as words: what HTML, Markdown and terminal share. Internal to exchange.
// Threading: pure functions.
#pragma once

#include "core/exchange/report.h"

#include <string>
#include <vector>

namespace bitwright {

struct TableCell {
    std::string text;    ///< "–" where not measured
    std::string spread;  ///< smallest and largest repeat: "6210–6520"; of an accuracy its interval: "95 %: 44.0–53.1"; "" where there is none
    std::string delta;   ///< against the baseline: "+0.89 (+2.1 %)", "1.80×", "1.02× within the spread", "not comparable"; "" on the baseline's own row
    std::string interval;  ///< 95 % of the delta: "+0.51 … +1.27", and ", no detectable difference" where 0 lies inside; "" where unknown
    std::string why;     ///< the reason behind "–" or "not comparable"
    int note = 0;        ///< 1-based index into ReportTable::notes of `why`, 0: none
};

struct TableColumn {
    std::string title, unit;
    bool number = false;
    std::vector<TableCell> cells;  ///< one per row
};

struct ReportTable {
    std::vector<TableColumn> columns;
    std::vector<std::string> notes;  ///< the distinct reasons
};

/// One figure of each task that any row has scored, by name and number of rows.
[[nodiscard]] std::vector<const TaskFigure*> tasks_of(const Report& report);
/// The row's figure of the same task on as many rows, or null.
[[nodiscard]] const TaskFigure* task_of(const ComparisonRow& row, const TaskFigure& like);
/// @param thousands what separates groups of three digits before the decimal point ("" for none).
[[nodiscard]] ReportTable comparison_table(const Report& report, std::string_view thousands);

/// a, b … z, aa …: a digit beside a number would be read as part of it. "" for 0.
[[nodiscard]] std::string note_letters(int note);
/// Fixed notation in the C locale, `decimals` digits after the point, groups separated.
[[nodiscard]] std::string grouped(double value, int decimals, std::string_view thousands);
/// Three significant digits at least; whole numbers above 1,000.
[[nodiscard]] std::string three_digits(double value, std::string_view thousands);

}  // namespace bitwright
