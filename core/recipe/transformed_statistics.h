// SPDX-License-Identifier: GPL-3.0-or-later
// "Before | after" of a recipe's scale pairs without calibrating again: which activations they change, by what factor per channel, and the statistics after.
// Exact algebra: a producer's channel ÷ s makes its activation's channel ÷ s (mobilequant §3, §4.1); norms, gate products, attention and ReLU pass the factor on.
// Threading: pure functions.
#pragma once

#include "core/recipe/recipe.h"
#include "core/statistics/statistics.h"

#include <span>
#include <vector>

namespace bitwright {

/// After the transforms channel c of the site holds x·factor[c].
struct ActivationFactors {
    SiteId site = no_site;
    std::vector<double> factor;  ///< [channels]
};

/// All activation sites that the recipe's scale pairs change, by SiteId; several pairs on one site are multiplied. Clips and codes change weights by rounding,
/// not activations by a factor, and are not in it. Throws Error (bad_input) when a pair does not fit this model.
[[nodiscard]] std::vector<ActivationFactors> activation_factors(const Model& model, const Recipe& recipe);

/// Statistics of one site after its factors. Exact (within float rounding): channel_min, channel_max, channel_abs_max, channel_abs_p999, min, max. The reservoir's rows are scaled
/// (f16 again); everything else (count, mean, σ, kurtosis, histogram, smallest, largest) is of these rows alone, so tokens = reservoir_rows, which previews show
/// as "reservoir". position_abs_max is empty: not known. Without reservoir rows count is 0 and only the exact fields hold.
/// Throws Error (bad_input) when the number of channels differs.
[[nodiscard]] SiteStatistics transformed(const SiteStatistics& before, std::span<const double> factor);

/// The sites of a calibration of the plain model that the recipe's transforms change, after them, by SiteId. Sites it does not name stay as they are.
[[nodiscard]] std::vector<SiteStatistics> transformed_sites(const Model& model, const Recipe& recipe, const Statistics& plain);

}  // namespace bitwright
