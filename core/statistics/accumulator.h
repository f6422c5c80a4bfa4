// SPDX-License-Identifier: GPL-3.0-or-later
// Observes one site: blocks of float rows go in, SiteStatistics come out. One sweep for the range of a row and one over the same row, still in cache, for the rest.
// Invariants: any split of the same rows into blocks, shards or merged accumulators gives the same result: exactly for everything but mean, σ and kurtosis,
// which agree to 1e-12; with the same blocks the number of shards changes no bit at all.
// Threading: an accumulator belongs to one thread; add() may hand its shards to others through `Parallel`.
#pragma once

#include "core/statistics/channel_tails.h"
#include "core/statistics/extremes.h"
#include "core/statistics/moments.h"
#include "core/statistics/power_histogram.h"
#include "core/statistics/reservoir.h"
#include "core/statistics/statistics.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace bitwright {

/// Runs body(0) … body(n − 1), possibly at once, and returns when all are done.
using Parallel = std::function<void(int n, const std::function<void(int)>& body)>;

/// `rows` tokens, each of `segments` × `segment_width` channels ([tokens, channels]: one segment; [heads, tokens, head_dim]: a segment per head).
struct RowBlock {
    const float* data = nullptr;
    std::int64_t rows = 0, row_stride = 0;
    std::int64_t segments = 1, segment_width = 0, segment_stride = 0;
    std::int64_t first_position = 0;  ///< of row 0 within the window
    std::uint32_t first_token = 0;    ///< window × length + position of row 0
};

/// An attention matrix [heads, queries, keys]: a channel is a head, a row and its position are a query's.
/// Entries that the mask removes are counted when `masked_too` (the `authors` release sees them), otherwise not at all: they never reach the softmax.
struct AttentionBlock {
    const float* data = nullptr;
    std::int64_t heads = 0, queries = 0, keys = 0;
    std::int64_t head_stride = 0, query_stride = 0;
    std::int64_t first_position = 0;
    std::uint32_t first_token = 0;
    std::int64_t window = 0;  ///< sliding window of the layer, 0: none
    bool masked_too = false;
};

struct AccumulatorOptions {
    std::int64_t channels = 0;
    std::int64_t positions = 0;       ///< length of a window
    std::int64_t reservoir_rows = 0;  ///< at most; 0: none
    std::uint64_t seed = 0;
    int shards = 1;                   ///< how many threads may observe at once
    std::int64_t expected_values = 0; ///< per channel in all, for its 99.9 % quantile (channel_tails.h); 0: that is not known
};

class SiteAccumulator {
public:
    explicit SiteAccumulator(const AccumulatorOptions& options);

    /// Throws Error (failed) when a value is not finite. `parallel` empty: all on this thread.
    void add(const RowBlock& block, const Parallel& parallel = {});
    /// A reservoir row of an attention matrix is one entry per head: of a query, and of one unmasked key drawn by the same hash.
    void add(const AttentionBlock& block, const Parallel& parallel = {});
    /// Precondition: same options.
    void merge(const SiteAccumulator& other);
    /// Precondition: something was added.
    [[nodiscard]] SiteStatistics result(const std::string& site) const;

private:
    struct Shard {
        PowerHistogram histogram;
        std::vector<float> channel_min, channel_max;
        Extremes smallest{-1}, largest{1};
        void merge(const Shard& other);
    };
    class Observer;

    void fold(const std::vector<Moments>& moments);
    void keep_tails(const RowBlock& block, const Parallel& parallel);
    [[nodiscard]] static std::int64_t first_key(const AttentionBlock& block, std::int64_t query) noexcept;
    [[nodiscard]] static std::int64_t end_key(const AttentionBlock& block, std::int64_t query) noexcept;
    template <typename Body>
    void over_shards(const Parallel& parallel, Body&& body);

    AccumulatorOptions options_;
    std::uint64_t rows_ = 0;
    Moments moments_;
    std::vector<float> position_abs_max_;
    std::vector<Shard> shards_;
    Reservoir reservoir_;
    ChannelTails tails_;
};

}  // namespace bitwright
