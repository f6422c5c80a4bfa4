// SPDX-License-Identifier: GPL-3.0-or-later
// From statistics to what Explore shows: a matrix of layers × channels (or token positions) of one kind of site, and the offenders in it.
// Invariants: absolute maximum, its ratio to the median and to the 99.9 % quantile are exact, before and after transforms; σ and kurtosis of a channel are those
// of its reservoir rows, and so is what a position reaches after transforms, until a calibration has observed the model after them.
// A statistic is large where something stands out, since several cells in a pixel show their maximum: so "99.9 % ÷ max" is shown as its inverse.
// What is not known is NaN with its reason, never 0. For weights a channel is an input column and a token an output row (weight_statistics.h).
// Threading: pure functions, for the interactive lane; results are plain values.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <QString>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace bitwright::views {

enum class MapStatistic : std::uint8_t { absolute_maximum, ratio, sigma, kurtosis, tail };
enum class MapAxis : std::uint8_t { channel, token };
enum class MapTransforms : std::uint8_t { before, after, both };
enum class ThresholdKind : std::uint8_t { ratio, sigma, percentile, value };

struct Threshold {
    ThresholdKind kind = ThresholdKind::ratio;
    double value = default_offender_threshold;
    friend bool operator==(const Threshold&, const Threshold&) = default;
};

struct MapRequest {
    SiteRole role = SiteRole::down_input;
    MapStatistic statistic = MapStatistic::absolute_maximum;
    MapAxis axis = MapAxis::channel;
    MapTransforms transforms = MapTransforms::before;
    bool without_first_token = false;  ///< token axis only
    bool all_kinds = false;            ///< offenders of every activation, not only of the kind shown
    Threshold threshold;
    friend bool operator==(const MapRequest&, const MapRequest&) = default;
};

/// One side of the map.
struct SiteMatrix {
    int columns = 0;
    std::shared_ptr<const std::vector<float>> values;  ///< rows × columns; NaN: not known
    std::vector<int> valid_columns;                    ///< per row
    std::vector<QString> gaps;                         ///< per row: why nothing is known; "" where something is
    std::vector<double> medians;                       ///< per row, over its known columns; NaN: none
    std::vector<std::vector<int>> ranks;               ///< per row: rank (1 = largest) of each column
    double low = 0, high = 0;                          ///< of what is known
};

struct FoundOffender {
    SiteId site = no_site;
    int column = 0;              ///< channel, or token position
    double value = 0;            ///< absolute maximum
    double ratio = 0;            ///< to the site's median channel (position); NaN where that is 0
    std::optional<int> tokens;   ///< of the reservoir's rows, those beyond the threshold in this channel; absent for positions
    int sampled = 0;             ///< of how many
};

struct SiteMap {
    MapRequest request;
    std::vector<SiteId> rows;
    std::vector<QString> row_names;
    SiteMatrix before, after;  ///< `after` only when asked for
    std::vector<FoundOffender> offenders;  ///< largest ratio first, at most most_offenders
    std::size_t offender_count = 0;
    int sampled = 0;           ///< reservoir rows behind what is shown; 0: exact
    static constexpr std::size_t most_offenders = 10000;
};

/// What the map is made from. `weights`: statistics of weights that were computed so far.
struct MapSources {
    Model model;
    std::shared_ptr<const Statistics> statistics;
    std::shared_ptr<const Recipe> recipe;  ///< null: nothing after
    std::shared_ptr<const Statistics> observed_after;  ///< of the same windows after the recipe's transforms; null: not calibrated so
    std::map<SiteId, std::shared_ptr<const SiteStatistics>> weights, weights_after;
};

/// True where the recipe's scale pairs change something a calibration of the plain model can follow.
[[nodiscard]] bool has_after(const Statistics& statistics, const Recipe* recipe);

/// `rows`: sites of the kind that the filter lets pass.
[[nodiscard]] SiteMap make_site_map(const MapSources& sources, const MapRequest& request, const std::vector<SiteId>& rows, const Control& control);

/// Display order of columns by the largest value in any row, largest first.
[[nodiscard]] std::vector<int> order_by_magnitude(const SiteMatrix& matrix);

}  // namespace bitwright::views
