// SPDX-License-Identifier: GPL-3.0-or-later
// Maxima over any run of columns in O(log columns): several channels in a pixel show their maximum, never their mean.
// Level 0 is the values in display order, level k + 1 the maxima of pairs of level k; NaN (not measured) loses against every number.
// Invariant: maximum(row, begin, end) is bit-exactly the largest measured value of that run, NaN when there is none.
// Threading: immutable after construction.
#pragma once

#include <span>
#include <vector>

namespace bitwright::plots {

enum class Fold : unsigned char {
    maximum,   ///< the largest value
    magnitude  ///< the value of largest magnitude, with its sign: for differences
};

class MaximumPyramid {
public:
    MaximumPyramid() = default;
    /// `values` rows × columns, row-major. `valid`: measured columns of each row (the rest counts as NaN), empty: all. `order`: data column of each display
    /// column, empty: as they are.
    MaximumPyramid(std::span<const float> values, int rows, int columns, std::span<const int> valid, std::span<const int> order, Fold fold = Fold::maximum);

    [[nodiscard]] int rows() const noexcept { return rows_; }
    [[nodiscard]] int columns() const noexcept { return columns_; }
    /// By display column.
    [[nodiscard]] float at(int row, int column) const noexcept { return levels_[0][static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column)]; }
    /// Over display columns [begin, end), which lie in range.
    [[nodiscard]] float maximum(int row, int begin, int end) const noexcept;
    /// The first column that holds it; `begin` when none is measured. Linear in the run.
    [[nodiscard]] int where(int row, int begin, int end) const noexcept;

private:
    [[nodiscard]] float larger(float a, float b) const noexcept;

    int rows_ = 0, columns_ = 0;
    Fold fold_ = Fold::maximum;
    std::vector<std::vector<float>> levels_;
    std::vector<int> widths_;
};

}  // namespace bitwright::plots
