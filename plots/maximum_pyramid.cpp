// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/maximum_pyramid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright::plots {

MaximumPyramid::MaximumPyramid(std::span<const float> values, int rows, int columns, std::span<const int> valid, std::span<const int> order, Fold fold)
    : rows_(rows), columns_(columns), fold_(fold)
{
    constexpr float none = std::numeric_limits<float>::quiet_NaN();
    const auto width = static_cast<std::size_t>(columns);
    auto& base = levels_.emplace_back(static_cast<std::size_t>(rows) * width);
    widths_.push_back(columns);
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
        const float* from = values.data() + row * width;
        float* to = base.data() + row * width;
        const int measured = valid.empty() ? columns : valid[row];
        for (std::size_t i = 0; i < width; ++i) {
            const int column = order.empty() ? static_cast<int>(i) : order[i];
            to[i] = column < measured ? from[column] : none;
        }
    }
    while (widths_.back() > 1) {
        const auto below = static_cast<std::size_t>(widths_.back()), here = (below + 1) / 2;
        std::vector<float> level(static_cast<std::size_t>(rows) * here);
        for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
            const float* from = levels_.back().data() + row * below;
            float* to = level.data() + row * here;
            for (std::size_t i = 0; i < below / 2; ++i) to[i] = larger(from[2 * i], from[2 * i + 1]);
            if (below % 2) to[here - 1] = from[below - 1];
        }
        levels_.push_back(std::move(level));
        widths_.push_back(static_cast<int>(here));
    }
}

float MaximumPyramid::larger(float a, float b) const noexcept
{
    if (std::isnan(b)) return a;
    if (std::isnan(a)) return b;
    return fold_ == Fold::maximum ? (b > a ? b : a) : (std::fabs(b) > std::fabs(a) ? b : a);
}

float MaximumPyramid::maximum(int row, int begin, int end) const noexcept
{
    float best = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t level = 0; begin < end; ++level, begin /= 2, end /= 2) {
        const float* line = levels_[level].data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(widths_[level]);
        if (begin % 2) best = larger(best, line[begin++]);
        if (begin < end && end % 2) best = larger(best, line[--end]);
    }
    return best;
}

int MaximumPyramid::where(int row, int begin, int end) const noexcept
{
    const float best = maximum(row, begin, end);
    for (int column = begin; column < end; ++column) {
        if (at(row, column) == best) return column;
    }
    return begin;
}

}  // namespace bitwright::plots
