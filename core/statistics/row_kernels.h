// SPDX-License-Identifier: GPL-3.0-or-later
// The inner loops of observation over contiguous floats: written once with fixed lanes, compiled for the baseline and for AVX2 and chosen at run time.
// Every variant adds in the same order, so results are equal to the bit on every CPU.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitwright {

/// What the first sweep over a piece of a row finds. Not-a-number spoils `sum`, so the caller tests that it is finite.
struct RowRange {
    float min, max;
    double sum;
};

/// Where values fall in a histogram: bin = floor(x · scale) − first, counted in one of `row_histogram_copies` copies of `row_histogram_bins` counters
/// (copies keep equal neighbours from waiting for each other).
struct RowHistogram {
    float scale;
    std::int32_t first;
    std::uint32_t* counts;
};
inline constexpr int row_histogram_copies = 4;
inline constexpr int row_histogram_bins = 2048;

struct RowKernels {
    /// min, max and sum of x[0, n), n > 0. Where `channel_min` is given, it and `channel_max` are updated element by element.
    RowRange (*range)(const float* x, std::size_t n, float* channel_min, float* channel_max);
    /// Adds Σd², Σd³, Σd⁴ of d = x − mean to sums[0..2] and counts every value. Precondition: all values lie in the histogram's range.
    void (*moments)(const float* x, std::size_t n, double mean, double* sums, const RowHistogram& histogram);
    /// Appends sign·x where it is above `threshold`.
    void (*above)(const float* x, std::size_t n, float sign, float threshold, std::vector<float>& out);
    /// Whether any |x[i]| is above limits[i].
    bool (*any_beyond)(const float* x, const float* limits, std::size_t n);
};

/// The variant for this CPU.
[[nodiscard]] const RowKernels& row_kernels() noexcept;
/// All variants this CPU can run, the baseline first (tests hold them against each other).
[[nodiscard]] std::vector<const RowKernels*> runnable_row_kernels();

}  // namespace bitwright
