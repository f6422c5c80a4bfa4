// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/site_map.h"

#include "core/recipe/preview.h"
#include "core/recipe/transformed_statistics.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace bitwright::views {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

QString text(const char* words) { return QCoreApplication::translate("Explore", words); }

double median_of(std::vector<float> values)
{
    std::erase_if(values, [](float v) { return std::isnan(v); });
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (static_cast<double>(*middle) + static_cast<double>(*std::max_element(values.begin(), middle))) / 2;
}

/// What is known of one site on one side of the transforms.
struct Seen {
    const SiteStatistics* statistics = nullptr;
    std::shared_ptr<const SiteStatistics> owned;
    const std::vector<double>* factor = nullptr;  ///< of the transforms, where `statistics` was made without its reservoir
    const SiteStatistics* rows = nullptr;         ///< whose reservoir, times factor, holds the rows
};

class Builder {
public:
    Builder(const MapSources& sources, const MapRequest& request, const Control& control) : sources_(sources), request_(request), control_(control)
    {
        if (request.transforms != MapTransforms::before && sources.recipe && sources.statistics && !sources.observed_after && has_after(*sources.statistics, sources.recipe.get()))
            factors_ = activation_factors(sources.model, *sources.recipe);
    }

    [[nodiscard]] Seen see(SiteId id, bool after) const
    {
        const Site& site = (*sources_.model.sites)[id];
        Seen seen;
        if (site.kind == SiteKind::weight) {
            const auto& known = after ? sources_.weights_after : sources_.weights;
            if (const auto found = known.find(id); found != known.end()) seen.statistics = seen.rows = found->second.get();
            return seen;
        }
        const auto& source = after && sources_.observed_after ? sources_.observed_after : sources_.statistics;
        seen.statistics = seen.rows = source ? source->find(site.name) : nullptr;
        const auto factor = std::ranges::find(factors_, id, &ActivationFactors::site);
        if (!after || !seen.statistics || factor == factors_.end()) return seen;
        seen.owned = std::make_shared<const SiteStatistics>(needs_values() ? transformed(*seen.statistics, factor->factor) : transformed(extremes_of(*seen.statistics), factor->factor));
        seen.statistics = seen.owned.get();
        if (needs_values())
            seen.rows = seen.owned.get();
        else
            seen.factor = &factor->factor;
        return seen;
    }

    void row(const Seen& seen, const Site& site, std::span<float> out, SiteMatrix& matrix) const
    {
        std::ranges::fill(out, unknown);
        QString gap;
        int valid = 0;
        if (!seen.statistics) {
            gap = site.kind == SiteKind::weight ? text("not read yet") : text("the calibration did not see it");
        } else if (request_.axis == MapAxis::token) {
            const auto positions = reached(seen);
            valid = static_cast<int>(positions.size());
            std::ranges::copy(positions, out.begin());
            if (seen.statistics->position_abs_max.empty()) gap = text("the calibration kept no token at this position; observe the model after the transforms");
        } else if (request_.statistic == MapStatistic::sigma || request_.statistic == MapStatistic::kurtosis) {
            valid = static_cast<int>(seen.statistics->channel_abs_max.size());
            if (!moments(*seen.rows, out.first(static_cast<std::size_t>(valid)))) gap = text("the calibration kept no rows of it");
        } else if (request_.statistic == MapStatistic::tail) {
            const auto& s = *seen.statistics;
            valid = static_cast<int>(s.channel_abs_max.size());
            gap = s.channel_abs_p999.empty() ? text("a calibration of an earlier version did not keep it; calibrate again") : text("99.9 % of its values are 0");
            for (std::size_t c = 0; c < s.channel_abs_p999.size(); ++c) out[c] = s.channel_abs_p999[c] > 0 ? s.channel_abs_max[c] / s.channel_abs_p999[c] : unknown;
        } else {
            valid = static_cast<int>(seen.statistics->channel_abs_max.size());
            std::ranges::copy(seen.statistics->channel_abs_max, out.begin());
        }
        const double median = median_of({out.begin(), out.begin() + valid});
        if (request_.statistic == MapStatistic::ratio)
            for (float& value : out) value = median > 0 ? static_cast<float>(value / median) : unknown;
        if (request_.statistic == MapStatistic::ratio && valid > 0 && !(median > 0) && gap.isEmpty()) gap = text("its median is 0, so there is nothing to compare with");
        matrix.valid_columns.push_back(valid);
        matrix.gaps.push_back(gap);
        matrix.medians.push_back(request_.statistic == MapStatistic::ratio && median > 0 ? 1.0 : median);
        matrix.ranks.push_back(ranks_of(out.first(static_cast<std::size_t>(valid))));
    }

