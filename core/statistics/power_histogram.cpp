// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/power_histogram.h"

#include "core/statistics/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitwright {
namespace {

constexpr int least_exponent = -126;  // 2^126 is still a float
constexpr int index_bits = 30;

std::int64_t bin_at(float x, int exponent) { return static_cast<std::int64_t>(std::floor(std::ldexp(static_cast<double>(x), -exponent))); }

// The smallest admissible exponent for [min, max].
int exponent_for(float min, float max)
{
    const float magnitude = std::max(std::fabs(min), std::fabs(max));
    int exponent = least_exponent;
    if (magnitude > 0) exponent = std::max(exponent, std::ilogb(magnitude) + 1 - index_bits);
    if (const double width = (static_cast<double>(max) - static_cast<double>(min)) / row_histogram_bins; width > 0) {
        exponent = std::max(exponent, std::ilogb(width) - 1);
    }
    while (bin_at(max, exponent) - bin_at(min, exponent) >= row_histogram_bins) ++exponent;
    return exponent;
}

}  // namespace

float PowerHistogram::scale() const noexcept { return std::ldexp(1.0F, -exponent_); }

void PowerHistogram::include(float min, float max)
{
    if (!empty_ && min >= min_ && max <= max_) return;
    min_ = empty_ ? min : std::min(min, min_);
    max_ = empty_ ? max : std::max(max, max_);
    const int exponent = exponent_for(min_, max_), was = exponent_;
    const auto last = static_cast<std::int32_t>(bin_at(max_, exponent)), first_before = first_;
    const std::vector<std::uint64_t> before = std::exchange(counts_, {});
    empty_ = false;
    exponent_ = exponent;
    first_ = static_cast<std::int32_t>(bin_at(min_, exponent));
    counts_.resize(static_cast<std::size_t>(last - first_) + 1);
    absorb(before, first_before, was);
}

void PowerHistogram::absorb(const std::vector<std::uint64_t>& counts, std::int32_t first, int exponent)
{
    const int shift = std::min(exponent_ - exponent, 31);  // never negative: a grid only grows
    for (std::size_t i = 0; i < counts.size(); ++i) counts_[static_cast<std::size_t>(((first + static_cast<std::int32_t>(i)) >> shift) - first_)] += counts[i];
}

void PowerHistogram::add(const std::uint32_t* counts, std::size_t bins)
{
    const std::size_t size = std::min(bins, counts_.size());
    for (std::size_t i = 0; i < size; ++i) counts_[i] += counts[i];
}

void PowerHistogram::merge(const PowerHistogram& other)
{
    if (other.empty_) return;
    include(other.min_, other.max_);
    absorb(other.counts_, other.first_, other.exponent_);
}

Histogram PowerHistogram::result() const
{
    if (empty_) return {};
    const auto last = first_ + static_cast<std::int32_t>(counts_.size());
    return {std::ldexp(static_cast<double>(first_), exponent_), std::ldexp(static_cast<double>(last), exponent_), counts_};
}

}  // namespace bitwright
