// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/statistics.h"

#include "core/runtime/hash.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

// The value of rank r (0 = smallest).
double order_statistic(const SiteStatistics& s, std::uint64_t rank)
{
    if (rank < s.smallest.size()) return static_cast<double>(s.smallest[rank]);
    if (const std::uint64_t from_top = s.count - 1 - rank; from_top < s.largest.size()) return static_cast<double>(s.largest[from_top]);
    const auto& counts = s.histogram.counts;
    std::uint64_t before = 0;
    std::size_t bin = 0;
    while (bin + 1 < counts.size() && before + counts[bin] <= rank) before += counts[bin++];
    const double width = (s.histogram.high - s.histogram.low) / static_cast<double>(counts.size());
    const double within = (static_cast<double>(rank - before) + 0.5) / static_cast<double>(std::max<std::uint64_t>(counts[bin], 1));
    const double value = s.histogram.low + width * (static_cast<double>(bin) + std::min(within, 1.0));
    return std::clamp(value, static_cast<double>(s.smallest.back()), static_cast<double>(s.largest.back()));
}

}  // namespace

double entropy_bits(const Histogram& histogram)
{
    double total = 0, bits = 0;
    for (const std::uint64_t n : histogram.counts) total += static_cast<double>(n);
    for (const std::uint64_t n : histogram.counts) {
        if (n == 0) continue;
        const double p = static_cast<double>(n) / total;
        bits -= p * std::log2(p);
    }
    return bits;
}

double SiteStatistics::quantile(double p) const
{
    const double at = std::clamp(p, 0.0, 1.0) * static_cast<double>(count - 1);
    const auto rank = static_cast<std::uint64_t>(at);
    const double low = order_statistic(*this, rank);
    const double share = at - static_cast<double>(rank);
    return share > 0 ? low + share * (order_statistic(*this, rank + 1) - low) : low;
}

const SiteStatistics* Statistics::find(std::string_view site) const noexcept
{
    const auto found = std::find_if(sites.begin(), sites.end(), [&](const SiteStatistics& s) { return s.site == site; });
    return found == sites.end() ? nullptr : &*found;
}

std::string Statistics::key() const
{
    Sha256 sha;
    for (const std::string& field : {model_identity, transforms, token_hash, settings, std::to_string(windows), std::to_string(length)}) {
        sha.update(std::to_string(field.size())).update(":").update(field);
    }
    return sha.hex();
}

std::vector<Offender> find_offenders(const SiteStatistics& site, double threshold)
{
    std::vector<Offender> found;
    std::vector<float> sorted = site.channel_abs_max;
    if (sorted.empty()) return found;
    std::sort(sorted.begin(), sorted.end());
    const double median = (static_cast<double>(sorted[(sorted.size() - 1) / 2]) + static_cast<double>(sorted[sorted.size() / 2])) / 2;
    if (median <= 0) return found;
    for (std::size_t c = 0; c < site.channel_abs_max.size(); ++c) {
        const double ratio = static_cast<double>(site.channel_abs_max[c]) / median;
        if (ratio > threshold) found.push_back({site.site, static_cast<std::int64_t>(c), site.channel_abs_max[c], ratio});
    }
    std::stable_sort(found.begin(), found.end(), [](const Offender& a, const Offender& b) { return a.ratio > b.ratio; });
    return found;
}

std::vector<Offender> find_offenders(const Statistics& statistics, double threshold)
{
    std::vector<Offender> found;
    for (const SiteStatistics& site : statistics.sites) {
        const std::vector<Offender> here = find_offenders(site, threshold);
        found.insert(found.end(), here.begin(), here.end());
    }
    std::stable_sort(found.begin(), found.end(), [](const Offender& a, const Offender& b) { return a.ratio > b.ratio; });
    return found;
}

}  // namespace bitwright
