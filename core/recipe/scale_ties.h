// SPDX-License-Identifier: GPL-3.0-or-later
// Which channels of a legal pair share a scale: what an optimizer learns once and applies twice.
// Threading: pure function.
#pragma once

#include "core/recipe/transforms.h"

namespace bitwright {

/// Index of each channel's scale where the two channels of a rotated pair share one (LegalPair::tied_rope_pairs), and how many scales there are. [channels]
[[nodiscard]] std::vector<std::int64_t> scale_ties(const LegalPair& pair, std::int64_t& count);

}  // namespace bitwright
