// SPDX-License-Identifier: GPL-3.0-or-later
// The largest |x| of every channel, as many as its 99.9 % quantile needs: 1 in 1,000 and the next. Up to 16,384 values a channel all of them count and the
// quantile is exact; of more, a fixed random sample of tokens of that size (token_hash), so that a channel keeps at most some 100 bytes.
// Invariants: what is kept depends on the values alone, not on their order or how they were split: merging is exact.
// Threading: offer() may run at once for different channels; everything else on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitwright {

class ChannelTails {
public:
    static constexpr std::int64_t most_values = 16384;

    /// @param expected values per channel that will come; 0: none are kept.
    ChannelTails(std::int64_t channels, std::int64_t expected, std::uint64_t seed);

    [[nodiscard]] bool wants(std::uint32_t token) const noexcept;
    /// Values of a wanted token: x[i] is of channel `first` + i.
    void offer(std::int64_t first, const float* x, std::int64_t n);
    /// All of one channel.
    void offer_to_one(std::int64_t channel, const float* x, std::int64_t n);
    /// Every channel was offered this many values.
    void count(std::int64_t values) noexcept { seen_ += values; }
    /// Precondition: made with the same parameters.
    void merge(const ChannelTails& other);
    /// |x| below which 99.9 % of a channel's values lie (order statistic 0.999·(n − 1), linear between neighbours: Hyndman and Fan 1996, type 7). Empty where
    /// nothing was kept, or more values came than were expected.
    [[nodiscard]] std::vector<float> quantiles() const;

private:
    void insert(std::int64_t channel, float magnitude);

    std::uint64_t seed_, limit_ = 0;   ///< tokens with a hash up to the limit count
    std::size_t kept_ = 0;             ///< per channel
    std::int64_t seen_ = 0;
    std::vector<float> least_;         ///< per channel: the smallest kept; what is not larger cannot matter
    std::vector<float> heaps_;         ///< [channels, kept_], the smallest on top; −1: no value yet
};

}  // namespace bitwright
