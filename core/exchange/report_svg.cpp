// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/report_svg.h"

#include "core/exchange/method_looks.h"
#include "core/exchange/report_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace bitwright {
namespace {

constexpr double width = 760, left = 64, bottom = 44, top = 12, label_width = 210;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string number(double value) { return grouped(std::round(value * 10) / 10, 1, ""); }

/// SVG has no typographic minus.
std::string at(double value)
{
    std::string text = number(std::fabs(value));
    return value < 0 ? "-" + text : text;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view words, std::string_view extra = "")
{
    return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + std::string(anchor) + "\"" + std::string(extra) + ">" + escaped(words) + "</text>";
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css)
{
    return "<line class=\"" + std::string(css) + "\" x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) + "\"/>";
}

std::string opened(double height, const std::string& label)
{
    return "<svg viewBox=\"0 0 " + at(width) + " " + at(height) + "\" role=\"img\" aria-label=\"" + escaped(label) + "\">";
}

// 1, 2 or 5 times a power of ten, so that the span has at most `most` steps.
double nice_step(double span, int most)
{
    const double rough = span / most, power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double m : {1.0, 2.0, 5.0}) {
        if (m * power >= rough * (1 - 1e-9)) return m * power;
    }
    return 10 * power;
}

std::string tick_label(double value, double step)
{
    return grouped(value, std::clamp(-static_cast<int>(std::floor(std::log10(step) + 1e-9)), 0, 9), "");
}

std::string marker(int shape, double x, double y)
{
    const auto path = [&](const std::string& d) { return "<path d=\"" + d + "\"/>"; };
    const auto stroke = [&](const std::string& d) { return "<path class=\"curve\" d=\"" + d + "\"/>"; };
    switch (shape) {
    case 0: return "<circle cx=\"" + at(x) + "\" cy=\"" + at(y) + "\" r=\"3\"/>";
    case 1: return path("M" + at(x - 3) + " " + at(y - 3) + "h6v6h-6z");
    case 2: return path("M" + at(x) + " " + at(y - 4) + "l4 7h-8z");
    case 3: return path("M" + at(x) + " " + at(y - 4) + "l4 4l-4 4l-4 -4z");
    case 4: return stroke("M" + at(x - 3) + " " + at(y - 3) + "l6 6m0 -6l-6 6");
    case 5: return stroke("M" + at(x - 4) + " " + at(y) + "h8m-4 -4v8");
    case 6: return stroke("M" + at(x - 4) + " " + at(y) + "h8m-6.5 -3.5l5 7m0 -7l-5 7");
    default: return path("M" + at(x) + " " + at(y + 4) + "l4 -7h-8z");
    }
}

struct Axes {
    double low, high;      ///< values at bottom and top
    std::size_t layers;
    double height;
    [[nodiscard]] double x(std::size_t layer) const
    {
        const double span = width - left - label_width;
        return layers < 2 ? left + span / 2 : left + span * static_cast<double>(layer) / static_cast<double>(layers - 1);
    }
    [[nodiscard]] double y(double value) const { return top + (high - value) / (high - low) * (height - top - bottom); }
};

std::string grid(const Axes& axes, const std::string& unit)
{
    std::string out;
    const double right = width - label_width, floor_y = axes.height - bottom;
    const double step = nice_step(axes.high - axes.low, 6);
    for (double value = std::ceil(axes.low / step - 1e-9) * step; value <= axes.high + step * 1e-9; value += step) {
        const double shown = std::fabs(value) < step * 1e-9 ? 0 : value;
        out += line(left, axes.y(shown), right, axes.y(shown), "grid") + text_at(left - 8, axes.y(shown) + 4, "end", tick_label(shown, step));
    }
    const std::size_t each = std::max<std::size_t>(1, (axes.layers + 15) / 16);
    for (std::size_t layer = 0; layer < axes.layers; layer += each) {
        out += line(axes.x(layer), floor_y, axes.x(layer), floor_y + 4, "axis") + text_at(axes.x(layer), floor_y + 18, "middle", std::to_string(layer));
    }
    const double middle = (top + floor_y) / 2;
    out += line(left, floor_y, right, floor_y, "axis") + text_at((left + right) / 2, axes.height - 6, "middle", "layer");
    out += text_at(14, middle, "middle", unit, " transform=\"rotate(-90 14 " + at(middle) + ")\"");
    return out;
}

