// SPDX-License-Identifier: GPL-3.0-or-later
// A calibration as a recipe sees it: as observed, or with the scale pairs applied to what a calibration of the plain model saw.
// Invariants: what is found holds under the recipe's transforms. Under other semantics than the recipe's an attention matrix is not found (there masked entries
// count or do not, statistics.h); other sites are, and caveat() says that norms and GELU were computed by the other rules (mobilequant §1.3, §1.4).
// Threading: immutable after construction, which scales reservoirs (tenths of a second for large models with scale pairs): on a worker thread.
#pragma once

#include "core/recipe/recipe.h"
#include "core/statistics/statistics.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace bitwright {

class StatisticsUnder {
public:
    StatisticsUnder() = default;  ///< finds nothing
    /// `observed` null: finds nothing. Throws Error (bad_input) when it was observed after other transforms.
    StatisticsUnder(const Model& model, const Recipe& recipe, std::shared_ptr<const Statistics> observed);
    /// null: not observed.
    [[nodiscard]] const SiteStatistics* find(std::string_view site) const noexcept;
    [[nodiscard]] const std::string& caveat() const noexcept { return caveat_; }  ///< "": none

private:
    std::shared_ptr<const Statistics> observed_;
    std::string caveat_;
    std::set<std::string, std::less<>> otherwise_;  ///< attention matrices that the recipe's semantics observes otherwise
    std::map<std::string, SiteStatistics, std::less<>> changed_;
};

/// Whether statistics of these semantics say something about `site` under a recipe of those.
[[nodiscard]] bool holds_under(Semantics observed, Semantics recipe, const Site& site) noexcept;

}  // namespace bitwright
