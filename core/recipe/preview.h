// SPDX-License-Identifier: GPL-3.0-or-later
// What a scheme and a range would do to one site, fast enough to follow a drag: saturation, zeros, codes used, SQNR, cosine, each with where it comes from.
// Invariants: a figure that was not measured is absent, never 0. A site with 64 reservoir rows of 5,632 channels takes less than 4 ms (recipe_bench measures).
// Threading: pure functions; a WeightSample is a plain value.
// Sources: the grid and its codes of integer semantics §2; SQNR = 10·log10(Σx² / Σ(x̂ − x)²).
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/grid.h"
#include "core/recipe/quantization_tally.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bitwright {

/// What a figure was measured on.
enum class Provenance : std::uint8_t {
    extremes,   ///< exact over all calibration windows: the stored extremes decide it
    histogram,  ///< all calibration windows, values uniform within a bin of the histogram
    reservoir,  ///< the token rows kept by the calibration
    values,     ///< every value of a weight
    some_rows,  ///< some rows of a weight
    windows     ///< every value of all windows, from the compute lane
};
/// "exact extremes", "histogram", "reservoir", "all values", "some rows", "all windows".
[[nodiscard]] std::string_view in_words(Provenance provenance) noexcept;

struct SiteFigure {
    double value = 0;
    Provenance from{};
};

struct SitePreview {
    std::optional<Grid> grid;                          ///< where one grid serves all values shown; absent per channel, row, group, token and for float
    std::int64_t codes = 0;                            ///< of the grid: 2^bits; 0 for float
    std::optional<SiteFigure> clipped_low, clipped_high;   ///< share of values in [0, 1] below the lowest and above the highest code
    std::optional<SiteFigure> zeros;                       ///< share of values with the code of 0
    std::optional<SiteFigure> zeroed;                      ///< share of values that are not 0 but get its code
    std::optional<SiteFigure> codes_used;                  ///< different codes that occur; several slices: their mean
    std::optional<SiteFigure> sqnr_db;                     ///< over everything seen where the statistics allow it; infinite where nothing changes
    std::optional<SiteFigure> reservoir_sqnr_db, cosine;   ///< over the reservoir rows; of a weight: over its values

    /// Share of values clipped at either end.
    [[nodiscard]] std::optional<SiteFigure> saturation() const noexcept;
};

/// Everything a tally says (saturation, zeros, SQNR, cosine), marked with what it was measured on; reservoir_sqnr_db for the reservoir and for weights.
[[nodiscard]] SitePreview preview_of(const QuantizationTally& sums, Provenance from);

/// An activation site under a static or per-token scheme. One grid for all: saturation, zeros, codes and SQNR over the whole calibration, cosine over the
/// reservoir; several grids (channel, head, token): all over the reservoir. Statistics that are made of the reservoir alone (transformed_statistics.h) give its
/// figures only. A float scheme, and a dynamic one per tensor (its range is known at run time only), has no figures.
/// Throws Error (bad_input) when a static scheme has no range.
[[nodiscard]] SitePreview preview_activation(const SiteStatistics& statistics, const Site& site, const Scheme& scheme, const Range& range, Semantics semantics);

/// One channel of it: from its reservoir values, saturation 0 also from its exact extremes.
[[nodiscard]] SitePreview preview_channel(const SiteStatistics& statistics, const Site& site, std::int64_t channel, const Scheme& scheme, const Range& range,
                                          Semantics semantics);

/// The reservoir's values of one channel, by ascending token (statistics.reservoir_tokens). Throws Error (usage) when there is no such channel.
[[nodiscard]] std::vector<float> reservoir_channel(const SiteStatistics& statistics, std::int64_t channel);
/// Their histogram (bins as everywhere: power_histogram.h).
[[nodiscard]] Histogram channel_histogram(const SiteStatistics& statistics, std::int64_t channel);
/// All reservoir rows as float, row-major [reservoir_rows, channels].
[[nodiscard]] std::vector<float> reservoir_values(const SiteStatistics& statistics);

/// Values of a weight under a recipe's transforms to preview: all of them, or a fixed random choice of rows for drags.
struct WeightSample {
    Shape shape;                              ///< of the whole weight; a vector is one row
    std::vector<std::int64_t> rows;           ///< ascending; all where `whole`
    bool whole = true;
    std::vector<float> values;                ///< [rows, cols]
    std::vector<float> column_min, column_max;  ///< over the whole weight; empty where ranges are always given
};
/// Reads the weight (materialize()); with `most_values` > 0 keeps as many whole rows as that allows (at least one), chosen by `seed`. Not for the UI thread.
[[nodiscard]] WeightSample sample_weight(const Model& model, const Recipe* recipe, SiteId weight_site, std::int64_t most_values, std::uint64_t seed = 0);

/// The same with the rows given (ascending).
[[nodiscard]] WeightSample sample_weight(const Model& model, const Recipe* recipe, SiteId weight_site, std::vector<std::int64_t> rows);

/// A weight site over its sample; a range without numbers is the min and max of the slices. 64 rows of 5,632 take less than 4 ms.
[[nodiscard]] SitePreview preview_weight(const WeightSample& sample, const Scheme& scheme, const Range& range, Semantics semantics,
                                         const Control& control = Control());

/// What codes that a recipe fixes do to a weight: `plain` without them, `coded` with them, as many values. Clipping and codes used are not known.
[[nodiscard]] SitePreview preview_codes(std::span<const float> plain, std::span<const float> coded);

/// The grid of every slice of `scheme` over rows of a weight that lie in memory (rows as in `sample`): one (tensor), one per row kept, per row kept × groups, or
/// per column. Grids as weight_grids(), 16-bit asymmetric codes unshifted. Precondition: a range with numbers, or column_min and column_max are there.
[[nodiscard]] std::vector<Grid> sample_grids(const WeightSample& sample, const Scheme& scheme, const Range& range, Semantics semantics);

}  // namespace bitwright
