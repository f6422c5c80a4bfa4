// SPDX-License-Identifier: GPL-3.0-or-later
// What a grid does to values, counted and summed: saturation, zeros, signal-to-noise ratio, cosine. The one loop behind every figure that is measured on values
// (reservoir, weights, all calibration windows); observed_values.h has the same figures from extremes and histogram.
// Invariants: a value is clipped when its code before clamping lies outside qmin … qmax; a code on the end counts as inside. Results depend neither on the CPU
// nor, but for the rounding of the four sums, on how the values are split.
// Threading: pure functions over plain values.
#pragma once

#include "core/recipe/grid.h"

#include <optional>
#include <span>

namespace bitwright {

struct QuantizationTally {
    std::uint64_t count = 0;
    std::uint64_t clipped_low = 0, clipped_high = 0;
    std::uint64_t zeros = 0;        ///< values with the code of 0
    std::uint64_t exact_zeros = 0;  ///< values that were 0 (their code is the code of 0)
    double signal = 0, quantized = 0, product = 0, error = 0;  ///< Σx², Σx̂², Σx·x̂, Σ(x̂ − x)²

    void merge(const QuantizationTally& other) noexcept;
    /// 10·log10(Σx² / Σ(x̂ − x)²); infinite where nothing changed, absent where there is no signal.
    [[nodiscard]] std::optional<double> sqnr_db() const noexcept;
    /// Absent where x or x̂ is 0 throughout.
    [[nodiscard]] std::optional<double> cosine() const noexcept;
};

/// Adds what `grid` does to `x`. Sums in float lanes over at most 4,096 values, in double beyond.
void tally(QuantizationTally& sums, std::span<const float> x, const Grid& grid) noexcept;

/// 10·log10(signal / error) as above.
[[nodiscard]] std::optional<double> decibels(double signal, double error) noexcept;

/// How many different codes the values get.
[[nodiscard]] std::int64_t codes_used(std::span<const float> x, const Grid& grid);

}  // namespace bitwright
