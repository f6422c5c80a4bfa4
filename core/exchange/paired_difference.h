// SPDX-License-Identifier: GPL-3.0-or-later
// Whether two perplexities on the same windows differ by more than the choice of windows explains.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace bitwright {

/// One perplexity minus another, and the 95 % interval of that difference.
struct PairedDifference {
    double value = 0, low = 0, high = 0;
    std::int64_t windows = 0;
    [[nodiscard]] bool within_chance() const noexcept { return low <= 0 && high >= 0; }
};

/// exp(Σ nll / tokens) of one minus that of the other, both scored on the same windows in the same order. Windows are the independent draws, and each counts
/// the same number of tokens (all but the last one of a rolling evaluation do). The interval is the normal approximation with Student's quantile: the standard
/// error of the paired influences e_i = P_a (a_i − mean a) / t − P_b (b_i − mean b) / t, t tokens in a window (delta method; Efron, Tibshirani 1993, §22).
/// Absent for fewer than five windows: their scatter says too little. Preconditions: equal sizes, tokens > 0.
[[nodiscard]] std::optional<PairedDifference> paired_difference(std::span<const double> nll, std::span<const double> baseline_nll, std::int64_t tokens);

/// Two-sided 95 % quantile of Student's t (exact for 1 and 2 degrees of freedom, else Abramowitz, Stegun 26.7.5; within 0.2 %).
[[nodiscard]] double student_95(std::int64_t degrees);

}  // namespace bitwright
