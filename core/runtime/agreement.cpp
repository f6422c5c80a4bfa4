// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/agreement.h"

#include <algorithm>
#include <cmath>

namespace bitwright {

void Agreement::add(std::int64_t index, std::span<const float> reference_logits, std::span<const float> logits) noexcept
{
    const auto p_top = std::max_element(reference_logits.begin(), reference_logits.end()), q_top = std::max_element(logits.begin(), logits.end());
    double p_sum = 0, q_sum = 0, difference = 0;  // Σ e^a, Σ e^b, Σ e^a·(a − b), logits less their largest
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const double a = static_cast<double>(reference_logits[i]) - *p_top, b = static_cast<double>(logits[i]) - *q_top, weight = std::exp(a);
        p_sum += weight;
        q_sum += std::exp(b);
        difference += weight * (a - b);
    }
    kl_sum += difference / p_sum - std::log(p_sum) + std::log(q_sum);
    const bool same = p_top - reference_logits.begin() == q_top - logits.begin();
    same_top += same ? 1 : 0;
    if (!same && first_divergence < 0) first_divergence = index;
}

}  // namespace bitwright