    void offenders(const Seen& seen, SiteId id, std::vector<FoundOffender>& found) const
    {
        if (!seen.statistics) return;
        const auto [low, high] = bounds(seen);
        if (request_.axis == MapAxis::token) {
            const auto positions = reached(seen);
            const double median = median_of(positions), limit = std::max(std::fabs(low), std::fabs(high));
            for (std::size_t i = 0; i < positions.size(); ++i)
                if (positions[i] > limit) found.push_back({id, static_cast<int>(i), positions[i], ratio(positions[i], median), std::nullopt, 0});
            return;
        }
        const auto& s = *seen.statistics;
        const double median = median_of(s.channel_abs_max);
        for (std::size_t c = 0; c < s.channel_abs_max.size(); ++c) {
            if (s.channel_max[c] <= high && s.channel_min[c] >= low) continue;
            FoundOffender offender{id, static_cast<int>(c), s.channel_abs_max[c], ratio(s.channel_abs_max[c], median), std::nullopt, static_cast<int>(seen.rows->reservoir_rows)};
            if (seen.rows->reservoir_rows > 0) offender.tokens = rows_beyond(seen, c, low, high);
            found.push_back(offender);
        }
    }

    /// The largest |x| at every position: of all windows, or (after transforms) of the rows that the calibration kept.
    [[nodiscard]] std::vector<float> reached(const Seen& seen) const
    {
        auto positions = seen.statistics->position_abs_max;
        const auto length = sources_.statistics ? sources_.statistics->length : 0;
        if (positions.empty() && length > 0 && seen.rows->reservoir_rows > 0) {
            positions.assign(static_cast<std::size_t>(length), unknown);
            const auto values = reservoir_values(*seen.rows);
            const std::size_t channels = values.size() / seen.rows->reservoir_tokens.size();
            for (std::size_t i = 0; i < values.size(); ++i) {
                float& most = positions[seen.rows->reservoir_tokens[i / channels] % static_cast<std::size_t>(length)];
                const double factor = seen.factor ? (*seen.factor)[i % channels] : 1.0;
                most = std::fmax(most, static_cast<float>(std::fabs(values[i] * factor)));  // not a number: no value yet
            }
        }
        if (request_.without_first_token && !positions.empty()) positions[0] = unknown;
        return positions;
    }

private:
    [[nodiscard]] bool needs_values() const
    {
        return request_.statistic == MapStatistic::sigma || request_.statistic == MapStatistic::kurtosis || request_.threshold.kind == ThresholdKind::sigma ||
               request_.threshold.kind == ThresholdKind::percentile;
    }
    static SiteStatistics extremes_of(const SiteStatistics& s)
    {
        SiteStatistics extremes;
        extremes.site = s.site;
        extremes.channel_min = s.channel_min;
        extremes.channel_max = s.channel_max;
        extremes.channel_abs_max = s.channel_abs_max;
        extremes.channel_abs_p999 = s.channel_abs_p999;
        return extremes;
    }
    /// Values outside are offending.
    [[nodiscard]] std::pair<double, double> bounds(const Seen& seen) const
    {
        const SiteStatistics& s = *seen.statistics;
        const double k = request_.threshold.value;
        switch (request_.threshold.kind) {
            case ThresholdKind::ratio: {
                const double median = median_of(request_.axis == MapAxis::token ? reached(seen) : s.channel_abs_max);
                const double limit = median > 0 ? k * median : std::numeric_limits<double>::infinity();  // no peers to compare with
                return {-limit, limit};
            }
            case ThresholdKind::value: return {-k, k};
            case ThresholdKind::sigma:
                if (s.count > 0) return {s.mean - k * s.sigma, s.mean + k * s.sigma};
                break;
            case ThresholdKind::percentile:
                if (s.count > 0) return {s.quantile((1 - k / 100) / 2), s.quantile((1 + k / 100) / 2)};
                break;
        }
        return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    }
    static double ratio(double value, double median) { return median > 0 ? value / median : std::numeric_limits<double>::quiet_NaN(); }

    static int rows_beyond(const Seen& seen, std::size_t channel, double low, double high)
    {
        const double factor = seen.factor ? (*seen.factor)[channel] : 1.0;
        return static_cast<int>(std::ranges::count_if(reservoir_channel(*seen.rows, static_cast<std::int64_t>(channel)), [&](float x) { return x * factor < low || x * factor > high; }));
    }

