// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/convergence.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

/// Expected largest of k values drawn without replacement from `sorted` (ascending). Weights from the largest down: w_n = k/n, w_{i−1} = w_i·(i − k)/(i − 1).
double expected_largest(const std::vector<double>& sorted, std::size_t k)
{
    const auto n = sorted.size();
    double weight = static_cast<double>(k) / static_cast<double>(n), sum = 0;
    for (std::size_t i = n; i >= k; --i) {
        sum += weight * sorted[i - 1];
        if (i == k) break;
        weight *= static_cast<double>(i - k) / static_cast<double>(i - 1);
    }
    return sum;
}

}  // namespace

RangeConvergence range_convergence(std::span<const float> min, std::span<const float> max)
{
    std::vector<double> highs(max.begin(), max.end()), lows;
    for (const float low : min) lows.push_back(-static_cast<double>(low));
    std::ranges::sort(highs);
    std::ranges::sort(lows);
    const auto n = highs.size();
    const auto point = [&](std::size_t k) { return RangePoint{static_cast<std::int64_t>(k), -expected_largest(lows, k), expected_largest(highs, k)}; };
    RangeConvergence out;
    for (std::size_t k = 1; k < n; k *= 2) out.curve.push_back(point(k));
    out.curve.push_back(point(n));
    const auto whole = out.curve.back(), half = point(std::max<std::size_t>(1, n / 2));
    const double width = whole.max - whole.min;
    out.growth = width > 0 ? std::max(0.0, 1 - (half.max - half.min) / width) : 0;
    out.enough = static_cast<std::int64_t>(n) >= fewest_windows && out.growth <= converged_growth;
    return out;
}

}  // namespace bitwright
