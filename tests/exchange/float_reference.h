// SPDX-License-Identifier: GPL-3.0-or-later
// The forward pass in float64 as plain loops, with a hook at every activation site: an independent reference for the integer level.
// Hooks observe ranges (to make a recipe without a calibration) or round to the integer level's grids (to see what its arithmetic adds).
#pragma once

#include "core/architecture/model.h"
#include "core/exchange/integer_grids.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bitwright::test {

using Values = std::vector<double>;

struct FloatReference {
    const Model& model;
    /// Weight, gamma or position table of a weight site in double; bias as the model has it.
    std::function<Values(const Site&)> weight;
    std::function<Values(const Site&)> bias;
    /// Called with the tensor of a site, which it may change.
    std::function<void(SiteRole, std::int64_t layer, Values&)> at_site = [](SiteRole, std::int64_t, Values&) {};
    std::int64_t rope_length = 0;  ///< length the frequencies are for

    struct Result {
        std::vector<Values> hidden;  ///< layers + 1
        Values logits;
    };
    [[nodiscard]] Result forward(const std::vector<std::int32_t>& ids) const;
};

/// Reads the plain weights.
[[nodiscard]] FloatReference float_reference(const Model& model, std::int64_t rope_length);
/// Rounds weights and activations to the grids that the package export derives from `recipe`.
[[nodiscard]] FloatReference rounded_reference(const Model& model, const Recipe& recipe, std::int64_t rope_length);
/// Round-to-nearest recipe: min and max of every site over the sequences.
[[nodiscard]] Recipe observed_recipe(const Model& model, const std::vector<std::vector<std::int32_t>>& sequences, int weight_bits, int activation_bits);

/// 10·log10(Σ reference² / Σ (reference − x)²).
[[nodiscard]] double sqnr_db(const Values& reference, const Values& x);

}  // namespace bitwright::test
