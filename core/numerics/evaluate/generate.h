// SPDX-License-Identifier: GPL-3.0-or-later
// One loop of generation over a Decoder and its cache. Internal to bitwright_numerics.
// Threading: as LevelModel.
#pragma once

#include "core/numerics/evaluate/evaluate.h"
#include "core/runtime/generation.h"

namespace bitwright {

/// `logits`: of each step, F32 [steps, vocab]; may be null.
[[nodiscard]] Generation generate_at_level(LevelModel& model, const std::vector<std::int32_t>& prompt, const GenerateOptions& options, const Control& control, Tensor* logits = nullptr);

}  // namespace bitwright
