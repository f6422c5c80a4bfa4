// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/extremes.h"

#include "core/statistics/row_kernels.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace bitwright {

void Extremes::offer(const float* x, std::size_t n, float best)
{
    if (full_ && best <= threshold_) return;
    constexpr std::size_t piece = kept;  // between prunings, so that the threshold rises early
    for (std::size_t i = 0; i < n; i += piece) {
        row_kernels().above(x + i, std::min(piece, n - i), sign_, full_ ? threshold_ : -std::numeric_limits<float>::infinity(), values_);
        if (values_.size() >= 2 * kept) prune();
    }
}

void Extremes::prune()
{
    if (values_.size() < kept) return;
    std::nth_element(values_.begin(), values_.begin() + (kept - 1), values_.end(), std::greater<>());
    values_.resize(kept);
    threshold_ = values_[kept - 1];
    full_ = true;
}

void Extremes::merge(const Extremes& other)
{
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    prune();
}

std::vector<float> Extremes::result() const
{
    std::vector<float> sorted = values_;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    if (sorted.size() > kept) sorted.resize(kept);
    for (float& value : sorted) value = value * sign_ + 0.0F;  // −0 becomes 0, so that equal data give equal bytes
    return sorted;
}

}  // namespace bitwright
