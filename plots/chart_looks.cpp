// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/chart_looks.h"

#include <algorithm>
#include <numeric>

namespace bitwright::plots {

QCPScatterStyle scatter_of(int category, const Style& style, double size, bool filled)
{
    const QColor colour = style.category(category);
    const QPen pen(colour, 1.5);
    const QBrush brush = filled ? QBrush(colour) : QBrush(style.background);
    switch (category_marker(category)) {
        case Marker::disc: return {QCPScatterStyle::ssCircle, pen, brush, size};
        case Marker::square: return {QCPScatterStyle::ssSquare, pen, brush, size};
        case Marker::triangle: return {QCPScatterStyle::ssTriangle, pen, brush, size};
        case Marker::diamond: return {QCPScatterStyle::ssDiamond, pen, brush, size};
        case Marker::cross: return {QCPScatterStyle::ssCross, pen, brush, size};
        case Marker::plus: return {QCPScatterStyle::ssPlus, pen, brush, size};
        case Marker::star: return {QCPScatterStyle::ssStar, pen, brush, size};
        case Marker::triangle_down: return {QCPScatterStyle::ssTriangleInverted, pen, brush, size};
    }
    return {};
}

std::vector<double> spread_labels(std::vector<double> wanted, double height, double top, double bottom)
{
    std::vector<std::size_t> order(wanted.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&wanted](std::size_t i) { return wanted[i]; });
    double free_from = top + height / 2;
    for (const std::size_t i : order) {
        wanted[i] = std::max(wanted[i], free_from);
        free_from = wanted[i] + height;
    }
    double free_to = bottom - height / 2;
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
        wanted[*i] = std::min(wanted[*i], free_to);
        free_to = wanted[*i] - height;
    }
    return wanted;
}

}  // namespace bitwright::plots
