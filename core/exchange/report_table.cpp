// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/report_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

std::string fixed(double value, int decimals)
{
    std::array<char, 400> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, decimals).ptr;
    return {buffer.data(), end};
}

int decimals_for(double value, int significant)
{
    const double magnitude = std::fabs(value);
    if (!(magnitude > 0) || !std::isfinite(magnitude)) return 0;
    return std::clamp(significant - 1 - static_cast<int>(std::floor(std::log10(magnitude))), 0, 9);
}

std::string perplexity(double value, std::string_view thousands) { return grouped(value, std::min(decimals_for(value, 4), 3), thousands); }

std::string bytes(double value, std::string_view thousands)
{
    static constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return (unit == 0 ? grouped(value, 0, thousands) : three_digits(value, thousands)) + " " + units[unit];
}

std::string with_sign(double value, const std::string& text) { return value >= 0 ? "+" + text : "−" + text; }

std::string difference(double value, double baseline, std::string_view thousands)
{
    const double delta = value - baseline, percent = 100 * delta / baseline;
    const int decimals = std::min(decimals_for(std::max(std::fabs(value), std::fabs(baseline)), 4), 3);
    return with_sign(delta, grouped(std::fabs(delta), decimals, thousands)) + " (" +
           with_sign(percent, grouped(std::fabs(percent), std::fabs(percent) < 100 ? 1 : 0, thousands)) + " %)";
}

std::string interval(const PairedDifference& difference, double value, std::string_view thousands)
{
    const int decimals = std::min(decimals_for(value, 4), 3);
    const auto end = [&](double bound) { return with_sign(bound, grouped(std::fabs(bound), decimals, thousands)); };
    return end(difference.low) + " … " + end(difference.high);
}

std::string percent(double value, std::string_view thousands) { return grouped(100 * value, 1, thousands) + " %"; }

/// Of shares: "+1.5 points".
std::string points(double value, double baseline, std::string_view thousands)
{
    return with_sign(value - baseline, grouped(std::fabs(100 * (value - baseline)), 1, thousands)) + " points";
}

std::string points_interval(const PairedDifference& difference, std::string_view thousands)
{
    const auto end = [&](double bound) { return with_sign(bound, grouped(std::fabs(100 * bound), 1, thousands)); };
    return end(difference.low) + " … " + end(difference.high);
}

std::string factor(double value, double baseline, std::string_view thousands) { return three_digits(value / baseline, thousands) + "×"; }

using Obstacles = std::vector<std::string> (*)(const ComparisonRow&, const ComparisonRow&);
using Written = std::string (*)(double, std::string_view);
using Compared = std::string (*)(double, double, std::string_view);

struct FigureColumn {
    const char* title;
    const char* unit;
    Figure ComparisonRow::* figure;
    Written written;
    Compared compared;
    Obstacles obstacles;
    bool always;  ///< shown although nobody measured it
};

std::vector<std::string> none(const ComparisonRow&, const ComparisonRow&) { return {}; }

const std::array figures{
    FigureColumn{"Perplexity", "per token", &ComparisonRow::perplexity_token, perplexity, difference, perplexity_obstacles, true},
    FigureColumn{"Perplexity", "per word", &ComparisonRow::perplexity_word, perplexity, difference, perplexity_obstacles, false},
    FigureColumn{"KL to float", "per token", &ComparisonRow::kl_token, three_digits, difference, perplexity_obstacles, false},
    FigureColumn{"Same top token", "", &ComparisonRow::top1_agreement, percent, points, perplexity_obstacles, false},
    FigureColumn{"Size", "on disk", &ComparisonRow::bytes, bytes, factor, none, true},
    FigureColumn{"Prefill", "tokens/s", &ComparisonRow::prefill_tokens_per_s, three_digits, factor, speed_obstacles, true},
    FigureColumn{"Decode", "tokens/s", &ComparisonRow::decode_tokens_per_s, three_digits, factor, speed_obstacles, true},
    FigureColumn{"Memory", "peak", &ComparisonRow::peak_rss_bytes, bytes, factor, speed_obstacles, false},
};

