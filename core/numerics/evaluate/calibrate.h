// SPDX-License-Identifier: GPL-3.0-or-later
// One float forward over all windows that observes every activation site. Internal to bitwright_numerics; the contract is that of Numerics::calibrate.
#pragma once

#include "core/numerics/numerics.h"

namespace bitwright {

[[nodiscard]] Statistics run_calibration(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options,
                                         const Control& control);

}  // namespace bitwright
