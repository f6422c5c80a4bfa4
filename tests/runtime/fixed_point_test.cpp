// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "core/runtime/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace bitwright {
namespace {

/// ⌊value·M/2^n + 1/2⌋ by exact rational arithmetic: floor division of 128-bit integers.
std::int64_t exact(std::int64_t value, Requantizer factor)
{
    const __int128 numerator = 2 * static_cast<__int128>(value) * factor.multiplier + (static_cast<__int128>(1) << factor.shift);
    const __int128 denominator = static_cast<__int128>(1) << (factor.shift + 1);
    __int128 quotient = numerator / denominator;
    if (numerator % denominator < 0) --quotient;
    return static_cast<std::int64_t>(quotient);
}

TEST(FixedPoint, RequantizeEqualsExactRationalArithmetic)
{
    std::mt19937_64 random(1);
    const std::int64_t extremes[] = {0, 1, -1, INT32_MAX, INT32_MIN, std::int64_t{INT32_MAX} + 1, std::int64_t{INT32_MIN} - 1, std::int64_t{1} << 47, -(std::int64_t{1} << 47)};
    for (int i = 0; i < 1'000'000; ++i) {
        const Requantizer factor{static_cast<std::int32_t>((random() & 0x3FFFFFFF) | 0x40000000), static_cast<std::int32_t>(random() % 62 + 1)};
        ASSERT_TRUE(factor.valid());
        const std::int64_t value = i < 900 ? extremes[i % 9] : static_cast<std::int64_t>(random()) >> (random() % 63);
        const __int128 wide = static_cast<__int128>(value) * factor.multiplier >> factor.shift;
        if (wide > (std::int64_t{1} << 61) || wide < -(std::int64_t{1} << 61)) continue;  // saturates
        ASSERT_EQ(scaled(value, factor), exact(value, factor)) << value << " × " << factor.multiplier << " >> " << factor.shift;
        const IntegerGrid grid{8, -3, 1};
        ASSERT_EQ(requantize(value, factor, grid), std::clamp<std::int64_t>(exact(value, factor) - 3, -128, 127));
    }
}

TEST(FixedPoint, HalvesRoundTowardsPlusInfinity)
{
    const Requantizer half{std::int32_t{1} << 30, 31};  // × 1/2
    EXPECT_EQ(scaled(1, half), 1);
    EXPECT_EQ(scaled(-1, half), 0);
    EXPECT_EQ(scaled(3, half), 2);
    EXPECT_EQ(scaled(-3, half), -1);
}

TEST(FixedPoint, WideSumsSaturateInsteadOfWrapping)
{
    EXPECT_GT(scaled(INT64_MAX, {INT32_MAX, 1}), std::int64_t{1} << 61);
    EXPECT_LT(scaled(INT64_MIN, {INT32_MAX, 1}), -(std::int64_t{1} << 61));
}

TEST(FixedPoint, RequantizerOfIsTheNearest)
{
    std::mt19937_64 random(2);
    std::uniform_real_distribution<double> exponent(-32, 30);
    for (int i = 0; i < 100'000; ++i) {
        const double factor = std::exp2(exponent(random));
        if (factor < 0x1p-32 || factor >= 0x1p30) continue;
        const Requantizer made = requantizer_of(factor, "test");
        ASSERT_TRUE(made.valid()) << factor;
        ASSERT_LE(std::fabs(std::ldexp(made.multiplier, -made.shift) / factor - 1), 0x1p-31) << factor;
    }
    EXPECT_TRUE(requantizer_of(1e-30, "test").valid());
    for (const double bad : {0.0, -1.0, 0x1p30, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) EXPECT_THROW((void)requantizer_of(bad, "test"), Error) << bad;
    const double several[] = {0.75, 1e-3, 0};
    const CommonRequantizer common = common_requantizer(several, "test");
    EXPECT_GE(common.multipliers[0], std::int32_t{1} << 30);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(std::ldexp(common.multipliers[i], -common.shift), several[i], std::ldexp(0.5, -common.shift));
}

TEST(FixedPoint, ReciprocalRootWithin2ToMinus28)
{
    std::mt19937_64 random(3);
    double worst = 0;
    const auto check = [&](std::uint64_t value) {
        const ReciprocalRoot found = reciprocal_root(value);
        ASSERT_GE(found.root, std::int64_t{1} << 30) << value;
        ASSERT_LE(found.root, std::int64_t{1} << 31) << value;
        const long double exact_root = 1 / std::sqrt(static_cast<long double>(value));
        worst = std::max(worst, static_cast<double>(std::fabs(std::ldexp(static_cast<long double>(found.root), -30 - found.exponent) / exact_root - 1)));
    };
    for (std::uint64_t value = 1; value < 100'000; ++value) check(value);
    for (int bit = 0; bit < 64; ++bit)
        for (const std::int64_t delta : {-1, 0, 1})
            if (const std::uint64_t value = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(delta)) check(value);
    for (int i = 0; i < 2'000'000; ++i) check((random() >> (random() % 64)) | 1);
    RecordProperty("worst_relative_error_log2", std::to_string(std::log2(worst)));
    EXPECT_LT(worst, 0x1p-28);
}

TEST(FixedPoint, Exp2OverItsWholeDomain)
{
    double worst_relative = 0, worst_absolute = 0;
    for (std::int64_t x = 0; x >= -33 * 65536; --x) {
        const double exact_value = std::exp2(x / 65536.0), found = std::ldexp(exp2_q30(x), -30);
        if (x > -65536) worst_relative = std::max(worst_relative, std::fabs(found / exact_value - 1));
        worst_absolute = std::max(worst_absolute, std::fabs(found - exact_value) - exact_value * 0x1p-18);
    }
    EXPECT_EQ(exp2_q30(0), std::uint32_t{1} << 30);
    EXPECT_EQ(exp2_q30(-(std::int64_t{1} << 40)), 0U);
    EXPECT_LT(worst_relative, 0x1p-18);
    EXPECT_LE(worst_absolute, 0x1p-30);
}

}  // namespace
}  // namespace bitwright
