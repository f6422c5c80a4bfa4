// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright::plots {

std::vector<int> pareto_front(std::span<const QPointF> points)
{
    std::vector<int> order;
    for (int i = 0; i < static_cast<int>(points.size()); ++i) {
        const QPointF& p = points[static_cast<std::size_t>(i)];
        if (std::isfinite(p.x()) && std::isfinite(p.y())) order.push_back(i);
    }
    std::ranges::stable_sort(order, [&points](int a, int b) {
        const QPointF &p = points[static_cast<std::size_t>(a)], &q = points[static_cast<std::size_t>(b)];
        return p.x() != q.x() ? p.x() < q.x() : p.y() < q.y();
    });
    std::vector<int> front;
    double best = std::numeric_limits<double>::infinity();
    for (const int i : order) {
        if (const double y = points[static_cast<std::size_t>(i)].y(); y < best) {
            best = y;
            front.push_back(i);
        }
    }
    return front;
}

}  // namespace bitwright::plots
