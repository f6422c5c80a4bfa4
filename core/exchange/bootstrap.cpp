// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/bootstrap.h"

#include "core/runtime/random.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace bitwright {
namespace {

constexpr std::size_t fewest_values = 5, resamples = 2000;
constexpr std::uint64_t seed = 1;

double mean(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()); }

}  // namespace

std::optional<Interval> bootstrap_mean(std::span<const double> values)
{
    if (values.size() < fewest_values) return std::nullopt;
    Random random(seed);
    std::vector<double> means(resamples);
    for (double& drawn : means) {
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) sum += values[static_cast<std::size_t>(random.below(values.size()))];
        drawn = sum / static_cast<double>(values.size());
    }
    std::sort(means.begin(), means.end());
    return Interval{means[resamples / 40 - 1], means[resamples - resamples / 40]};  // the 50th smallest and the 50th largest
}

std::optional<PairedDifference> bootstrap_difference(std::span<const double> a, std::span<const double> b)
{
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
    const auto interval = bootstrap_mean(differences);
    if (!interval) return std::nullopt;
    return PairedDifference{mean(differences), interval->low, interval->high, static_cast<std::int64_t>(differences.size())};
}

}  // namespace bitwright