std::string joined(const std::vector<std::string>& parts)
{
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
    return out;
}

// Names come from outside: no control character reaches a terminal or a file.
std::string printable(std::string text)
{
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

void add_interval(TableCell& cell, const std::optional<PairedDifference>& difference, const std::string& words)
{
    if (!difference) return;
    cell.interval = words;
    if (difference->within_chance()) cell.interval += ", no detectable difference";
}

TableCell cell_of(const FigureColumn& column, const ComparisonRow& row, const ComparisonRow* baseline, std::string_view thousands)
{
    const Figure& figure = row.*column.figure;
    if (!figure.value) return {"–", "", "", "", "not measured" + (figure.reason.empty() ? "" : ": " + printable(figure.reason)), 0};
    TableCell cell{column.written(*figure.value, thousands), "", "", "", "", 0};
    if (const auto spread = figure.spread()) cell.spread = column.written(spread->first, thousands) + "–" + column.written(spread->second, thousands);
    if (!baseline || baseline == &row) return cell;
    const Figure& reference = baseline->*column.figure;
    if (!reference.value || *reference.value == 0) return cell;
    if (const auto obstacles = column.obstacles(row, *baseline); !obstacles.empty()) {
        cell.delta = "not comparable";
        cell.why = "not comparable with the baseline: " + joined(obstacles);
    } else {
        cell.delta = column.compared(*figure.value, *reference.value, thousands);
        if (!apart(figure, reference)) cell.delta += " within the spread";
        if (column.figure == &ComparisonRow::perplexity_token) add_interval(cell, row.perplexity_difference, row.perplexity_difference ? interval(*row.perplexity_difference, *figure.value, thousands) : "");
        if (column.figure == &ComparisonRow::kl_token) add_interval(cell, row.kl_difference, row.kl_difference ? interval(*row.kl_difference, *figure.value, thousands) : "");
    }
    return cell;
}

/// The cell of a task: accuracy with its interval, and the difference to the baseline's answers to the same rows.
TableCell task_cell(const ComparisonRow& row, const TaskFigure& like, const ComparisonRow* baseline, bool norm, std::string_view thousands)
{
    const TaskFigure* figure = task_of(row, like);
    if (!figure) return {"–", "", "", "", "not measured: the task was not run", 0};
    const auto& accuracy = norm ? figure->accuracy_norm : figure->accuracy;
    const auto& own = norm ? figure->interval_norm : figure->interval;
    const auto& paired = norm ? figure->difference_norm : figure->difference;
    TableCell cell{percent(*accuracy.value, thousands), "", "", "", "", 0};
    if (own) cell.spread = "95 %: " + grouped(100 * own->low, 1, thousands) + "–" + grouped(100 * own->high, 1, thousands);
    const TaskFigure* reference = baseline && baseline != &row ? task_of(*baseline, *figure) : nullptr;
    if (!reference) return cell;
    if (!paired) {
        cell.delta = "not comparable";
        cell.why = "not comparable with the baseline: " + std::string(row.model_hash != baseline->model_hash ? "other model" : figure->row_hash != reference->row_hash ? "other rows" : "too few rows");
        return cell;
    }
    cell.delta = points(*accuracy.value, norm ? *reference->accuracy_norm.value : *reference->accuracy.value, thousands);
    add_interval(cell, paired, points_interval(*paired, thousands));
    return cell;
}

/// Two columns for each task of choices, one for pairs.
void add_task_columns(ReportTable& table, const Report& report, std::string_view thousands)
{
    for (const TaskFigure* task : tasks_of(report)) {
        for (const bool norm : {false, true}) {
            if (norm && !task->accuracy_norm.value) continue;
            TableColumn column{printable(task->task), std::string(norm ? "accuracy per byte, " : "accuracy, ") + std::to_string(task->rows) + " rows", true, {}};
            for (const ComparisonRow& row : report.rows)
                column.cells.push_back(task_cell(row, *task, report.baseline < report.rows.size() ? &reference_of(report, row) : nullptr, norm, thousands));
            table.columns.push_back(std::move(column));
        }
    }
}

}  // namespace

