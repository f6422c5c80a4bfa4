// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/channel_tails.h"

#include "core/statistics/reservoir.h"
#include "core/statistics/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace bitwright {
namespace {

constexpr double beyond = 0.001;  ///< share of the values above the quantile

}  // namespace

ChannelTails::ChannelTails(std::int64_t channels, std::int64_t expected, std::uint64_t seed) : seed_(seed)
{
    if (expected <= 0) return;
    const bool all = expected <= most_values;
    const double share = static_cast<double>(most_values) / static_cast<double>(expected);
    limit_ = all ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(std::ldexp(share, 64));
    const auto needed = static_cast<std::size_t>(beyond * static_cast<double>(std::min(expected, most_values) - 1));
    kept_ = all ? needed + 2 : needed * 3 / 2 + 2;  // how many a sample of tokens holds is known about
    least_.assign(static_cast<std::size_t>(channels), -1.0F);
    heaps_.assign(static_cast<std::size_t>(channels) * kept_, -1.0F);
}

bool ChannelTails::wants(std::uint32_t token) const noexcept { return kept_ > 0 && token_hash(seed_, token) <= limit_; }

void ChannelTails::insert(std::int64_t channel, float magnitude)
{
    const auto heap = heaps_.begin() + channel * static_cast<std::ptrdiff_t>(kept_), end = heap + static_cast<std::ptrdiff_t>(kept_);
    std::pop_heap(heap, end, std::greater<>());
    *(end - 1) = magnitude;
    std::push_heap(heap, end, std::greater<>());
    least_[static_cast<std::size_t>(channel)] = *heap;
}

void ChannelTails::offer(std::int64_t first, const float* x, std::int64_t n)
{
    constexpr std::int64_t piece = 64;  // most pieces hold nothing new
    const auto any = row_kernels().any_beyond;
    for (std::int64_t i = 0; i < n; i += piece) {
        const std::int64_t end = std::min(i + piece, n);
        if (!any(x + i, least_.data() + first + i, static_cast<std::size_t>(end - i))) continue;
        for (std::int64_t k = i; k < end; ++k) {
            if (const float magnitude = std::fabs(x[k]); magnitude > least_[static_cast<std::size_t>(first + k)]) insert(first + k, magnitude);
        }
    }
}

void ChannelTails::offer_to_one(std::int64_t channel, const float* x, std::int64_t n)
{
    for (std::int64_t k = 0; k < n; ++k) {
        if (const float magnitude = std::fabs(x[k]); magnitude > least_[static_cast<std::size_t>(channel)]) insert(channel, magnitude);
    }
}

void ChannelTails::merge(const ChannelTails& other)
{
    seen_ += other.seen_;
    for (std::size_t i = 0; i < other.heaps_.size(); ++i) {
        const auto channel = static_cast<std::int64_t>(i / kept_);
        if (other.heaps_[i] > least_[static_cast<std::size_t>(channel)]) insert(channel, other.heaps_[i]);
    }
}

std::vector<float> ChannelTails::quantiles() const
{
    if (kept_ == 0 || seen_ == 0) return {};
    const double from_top = beyond * static_cast<double>(seen_ - 1);
    const auto rank = static_cast<std::size_t>(from_top);
    if (rank + 2 > kept_) return {};
    const double part = from_top - static_cast<double>(rank);
    std::vector<float> out(least_.size()), sorted(kept_);
    for (std::size_t c = 0; c < out.size(); ++c) {
        std::partial_sort_copy(heaps_.begin() + static_cast<std::ptrdiff_t>(c * kept_), heaps_.begin() + static_cast<std::ptrdiff_t>((c + 1) * kept_), sorted.begin(), sorted.end(), std::greater<>());
        const double here = static_cast<double>(sorted[rank]), next = static_cast<double>(sorted[rank + 1]);
        out[c] = static_cast<float>(part > 0 ? here + part * (next - here) : here);
    }
    return out;
}

}  // namespace bitwright
