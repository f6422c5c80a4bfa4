// SPDX-License-Identifier: GPL-3.0-or-later
// How far the distributions of two models over the vocabulary are apart, position by position: one definition for the simulated and the integer level.
// Threading: plain values, pure functions.
#pragma once

#include <cstdint>
#include <span>

namespace bitwright {

/// Of one window. Natural logarithms.
struct Agreement {
    double kl_sum = 0;                   ///< Σ over positions of KL(p‖q) = Σ_v p(v)·(ln p(v) − ln q(v)), p the reference
    std::int64_t same_top = 0;           ///< positions where both have the same most likely token (the first of equals)
    std::int64_t first_divergence = -1;  ///< index of the first token in the window that the two would have chosen differently; −1: none

    /// Adds the position that chooses token `index` of the window. Precondition: equal sizes, at least 1; positions come in order.
    void add(std::int64_t index, std::span<const float> reference_logits, std::span<const float> logits) noexcept;
};

}  // namespace bitwright
