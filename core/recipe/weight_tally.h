// SPDX-License-Identifier: GPL-3.0-or-later
// What a decision does to a whole weight (saturation, zeros, SQNR, cosine), some rows a step, so that whoever shares the thread has his turn in between.
// Invariants: after the last step the figures are those of preview_weight() over all values, up to the rounding of sums; memory stays at some rows
// where the checkpoint stores rows together. A step takes milliseconds there; otherwise (transposed, stacked) one step reads all.
// Threading: one thread at a time.
#pragma once

#include "core/recipe/preview.h"

#include <memory>

namespace bitwright {

class WeightTally {
public:
    /// Precondition: the recipe decides the site as uniform. Throws Error (bad_input) when it is no weight.
    WeightTally(Model model, std::shared_ptr<const Recipe> recipe, SiteId weight_site, std::int64_t values_at_once = std::int64_t{1} << 20);
    /// Takes the next rows. Throws as materialize(); Cancelled, after which the step may be repeated. @return whether something remains; after the last one it does nothing.
    bool step(const Control& control);
    /// After the last step: no figure of codes_used, nor of single slices.
    [[nodiscard]] SitePreview result() const;

private:
    [[nodiscard]] WeightSample rows_from(std::int64_t first, std::int64_t count) const;

    Model model_;
    std::shared_ptr<const Recipe> recipe_;
    SiteId site_;
    std::int64_t rows_, cols_, at_once_, next_ = 0;
    bool extremes_first_;                         ///< the grid needs the smallest and largest of all rows
    std::vector<float> column_min_, column_max_;  ///< what the first pass found
    QuantizationTally sums_;
};

}  // namespace bitwright
