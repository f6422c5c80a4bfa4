// SPDX-License-Identifier: GPL-3.0-or-later
// What one calibration pass knows about every site. Mergeable: statistics of two halves merge to the statistics of the whole.
// Invariants: count > 0 for every site that is present; channel vectors have the site's `channels` entries.
// Threading: plain values once finished; an accumulator belongs to one thread.
#pragma once

#include "core/architecture/site.h"
#include "core/runtime/tensor.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bitwright {

/// Histogram over equal bins of [low, high], a power-of-two grid that only ever doubles, so that merging is exact.
struct Histogram {
    double low = 0, high = 0;
    std::vector<std::uint64_t> counts;
};

/// Statistics of one site over all tokens of a calibration.
struct SiteStatistics {
    std::string site;
    std::uint64_t count = 0;             ///< values seen
    std::uint64_t tokens = 0;            ///< rows seen
    float min = 0, max = 0;
    double mean = 0, sigma = 0;          ///< population standard deviation
    double kurtosis = 0;                 ///< E(x−μ)⁴/σ⁴ (3 for a normal distribution)
    double entropy = 0;                  ///< bits, of the histogram
    std::vector<float> channel_min, channel_max;    ///< per channel
    std::vector<float> channel_abs_max;             ///< per channel
    std::vector<float> position_abs_max;            ///< per token position within the window
    Histogram histogram;
    std::vector<float> smallest, largest;           ///< the 1,024 smallest (ascending) and largest (descending) values, exactly
    std::vector<std::uint16_t> reservoir;           ///< f16 bits, whole token rows, row-major [reservoir_rows, channels]
    std::vector<std::uint32_t> reservoir_tokens;    ///< window × length + position of each row
    std::int64_t reservoir_rows = 0;

    /// Value below which a share `p` in [0, 1] of the values lies: exact within the stored extremes, interpolated in the histogram between.
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
    [[nodiscard]] std::string key() const;  ///< SHA-256 over the five fields
};

/// A channel far above its peers.
struct Offender {
    std::string site;
    std::int64_t channel = 0;
    float value = 0;         ///< its absolute maximum
    double ratio = 0;        ///< to the median channel's absolute maximum
};
/// Channels whose absolute maximum exceeds `threshold` × the median channel's, largest ratio first.
[[nodiscard]] std::vector<Offender> find_offenders(const Statistics& statistics, double threshold);

/// To and from one safetensors-style set of tensors plus JSON, for the workspace.
void save_statistics(const Statistics& statistics, const std::filesystem::path& path);
[[nodiscard]] Statistics load_statistics(const std::filesystem::path& path);

}  // namespace bitwright
