// SPDX-License-Identifier: GPL-3.0-or-later
// The report as one HTML file: nothing is loaded from anywhere, no script runs; on paper it is black on white.
#include "core/exchange/method_looks.h"
#include "core/exchange/report.h"
#include "core/exchange/report_svg.h"
#include "core/exchange/report_table.h"

#include <cstdio>
#include <utility>

namespace bitwright {
namespace {

constexpr std::string_view narrow_space = "\u202f";

constexpr std::string_view style = R"(
:root{--paper:#fff;--ink:#1d2127;--soft:#5b6470;--rule:#d8dce1;--mark:#f2f5f9;--accent:#0b62a8;LIGHT}
@media (prefers-color-scheme:dark){:root{--paper:#16191d;--ink:#e4e7eb;--soft:#9aa4b0;--rule:#333a42;--mark:#1f252c;--accent:#6cb4ee;DARK}}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--mark:#f2f2f2;--accent:#000;LIGHT}
body{font-size:8.5pt!important;max-width:none!important;padding:0!important}figure,tr,dl{break-inside:avoid}h2,h3{break-after:avoid}
.table{overflow:visible!important}th,td{padding:.3rem .35rem!important}svg{max-height:95mm}}
@page{margin:14mm}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:2rem 1.5rem 4rem;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,sans-serif;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
h1{font-size:1.55rem;font-weight:600;margin:0}h2{font-size:1.1rem;font-weight:600;margin:2.2rem 0 .6rem}h3{font-size:.95rem;font-weight:600;margin:1rem 0 .3rem}
p{margin:.3rem 0}.soft,.absent,figcaption,small{color:var(--soft)}small{font-size:.85em}
.table{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
thead th{font-weight:600;border-bottom:1.5px solid var(--soft);vertical-align:bottom;white-space:nowrap}thead small{display:block;font-weight:400}
.n{text-align:right;white-space:nowrap}.n small{display:block}tr.baseline{background:var(--mark)}
td:first-child{font-weight:600;overflow-wrap:break-word;min-width:7.5rem;max-width:20rem}td:first-child small{display:block;font-weight:400}
sup a{color:var(--accent);text-decoration:none;margin-left:.15em}ol{margin:.6rem 0;padding-left:1.5rem;color:var(--soft)}
figure{margin:.8rem 0 1.6rem}figcaption{margin-bottom:.3rem;color:var(--ink);font-weight:600}
svg{display:block;width:100%;max-width:60rem;height:auto;font:12px system-ui,sans-serif;fill:currentColor}
svg .grid{stroke:var(--rule)}svg .axis{stroke:var(--soft)}svg .curve{fill:none;stroke:currentColor;stroke-width:1.8}
CLASSES
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.25rem 1.2rem;margin:.3rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
.hatch{position:absolute;width:0;height:0}
)";

/// The style with the categories' colours in their places.
std::string page_style()
{
    std::string light, dark, classes, page(style);
    char text[64];
    for (std::size_t i = 0; i < category_colours.size(); ++i) {
        const auto n = static_cast<unsigned>(i);
        std::snprintf(text, sizeof text, "--s%u:#%06x;", n, category_colours[i].on_light);
        light += text;
        std::snprintf(text, sizeof text, "--s%u:#%06x;", n, category_colours[i].on_dark);
        dark += text;
        std::snprintf(text, sizeof text, ".s%u{color:var(--s%u)}", n, n);
        classes += text;
    }
    for (const auto& [place, filling] : {std::pair<std::string_view, std::string*>{"LIGHT", &light}, {"DARK", &dark}, {"CLASSES", &classes}}) {
        for (auto at = page.find(place); at != std::string::npos; at = page.find(place)) page.replace(at, place.size(), *filling);
    }
    return page;
}

// Shared by all heatmaps: grey stripes for what was not measured.
constexpr std::string_view hatch = R"#(<svg class="hatch" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"
patternTransform="rotate(45)"><rect width="6" height="6" fill="#9aa4b0" fill-opacity=".25"/><line y2="6" stroke="#9aa4b0" stroke-width="2"/></pattern></defs></svg>
)#";

std::string note_mark(int note) { return note ? "<sup><a href=\"#note-" + note_letters(note) + "\">" + note_letters(note) + "</a></sup>" : ""; }

std::string cell_html(const TableColumn& column, const TableCell& cell, bool baseline_name)
{
    std::string out = column.number ? "<td class=\"n\"" : "<td";
    if (!cell.why.empty()) out += " title=\"" + escaped(cell.why) + "\"";
    out += ">" + escaped(cell.text);
    if (!cell.spread.empty()) out += "<small>" + escaped(cell.spread) + "</small>";
    if (cell.delta.empty()) out += note_mark(cell.note);
    else out += "<small>" + escaped(cell.delta) + note_mark(cell.note) + "</small>";
    if (!cell.interval.empty()) out += "<small>95 %: " + escaped(cell.interval) + "</small>";
    if (baseline_name) out += "<small>baseline</small>";
    return out + "</td>";
}

std::string table_html(const Report& report)
{
    const ReportTable table = comparison_table(report, narrow_space);
    std::string out = "<section><h2>Comparison</h2><div class=\"table\"><table><thead><tr>";
    for (const TableColumn& column : table.columns) {
        out += column.number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">";
        out += escaped(column.title) + (column.unit.empty() ? "" : "<small>" + escaped(column.unit) + "</small>") + "</th>";
    }
    out += "</tr></thead><tbody>";
    for (std::size_t r = 0; r < report.rows.size(); ++r) {
        const bool baseline = r == report.baseline;
        out += baseline ? "<tr class=\"baseline\">" : "<tr>";
        for (std::size_t c = 0; c < table.columns.size(); ++c) out += cell_html(table.columns[c], table.columns[c].cells[r], baseline && c == 0);
        out += "</tr>\n";
    }
    out += "</tbody></table></div>";
    if (report.baseline < report.rows.size()) out += "<p class=\"soft\">Differences are to “" + escaped(report.rows[report.baseline].name) + "”.</p>";
    if (!table.notes.empty()) {
        out += "<ol type=\"a\">";
        for (std::size_t i = 0; i < table.notes.size(); ++i) out += "<li id=\"note-" + note_letters(static_cast<int>(i) + 1) + "\">" + escaped(table.notes[i]) + "</li>";
        out += "</ol>";
    }
    return out + "</section>\n";
}

std::string pairs_html(const std::vector<std::pair<std::string, std::string>>& pairs)
{
    std::string out = "<dl>";
    for (const auto& [term, text] : pairs) out += "<dt>" + escaped(term) + "</dt><dd>" + escaped(text) + "</dd>";
    return out + "</dl>";
}

// What each row rests on: the hashes by which it can be found and repeated.
std::string provenance_html(const Report& report)
{
    std::string out = "<section><h2>What was compared</h2>";
    for (const ComparisonRow& row : report.rows) {
        std::string facts;
        const auto fact = [&](const char* term, const std::string& text, bool hash) {
            if (!text.empty()) facts += std::string("<dt>") + term + "</dt><dd>" + (hash ? "<code>" + escaped(text) + "</code>" : escaped(text)) + "</dd>";
        };
        fact("perplexity", row.definition, false);
        fact("model", row.model_hash, true);
        fact("evaluation text", row.evaluation_hash, true);
        fact("recipe", row.recipe_hash, true);
        fact("package", row.package_hash, true);
        fact("conditions", row.conditions, false);
        if (!facts.empty()) out += "<h3>" + escaped(row.name) + "</h3><dl>" + facts + "</dl>";
    }
    return out + "</section>\n";
}

}  // namespace

std::string report_html(const Report& report)
{
    std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
                      "<meta name=\"color-scheme\" content=\"light dark\"><title>" +
                      escaped(report.title) + "</title><style>" + page_style() + "</style></head><body>\n" + std::string(hatch) + "<header><h1>" +
                      escaped(report.title) + "</h1><p class=\"soft\">" + escaped(report.subtitle) + "</p></header>\n" + table_html(report);
    if (!report.curves.empty()) {
        out += "<section><h2>Error per layer</h2>";
        for (const ReportCurves& curves : report.curves) out += "<figure><figcaption>" + escaped(curves.title) + "</figcaption>" + curves_svg(curves) + "</figure>\n";
        out += "</section>";
    }
    if (!report.heatmaps.empty()) {
        out += "<section><h2>Outliers</h2><p class=\"soft\">Where several channels share a pixel, it shows their maximum.</p>";
        for (const ReportHeatmap& map : report.heatmaps) out += "<figure><figcaption>" + escaped(map.title) + "</figcaption>" + heatmap_svg(map) + "</figure>\n";
        out += "</section>";
    }
    if (!report.conversions.empty()) {
        out += "<section><h2>Conversions</h2><ul>";
        for (const std::string& conversion : report.conversions) out += "<li>" + escaped(conversion) + "</li>";
        out += "</ul></section>\n";
    }
    if (!report.conditions.empty()) {
        out += "<section><h2>Conditions</h2>";
        for (const ReportConditions& conditions : report.conditions) out += "<h3>" + escaped(conditions.name) + "</h3>" + pairs_html(conditions.facts);
        out += "</section>\n";
    }
    if (!report.definitions.empty()) out += "<section><h2>Definitions</h2>" + pairs_html(report.definitions) + "</section>\n";
    return out + provenance_html(report) + "</body></html>\n";
}

}  // namespace bitwright
