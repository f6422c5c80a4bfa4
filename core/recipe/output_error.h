// SPDX-License-Identifier: GPL-3.0-or-later
// What quantizing one site does to the outputs of the linears behind it: an estimate that follows a drag, and the value over the whole reservoir.
// For an activation: y = x·Wᵀ of all linears that read it. For a linear's weight: the same with its input. Outputs are taken before the bias.
// Error = ‖ŷ − y‖ / ‖y‖ over rows and outputs. x comes from the reservoir of a calibration (f16 rows), W under the recipe's transforms.
// Threading: an OutputErrorEstimate is immutable after construction (which reads weight rows: not for the UI thread); estimate() may run on any thread.
#pragma once

#include "core/recipe/preview.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <optional>
#include <vector>

namespace bitwright {

/// Relative error of the outputs. `spread` is one standard error against the value over all reservoir rows and all outputs: the ratio's, linearized over rows and
/// over outputs (W. Cochran, "Sampling Techniques", 3rd ed. 1977, §6.3, two-stage terms added), with finite-population corrections; 0 when nothing was left out.
struct OutputError {
    double relative = 0;  ///< ‖ŷ − y‖ / ‖y‖
    double spread = 0;    ///< in the same unit
    double sqnr_db = 0;   ///< −20·log10(relative); infinite where nothing changes
    std::int64_t rows = 0, outputs = 0;  ///< measured on
};

struct OutputErrors {
    std::optional<OutputError> alone;  ///< only this site quantized, everything else float
    std::optional<OutputError> both;   ///< with the other side of the product on the recipe's grid: weights for an activation, the input for a weight; absent where it is float
};

/// From sums of squared errors and squared outputs over everything; absent where the outputs are 0.
[[nodiscard]] std::optional<OutputError> output_error_of(double squared_error, double squared_output, std::int64_t rows, std::int64_t outputs);

struct OutputSample {
    std::int64_t rows = 16, outputs = 256;
    std::uint64_t seed = 0;  ///< which outputs
    std::int64_t weights = std::numeric_limits<std::int64_t>::max();  ///< at most so many are read, but 64 outputs in any case
};

class OutputErrorEstimate {
public:
    /// @param site an activation that linears read, or a linear's weight. @param input statistics of the linears' input under the recipe's transforms
    /// (transformed_statistics.h where the calibration was of the plain model). Throws Error (bad_input) when no linear is behind the site or the input has no
    /// reservoir; Cancelled.
    OutputErrorEstimate(const Model& model, const Recipe& recipe, SiteId site, const SiteStatistics& input, const OutputSample& sample, const Control& control);
    ~OutputErrorEstimate();
    OutputErrorEstimate(OutputErrorEstimate&&) noexcept;
    OutputErrorEstimate& operator=(OutputErrorEstimate&&) noexcept;

    /// The site under another scheme and range: 5 ms of CPU for an activation, 13 ms for a weight (16 rows × 5,632 channels × 256 outputs). Range null or without numbers: as in sample_grids().
    /// A float or per-tensor dynamic scheme of the site gives no errors. Throws Error (bad_input) when a static activation has no range.
    [[nodiscard]] OutputErrors estimate(const Scheme& scheme, const Range& range) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// True where an estimate can be made: an activation that linears read, or a linear's weight.
[[nodiscard]] bool has_output_error(const Model& model, SiteId site);
/// Whose statistics the estimate needs: the site itself, or the input of the linear.
[[nodiscard]] SiteId output_error_input(const Model& model, SiteId site);

/// The same value over all reservoir rows and all outputs (spread 0). Reads the weights block by block; seconds for large layers, so on a worker thread.
[[nodiscard]] OutputErrors output_error_over_reservoir(const Model& model, const Recipe& recipe, SiteId site, const SiteStatistics& input, const Scheme& scheme,
                                                       const Range& range, const Control& control);

}  // namespace bitwright
