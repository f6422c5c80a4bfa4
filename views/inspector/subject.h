// SPDX-License-Identifier: GPL-3.0-or-later
// What the inspector looks at, gathered once per selection off the UI thread, and the figures that follow a drag from it.
// Invariants: statistics are those under the recipe's transforms; a figure says what it was measured on; what cannot be measured is absent.
// Threading: a Subject is immutable once made; figures_of() may run on any thread (interactive lane: less than a frame while dragging).
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/output_error.h"
#include "core/recipe/preview.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <QString>

#include <memory>
#include <optional>

namespace bitwright::views {

struct Subject {
    Model model;
    std::shared_ptr<const Recipe> recipe;          ///< null: none yet
    Site site;
    int channel = -1;                              ///< −1: the whole site
    std::shared_ptr<const SiteStatistics> values;  ///< of the site under the transforms; null: not measured
    std::shared_ptr<const SiteStatistics> input;   ///< of the linears' input, for the output error; null: none
    std::optional<WeightSample> whole, quick;      ///< of a weight: everything (or many rows), and few rows for drags; without the codes that the recipe fixes
    std::optional<SitePreview> coded;              ///< what the codes do that the recipe fixes
    std::shared_ptr<const OutputErrorEstimate> estimate;
    Histogram histogram;                           ///< of the site or the channel
    QString histogram_from;                        ///< "all 8 192 tokens", "reservoir, 64 rows"
    QString missing;                               ///< why there are no figures, "" where there are

    [[nodiscard]] const SiteDecision* decision() const;  ///< null: float by absence
    [[nodiscard]] Semantics semantics() const { return recipe ? recipe->semantics : Semantics::bitwright; }
};

/// `statistics` null: nothing calibrated. Reads weights where the site or its output error needs them.
[[nodiscard]] std::shared_ptr<const Subject> gather_subject(const Model& model, std::shared_ptr<const Recipe> recipe, const std::shared_ptr<const Statistics>& statistics, SiteId site,
                                                            int channel, const Control& control);

struct Figures {
    SitePreview preview;
    OutputErrors outputs;
};
/// @param quick from few rows of a weight, as while dragging. A float scheme gives nothing.
[[nodiscard]] Figures figures_of(const Subject& subject, const Scheme& scheme, const Range& range, bool quick, const Control& control);

/// Statistics of an activation under the recipe's scale pairs; the calibration's own where they change nothing or were observed after transforms. Null: not seen.
[[nodiscard]] std::shared_ptr<const SiteStatistics> statistics_under(const Model& model, const Recipe* recipe, const std::shared_ptr<const Statistics>& statistics, SiteId site);

}  // namespace bitwright::views