    /// σ or kurtosis of every channel over the reservoir's rows; false without rows.
    bool moments(const SiteStatistics& s, std::span<float> out) const
    {
        if (s.reservoir_rows < 2) return false;
        const auto values = reservoir_values(s);
        const std::size_t channels = out.size(), rows = values.size() / channels;
        std::vector<double> mean(channels), second(channels), fourth(channels);
        for (std::size_t i = 0; i < values.size(); ++i) mean[i % channels] += values[i];
        for (double& m : mean) m /= static_cast<double>(rows);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < channels; ++c) {
                const double d = values[r * channels + c] - mean[c], square = d * d;
                second[c] += square;
                fourth[c] += square * square;
            }
        for (std::size_t c = 0; c < channels; ++c) {
            const double variance = second[c] / static_cast<double>(rows);
            if (request_.statistic == MapStatistic::sigma)
                out[c] = static_cast<float>(std::sqrt(variance));
            else
                out[c] = variance > 0 ? static_cast<float>(fourth[c] / static_cast<double>(rows) / (variance * variance)) : unknown;
        }
        return true;
    }

    static std::vector<int> ranks_of(std::span<const float> values)
    {
        std::vector<int> order(values.size()), ranks(values.size());
        std::iota(order.begin(), order.end(), 0);
        const auto key = [&](int c) { return std::isnan(values[static_cast<std::size_t>(c)]) ? -std::numeric_limits<float>::infinity() : values[static_cast<std::size_t>(c)]; };
        std::ranges::stable_sort(order, std::greater(), key);
        for (std::size_t i = 0; i < order.size(); ++i) ranks[static_cast<std::size_t>(order[i])] = static_cast<int>(i) + 1;
        return ranks;
    }

    const MapSources& sources_;
    const MapRequest& request_;
    const Control& control_;
    std::vector<ActivationFactors> factors_;
};

}  // namespace

bool has_after(const Statistics& statistics, const Recipe* recipe)
{
    return recipe && statistics.transforms.empty() && std::ranges::any_of(recipe->transforms, [](const Transform& t) { return std::holds_alternative<ScalePair>(t); });
}

SiteMap make_site_map(const MapSources& sources, const MapRequest& request, const std::vector<SiteId>& rows, const Control& control)
{
    const auto& catalogue = *sources.model.sites;
    const Builder builder(sources, request, control);
    SiteMap map;
    map.request = request;
    map.rows = rows;
    for (const SiteId id : rows) map.row_names.push_back(catalogue[id].layer < 0 ? text("model") : QString::number(catalogue[id].layer));
    const bool offending_after = request.transforms == MapTransforms::after;
    for (const bool after : {false, true}) {
        if (request.transforms != MapTransforms::both && after != offending_after) continue;
        SiteMatrix& matrix = after ? map.after : map.before;
        std::vector<Seen> seen;
        for (const SiteId id : rows) {
            control.check();
            seen.push_back(builder.see(id, after));
            if (!seen.back().statistics) continue;
            const auto& s = *seen.back().statistics;
            matrix.columns = std::max(matrix.columns, static_cast<int>(request.axis == MapAxis::token ? builder.reached(seen.back()).size() : s.channel_abs_max.size()));
            const bool of_rows = request.statistic == MapStatistic::sigma || request.statistic == MapStatistic::kurtosis;
            if (request.axis == MapAxis::token ? s.position_abs_max.empty() : of_rows) map.sampled = std::max(map.sampled, static_cast<int>(seen.back().rows->reservoir_rows));
        }
        if (request.axis == MapAxis::channel)
            for (const SiteId id : rows) matrix.columns = std::max(matrix.columns, static_cast<int>(catalogue[id].channels));
        else if (matrix.columns == 0 && sources.statistics)
            matrix.columns = static_cast<int>(sources.statistics->length);  // all of it hatched
        std::vector<float> values(rows.size() * static_cast<std::size_t>(matrix.columns));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            control.check();
            builder.row(seen[i], catalogue[rows[i]], std::span(values).subspan(i * static_cast<std::size_t>(matrix.columns), static_cast<std::size_t>(matrix.columns)), matrix);
            if (after == offending_after && !request.all_kinds) builder.offenders(seen[i], rows[i], map.offenders);
        }
        matrix.low = std::numeric_limits<double>::infinity();
        matrix.high = -matrix.low;
        for (const float value : values)
            if (!std::isnan(value)) {
                matrix.low = std::min(matrix.low, static_cast<double>(value));
                matrix.high = std::max(matrix.high, static_cast<double>(value));
            }
        matrix.values = std::make_shared<const std::vector<float>>(std::move(values));
    }
    if (request.all_kinds)
        for (const Site& site : catalogue.sites()) {
            control.check();
            if (site.kind == SiteKind::activation) builder.offenders(builder.see(site.id, offending_after), site.id, map.offenders);
        }
    std::ranges::stable_sort(map.offenders, [](const FoundOffender& a, const FoundOffender& b) { return std::isnan(b.ratio) ? !std::isnan(a.ratio) : a.ratio > b.ratio; });
    map.offender_count = map.offenders.size();
    if (map.offenders.size() > SiteMap::most_offenders) map.offenders.resize(SiteMap::most_offenders);
    return map;
}

std::vector<int> order_by_magnitude(const SiteMatrix& matrix)
{
    std::vector<float> largest(static_cast<std::size_t>(matrix.columns), -std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; matrix.values && i < matrix.values->size(); ++i)
        if (const float value = (*matrix.values)[i]; !std::isnan(value)) largest[i % largest.size()] = std::max(largest[i % largest.size()], value);
    std::vector<int> order(largest.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater(), [&](int c) { return largest[static_cast<std::size_t>(c)]; });
    return order;
}

}  // namespace bitwright::views
