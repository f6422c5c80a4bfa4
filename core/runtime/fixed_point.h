// SPDX-License-Identifier: GPL-3.0-or-later
// Fixed-point arithmetic of the integer level (integer semantics §2, §3): grids, requantization, reciprocal square root, 2^x. Integers only, except the three
// functions that compute parameters offline (requantizer_of, common_requantizers, and the double in Grid, which no arithmetic reads).
// Invariants: no operation here overflows for arguments within its stated bounds. Threading: pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace bitwright {

/// Where an activation lives: real = scale × (code − zero_point), codes −2^(bits−1) … 2^(bits−1)−1. More than 8 bits: zero_point is 0.
struct IntegerGrid {
    int bits = 8;
    std::int32_t zero_point = 0;
    double scale = 1;  ///< for people and reports; the arithmetic has it in multipliers

    [[nodiscard]] std::int32_t low() const noexcept { return -(std::int32_t{1} << (bits - 1)); }
    [[nodiscard]] std::int32_t high() const noexcept { return (std::int32_t{1} << (bits - 1)) - 1; }
};

/// The real factor multiplier / 2^shift; multiplier in [2^30, 2^31), 1 ≤ shift ≤ 62.
struct Requantizer {
    std::int32_t multiplier = std::int32_t{1} << 30;
    std::int32_t shift = 30;

    [[nodiscard]] bool valid() const noexcept { return multiplier >= (std::int32_t{1} << 30) && shift >= 1 && shift <= 62; }
};

/// Round(value × multiplier / 2^shift), halves towards +∞, exact for every int64 value (the product of a wide sum needs 95 bits).
[[nodiscard]] inline std::int64_t scaled(std::int64_t value, Requantizer factor) noexcept
{
    if (value == static_cast<std::int32_t>(value))  // |value·M| < 2^62: the common case stays in 64 bits
        return (value * factor.multiplier + (std::int64_t{1} << (factor.shift - 1))) >> factor.shift;
    const __int128 wide = static_cast<__int128>(value) * factor.multiplier + (static_cast<__int128>(1) << (factor.shift - 1));
    const __int128 result = wide >> factor.shift;
    constexpr __int128 limit = static_cast<__int128>(1) << 62;
    return static_cast<std::int64_t>(std::clamp<__int128>(result, -limit, limit));
}

[[nodiscard]] inline std::int32_t saturate(std::int64_t value, std::int32_t low, std::int32_t high) noexcept
{
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, low, high));
}

/// clamp(zp + round(accumulator × M / 2^n)) into the grid's codes (integer semantics §3).
[[nodiscard]] inline std::int32_t requantize(std::int64_t accumulator, Requantizer factor, const IntegerGrid& grid) noexcept
{
    return saturate(grid.zero_point + scaled(accumulator, factor), grid.low(), grid.high());
}

/// 1/√(value / 2^64) of a normalised value in [2^62, 2^64): Q30 in [2^30, 2^31], relative error below 2^-28.
[[nodiscard]] std::uint64_t reciprocal_root_q30(std::uint64_t normalised) noexcept;

/// 1/√value as root × 2^-(30 + exponent): root in [2^30, 2^31] as above. Precondition: value > 0.
struct ReciprocalRoot {
    std::int64_t root;
    int exponent;
};
[[nodiscard]] inline ReciprocalRoot reciprocal_root(std::uint64_t value) noexcept
{
    const int up = std::countl_zero(value) & ~1;  // even, so that its root is a shift
    return {static_cast<std::int64_t>(reciprocal_root_q30(value << up)), 32 - up / 2};
}

/// 2^(x / 65536) for x ≤ 0 in Q30: a table of 2^frac with linear interpolation, shifted by the integer part. Relative error below 2^-18 plus 2^-30 absolute.
[[nodiscard]] std::uint32_t exp2_q30(std::int64_t x_q16) noexcept;
/// Its table: 2^(i/256) in Q30, i = 0 … 256.
[[nodiscard]] const std::uint32_t* exp2_entries() noexcept;

/// Offline: the requantizer nearest to a positive factor. Factors below 2^-32 become the smallest one (an int32 sum × 2^-32 is at most half a code).
/// Throws Error (bad_input) naming `what` when the factor is not finite, not positive, or 2^30 and above.
[[nodiscard]] Requantizer requantizer_of(double factor, const char* what);

/// Offline: integer multipliers on one shift for a sum of scaled addends; the largest is in [2^30, 2^31). Same errors.
struct CommonRequantizer {
    std::vector<std::int32_t> multipliers;
    std::int32_t shift = 1;
};
[[nodiscard]] CommonRequantizer common_requantizer(std::span<const double> factors, const char* what);

}  // namespace bitwright
