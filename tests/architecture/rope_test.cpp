// SPDX-License-Identifier: GPL-3.0-or-later
// Properties that follow from the definitions; the numbers as a whole are held against golden/models by the decoder's tests.
#include "core/architecture/architecture.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

Rope rope(RopeScaling scaling, double factor, std::int64_t original)
{
    Rope r;
    r.dims = 64;
    r.scaling = scaling;
    r.factor = factor;
    r.original_max_positions = original;
    return r;
}

TEST(Rope, PlainFrequencies)
{
    const auto f = rope(RopeScaling::none, 1, 0).inverse_frequencies(10);
    ASSERT_EQ(f.size(), 32u);
    EXPECT_EQ(f[0], 1.0);
    EXPECT_NEAR(f[16], 0.01, 1e-16);  // 10000^(−32/64)
}

TEST(Rope, LinearDividesAll)
{
    const auto plain = rope(RopeScaling::none, 1, 0).inverse_frequencies(10);
    const auto scaled = rope(RopeScaling::linear, 4, 0).inverse_frequencies(10);
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_DOUBLE_EQ(scaled[i], plain[i] / 4);
}

TEST(Rope, DynamicStretchesTheSlowestByTheExcess)
{
    const auto r = rope(RopeScaling::dynamic, 4, 32);
    const auto plain = rope(RopeScaling::none, 1, 0).inverse_frequencies(10);
    EXPECT_EQ(r.inverse_frequencies(32), plain);
    const auto longer = r.inverse_frequencies(64);  // 4 · 64/32 − 3 = 5
    EXPECT_EQ(longer[0], 1.0);
    EXPECT_NEAR(longer[31], plain[31] / 5, 1e-12 * plain[31]);
    EXPECT_TRUE(r.depends_on_length());
}

TEST(Rope, Llama3KeepsFastAndDividesSlow)
{
    const auto r = rope(RopeScaling::llama3, 8, 8192);
    const auto plain = rope(RopeScaling::none, 1, 0).inverse_frequencies(10);
    const auto f = r.inverse_frequencies(10);
    for (std::size_t i = 0; i < f.size(); ++i) {
        const double wavelength = 2 * M_PI / plain[i];
        if (wavelength < 2048)
            EXPECT_EQ(f[i], plain[i]);
        else if (wavelength > 8192)
            EXPECT_EQ(f[i], plain[i] / 8);
        else
            EXPECT_TRUE(f[i] < plain[i] && f[i] > plain[i] / 8);
    }
}

TEST(Rope, YarnKeepsFastAndDividesSlow)
{
    const auto plain = rope(RopeScaling::none, 1, 0).inverse_frequencies(10);
    const auto f = rope(RopeScaling::yarn, 4, 4096).inverse_frequencies(10);
    // Correction range for 64 dims, base 10000, 4096 positions: rotations 32 → floor(10.47), 1 → ceil(22.51).
    for (std::size_t i = 0; i < f.size(); ++i) {
        const double share = std::min(1.0, std::max(0.0, (static_cast<double>(i) - 10) / 13));
        EXPECT_NEAR(f[i], plain[i] / 4 * share + plain[i] * (1 - share), 1e-15) << i;
    }
}

TEST(Rope, LongropeChoosesByLength)
{
    auto r = rope(RopeScaling::longrope, 4, 32);
    r.short_factor.assign(32, 2);
    r.long_factor.assign(32, 8);
    EXPECT_EQ(r.inverse_frequencies(32)[0], 0.5);
    EXPECT_EQ(r.inverse_frequencies(33)[0], 0.125);
}

}  // namespace
}  // namespace bitwright
