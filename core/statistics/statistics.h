// SPDX-License-Identifier: GPL-3.0-or-later
// What one calibration pass knows about every site. Mergeable: statistics of two halves merge to the statistics of the whole.
// Invariants: count > 0 for every site that is present; channel vectors have the site's `channels` entries.
// Threading: plain values once finished; an accumulator belongs to one thread.
#pragma once

#include "core/architecture/site.h"
#include "core/runtime/tensor.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Histogram over equal bins of [low, high). The width is a power of two, the smallest for which 2,048 bins hold all values, and bins begin at multiples of it
/// (power_histogram.h), so that merging is exact.
struct Histogram {
    double low = 0, high = 0;
    std::vector<std::uint64_t> counts;
};
/// −Σ p·log2 p over the bins: bits. A bin is at most 1/1,024 of the range, so a uniform distribution has 10 to 11 bits.
[[nodiscard]] double entropy_bits(const Histogram& histogram);

/// Statistics of one site over all tokens of a calibration. For attention matrices (qk.output, pv.input) a channel is a head and a position is the query's.
/// There only the entries that the mask leaves count; under `authors` semantics all of them, as their hooks see them.
struct SiteStatistics {
    std::string site;
    std::uint64_t count = 0;             ///< values seen
    std::uint64_t tokens = 0;            ///< rows seen
    float min = 0, max = 0;
    double mean = 0, sigma = 0;          ///< population standard deviation
    double kurtosis = 0;                 ///< E(x−μ)⁴/σ⁴ (3 for a normal distribution); NaN where σ is 0
    double entropy = 0;                  ///< bits, of the histogram (entropy_bits)
    std::vector<float> channel_min, channel_max;    ///< per channel
    std::vector<float> channel_abs_max;             ///< per channel
    std::vector<float> channel_abs_p999;            ///< per channel: |x| below which 99.9 % of its values lie (channel_tails.h); empty: not known
    std::vector<float> position_abs_max;            ///< per token position within the window
    Histogram histogram;
    std::vector<float> smallest, largest;           ///< the 1,024 smallest (ascending) and largest (descending) values, exactly
    std::vector<std::uint16_t> reservoir;           ///< f16 bits, whole token rows, row-major [reservoir_rows, channels] (reservoir.h)
    std::vector<std::uint32_t> reservoir_tokens;    ///< window × length + position of each row, ascending
    std::int64_t reservoir_rows = 0;

    /// Value below which a share `p` in [0, 1] of the values lies: order statistic p·(count − 1), linear between neighbours (Hyndman and Fan 1996, type 7).
    /// Exact within the stored extremes; between them the order statistic is interpolated in the histogram, wrong by less than one bin.
    [[nodiscard]] double quantile(double p) const;
};

/// The key under which the same calibration is never done twice, and the statistics.
struct Statistics {
    std::string model_identity;
    std::string transforms;      ///< hash of the recipe's transforms, "" for none
    std::string token_hash;
    std::string settings;        ///< canonical JSON of what else matters (special-token rule, semantics, reservoir limits)
    std::int64_t windows = 0, length = 0;
    std::vector<SiteStatistics> sites;  ///< by SiteId order; weights are not observed, their statistics are computed on demand

    [[nodiscard]] const SiteStatistics* find(std::string_view site) const noexcept;
    [[nodiscard]] std::string key() const;  ///< SHA-256 over the six fields before `sites`, each with its length
};

/// A channel far above its peers.
struct Offender {
    std::string site;
    std::int64_t channel = 0;
    float value = 0;         ///< its absolute maximum
    double ratio = 0;        ///< to the median channel's absolute maximum
};
/// Ratio from which a channel is worth showing: an 8-bit per-tensor grid leaves the median channel fewer than 256/10 codes. Twice what trained channels of an
/// ordinary model reach (TinyStories-656K: 4.8 in its residual stream), half of what breaks static ranges.
inline constexpr double default_offender_threshold = 10;
/// Channels whose absolute maximum exceeds `threshold` × the median channel's, largest ratio first, then by site and channel. The median of an even number of
/// channels is the mean of the middle two. A site whose median channel is silent (0) has no peers to compare with and is left out.
[[nodiscard]] std::vector<Offender> find_offenders(const Statistics& statistics, double threshold = default_offender_threshold);
/// The same for one site.
[[nodiscard]] std::vector<Offender> find_offenders(const SiteStatistics& site, double threshold = default_offender_threshold);

/// One safetensors file (metadata key "bitwright.statistics", format 1); written atomically. Round-trips every field to the bit.
void save_statistics(const Statistics& statistics, const std::filesystem::path& path);
/// Throws Error (bad_input) naming file and field.
[[nodiscard]] Statistics load_statistics(const std::filesystem::path& path);

}  // namespace bitwright
