// SPDX-License-Identifier: GPL-3.0-or-later
// A comparison as a document: one self-contained HTML file, Markdown, CSV, or a table for the terminal. Plain values in, text out; nothing is computed here but
// differences to the baseline, and those only where compare.h allows them.
// Invariants: files are in the C locale; everything that came from outside is escaped; the HTML file asks the network for nothing and reads well on paper.
// Threading: pure functions.
#pragma once

#include "core/exchange/compare.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitwright {

/// Circumstances of measurements, as pairs in the order they are shown ("processor", "AMD EPYC").
struct ReportConditions {
    std::string name;
    std::vector<std::pair<std::string, std::string>> facts;
};

/// One line over the layers; `values[i]` belongs to layer i, NaN is a gap.
struct ReportCurve {
    std::string name;
    std::vector<double> values;
    std::string method{};  ///< gives colour and marker (method_looks.h)
};
/// Curves that share axes: "accumulated error", in dB.
struct ReportCurves {
    std::string title, unit;
    std::vector<ReportCurve> curves;
};

/// Layers (rows) × channels. Several channels in a pixel show their maximum. NaN: not measured.
struct ReportHeatmap {
    std::string title, unit;
    std::vector<std::string> rows;  ///< labels, top to bottom
    std::size_t columns = 0;
    std::vector<float> values;      ///< rows × columns
};

struct Report {
    std::string title, subtitle;    ///< subtitle: date and program, for people
    std::vector<ComparisonRow> rows;
    std::size_t baseline = 0;       ///< index into rows
    std::vector<ReportCurves> curves;
    std::vector<ReportHeatmap> heatmaps;
    std::vector<ReportConditions> conditions;
    std::vector<std::pair<std::string, std::string>> definitions;  ///< term, text
    std::vector<std::string> conversions;  ///< what a conversion between levels or formats changed
};

/// What `row` is set against: the baseline's recipe at the row's level, so that no level is set against another; where it has none there, the baseline itself.
/// Precondition: report.baseline is an index of its rows.
[[nodiscard]] const ComparisonRow& reference_of(const Report& report, const ComparisonRow& row);

[[nodiscard]] std::string report_html(const Report& report);
/// The comparison table alone.
[[nodiscard]] std::string report_markdown(const Report& report);
/// RFC 4180, one header line, numbers at full precision, empty where not measured; after the fixed columns six for each task any row has scored.
[[nodiscard]] std::string report_csv(const Report& report);
/// Columns aligned with spaces, for a terminal.
[[nodiscard]] std::string report_text(const Report& report);

/// Writes atomically what the ending asks for: .md Markdown, .csv CSV, anything else HTML. Throws Error (failed) naming the file.
void write_report(const Report& report, const std::filesystem::path& path);

}  // namespace bitwright
