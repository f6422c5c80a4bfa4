// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of a weight on demand, as a SiteStatistics, so that Explore and Inspector show weights with the code for activations.
// A token is an output row, a channel an input column: channel_* are per input channel, position_abs_max is per output row, the reservoir holds whole rows and
// reservoir_tokens their numbers. A vector (a norm's weight) is one row.
// Invariants: memory stays at some rows at a time (1 Mi values) where the checkpoint stores rows together (weight_rows.h).
// Threading: pure function over immutable inputs; long, so on a worker thread.
#pragma once

#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

namespace bitwright {

struct WeightStatisticsOptions {
    std::int64_t reservoir_rows = 64;
    std::uint64_t seed = 0;  ///< which rows
};

/// `recipe` null: the plain weight; else after its transforms (materialize()). Throws Error (bad_input) when the site is no weight or holds values that are not
/// finite; Cancelled.
[[nodiscard]] SiteStatistics weight_statistics(const Model& model, const Recipe* recipe, SiteId weight_site, const WeightStatisticsOptions& options,
                                               const Control& control);

}  // namespace bitwright
