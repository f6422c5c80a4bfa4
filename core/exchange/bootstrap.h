// SPDX-License-Identifier: GPL-3.0-or-later
// What other rows or windows of the same kind would have given: 95 % intervals by resampling, with our own generator from a fixed seed, so that the same
// scores always have the same interval.
// Threading: pure functions.
#pragma once

#include "core/exchange/paired_difference.h"

#include <optional>
#include <span>

namespace bitwright {

struct Interval {
    double low = 0, high = 0;
};

/// 95 % percentile bootstrap (Efron, Tibshirani 1993, §13.3; 2,000 resamples) of the mean. Absent for fewer than five values.
[[nodiscard]] std::optional<Interval> bootstrap_mean(std::span<const double> values);
/// The mean of a − b, both of the same rows in the same order: rows are drawn in pairs. `windows` = rows. Absent for fewer than five.
/// Precondition: equal sizes.
[[nodiscard]] std::optional<PairedDifference> bootstrap_difference(std::span<const double> a, std::span<const double> b);

}  // namespace bitwright