// Where the names go: beside the last point of each line, pushed apart to a line's height.
std::vector<double> label_heights(std::vector<double> wanted, double lowest, double highest)
{
    constexpr double apart = 15;
    std::vector<std::size_t> order(wanted.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
    double next = highest;
    for (const std::size_t i : order) next = (wanted[i] = std::max(wanted[i], next)) + apart;
    double limit = lowest;
    for (auto i = order.rbegin(); i != order.rend(); ++i) limit = (wanted[*i] = std::min(wanted[*i], limit)) - apart;
    return wanted;
}

}  // namespace

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string curves_svg(const ReportCurves& curves)
{
    Axes axes{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0, 0};
    for (const ReportCurve& curve : curves.curves) {
        axes.layers = std::max(axes.layers, curve.values.size());
        for (const double value : curve.values) {
            if (!std::isfinite(value)) continue;
            axes.low = std::min(axes.low, value);
            axes.high = std::max(axes.high, value);
        }
    }
    if (axes.low > axes.high) return "<p class=\"absent\">– not measured</p>";
    const double room = axes.high > axes.low ? (axes.high - axes.low) * 0.06 : std::max(1.0, std::fabs(axes.high) * 0.1);
    axes.low -= room;
    axes.high += room;
    axes.height = std::max(280.0, top + bottom + 15.0 * static_cast<double>(curves.curves.size()));

    std::string out = opened(axes.height, curves.title) + grid(axes, curves.unit);
    std::vector<double> ends;
    for (const ReportCurve& curve : curves.curves) {
        const auto last = std::find_if(curve.values.rbegin(), curve.values.rend(), [](double v) { return std::isfinite(v); });
        ends.push_back(last == curve.values.rend() ? axes.height - bottom : axes.y(*last));
    }
    ends = label_heights(ends, axes.height - bottom, top + 4);
    std::map<int, int> drawn;  // lines of each category so far
    for (std::size_t i = 0; i < curves.curves.size(); ++i) {
        const ReportCurve& curve = curves.curves[i];
        const int category = category_of(curve.method);
        const std::string dashes = drawn[category]++ > 0 ? " stroke-dasharray=\"6 4\"" : "";
        std::string path, points;
        bool drawing = false;
        for (std::size_t layer = 0; layer < curve.values.size(); ++layer) {
            const double value = curve.values[layer];
            if (!std::isfinite(value)) {
                drawing = false;
                continue;
            }
            path += (drawing ? "L" : "M") + at(axes.x(layer)) + " " + at(axes.y(value));
            points += marker(category, axes.x(layer), axes.y(value));
            drawing = true;
        }
        const double x = width - label_width + 12;
        out += "<g class=\"s" + std::to_string(category) + "\"><title>" + escaped(curve.name) + "</title><path class=\"curve\"" + dashes + " d=\"" + path + "\"/>" + points +
               marker(category, x, ends[i]) + "</g>" + text_at(x + 10, ends[i] + 4, "start", curve.name);
    }
    return out + "</svg>";
}

std::vector<float> folded_by_maximum(const ReportHeatmap& heatmap, std::size_t columns)
{
    const std::size_t rows = heatmap.rows.size(), each = std::max<std::size_t>(1, (heatmap.columns + columns - 1) / columns);
    const std::size_t folded = (heatmap.columns + each - 1) / each;
    std::vector<float> out(rows * folded, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < heatmap.columns; ++c) {
            float& cell = out[r * folded + c / each];
            const float value = heatmap.values[r * heatmap.columns + c];
            if (std::isnan(cell) || value > cell) cell = value;
        }
    }
    return out;
}

