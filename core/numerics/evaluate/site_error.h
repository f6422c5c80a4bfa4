// SPDX-License-Identifier: GPL-3.0-or-later
// What each site's quantization does at its own float input, over all windows. Internal to bitwright_numerics; the contract is that of Numerics::site_errors.
#pragma once

#include "core/numerics/numerics.h"

namespace bitwright {

[[nodiscard]] std::vector<SiteError> measure_sites(const Model& model, const Recipe& recipe, const std::vector<SiteId>& sites, const TokenWindows& windows,
                                                   const Control& control);

}  // namespace bitwright