std::vector<const TaskFigure*> tasks_of(const Report& report)
{
    std::vector<const TaskFigure*> known;
    for (const ComparisonRow& row : report.rows) {
        for (const TaskFigure& figure : row.tasks) {
            const bool fresh = std::ranges::none_of(known, [&](const TaskFigure* other) { return other->task == figure.task && other->rows == figure.rows; });
            if (fresh) known.push_back(&figure);
        }
    }
    std::ranges::stable_sort(known, {}, [](const TaskFigure* figure) { return figure->task; });
    return known;
}

const TaskFigure* task_of(const ComparisonRow& row, const TaskFigure& like)
{
    const auto found = std::ranges::find_if(row.tasks, [&](const TaskFigure& figure) { return figure.task == like.task && figure.rows == like.rows; });
    return found == row.tasks.end() ? nullptr : &*found;
}

std::string note_letters(int note)
{
    std::string out;
    for (; note > 0; note = (note - 1) / 26) out.insert(out.begin(), static_cast<char>('a' + (note - 1) % 26));
    return out;
}

std::string grouped(double value, int decimals, std::string_view thousands)
{
    if (!std::isfinite(value)) return std::isnan(value) ? "not a number" : value > 0 ? "∞" : "−∞";
    std::string text = fixed(std::fabs(value), decimals);
    if (const std::size_t whole = std::min(text.find('.'), text.size()); whole > 3) {
        for (std::size_t at = whole; at > 3; at -= 3) text.insert(at - 3, thousands);
    }
    return value < 0 ? "−" + text : text;
}

std::string three_digits(double value, std::string_view thousands) { return grouped(value, decimals_for(value, 3), thousands); }

ReportTable comparison_table(const Report& report, std::string_view thousands)
{
    ReportTable table;
    const auto words = [&](const char* title, const auto& text_of) {
        TableColumn column{title, "", false, {}};
        for (const ComparisonRow& row : report.rows) column.cells.push_back({printable(text_of(row)), "", "", "", "", 0});
        table.columns.push_back(std::move(column));
    };
    words("Name", [](const ComparisonRow& row) { return row.name; });
    words("Method", [](const ComparisonRow& row) { return row.method; });
    words("Bits", [](const ComparisonRow& row) { return row.bits; });
    words("Level", [](const ComparisonRow& row) { return row.placement.empty() ? row.level : row.level + ", " + row.placement; });
    words("Semantics", [](const ComparisonRow& row) { return row.semantics; });

    for (const FigureColumn& figure : figures) {
        const bool measured = std::any_of(report.rows.begin(), report.rows.end(), [&](const ComparisonRow& row) { return (row.*figure.figure).value.has_value(); });
        if (!measured && !figure.always) continue;
        TableColumn column{figure.title, figure.unit, true, {}};
        for (const ComparisonRow& row : report.rows) column.cells.push_back(cell_of(figure, row, report.baseline < report.rows.size() ? &reference_of(report, row) : nullptr, thousands));
        table.columns.push_back(std::move(column));
    }
    add_task_columns(table, report, thousands);
    for (std::size_t r = 0; r < report.rows.size(); ++r) {  // in reading order
        for (TableColumn& column : table.columns) {
            TableCell& cell = column.cells[r];
            if (cell.why.empty()) continue;
            auto known = std::find(table.notes.begin(), table.notes.end(), cell.why);
            if (known == table.notes.end()) known = table.notes.insert(table.notes.end(), cell.why);
            cell.note = static_cast<int>(known - table.notes.begin()) + 1;
        }
    }
    return table;
}

}  // namespace bitwright
