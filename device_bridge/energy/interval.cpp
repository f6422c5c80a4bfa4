// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/interval.h"

#include "core/exchange/paired_difference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace bitwright {
namespace {

constexpr double normal_95 = 1.9599639845;
constexpr std::size_t fewest_for_bootstrap = 10, resamples = 2000;

double mean_of(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()); }

double deviation_of(std::span<const double> values, double mean)
{
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

Estimate mean_interval(std::span<const double> samples, double common)
{
    Estimate estimate{mean_of(samples), {}, {}};
    if (samples.size() < 2) return estimate;
    const double k = static_cast<double>(samples.size());
    const double scatter = student_95(static_cast<std::int64_t>(samples.size()) - 1) * deviation_of(samples, estimate.value) / std::sqrt(k);
    const double reach = std::hypot(scatter, normal_95 * common);
    estimate.low = estimate.value - reach;
    estimate.high = estimate.value + reach;
    return estimate;
}

std::optional<Estimate> bootstrap_interval(std::span<const double> samples)
{
    if (samples.size() < fewest_for_bootstrap) return std::nullopt;
    std::mt19937_64 random(1);
    std::vector<double> means(resamples);
    for (auto& mean : means) {
        double sum = 0;
        for (std::size_t i = 0; i < samples.size(); ++i) sum += samples[random() % samples.size()];
        mean = sum / static_cast<double>(samples.size());
    }
    std::ranges::sort(means);
    return Estimate{mean_of(samples), means[resamples / 40], means[resamples - 1 - resamples / 40]};
}

std::optional<double> coefficient_of_variation(std::span<const double> samples)
{
    if (samples.size() < 2) return std::nullopt;
    const double mean = mean_of(samples);
    if (mean == 0) return std::nullopt;
    return deviation_of(samples, mean) / std::abs(mean);
}

std::optional<PairedMeans> paired_means(std::span<const double> a, std::span<const double> b)
{
    if (a.size() != b.size() || a.size() < 2) return std::nullopt;
    std::vector<double> differences(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
    PairedMeans found{mean_interval(differences), {}, static_cast<std::int64_t>(a.size())};
    const double base = mean_of(b);
    if (base <= 0) return std::nullopt;
    found.relative = {found.difference.value / base, *found.difference.low / base, *found.difference.high / base};
    return found;
}

std::optional<double> slope(std::span<const double> x, std::span<const double> y)
{
    if (x.size() != y.size() || x.size() < 3) return std::nullopt;
    const double mx = mean_of(x), my = mean_of(y);
    double xx = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
    }
    if (xx <= 0) return std::nullopt;
    return xy / xx;
}

}  // namespace bitwright
