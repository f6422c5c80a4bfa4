// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a range has converged: how it grows with the number of calibration windows, whichever order they come in.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitwright {

/// Expected range over k windows drawn without replacement from those measured.
struct RangePoint {
    std::int64_t windows = 0;
    double min = 0, max = 0;
};

struct RangeConvergence {
    std::vector<RangePoint> curve;  ///< at 1, 2, 4 … and all windows
    double growth = 0;              ///< share of the whole range that the second half of the windows added, expected over all ways to halve them
    bool enough = false;            ///< growth ≤ converged_growth, over at least fewest_windows
};

/// 2 %: about two and a half codes of an 8-bit half range; twice as many windows would add about as much again or less.
inline constexpr double converged_growth = 0.02;
inline constexpr std::int64_t fewest_windows = 8;

/// From the smallest and largest value of each window. The expectation of the largest of k of n values is exact: Σ x_(i)·C(i−1, k−1)/C(n, k) over the sorted
/// values (order statistics of sampling without replacement). Precondition: equal sizes, at least 1.
[[nodiscard]] RangeConvergence range_convergence(std::span<const float> min, std::span<const float> max);

}  // namespace bitwright
