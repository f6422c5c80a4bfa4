// SPDX-License-Identifier: GPL-3.0-or-later
// What a grid does to the values of a whole calibration, from what SiteStatistics keeps of them: the 1,024 smallest and largest exactly, the rest from the
// histogram (values uniform within a bin, rounding error integrated). Range rules search with it, previews show it.
// Threading: immutable after construction. The statistics may go.
#pragma once

#include "core/recipe/grid.h"
#include "core/statistics/statistics.h"

#include <vector>

namespace bitwright {

class ObservedValues {
public:
    explicit ObservedValues(const SiteStatistics& statistics);

    [[nodiscard]] double count() const noexcept { return count_; }
    /// Expected Σ(x − x̂)².
    [[nodiscard]] double squared_error(const Grid& grid) const;

    struct Counts {
        double clipped_low = 0, clipped_high = 0;  ///< values whose code before clamping lies outside the grid
        bool clipped_exactly = false;              ///< all clipped values are among the exact extremes
        double zeros = 0;                          ///< values with the code of 0
        double codes_used = 0;                     ///< expected number of different codes (counts within a bin as Poisson)
    };
    [[nodiscard]] Counts counts(const Grid& grid) const;

private:
    [[nodiscard]] double binned_below(double x) const noexcept;

    double low_ = 0, width_ = 1, count_ = 0;
    double inner_low_ = 0, inner_high_ = 0;  ///< values outside are known exactly
    std::vector<float> exact_;
    std::vector<double> counts_;      ///< without the exact values
    std::vector<double> cumulative_;  ///< one more than bins
};

}  // namespace bitwright
