// SPDX-License-Identifier: GPL-3.0-or-later
// A calibration as a recipe sees it: as observed, or with the scale pairs applied to what a calibration of the plain model saw.
// Invariants: what is found was observed under the recipe's semantics and holds under its transforms.
// Threading: immutable after construction, which scales reservoirs (tenths of a second for large models with scale pairs): on a worker thread.
#pragma once

#include "core/recipe/recipe.h"
#include "core/statistics/statistics.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace bitwright {

class StatisticsUnder {
public:
    StatisticsUnder() = default;  ///< finds nothing
    /// `observed` null: finds nothing. Throws Error (bad_input) when it was observed after other transforms, or under other semantics.
    StatisticsUnder(const Model& model, const Recipe& recipe, std::shared_ptr<const Statistics> observed);
    /// null: not observed.
    [[nodiscard]] const SiteStatistics* find(std::string_view site) const noexcept;

private:
    std::shared_ptr<const Statistics> observed_;
    std::map<std::string, SiteStatistics, std::less<>> changed_;
};

}  // namespace bitwright