namespace {

constexpr int shades = 32;

// Viridis (S. van der Walt, N. Smith 2015), nine of its colours, linear between.
std::string viridis(int shade)
{
    static constexpr std::array<std::array<int, 3>, 9> anchors{{{68, 1, 84}, {71, 44, 122}, {59, 81, 139}, {44, 113, 142}, {33, 144, 141},
                                                                {39, 173, 129}, {92, 200, 99}, {170, 220, 50}, {253, 231, 37}}};
    const double place = static_cast<double>(shade) / (shades - 1) * (anchors.size() - 1);
    const auto i = std::min(static_cast<std::size_t>(place), anchors.size() - 2);
    std::string out = "#";
    for (std::size_t k = 0; k < 3; ++k) {
        const int value = static_cast<int>(std::lround(anchors[i][k] + (place - static_cast<double>(i)) * (anchors[i + 1][k] - anchors[i][k])));
        out += "0123456789abcdef"[value / 16];
        out += "0123456789abcdef"[value % 16];
    }
    return out;
}

struct LogScale {
    double low, high;  ///< log10 of the smallest and largest positive value
    [[nodiscard]] int shade(float value) const
    {
        if (!(value > 0)) return 0;
        const double share = high > low ? (std::log10(static_cast<double>(value)) - low) / (high - low) : 1;
        return static_cast<int>(std::clamp(share * shades, 0.0, shades - 1.0));
    }
};

// One path per shade: the runs of equal cells as rectangles.
std::string cells(const std::vector<float>& values, std::size_t rows, std::size_t columns, double x0, double y0, double cell_width, double cell_height, const LogScale& scale)
{
    constexpr int unmeasured = shades;
    std::array<std::string, shades + 1> paths;
    for (std::size_t r = 0; r < rows; ++r) {
        const auto shade_at = [&](std::size_t c) { return std::isnan(values[r * columns + c]) ? unmeasured : scale.shade(values[r * columns + c]); };
        for (std::size_t c = 0; c < columns;) {
            std::size_t end = c + 1;
            while (end < columns && shade_at(end) == shade_at(c)) ++end;
            // absolute edges: neighbours share the same rounded number, so that no paper shows between them
            const auto x = [&](std::size_t column) { return grouped(x0 + cell_width * static_cast<double>(column), 2, ""); };
            const auto y = [&](std::size_t row) { return grouped(y0 + cell_height * static_cast<double>(row), 2, ""); };
            paths[static_cast<std::size_t>(shade_at(c))] += "M" + x(c) + " " + y(r) + "H" + x(end) + "V" + y(r + 1) + "H" + x(c) + "z";
            c = end;
        }
    }
    std::string out = "<g shape-rendering=\"crispEdges\">";
    for (int shade = 0; shade <= shades; ++shade) {
        if (const std::string& path = paths[static_cast<std::size_t>(shade)]; !path.empty()) {
            out += "<path fill=\"" + (shade == unmeasured ? std::string("url(#hatch)") : viridis(shade)) + "\" d=\"" + path + "\"/>";
        }
    }
    return out + "</g>";
}

std::string colour_bar(const LogScale& scale, double y, const std::string& unit)
{
    constexpr double bar = 256, high = 10;
    std::string out;
    for (int shade = 0; shade < shades; ++shade) {
        out += "<rect shape-rendering=\"crispEdges\" x=\"" + at(left + bar / shades * shade) + "\" y=\"" + at(y) + "\" width=\"" + at(bar / shades) + "\" height=\"" +
               at(high) + "\" fill=\"" + viridis(shade) + "\"/>";
    }
    const auto value = [](double exponent) { return three_digits(std::pow(10.0, exponent), ""); };
    out += text_at(left, y + high + 14, "start", value(scale.low)) + text_at(left + bar, y + high + 14, "end", value(scale.high));
    if (scale.high > scale.low) out += text_at(left + bar / 2, y + high + 14, "middle", value((scale.low + scale.high) / 2));
    return out + text_at(left + bar + 12, y + high - 1, "start", unit + ", logarithmic");
}

}  // namespace

std::string heatmap_svg(const ReportHeatmap& heatmap)
{
    double low = nan, high = nan;
    for (const float value : heatmap.values) {
        if (!(value > 0) || !std::isfinite(value)) continue;
        const double exponent = std::log10(static_cast<double>(value));
        low = std::fmin(low, exponent);
        high = std::fmax(high, exponent);
    }
    const std::size_t rows = heatmap.rows.size();
    if (std::isnan(low) || rows == 0 || heatmap.columns == 0) return "<p class=\"absent\">– not measured</p>";

    const double plot = width - left - 8;
    const std::vector<float> values = folded_by_maximum(heatmap, static_cast<std::size_t>(plot));
    const std::size_t columns = values.size() / rows;
    const double cell_width = plot / static_cast<double>(columns), cell_height = std::clamp(240.0 / static_cast<double>(rows), 4.0, 28.0);
    const double floor_y = top + cell_height * static_cast<double>(rows), height = floor_y + 84;
    const LogScale scale{low, high};

    std::string out = opened(height, heatmap.title) + cells(values, rows, columns, left, top, cell_width, cell_height, scale);
    const std::size_t each = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(12 / cell_height)));
    for (std::size_t r = 0; r < rows; r += each) out += text_at(left - 8, top + cell_height * (static_cast<double>(r) + 0.5) + 4, "end", heatmap.rows[r]);
    const double step = std::max(1.0, nice_step(static_cast<double>(heatmap.columns), 8));
    for (double channel = 0; channel < static_cast<double>(heatmap.columns); channel += step) {
        const double x = left + plot * channel / static_cast<double>(heatmap.columns);
        out += line(x, floor_y, x, floor_y + 4, "axis") + text_at(x, floor_y + 18, channel > 0 ? "middle" : "start", grouped(channel, 0, ""));
    }
    out += text_at(left + plot / 2, floor_y + 34, "middle", "channel") + text_at(14, top + (floor_y - top) / 2, "middle", "layer",
                                                                                 " transform=\"rotate(-90 14 " + at(top + (floor_y - top) / 2) + ")\"");
    return out + colour_bar(scale, floor_y + 46, heatmap.unit) + "</svg>";
}

}  // namespace bitwright
