// SPDX-License-Identifier: GPL-3.0-or-later
// What looks wrong in a recipe, with the numbers that say so, what would be gained, and the edit that mends it.
// Invariants: a gain is given only where the statistics allow to compute it (SQNR of the site before and after, observed_values.h); otherwise it is absent.
// Threading: pure function; with scale pairs it scales reservoirs (tenths of a second for large models), so on a worker thread.
#pragma once

#include "core/recipe/edits.h"
#include "core/recipe/npu_profile.h"
#include "core/recipe/recipe.h"
#include "core/statistics/statistics.h"

#include <optional>
#include <string>
#include <vector>

namespace bitwright {

enum class LintRule : std::uint8_t {
    offenders,        ///< a static tensor range over channels far above their peers, and a legal scale pair is unused
    saturation,       ///< more than 1 % of the values are clipped, and a wider range has less error
    zeros,            ///< more than half of the values are not 0 but get its code
    wasted_range,     ///< the grid is more than twice as wide as the data
    scale_explosion,  ///< a scale pair beyond 1e3 or below 1e-3
    weight_tensor,    ///< one grid for a whole weight at 4 bits or fewer
    asymmetric,       ///< asymmetric where the range lies symmetric: without the zero point less than half a dB is lost
    stale_range,      ///< a range taken before the recipe's transforms changed the tensor
    kv_range,         ///< one range for the keys or values of all layers, and a layer fills little of it
    coarse_logits,    ///< steps of attention's logits are coarse because the range holds more than the logits (a mask)
    scale_floor,      ///< the authors' floor under scales leaves a 16-bit range few codes
    dead_channels,    ///< channels that were 0 in every calibration token
    empty_range,      ///< min = max
    long_calibration, ///< calibration windows longer than the model's context; of no site
    not_on_npu        ///< the chosen NPU is not known to take the scheme
};
/// "offenders", "saturation" …
[[nodiscard]] std::string_view name_of(LintRule rule) noexcept;

struct LintEvidence {
    std::string what;  ///< "largest channel", "saturation"
    double value = 0;
    std::string unit;  ///< "%", "dB", "×", ""
};

struct Lint {
    LintRule rule{};
    SiteId site = no_site;
    std::string what;                    ///< one sentence
    std::vector<LintEvidence> evidence;
    std::optional<double> gain_db;       ///< of the site's SQNR; absent: not known from statistics
    std::string pattern;                 ///< edit_sites(recipe, model, pattern, edit) applies it
    Assignments edit;                    ///< empty: no edit of one site mends it, `advice` says what does. "range" needs what was observed (edits.h)
    std::string advice;
};

/// By site, then by rule. `statistics`: of the plain model or with this recipe's transforms (statistics.transforms says which). Sites that were not observed have
/// only the lints that need no statistics. `npu` null: any.
[[nodiscard]] std::vector<Lint> find_lints(const Model& model, const Recipe& recipe, const Statistics& statistics, const NpuProfile* npu = nullptr);

}  // namespace bitwright
