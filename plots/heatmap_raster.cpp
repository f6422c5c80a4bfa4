// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/heatmap_raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bitwright::plots {
namespace {

QRgb mixed(QRgb a, QRgb b, double share)
{
    const auto mix = [share](int x, int y) { return static_cast<int>(std::lround(x + (y - x) * share)); };
    return qRgb(mix(qRed(a), qRed(b)), mix(qGreen(a), qGreen(b)), mix(qBlue(a), qBlue(b)));
}

}  // namespace

double ValueScale::position(double value) const noexcept
{
    if (logarithmic) {
        if (value <= low || low <= 0) return value > low ? 1 : 0;
        return high > low ? std::min(1.0, std::log(value / low) / std::log(high / low)) : 1;
    }
    return high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) : value >= high ? 1 : 0;
}

double ValueScale::value(double position) const noexcept { return logarithmic && low > 0 ? low * std::pow(high / low, position) : low + (high - low) * position; }

Run run_of_pixel(double first, double length, int pixels, int i, int count) noexcept
{
    const double step = length / pixels;
    Run run;
    if (step >= 1) {
        run.begin = static_cast<int>(std::floor(first + i * step + 1e-9));
        run.end = static_cast<int>(i + 1 == pixels ? std::ceil(first + length - 1e-9) : std::floor(first + (i + 1) * step + 1e-9));
    } else {
        run.begin = static_cast<int>(std::floor(first + (i + 0.5) * step));
        run.end = run.begin + 1;
    }
    run.begin = std::clamp(run.begin, 0, count - 1);
    run.end = std::clamp(run.end, run.begin + 1, count);
    return run;
}

QImage raster(const MaximumPyramid& pyramid, const QRectF& range, QSize pixels, const RasterLook& look)
{
    QImage image(pixels, QImage::Format_RGB32);
    const int width = pixels.width(), height = pixels.height();
    if (width <= 0 || height <= 0 || pyramid.rows() == 0 || pyramid.columns() == 0) return image;

    const auto& colours = colours_of(look.sequence);
    const QRgb background = look.style->background.rgb(), unmeasured = look.style->unmeasured.rgb();
    std::array<QRgb, 256> dimmed{};
    for (std::size_t i = 0; i < colours.size(); ++i) dimmed[i] = mixed(colours[i], background, 0.78);
    const bool by_magnitude = look.sequence == Sequence::difference;
    const double gap_from = 6 * look.pixel_ratio;
    const bool column_gaps = width / range.width() >= gap_from, row_gaps = height / range.height() >= gap_from;
    const int gap = std::max(1, static_cast<int>(look.pixel_ratio)), hatch = std::max(4, static_cast<int>(std::lround(6 * look.pixel_ratio)));

    std::vector<Run> runs(static_cast<std::size_t>(width));
    std::vector<char> apart(static_cast<std::size_t>(width), 0);
    for (int x = 0; x < width; ++x) {
        runs[static_cast<std::size_t>(x)] = run_of_pixel(range.x(), range.width(), width, x, pyramid.columns());
        if (column_gaps && x + gap < width) {
            apart[static_cast<std::size_t>(x)] = run_of_pixel(range.x(), range.width(), width, x + gap, pyramid.columns()).begin != runs[static_cast<std::size_t>(x)].begin;
        }
    }
    std::vector<QRgb> line(static_cast<std::size_t>(width));
    std::vector<int> holes;  // x of unmeasured pixels
    Run made;                // rows that `line` shows
    for (int y = 0; y < height; ++y) {
        const Run rows = run_of_pixel(range.y(), range.height(), height, y, pyramid.rows());
        auto* out = reinterpret_cast<QRgb*>(image.scanLine(y));
        if (row_gaps && y + gap < height && run_of_pixel(range.y(), range.height(), height, y + gap, pyramid.rows()).begin != rows.begin) {
            std::fill(out, out + width, background);
            continue;
        }
        if (rows.begin != made.begin || rows.end != made.end) {
            made = rows;
            holes.clear();
            for (int x = 0; x < width; ++x) {
                const Run run = runs[static_cast<std::size_t>(x)];
                if (apart[static_cast<std::size_t>(x)]) {
                    line[static_cast<std::size_t>(x)] = background;
                    continue;
                }
                float value = pyramid.maximum(rows.begin, run.begin, run.end);
                for (int row = rows.begin + 1; row < rows.end; ++row) {
                    const float other = pyramid.maximum(row, run.begin, run.end);
                    if (std::isnan(value) || (by_magnitude ? std::fabs(other) > std::fabs(value) : other > value)) value = other;
                }
                if (std::isnan(value)) {
                    line[static_cast<std::size_t>(x)] = background;
                    holes.push_back(x);
                    continue;
                }
                const auto index = static_cast<std::size_t>(std::lround(look.scale.position(value) * 255));
                const bool dim = look.threshold && (by_magnitude ? std::fabs(value) : value) < *look.threshold;
                line[static_cast<std::size_t>(x)] = dim ? dimmed[index] : colours[index];
            }
        }
        std::memcpy(out, line.data(), static_cast<std::size_t>(width) * sizeof(QRgb));
        for (const int x : holes) {
            if ((x + y) % hatch < (hatch + 2) / 4) out[x] = unmeasured;
        }
    }
    return image;
}

}  // namespace bitwright::plots
