// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/observed_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double squared(double x) noexcept { return x * x; }

/// Antiderivative of (u − round(u))²: 1/12 a period.
double rounding(double u) noexcept
{
    const double whole = std::floor(u + 0.5), part = u - whole;
    return whole / 12 + part * part * part / 3;
}
double clipped(double from, double to, double end) noexcept { return (squared(to - end) * (to - end) - squared(from - end) * (from - end)) / 3; }
double mean_over(double from, double to, double s, double floor, double ceiling) noexcept
{
    double integral = 0;
    if (from < floor) integral += clipped(from, std::min(to, floor), floor);
    if (to > ceiling) integral += clipped(std::max(from, ceiling), to, ceiling);
    const double a = std::max(from, floor), b = std::min(to, ceiling);
    if (a < b) integral += s * s * s * (rounding(b / s) - rounding(a / s));
    return integral / (to - from);
}

/// Where the codes of a grid change, in steps r = round(x / scale): the first and last step inside, and those of the code of 0.
struct Steps {
    double first, last, zero_first, zero_last;
    explicit Steps(const Grid& grid)
        : first(std::ceil(static_cast<double>(grid.qmin) - grid.offset)), last(std::floor(static_cast<double>(grid.qmax) - grid.offset)), zero_first(0), zero_last(0)
    {
        if (first > 0) {  // 0 itself is clipped: its code is the lowest one
            zero_first = -infinity;
            zero_last = std::floor(static_cast<double>(grid.qmin) - grid.offset);
        } else if (last < 0) {
            zero_first = std::ceil(static_cast<double>(grid.qmax) - grid.offset);
            zero_last = infinity;
        }
    }
};

}  // namespace

ObservedValues::ObservedValues(const SiteStatistics& s)
    : low_(s.histogram.low), count_(static_cast<double>(s.count)), exact_(s.smallest)
{
    const std::size_t bins = s.histogram.counts.size();
    const std::size_t rest = s.count > s.smallest.size() ? static_cast<std::size_t>(std::min<std::uint64_t>(s.count - s.smallest.size(), s.largest.size())) : 0;
    exact_.insert(exact_.end(), s.largest.begin(), s.largest.begin() + static_cast<std::ptrdiff_t>(rest));
    if (exact_.size() >= s.count || bins == 0) return;
    inner_low_ = s.smallest.empty() ? -infinity : static_cast<double>(s.smallest.back());
    inner_high_ = s.largest.empty() ? infinity : static_cast<double>(s.largest.back());
    width_ = (s.histogram.high - low_) / static_cast<double>(bins);
    counts_.assign(s.histogram.counts.begin(), s.histogram.counts.end());
    for (const float x : exact_) {
        const double at = std::clamp((x - low_) / width_, 0.0, static_cast<double>(bins - 1));
        double& count = counts_[static_cast<std::size_t>(at)];
        count = std::max(0.0, count - 1);
    }
    cumulative_.resize(bins + 1);
    for (std::size_t i = 0; i < bins; ++i) cumulative_[i + 1] = cumulative_[i] + counts_[i];
}

double ObservedValues::squared_error(const Grid& grid) const
{
    double sum = 0;
    for (const float x : exact_) sum += squared(static_cast<double>(fake_quantize(x, grid)) - x);
    const double s = grid.scale, floor = (static_cast<double>(grid.qmin) - grid.offset) * s, ceiling = (static_cast<double>(grid.qmax) - grid.offset) * s;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (counts_[i] > 0) sum += counts_[i] * mean_over(low_ + static_cast<double>(i) * width_, low_ + static_cast<double>(i + 1) * width_, s, floor, ceiling);
    }
    return sum;
}

double ObservedValues::binned_below(double x) const noexcept
{
    if (counts_.empty()) return 0;
    const double at = (x - low_) / width_;
    if (!(at > 0)) return 0;
    if (at >= static_cast<double>(counts_.size())) return cumulative_.back();
    const auto bin = static_cast<std::size_t>(at);
    return cumulative_[bin] + (at - static_cast<double>(bin)) * counts_[bin];
}

ObservedValues::Counts ObservedValues::counts(const Grid& grid) const
{
    const Steps steps(grid);
    const double s = grid.scale, below = (steps.first - 0.5) * s, above = (steps.last + 0.5) * s;
    Counts result;
    result.clipped_low = binned_below(below);
    result.clipped_high = counts_.empty() ? 0 : cumulative_.back() - binned_below(above);
    result.clipped_exactly = counts_.empty() || (below <= inner_low_ && above >= inner_high_);
    if (result.clipped_exactly) result.clipped_low = result.clipped_high = 0;
    result.zeros = std::max(0.0, binned_below((steps.zero_last + 0.5) * s) - binned_below((steps.zero_first - 0.5) * s));

    // Codes from the first to the last that data can reach; the clipped count for the codes at the ends.
    double least = counts_.empty() ? infinity : low_, most = counts_.empty() ? -infinity : low_ + width_ * static_cast<double>(counts_.size());
    for (const float x : exact_) {
        least = std::min(least, static_cast<double>(x));
        most = std::max(most, static_cast<double>(x));
    }
    if (!(least <= most) || steps.first > steps.last) return result;
    const double from = std::clamp(std::floor(least / s + 0.5), steps.first, steps.last), to = std::clamp(std::floor(most / s + 0.5), steps.first, steps.last);
    std::vector<bool> used(static_cast<std::size_t>(to - from) + 1);
    for (const float x : exact_) {
        const auto step = static_cast<double>(round_half_even(x / grid.scale));
        result.clipped_low += step < steps.first ? 1 : 0;
        result.clipped_high += step > steps.last ? 1 : 0;
        result.zeros += step >= steps.zero_first && step <= steps.zero_last ? 1 : 0;
        used[static_cast<std::size_t>(std::clamp(step, from, to) - from)] = true;
    }
    double reached = from <= steps.first ? 0 : binned_below((from - 0.5) * s);
    for (std::size_t i = 0; i < used.size(); ++i) {
        const double step = from + static_cast<double>(i);
        const double next = step >= steps.last ? (counts_.empty() ? 0 : cumulative_.back()) : binned_below((step + 0.5) * s), expected = next - reached;
        reached = next;
        result.codes_used += used[i] ? 1 : expected > 30 ? 1 : -std::expm1(-expected);
    }
    return result;
}

}  // namespace bitwright
