// SPDX-License-Identifier: GPL-3.0-or-later
// Options and presets of Bitwright mode (--method mobilequant) and of GPTQ alone: every ingredient a switch, its default from the preset and the bits.
// Internal to bitwright_numerics (LibTorch in the signatures of the ingredients).
// Threading: pure functions.
#pragma once

#include "core/numerics/methods/gptq.h"
#include "core/numerics/methods/recipe_steps.h"
#include "core/numerics/methods/scale_rules.h"

namespace bitwright {

struct BitwrightOptions {
    CommonOptions common;
    ScaleRules scales;
    RangeRule weight_range;
    bool row_grids = true;  ///< weights of 8 bits and more per output row, so that scales of producers cost nothing; false: as the paper places them
    std::int64_t range_windows = 16;
    bool gptq = false;
    GptqOptions gptq_options;
    std::int64_t transform_steps = 0, rounding_steps = 0;
    double lr_transforms = 0, lr_clipping = 0, lr_ranges = 0, lr_rounding = 0, lr_late_ranges = 0;  ///< at the start of the cosine; late: beside the rounding
    double average = 0;              ///< decay of the mean of iterates; 0: the last iterate itself
    std::int64_t batch = 4, slice = 128;
    std::int64_t checks = 2;         ///< held-out losses that choose the best step, besides the start's
    std::int64_t patience = 0;       ///< checks without a better one that end the stage; 0: never
    std::int64_t holdout_windows = 0;  ///< of the calibration, kept back where the request brings none

    [[nodiscard]] std::int64_t steps() const noexcept { return transform_steps + rounding_steps; }
};
[[nodiscard]] BitwrightOptions read_bitwright_options(MethodOptions& options, const MethodRequest& request);

}  // namespace bitwright
