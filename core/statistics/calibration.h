// SPDX-License-Identifier: GPL-3.0-or-later
// What identifies a calibration before it is run, so that the same one is never done twice: header.key() is known without LibTorch.
// Threading: pure functions; forecast_calibration() as Numerics.
#pragma once

#include "core/numerics/numerics.h"

namespace bitwright {

/// Statistics without sites: model identity, hash of the recipe's transforms, token hash, settings, sizes. `recipe` null: the plain model.
[[nodiscard]] Statistics calibration_header(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options);

/// Memory one pass over such windows will need, counted from shapes; observing, evaluating and comparing run the same pass. `explanation` says what would fit.
[[nodiscard]] MethodForecast forecast_calibration(Numerics& numerics, const Model& model, const TokenWindows& windows);

/// The semantics a calibration observed under: another norm and other masked entries give other ranges, so a method only uses its own.
[[nodiscard]] Semantics semantics_of(const Statistics& statistics);

}  // namespace bitwright
