// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/accumulator.h"

#include "core/runtime/error.h"
#include "core/statistics/row_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bitwright {

// Puts pieces of rows into one shard; counts in small counters of its own and hands them over when the grid changes and at the end.
class SiteAccumulator::Observer {
public:
    explicit Observer(Shard& shard) : shard_(shard) {}
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    /// First sweep. `channel` ≥ 0: the whole piece belongs to that channel, otherwise element i to channel from + i.
    RowRange range(const float* x, std::int64_t n, std::int64_t from, bool one_channel)
    {
        float* const low = shard_.channel_min.data() + from;
        float* const high = shard_.channel_max.data() + from;
        const RowRange range = kernels_.range(x, static_cast<std::size_t>(n), one_channel ? nullptr : low, one_channel ? nullptr : high);
        if (one_channel) {
            *low = std::min(*low, range.min);
            *high = std::max(*high, range.max);
        }
        return range;
    }

    /// Before the second sweep over values in [min, max].
    void include(float min, float max)
    {
        if (max <= max_ && min >= min_) return;
        flush();
        min_ = std::min(min_, min);
        max_ = std::max(max_, max);
        shard_.histogram.include(min, max);
        target_ = {shard_.histogram.scale(), shard_.histogram.first(), counts_.data()};
    }

    void moments(const float* x, std::int64_t n, double mean, const RowRange& range, double* sums)
    {
        kernels_.moments(x, static_cast<std::size_t>(n), mean, sums, target_);
        shard_.smallest.offer(x, static_cast<std::size_t>(n), -range.min);
        shard_.largest.offer(x, static_cast<std::size_t>(n), range.max);
    }

    void flush()
    {
        for (int copy = 0; copy < row_histogram_copies; ++copy) shard_.histogram.add(counts_.data() + copy * row_histogram_bins, row_histogram_bins);
        counts_.fill(0);
    }

private:
    Shard& shard_;
    const RowKernels& kernels_ = row_kernels();
    float min_ = std::numeric_limits<float>::infinity(), max_ = -std::numeric_limits<float>::infinity();
    RowHistogram target_{};
    std::array<std::uint32_t, row_histogram_copies * row_histogram_bins> counts_{};
};

void SiteAccumulator::Shard::merge(const Shard& other)
{
    histogram.merge(other.histogram);
    smallest.merge(other.smallest);
    largest.merge(other.largest);
    for (std::size_t c = 0; c < channel_min.size(); ++c) {
        channel_min[c] = std::min(channel_min[c], other.channel_min[c]);
        channel_max[c] = std::max(channel_max[c], other.channel_max[c]);
    }
}

namespace {

Moments moments_of(std::int64_t n, double mean, const double* sums) { return {static_cast<std::uint64_t>(n), mean, sums[0], sums[1], sums[2]}; }

}  // namespace

SiteAccumulator::SiteAccumulator(const AccumulatorOptions& options)
    : options_(options),
      position_abs_max_(static_cast<std::size_t>(options.positions)),
      shards_(static_cast<std::size_t>(std::max(options.shards, 1))),
      reservoir_(options.reservoir_rows, options.channels, options.seed),
      tails_(options.channels, options.expected_values, options.seed)
{
    for (Shard& shard : shards_) {
        shard.channel_min.assign(static_cast<std::size_t>(options.channels), std::numeric_limits<float>::infinity());
        shard.channel_max.assign(static_cast<std::size_t>(options.channels), -std::numeric_limits<float>::infinity());
    }
}

template <typename Body>
void SiteAccumulator::over_shards(const Parallel& parallel, Body&& body)
{
    const auto run = [&](int index) {
        Observer observer(shards_[static_cast<std::size_t>(index)]);
        body(index, observer);
        observer.flush();
    };
    const int n = parallel ? static_cast<int>(shards_.size()) : 1;
    if (n == 1) run(0);
    else parallel(n, run);
}

