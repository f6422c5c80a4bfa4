// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/report.h"

#include "core/exchange/report_table.h"
#include "core/runtime/file.h"

#include <array>
#include <algorithm>
#include <charconv>

namespace bitwright {
namespace {

std::size_t width_of(std::string_view text)  // in code points: every character here is one column wide
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string heading(const TableColumn& column) { return column.unit.empty() ? column.title : column.title + " " + column.unit; }

std::string plain(const TableCell& cell)
{
    std::string out = cell.text;
    if (!cell.spread.empty()) out += " (" + cell.spread + ")";
    if (!cell.delta.empty()) out += " " + cell.delta;
    if (cell.note) out += " [" + note_letters(cell.note) + "]";
    return out;
}

std::string escaped_markdown(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\n' || c == '\r') {
            out += ' ';
            continue;
        }
        if (std::string_view("|\\`*_<>[]").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::string csv_field(std::string_view text)
{
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

std::string csv_number(std::optional<double> value)
{
    if (!value) return {};
    std::array<char, 64> buffer{};
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), *value).ptr};
}

std::string csv_number(const Figure& figure) { return csv_number(figure.value); }

std::pair<std::string, std::string> csv_spread(const Figure& figure)
{
    const auto spread = figure.spread();
    return spread ? std::pair(csv_number(spread->first), csv_number(spread->second)) : std::pair<std::string, std::string>();
}

std::string csv_count(std::int64_t n) { return n == 0 ? std::string() : std::to_string(n); }

}  // namespace

std::string report_text(const Report& report)
{
    const ReportTable table = comparison_table(report, "");
    std::vector<std::vector<std::string>> columns;
    for (const TableColumn& column : table.columns) {
        std::vector<std::string> cells{heading(column)};
        for (const TableCell& cell : column.cells) cells.push_back(plain(cell));
        std::size_t width = 0;
        for (const std::string& cell : cells) width = std::max(width, width_of(cell));
        for (std::string& cell : cells) {
            const std::string padding(width - width_of(cell), ' ');
            cell = column.number ? padding + cell : cell + padding;
        }
        columns.push_back(std::move(cells));
    }
    std::string out;
    for (std::size_t line = 0; line <= report.rows.size(); ++line) {
        std::string text = line > 0 && line - 1 == report.baseline ? "* " : "  ";
        for (std::size_t c = 0; c < columns.size(); ++c) text += (c ? "  " : "") + columns[c][line];
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    }
    if (report.baseline < report.rows.size()) out += "* baseline\n";
    for (std::size_t i = 0; i < table.notes.size(); ++i) out += "[" + note_letters(static_cast<int>(i) + 1) + "] " + table.notes[i] + "\n";
    return out;
}

const ComparisonRow& reference_of(const Report& report, const ComparisonRow& row)
{
    const ComparisonRow& baseline = report.rows.at(report.baseline);
    const auto same = std::ranges::find_if(report.rows, [&](const ComparisonRow& other) {
        return other.name == baseline.name && other.recipe == baseline.recipe && other.model_hash == baseline.model_hash && other.level == row.level && other.placement == row.placement;
    });
    return same == report.rows.end() ? baseline : *same;
}

std::string report_markdown(const Report& report)
{
    const ReportTable table = comparison_table(report, "");
    std::string out = "|", rule = "|";
    for (const TableColumn& column : table.columns) {
        out += " " + heading(column) + " |";
        rule += column.number ? " ---: |" : " --- |";
    }
    out += "\n" + rule + "\n";
    for (std::size_t r = 0; r < report.rows.size(); ++r) {
        out += "|";
        for (std::size_t c = 0; c < table.columns.size(); ++c) {
            const bool name = c == 0 && r == report.baseline;
            const std::string text = escaped_markdown(plain(table.columns[c].cells[r]));
            out += " " + (name ? "**" + text + "** (baseline)" : text) + " |";
        }
        out += "\n";
    }
    if (!table.notes.empty()) out += "\n";
    for (std::size_t i = 0; i < table.notes.size(); ++i) out += "\\[" + note_letters(static_cast<int>(i) + 1) + "\\] " + escaped_markdown(table.notes[i]) + "  \n";
    return out;
}

std::string report_csv(const Report& report)
{
    std::string out =
        "name,baseline,method,bits,semantics,level,placement,perplexity_token,perplexity_word,kl_token,top1_agreement,weight_bytes,prefill_tokens_per_s,prefill_smallest,prefill_largest,"
        "decode_tokens_per_s,decode_smallest,decode_largest,peak_rss_bytes,device,threads,prompt_tokens,generated_tokens,conditions,definition,model_hash,evaluation_hash,recipe_hash,package_hash";
    const auto tasks = tasks_of(report);
    for (const TaskFigure* task : tasks)
        for (const char* figure : {"accuracy", "accuracy_low", "accuracy_high", "accuracy_norm", "accuracy_norm_low", "accuracy_norm_high"})
            out += "," + csv_field(task->task + "_" + std::to_string(task->rows) + "_" + figure);
    out += "\r\n";
    for (std::size_t r = 0; r < report.rows.size(); ++r) {
        const ComparisonRow& row = report.rows[r];
        const auto [prefill_low, prefill_high] = csv_spread(row.prefill_tokens_per_s);
        const auto [decode_low, decode_high] = csv_spread(row.decode_tokens_per_s);
        const std::array<std::string, 29> fields{row.name, r == report.baseline ? "1" : "0", row.method, row.bits, row.semantics, row.level, row.placement,
                                                 csv_number(row.perplexity_token), csv_number(row.perplexity_word), csv_number(row.kl_token), csv_number(row.top1_agreement), csv_number(row.bytes),
                                                 csv_number(row.prefill_tokens_per_s), prefill_low, prefill_high, csv_number(row.decode_tokens_per_s), decode_low,
                                                 decode_high, csv_number(row.peak_rss_bytes),
                                                 row.device, csv_count(row.threads), csv_count(row.prompt_tokens), csv_count(row.generated_tokens),
                                                 row.conditions, row.definition, row.model_hash, row.evaluation_hash, row.recipe_hash, row.package_hash};
        for (std::size_t i = 0; i < fields.size(); ++i) out += (i ? "," : "") + csv_field(fields[i]);
        for (const TaskFigure* task : tasks) {
            const TaskFigure* figure = task_of(row, *task);
            const auto end = [](const auto& interval, bool high) { return interval ? csv_number(high ? interval->high : interval->low) : std::string(); };
            out += figure ? "," + csv_number(figure->accuracy) + "," + end(figure->interval, false) + "," + end(figure->interval, true) + "," + csv_number(figure->accuracy_norm) + "," +
                                end(figure->interval_norm, false) + "," + end(figure->interval_norm, true)
                          : std::string(6, ',');
        }
        out += "\r\n";
    }
    return out;
}

void write_report(const Report& report, const std::filesystem::path& path)
{
    write_text(path, path.extension() == ".md" ? report_markdown(report) : path.extension() == ".csv" ? report_csv(report) : report_html(report));
}

}  // namespace bitwright
