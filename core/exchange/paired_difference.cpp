// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/paired_difference.h"

#include <cmath>
#include <numeric>

namespace bitwright {
namespace {

constexpr std::size_t fewest_windows = 5;

}  // namespace

double student_95(std::int64_t degrees)
{
    if (degrees <= 1) return 12.7062047362;
    if (degrees == 2) return 4.3026527297;
    const double v = static_cast<double>(degrees), z = 1.9599639845, z2 = z * z;
    const double g1 = (z2 + 1) / 4, g2 = ((5 * z2 + 16) * z2 + 3) / 96, g3 = (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    const double g4 = ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z * (1 + g1 / v + g2 / (v * v) + g3 / (v * v * v) + g4 / (v * v * v * v));
}

std::optional<PairedDifference> paired_difference(std::span<const double> nll, std::span<const double> baseline_nll, std::int64_t tokens)
{
    if (nll.size() != baseline_nll.size() || nll.size() < fewest_windows) return std::nullopt;
    const double n = static_cast<double>(nll.size()), per_window = static_cast<double>(tokens) / n;
    const double mean = std::accumulate(nll.begin(), nll.end(), 0.0) / n, baseline_mean = std::accumulate(baseline_nll.begin(), baseline_nll.end(), 0.0) / n;
    const double perplexity = std::exp(mean / per_window), baseline = std::exp(baseline_mean / per_window);
    double squares = 0;
    for (std::size_t i = 0; i < nll.size(); ++i) {
        const double influence = (perplexity * (nll[i] - mean) - baseline * (baseline_nll[i] - baseline_mean)) / per_window;
        squares += influence * influence;
    }
    const double error = std::sqrt(squares / (n - 1) / n), reach = student_95(static_cast<std::int64_t>(nll.size()) - 1) * error;
    PairedDifference difference;
    difference.value = perplexity - baseline;
    difference.low = difference.value - reach;
    difference.high = difference.value + reach;
    difference.windows = static_cast<std::int64_t>(nll.size());
    if (!std::isfinite(difference.low) || !std::isfinite(difference.high)) return std::nullopt;
    return difference;
}

}  // namespace bitwright
