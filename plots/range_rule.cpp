// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/range_rule.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {

Moved moved(ClipRange range, bool minimum, double value, double narrowest, bool symmetric) noexcept
{
    if (!std::isfinite(value)) return {range, Refusal::not_finite};
    if (symmetric) {
        const double half = minimum ? -value : value, kept = std::max(half, narrowest / 2);
        return {{-kept, kept}, kept > half ? Refusal::would_cross : Refusal::none};
    }
    if (minimum) {
        const double kept = std::min(value, range.maximum - narrowest);
        return {{kept, range.maximum}, kept < value ? Refusal::would_cross : Refusal::none};
    }
    const double kept = std::max(value, range.minimum + narrowest);
    return {{range.minimum, kept}, kept > value ? Refusal::would_cross : Refusal::none};
}

}  // namespace bitwright::plots
