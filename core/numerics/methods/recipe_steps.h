// SPDX-License-Identifier: GPL-3.0-or-later
// The steps every method takes on the way from a request to a recipe. Internal to bitwright_numerics, without LibTorch.
// Threading: as the method that calls them.
#pragma once

#include "core/numerics/methods/method.h"
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transforms.h"

#include <span>
#include <vector>

namespace bitwright {

/// Options that every method reads.
struct CommonOptions {
    Semantics semantics = Semantics::bitwright;
    PlacementOptions placement;
    RangeRule range;
    std::string range_search;  ///< "best" or "seqmse" instead of a rule, where the method may search (range_search.h); else ""
};

/// Reads semantics=authors|bitwright (default: the start recipe's, else `fallback`), range=minmax|percentile:P|mse (default: `range`), softmax_input_bits and
/// softmax_output_bits = 8|16. @param may_search range=best|seqmse is allowed, too
[[nodiscard]] CommonOptions read_common(MethodOptions& options, const MethodRequest& request, Semantics fallback, const std::string& range = "minmax", bool may_search = false);
/// Schemes as the request and the options place them, transforms and parent of the start recipe; no ranges yet.
[[nodiscard]] Recipe fresh_recipe(const MethodRequest& request, const CommonOptions& common);
/// Statistics of the model under the recipe's transforms: the request's own where they fit, else a new calibration.
[[nodiscard]] Statistics observe(MethodContext& context, const Recipe& recipe);
/// Ranges of every site, chosen by how many codes it has: activations of at most 8 bits by `narrow`, wider ones by min and max, probabilities and σ(x) [0, 1];
/// weights of the layers' linears by `weights`, other weights by min and max. Sites that share a grid get one range.
void set_ranges_by_width(Recipe& recipe, const Model& model, const Statistics& statistics, const RangeRule& narrow, const RangeRule& weights, const Control& control);
/// The first `count` windows, or all.
[[nodiscard]] TokenWindows first_windows(const TokenWindows& windows, std::int64_t count);
/// Who made the recipe, from what and how.
void sign(Recipe& recipe, const MethodRequest& request, const MethodOptions& options, std::int64_t steps);

/// The outcome of a method without steps. @param cpu_before process_cpu_seconds() when it began
[[nodiscard]] MethodOutcome closed_form_outcome(Recipe recipe, double cpu_before);

/// Largest absolute value of each input column over all consumers of a pair, of the weights as the recipe has them now.
[[nodiscard]] std::vector<float> column_abs_max(const Model& model, const Recipe& recipe, const LegalPair& pair);
/// s_c = max(a_c^α / w_c^(1−α), 1e-5) with w_c floored at 1e-5 (mobilequant §3). Both spans have one entry per channel.
[[nodiscard]] std::vector<float> smoothquant_scales(std::span<const float> activation_abs_max, std::span<const float> weight_abs_max, double alpha);
/// Appends the scale pairs of SmoothQuant to the recipe, computed from the weights as they stand pair after pair, and from statistics of the model before any
/// of them. @param edge also up_down, and v_o where every query head has its own value head; else norm→linear pairs only
void add_smoothquant(Recipe& recipe, const Model& model, const Statistics& statistics, double alpha, bool edge, const Control& control);

}  // namespace bitwright
