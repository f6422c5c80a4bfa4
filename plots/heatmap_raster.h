// SPDX-License-Identifier: GPL-3.0-or-later
// From values to pixels: colour scale, which cells a pixel stands for, the picture itself. A picture of the visible part costs one lookup per pixel and row, so
// it is made anew for every view and no tiles are kept.
// Threading: pure functions.
#pragma once

#include "plots/maximum_pyramid.h"
#include "plots/style.h"

#include <QImage>
#include <QRectF>

#include <optional>

namespace bitwright::plots {

/// Where a value lies between low and high: 0 … 1, clamped. Logarithmic: values ≤ 0 lie at 0.
struct ValueScale {
    double low = 0, high = 1;
    bool logarithmic = false;

    [[nodiscard]] double position(double value) const noexcept;
    [[nodiscard]] double value(double position) const noexcept;
};

/// Cells [begin, end) that pixel `i` of `pixels` shows, when [first, first + length) is spread over them; `count` cells exist. Several cells in a pixel: each
/// cell belongs to one pixel. Several pixels in a cell: the cell under the pixel's middle.
struct Run {
    int begin = 0, end = 0;
};
[[nodiscard]] Run run_of_pixel(double first, double length, int pixels, int i, int count) noexcept;

struct RasterLook {
    const Style* style = nullptr;
    Sequence sequence = Sequence::viridis;
    ValueScale scale;
    std::optional<double> threshold;  ///< values below (in magnitude when the sequence is `difference`) are dimmed towards the background
    double pixel_ratio = 1;
};

/// The cells `range` (x, width in display columns, y, height in rows) in `pixels` device pixels. NaN is hatched. Cells of 6 pixels and more are set apart.
[[nodiscard]] QImage raster(const MaximumPyramid& pyramid, const QRectF& range, QSize pixels, const RasterLook& look);

}  // namespace bitwright::plots