void SiteAccumulator::add(const RowBlock& block, const Parallel& parallel)
{
    std::vector<Moments> moments(static_cast<std::size_t>(block.rows));
    const std::int64_t step = parallel ? static_cast<std::int64_t>(shards_.size()) : 1;
    over_shards(parallel, [&](int shard, Observer& observer) {
        std::vector<RowRange> ranges(static_cast<std::size_t>(block.segments));
        for (std::int64_t r = shard; r < block.rows; r += step) {
            const float* const row = block.data + r * block.row_stride;
            RowRange all{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), 0};
            for (std::int64_t s = 0; s < block.segments; ++s) {
                RowRange& range = ranges[static_cast<std::size_t>(s)];
                range = observer.range(row + s * block.segment_stride, block.segment_width, s * block.segment_width, false);
                all = {std::min(all.min, range.min), std::max(all.max, range.max), all.sum + range.sum};
            }
            const std::int64_t n = block.segments * block.segment_width;
            Moments& result = moments[static_cast<std::size_t>(r)];
            if (!std::isfinite(all.sum)) {
                result = {static_cast<std::uint64_t>(n), all.sum, 0, 0, 0};
                continue;
            }
            observer.include(all.min, all.max);
            const double mean = all.min == all.max ? static_cast<double>(all.min) : all.sum / static_cast<double>(n);
            double sums[3] = {};
            for (std::int64_t s = 0; s < block.segments; ++s) {
                observer.moments(row + s * block.segment_stride, block.segment_width, mean, ranges[static_cast<std::size_t>(s)], sums);
            }
            result = moments_of(n, mean, sums);
            float& most = position_abs_max_[static_cast<std::size_t>(block.first_position + r)];
            most = std::max({most, -all.min, all.max});
        }
    });
    fold(moments);
    keep_tails(block, parallel);
    rows_ += static_cast<std::uint64_t>(block.rows);
    for (std::int64_t r = 0; r < block.rows; ++r) {
        const std::uint32_t token = block.first_token + static_cast<std::uint32_t>(r);
        if (!reservoir_.wants(token)) continue;
        std::uint16_t* out = reservoir_.place(token);
        for (std::int64_t s = 0; s < block.segments; ++s) {
            const float* const x = block.data + r * block.row_stride + s * block.segment_stride;
            out = std::transform(x, x + block.segment_width, out, half_of);
        }
    }
}

/// Every thread has channels of its own, so that a channel's tail exists once.
void SiteAccumulator::keep_tails(const RowBlock& block, const Parallel& parallel)
{
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < block.rows; ++r) {
        if (tails_.wants(block.first_token + static_cast<std::uint32_t>(r))) rows.push_back(r);
    }
    if (rows.empty()) return;
    const int n = parallel ? static_cast<int>(shards_.size()) : 1;
    const auto run = [&](int index) {
        const std::int64_t from = options_.channels * index / n, to = options_.channels * (index + 1) / n;
        for (const std::int64_t r : rows) {
            for (std::int64_t s = from / block.segment_width; s < block.segments && s * block.segment_width < to; ++s) {
                const std::int64_t first = std::max(from, s * block.segment_width), end = std::min(to, (s + 1) * block.segment_width);
                tails_.offer(first, block.data + r * block.row_stride + s * block.segment_stride + (first - s * block.segment_width), end - first);
            }
        }
    };
    if (n == 1) run(0);
    else parallel(n, run);
    tails_.count(std::ssize(rows));
}

std::int64_t SiteAccumulator::first_key(const AttentionBlock& block, std::int64_t query) noexcept
{
    if (block.masked_too || block.window <= 0) return 0;
    const std::int64_t position = block.keys - block.queries + query;  // keys end with the last query
    return std::max<std::int64_t>(0, position - block.window + 1);
}

std::int64_t SiteAccumulator::end_key(const AttentionBlock& block, std::int64_t query) noexcept
{
    return block.masked_too ? block.keys : block.keys - block.queries + query + 1;
}

