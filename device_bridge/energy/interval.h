// SPDX-License-Identifier: GPL-3.0-or-later
// Means with intervals: Student's t over repeats joined with what all repeats have in common, the bootstrap, and differences of pairs.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bitwright {

/// A mean and its 95 % interval; the interval is absent for fewer than two repeats.
struct Estimate {
    double value = 0;
    std::optional<double> low, high;
};

/// mean ± √((t(0.975, K−1)·s/√K)² + (1.96·common)²): `common` is the standard uncertainty that every repeat shares and averaging cannot reduce.
/// Precondition: samples not empty.
[[nodiscard]] Estimate mean_interval(std::span<const double> samples, double common = 0);

/// Percentile bootstrap of the mean (Efron, Tibshirani 1993, §13), 2,000 resamples from a fixed seed. Absent for fewer than ten repeats.
[[nodiscard]] std::optional<Estimate> bootstrap_interval(std::span<const double> samples);

/// Standard deviation / mean; absent for fewer than two repeats or a mean of 0.
[[nodiscard]] std::optional<double> coefficient_of_variation(std::span<const double> samples);

/// a_i − b_i of pairs measured one after the other, so that what both have in common (heat, battery) cancels. Absent for fewer than two pairs.
/// Core's paired_difference is the same idea for perplexities, where the mean stands in an exponent.
struct PairedMeans {
    Estimate difference;  ///< mean of a − b
    Estimate relative;    ///< the same over the mean of b
    std::int64_t pairs = 0;
    [[nodiscard]] bool within_chance() const noexcept { return !difference.low || (*difference.low <= 0 && *difference.high >= 0); }
};
[[nodiscard]] std::optional<PairedMeans> paired_means(std::span<const double> a, std::span<const double> b);

/// Slope of the least-squares line through (x, y); absent for fewer than three points or equal x.
[[nodiscard]] std::optional<double> slope(std::span<const double> x, std::span<const double> y);

}  // namespace bitwright
