// SPDX-License-Identifier: GPL-3.0-or-later
// From a channel to the tokens that make it large. Internal to bitwright_numerics; the contract is that of Numerics::channel_tokens.
#pragma once

#include "core/numerics/numerics.h"

namespace bitwright {

struct TokenQuestion {
    SiteId site = no_site;
    std::int64_t channel = -1;
    std::int64_t most = 0;
};
[[nodiscard]] std::vector<TokenValue> largest_tokens(const Model& model, const Recipe* recipe, const TokenQuestion& question, const TokenWindows& windows,
                                                     const Control& control);

}  // namespace bitwright
