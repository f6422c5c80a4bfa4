// SPDX-License-Identifier: GPL-3.0-or-later
// What a hand may do to a range: moved lines keep their order and a width, symmetric ranges stay symmetric.
// Threading: pure functions.
#pragma once

namespace bitwright::plots {

struct ClipRange {
    double minimum = 0, maximum = 0;
    friend bool operator==(const ClipRange&, const ClipRange&) = default;
};

enum class Refusal : unsigned char { none, would_cross, not_finite };

struct Moved {
    ClipRange range;
    Refusal refusal = Refusal::none;
};

/// `range` with its minimum (or maximum) moved to `value`, at least `narrowest` > 0 wide: stops there and says so. Symmetric: the other line mirrors it.
[[nodiscard]] Moved moved(ClipRange range, bool minimum, double value, double narrowest, bool symmetric) noexcept;

}  // namespace bitwright::plots
