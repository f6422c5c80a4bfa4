// SPDX-License-Identifier: GPL-3.0-or-later
// How a granularity cuts a weight into slices, each with a grid of its own. Internal to core/recipe and whoever quantizes weights.
// Invariants: slices are numbered row-major; every element belongs to exactly one.
// Threading: plain value.
#pragma once

#include "core/recipe/scheme.h"
#include "core/runtime/error.h"
#include "core/runtime/tensor.h"

#include <cstddef>
#include <span>

namespace bitwright {

class Slices {
public:
    /// `shape` [rows, cols], or a vector [n] = one row. Throws Error (bad_input) when a group size does not divide cols.
    Slices(const Scheme& scheme, const Shape& shape)
        : granularity_(scheme.granularity),
          rows_(shape.size() > 1 ? shape[0] : 1),
          cols_(shape.empty() ? 1 : shape.back()),
          group_(scheme.granularity == Granularity::group ? scheme.group_size : cols_)
    {
        if (group_ <= 0 || cols_ % group_ != 0) {
            throw bad_input("recipe", "group_size", std::to_string(group_) + " does not divide " + std::to_string(cols_) + " inputs; use a divisor");
        }
    }
    [[nodiscard]] std::size_t count() const noexcept
    {
        switch (granularity_) {
            case Granularity::channel:
                return static_cast<std::size_t>(cols_);
            case Granularity::row:
            case Granularity::head:
                return static_cast<std::size_t>(rows_);
            case Granularity::group:
                return static_cast<std::size_t>(rows_ * (cols_ / group_));
            default:
                return 1;
        }
    }
    /// True where a slice lies within one row: row by row, then along the row.
    [[nodiscard]] bool of_rows() const noexcept
    {
        return granularity_ == Granularity::row || granularity_ == Granularity::head || granularity_ == Granularity::group;
    }
    /// f(slice, begin, end) for contiguous runs of the row-major elements, in order; a slice may have several runs.
    template <typename F>
    void for_each_run(F&& f) const
    {
        const auto rows = static_cast<std::size_t>(rows_), cols = static_cast<std::size_t>(cols_), group = static_cast<std::size_t>(group_);
        if (granularity_ == Granularity::channel) {
            for (std::size_t r = 0; r < rows; ++r) {
                for (std::size_t c = 0; c < cols; ++c) f(c, r * cols + c, r * cols + c + 1);
            }
        } else if (count() == 1) {
            f(std::size_t{0}, std::size_t{0}, rows * cols);
        } else {
            for (std::size_t i = 0, n = count(); i < n; ++i) f(i, i * group, (i + 1) * group);
        }
    }

private:
    Granularity granularity_;
    std::int64_t rows_, cols_, group_;
};

/// Min and max of every slice, as a Range from "min-max". Defined with the other loops over weights (materialize.cpp).
[[nodiscard]] Range slice_extremes(const Slices& slices, std::span<const float> weight);

}  // namespace bitwright
