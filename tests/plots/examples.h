// SPDX-License-Identifier: GPL-3.0-or-later
// Plots with made-up data of the right shape, for tests, benchmarks and pictures.
#pragma once

#include "plots/curves.h"
#include "plots/heatmap.h"
#include "plots/range_histogram.h"
#include "plots/scatter.h"
#include "plots/small_multiples.h"
#include "plots/timeline.h"

#include <cmath>
#include <random>

namespace bitwright::plots::examples {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Layers × channels, log-normal, a few outlier channels; `hole`: this row was not measured.
inline Heatmap heatmap(int rows, int columns, int hole = -1)
{
    auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
    std::mt19937 random(7);
    std::lognormal_distribution<float> usual(0.0f, 0.7f);
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            float value = usual(random) * (1 + 0.05f * static_cast<float>(row));
            if (column % 997 == 17 && row > 1) value *= 20;
            (*values)[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column)] = row == hole ? NAN : value;
        }
    }
    Heatmap map;
    map.title = QStringLiteral("down_proj input, absolute maximum");
    map.row_axis = QStringLiteral("layer");
    map.column_axis = QStringLiteral("channel");
    map.unit = QStringLiteral("abs max");
    map.rows = rows;
    map.columns = columns;
    map.values = values;
    return map;
}

inline RangeHistogram histogram(double spread = 1, int bins = 512)
{
    RangeHistogram h;
    h.low = -8;
    h.high = 24;
    h.value_axis = QStringLiteral("down_proj input, layer 3");
    for (int i = 0; i < bins; ++i) {
        const double x = h.low + (h.high - h.low) * (i + 0.5) / bins;
        h.counts.push_back(std::floor(2e5 * std::exp(-std::fabs(x) / (0.8 * spread)) + (i % 37 == 0 ? 2 : 0)));
    }
    return h;
}

inline std::vector<Curve> losses(int points)
{
    std::vector<Curve> curves(2);
    std::mt19937 random(3);
    std::normal_distribution<double> noise(0, 0.03);
    curves[0].name = QStringLiteral("train");
    curves[1].name = QStringLiteral("held-out");
    curves[1].category = 1;
    for (int i = 0; i < points; ++i) {
        curves[0].x.push_back(i);
        curves[0].y.push_back(1.6 + 1.2 * std::exp(-5.0 * i / points) + noise(random));
        if (i % std::max(1, points / 24) == 0) {
            curves[1].x.push_back(i);
            curves[1].y.push_back(1.7 + 1.1 * std::exp(-5.0 * i / points) + 0.3 * std::pow(double(i) / points, 3));
        }
    }
    return curves;
}

inline std::vector<Curve> layer_errors(int layers)
{
    std::vector<Curve> curves;
    int category = 0;
    for (const char* name : {"round to nearest", "SmoothQuant", "OmniQuant", "MobileQuant"}) {
        Curve curve;
        curve.name = QString::fromLatin1(name);
        curve.category = category;
        for (int i = 0; i < layers; ++i) {
            curve.x.push_back(i);
            curve.y.push_back(category == 1 && i == 5 ? nan : 0.002 * std::pow(1.18, i) / (1 + category));
            curve.low.push_back(curve.y.back() * 0.8);
            curve.high.push_back(curve.y.back() * 1.25);
        }
        if (category != 0) curve.low.clear(), curve.high.clear();
        curves.push_back(curve);
        ++category;
    }
    return curves;
}

inline std::vector<ScatterPoint> recipes()
{
    std::vector<ScatterPoint> points;
    const auto add = [&points](const char* name, double x, double y, int category, double spread = nan) {
        ScatterPoint point;
        point.name = QString::fromUtf8(name);
        point.x = x;
        point.y = y;
        point.category = category;
        point.y_low = y - spread;
        point.y_high = y + spread;
        points.push_back(point);
    };
    add("float", 92, 44.9, 7);
    add("W8A8 nearest", 31, 61.2, 0, 1.4);
    add("W8A8 SmoothQuant", 31.5, 49.3, 1, 0.9);
    add("W8A8 MobileQuant", 31.2, 46.1, 3, 0.7);
    add("W4A8 nearest", 19, 88.4, 0, 3);
    add("W4A8 SmoothQuant", 19.4, 71.3, 1);
    add("W4A8 MobileQuant", 19.2, 52.6, 3, 1.1);
    add("W4A8 OmniQuant", 20.1, 55.9, 2);
    add("W6A8", 25, 50.8, 2);
    return points;
}

inline std::vector<SmallPanel> drifts()
{
    std::vector<SmallPanel> panels;
    int k = 0;
    for (const char* kind : {"qkv input", "o_proj input", "gate, up input", "down_proj input", "residual", "scores"}) {
        SmallPanel panel;
        panel.title = QString::fromLatin1(kind);
        for (int line = 0; line < 4; ++line) {
            SmallLine l;
            l.name = QStringLiteral("layers.%1 %2").arg(line * 7).arg(panel.title);
            l.category = line;
            for (int i = 0; i <= 200; ++i) {
                l.x.push_back(i * 5);
                l.y.push_back((k + 1) * (1 - 0.2 * (line + 1) * (1 - std::exp(-i / 60.0))) + 0.01 * std::sin(i * 0.4 + line));
            }
            panel.lines.push_back(std::move(l));
        }
        panels.push_back(std::move(panel));
        ++k;
    }
    return panels;
}

inline std::pair<std::vector<TimelineTrack>, std::vector<TimelineBand>> device_run()
{
    std::vector<TimelineTrack> tracks(3);
    tracks[0].name = QStringLiteral("decode");
    tracks[0].unit = QStringLiteral("tokens/s");
    tracks[0].steps = true;
    tracks[1].name = QStringLiteral("temperature");
    tracks[1].unit = QStringLiteral("°C");
    tracks[1].category = 5;
    tracks[1].low = nan;
    tracks[2].name = QStringLiteral("power");
    tracks[2].unit = QStringLiteral("W");
    tracks[2].category = 2;
    std::vector<TimelineBand> bands;
    for (int run = 0; run < 5; ++run) {
        const double from = run * 14.0;
        bands.push_back({from, from + 10, run == 0 ? QStringLiteral("warm-up") : QStringLiteral("run %1").arg(run), run == 0 ? -1 : 0});
        for (int i = 0; i < 10; ++i) {
            tracks[0].seconds.push_back(from + i);
            tracks[0].values.push_back(42 + std::sin(i * 1.3 + run) - run * 0.8);
        }
        tracks[0].seconds.push_back(from + 10);
        tracks[0].values.push_back(nan);
    }
    for (int i = 0; i < 70; ++i) {
        const bool busy = i % 14 < 10;
        tracks[1].seconds.push_back(i);
        tracks[1].values.push_back(31 + 9 * (1 - std::exp(-i / 25.0)) + (busy ? 0.6 : 0));
        tracks[2].seconds.push_back(i);
        tracks[2].values.push_back(busy ? 4.1 + 0.2 * std::sin(i) : 0.9);
    }
    return {tracks, bands};
}

}  // namespace bitwright::plots::examples