void SiteAccumulator::add(const AttentionBlock& block, const Parallel& parallel)
{
    std::vector<Moments> moments(static_cast<std::size_t>(block.queries * block.heads));
    const std::int64_t step = parallel ? static_cast<std::int64_t>(shards_.size()) : 1;
    over_shards(parallel, [&](int shard, Observer& observer) {
        for (std::int64_t q = shard; q < block.queries; q += step) {
            const std::int64_t from = first_key(block, q), n = end_key(block, q) - from;
            float& most = position_abs_max_[static_cast<std::size_t>(block.first_position + q)];
            for (std::int64_t h = 0; h < block.heads; ++h) {
                const float* const x = block.data + h * block.head_stride + q * block.query_stride + from;
                const RowRange range = observer.range(x, n, h, true);
                Moments& result = moments[static_cast<std::size_t>(q * block.heads + h)];
                if (!std::isfinite(range.sum)) {
                    result = {static_cast<std::uint64_t>(n), range.sum, 0, 0, 0};
                    continue;
                }
                observer.include(range.min, range.max);
                const double mean = range.min == range.max ? static_cast<double>(range.min) : range.sum / static_cast<double>(n);
                double sums[3] = {};
                observer.moments(x, n, mean, range, sums);
                result = moments_of(n, mean, sums);
                most = std::max({most, -range.min, range.max});
            }
        }
    });
    fold(moments);
    rows_ += static_cast<std::uint64_t>(block.queries);
    for (std::int64_t q = 0; q < block.queries; ++q) {
        const std::uint32_t token = block.first_token + static_cast<std::uint32_t>(q);
        if (tails_.wants(token)) {
            const std::int64_t first = first_key(block, q), n = end_key(block, q) - first;
            for (std::int64_t h = 0; h < block.heads; ++h) tails_.offer_to_one(h, block.data + h * block.head_stride + q * block.query_stride + first, n);
            tails_.count(n);
        }
        if (!reservoir_.wants(token)) continue;
        const std::int64_t from = first_key(block, q), end = block.keys - block.queries + q + 1;
        const std::int64_t key = from + static_cast<std::int64_t>(token_hash(options_.seed, token) % static_cast<std::uint64_t>(end - from));
        std::uint16_t* const out = reservoir_.place(token);
        for (std::int64_t h = 0; h < block.heads; ++h) out[h] = half_of(block.data[h * block.head_stride + q * block.query_stride + key]);
    }
}

void SiteAccumulator::fold(const std::vector<Moments>& moments)
{
    Moments block;
    for (const Moments& row : moments) {
        if (!std::isfinite(row.mean)) throw failure("a value is not finite");
        block.merge(row);
    }
    moments_.merge(block);
}

void SiteAccumulator::merge(const SiteAccumulator& other)
{
    moments_.merge(other.moments_);
    rows_ += other.rows_;
    for (std::size_t i = 0; i < position_abs_max_.size(); ++i) position_abs_max_[i] = std::max(position_abs_max_[i], other.position_abs_max_[i]);
    for (const Shard& shard : other.shards_) shards_.front().merge(shard);
    reservoir_.merge(other.reservoir_);
    tails_.merge(other.tails_);
}

SiteStatistics SiteAccumulator::result(const std::string& site) const
{
    Shard all = shards_.front();
    for (std::size_t k = 1; k < shards_.size(); ++k) all.merge(shards_[k]);
    SiteStatistics out;
    out.site = site;
    out.count = moments_.n;
    out.tokens = rows_;
    out.mean = moments_.mean;
    out.sigma = std::sqrt(moments_.variance());
    out.kurtosis = moments_.kurtosis();
    out.histogram = all.histogram.result();
    out.entropy = entropy_bits(out.histogram);
    out.smallest = all.smallest.result();
    out.largest = all.largest.result();
    out.min = out.smallest.front();
    out.max = out.largest.front();
    out.channel_abs_max.resize(all.channel_min.size());
    for (std::size_t c = 0; c < all.channel_min.size(); ++c) {
        all.channel_min[c] += 0.0F;  // −0 becomes 0, so that equal data give equal bytes
        all.channel_max[c] += 0.0F;
        out.channel_abs_max[c] = std::max(-all.channel_min[c], all.channel_max[c]) + 0.0F;
    }
    out.channel_min = std::move(all.channel_min);
    out.channel_max = std::move(all.channel_max);
    out.channel_abs_p999 = tails_.quantiles();
    out.position_abs_max = position_abs_max_;
    reservoir_.result(out.reservoir, out.reservoir_tokens);
    out.reservoir_rows = static_cast<std::int64_t>(out.reservoir_tokens.size());
    return out;
}

}  // namespace bitwright
