// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/fixed_point.h"

#include "core/runtime/error.h"

#include <array>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::uint64_t integer_root(unsigned __int128 value)
{
    unsigned __int128 low = 0, high = static_cast<unsigned __int128>(1) << 63;
    while (low < high) {
        const unsigned __int128 middle = low + (high - low + 1) / 2;
        if (middle * middle <= value) low = middle;
        else high = middle - 1;
    }
    return static_cast<std::uint64_t>(low);
}

/// Entry i: 1/√v in Q30 at the middle of interval i. 0 … 127 split [1/4, 1/2), 128 … 255 split [1/2, 1). Made of integers at compile time.
constexpr std::array<std::uint32_t, 256> reciprocal_root_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (unsigned i = 0; i < 256; ++i) {
        // v = middle / 1024 of the interval; 1/√v · 2^30 = √(2^60 · 1024 / middle)
        const unsigned middle2 = i < 128 ? 2 * (256 + 2 * i) + 2 : 2 * (512 + 4 * (i - 128)) + 4;  // twice the middle
        table[i] = static_cast<std::uint32_t>(integer_root((static_cast<unsigned __int128>(1) << 71) / middle2));
    }
    return table;
}();

/// 2^(i/256) in Q30, i = 0 … 256: repeated roots of two in integers of 62 fraction bits.
constexpr std::array<std::uint32_t, 257> exp2_table = [] {
    std::array<std::uint64_t, 9> root{};  // root[k] = 2^(1/2^k) in Q62
    root[0] = std::uint64_t{1} << 63;
    for (unsigned k = 1; k < 9; ++k) root[k] = integer_root(static_cast<unsigned __int128>(root[k - 1]) << 62);
    std::array<std::uint32_t, 257> table{};
    for (unsigned i = 0; i <= 256; ++i) {
        unsigned __int128 value = static_cast<unsigned __int128>(1) << 62;
        for (unsigned k = 0; k < 9; ++k)
            if (i & (256U >> k)) value = (value * root[k]) >> 62;
        table[i] = static_cast<std::uint32_t>((value + (std::uint64_t{1} << 31)) >> 32);
    }
    return table;
}();

}  // namespace

std::uint64_t reciprocal_root_q30(std::uint64_t normalised) noexcept
{
    const bool upper = normalised >> 63;
    const auto index = upper ? (normalised >> 56) : ((normalised >> 55) & 127);
    const std::uint64_t v = normalised >> 32;  // Q32 in [1/4, 1)
    std::uint64_t r = reciprocal_root_table[index];
    for (int step = 0; step < 2; ++step) {  // r ← r·(3 − v·r²)/2
        const std::uint64_t vr2 = (v * ((r * r) >> 30)) >> 32;
        r = (r * ((std::uint64_t{3} << 30) - vr2)) >> 31;
    }
    return std::min(r, std::uint64_t{1} << 31);
}

const std::uint32_t* exp2_entries() noexcept { return exp2_table.data(); }

std::uint32_t exp2_q30(std::int64_t x_q16) noexcept
{
    const std::int64_t whole = x_q16 >> 16;  // ≤ 0
    if (whole < -31) return 0;
    const auto fraction = static_cast<std::uint32_t>(x_q16 & 0xFFFF);
    const std::uint32_t i = fraction >> 8;
    const std::uint64_t low = exp2_table[i], high = exp2_table[i + 1];
    const std::uint64_t value = low + (((high - low) * (fraction & 0xFF)) >> 8);
    return static_cast<std::uint32_t>(value >> -whole);
}

CommonRequantizer common_requantizer(std::span<const double> factors, const char* what)
{
    double largest = 0;
    for (const double factor : factors) {
        if (!std::isfinite(factor) || factor < 0) throw bad_input(what, "", "the scale product is not a positive number; check the ranges of this site");
        largest = std::max(largest, factor);
    }
    if (largest == 0 || largest >= 0x1p30) throw bad_input(what, "", "the scale product is outside of what a multiplier can hold; check the ranges of this site");
    int exponent = 0;
    std::frexp(largest, &exponent);  // largest = f·2^exponent, f in [1/2, 1)
    if (std::nearbyint(std::ldexp(largest, 31 - exponent)) >= 0x1p31) ++exponent;
    CommonRequantizer result;
    result.shift = std::min(31 - exponent, 62);
    for (const double factor : factors) result.multipliers.push_back(static_cast<std::int32_t>(std::nearbyint(std::ldexp(factor, result.shift))));
    return result;
}

Requantizer requantizer_of(double factor, const char* what)
{
    const double held = factor > 0 && factor < 0x1p-32 ? 0x1p-32 : factor;
    const CommonRequantizer one = common_requantizer(std::span(&held, 1), what);
    return {one.multipliers[0], one.shift};
}

}  // namespace bitwright
