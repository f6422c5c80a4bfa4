// SPDX-License-Identifier: GPL-3.0-or-later
// From what was seen to a range: activations from their statistics, weights from their materialized values.
// Threading: pure functions; set_ranges belongs to one thread.
#pragma once

#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

enum class RangeKind : std::uint8_t { minmax, percentile, mse };

struct RangeRule {
    RangeKind kind = RangeKind::minmax;
    double percent = 100;  ///< percentile: the share of values kept, (100 − percent)/2 cut off at either end
};

/// "minmax", "percentile:99.9" or "mse". Throws Error (usage).
[[nodiscard]] RangeRule parse_range_rule(std::string_view text);
/// "min-max", "percentile 99.9" or "mse": Range::source.
[[nodiscard]] std::string in_words(const RangeRule& rule);

/// Range of an activation under a static scheme. Per channel or head: from the channels' own extremes, rule minmax only (Error (usage) otherwise).
/// mse: least expected squared error E(x − x̂)² over the exact extremes and the histogram (values uniform within a bin, rounding error integrated), found by
/// search: factors a, b shrink min and max towards 0 (towards the end nearer to 0 where the range has no zero); scans of a = b, a alone and b alone in steps of
/// 0.04 down to 0.2, each given up at four times the least error so far; then steps of ±0.04, 0.02, 0.01, 0.005 on either side while they help. Symmetric: a =
/// b.
[[nodiscard]] Range activation_range(const SiteStatistics& statistics, const Site& site, const Scheme& scheme, Semantics semantics, const RangeRule& rule);

/// The same of what may not have been observed: σ(x) is [0, 1] under `authors` (their calibration does not see it), σ(x) and probabilities are where `seen` is
/// null; other sites have no range then.
[[nodiscard]] std::optional<Range> observed_range(const SiteStatistics* seen, const Site& site, const Scheme& scheme, Semantics semantics, const RangeRule& rule);

/// Range of every slice of a weight. percentile is for activations: weights then keep min and max. mse: the same search over the slice's values themselves.
[[nodiscard]] Range weight_range(std::span<const float> weight, const Shape& shape, const Scheme& scheme, Semantics semantics, const RangeRule& rule,
                                 const Control& control = Control());

/// Gives every site of the recipe its range: activations from the statistics, weights from materialize() under the recipe's transforms. Dynamic and float sites
/// have none. σ(x) is [0, 1] under `authors` (their calibration does not see it); probabilities and σ(x) are [0, 1] where the statistics lack them.
/// Throws Error (bad_input) when the statistics lack another site. Weights no transform touches (embedding, lm_head) are read in blocks of rows where the rule
/// allows it, never as a whole.
void set_ranges(Recipe& recipe, const Model& model, const Statistics& statistics, const RangeRule& rule, const Control& control = Control());

}  // namespace bitwright
