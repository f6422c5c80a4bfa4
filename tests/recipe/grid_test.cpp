// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/grid.h"

#include "core/runtime/error.h"
#include "core/runtime/safetensors.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <limits>
#include <set>

namespace bitwright {
namespace {

Scheme uniform(int bits, bool symmetric)
{
    Scheme scheme;
    scheme.bits = bits;
    scheme.symmetric = symmetric;
    return scheme;
}

class Golden {
public:
    Golden() : file_(test::golden() / "quantize" / "fake_quant.safetensors") {}
    std::set<std::string> cases() const
    {
        std::set<std::string> names;
        for (const auto& entry : file_.entries()) names.insert(entry.name.substr(0, entry.name.rfind('.')));
        return names;
    }
    bool has(const std::string& name) const { return file_.find(name) != nullptr; }
    std::vector<double> doubles(const std::string& name) const
    {
        const TensorView view = file_.tensor(name);
        if (view.dtype == Dtype::f64) {
            const auto values = view.as<double>();
            return {values.begin(), values.end()};
        }
        const auto values = to_int64(view);
        return {values.begin(), values.end()};
    }
    Scheme scheme(const std::string& name) const { return uniform(static_cast<int>(doubles(name + ".bits")[0]), doubles(name + ".symmetric")[0] != 0); }

private:
    SafetensorsFile file_;
};

// golden/quantize: x, min and max are exact in float32; no x/s lies near a tie, except where the case is about ties.
TEST(GridGolden, ScaleOffsetAndFakeQuantization)
{
    const Golden golden;
    int seen = 0;
    double worst = 0;
    for (const auto& name : golden.cases()) {
        if (!golden.has(name + ".x")) continue;
        SCOPED_TRACE(name);
        const Scheme scheme = golden.scheme(name);
        const auto x = golden.doubles(name + ".x"), out = golden.doubles(name + ".out");
        const auto scale = golden.doubles(name + ".scale"), offset = golden.doubles(name + ".offset");
        const std::size_t per_slice = x.size() / scale.size();
        for (std::size_t slice = 0; slice < scale.size(); ++slice) {
            Grid grid;
            if (golden.has(name + ".min")) {
                grid = grid_of(static_cast<float>(golden.doubles(name + ".min")[slice]), static_cast<float>(golden.doubles(name + ".max")[slice]), scheme,
                               Semantics::authors);
                EXPECT_NEAR(grid.scale, scale[slice], 2e-7 * scale[slice]);
                EXPECT_EQ(grid.offset, offset[slice]);
            } else {
                Range range;
                range.scale = numbers({static_cast<float>(scale[slice])});
                range.offset = numbers({static_cast<float>(offset[slice])});
                grid = grid_of(range, 0, scheme, Semantics::authors);
                EXPECT_EQ(grid.offset, offset[slice]);
            }
            for (std::size_t i = slice * per_slice; i < (slice + 1) * per_slice; ++i) {
                const double code = out[i] / scale[slice] + offset[slice];
                EXPECT_NEAR(code_of(static_cast<float>(x[i]), grid), code, 1e-2) << "element " << i;
                const double error = std::abs(fake_quantize(static_cast<float>(x[i]), grid) - out[i]);
                worst = std::max(worst, error / std::max(1.0, std::abs(out[i])));
            }
        }
        ++seen;
    }
    EXPECT_EQ(seen, 78);
    EXPECT_LT(worst, 1e-6);
}

TEST(GridGolden, RangeThatReproducesScaleAndOffset)
{
    const Golden golden;
    for (int i = 0; i < 7; ++i) {
        const std::string name = "range." + std::to_string(i);
        SCOPED_TRACE(name);
        const Scheme scheme = golden.scheme(name);
        Range range;
        range.scale = numbers({static_cast<float>(golden.doubles(name + ".scale")[0])});
        range.offset = numbers({static_cast<float>(golden.doubles(name + ".offset")[0])});
        float min = 0, max = 0;
        range_of(grid_of(range, 0, scheme, Semantics::authors), scheme.symmetric, min, max);
        const double expected_min = golden.doubles(name + ".min")[0], expected_max = golden.doubles(name + ".max")[0];
        const double width = expected_max - expected_min;
        EXPECT_NEAR(min, expected_min, 1e-6 * width);
        EXPECT_NEAR(max, expected_max, 1e-6 * width);
    }
}

TEST(Grid, EveryCodeIsAFixedPoint)
{
    for (const Semantics semantics : {Semantics::authors, Semantics::bitwright}) {
        for (int bits = 2; bits <= 8; ++bits) {
            for (const bool symmetric : {false, true}) {
                for (const auto& [min, max] : {std::pair{-1.3f, 2.7f}, {-0.01f, 0.02f}, {-40.0f, 3.0f}, {-7.0f, 0.0f}, {0.0f, 5.5f}}) {
                    const Grid grid = grid_of(min, max, uniform(bits, symmetric), semantics);
                    EXPECT_EQ(grid.qmax - grid.qmin, (1 << bits) - 1);
                    for (std::int32_t code = grid.qmin; code <= grid.qmax; ++code) {
                        const float value = (static_cast<float>(code) - grid.offset) * grid.scale;
                        EXPECT_EQ(code_of(value, grid), static_cast<float>(code));
                        EXPECT_EQ(fake_quantize(value, grid), value);
                    }
                }
            }
        }
    }
}

TEST(Grid, MonotoneAndWithinHalfAStep)
{
    for (const bool symmetric : {false, true}) {
        const Grid grid = grid_of(-1.7f, 3.1f, uniform(5, symmetric), Semantics::bitwright);
        float before = -std::numeric_limits<float>::infinity();
        for (int i = -5000; i <= 5000; ++i) {
            const float x = static_cast<float>(i) * 1e-3f;
            const float y = fake_quantize(x, grid);
            EXPECT_GE(y, before);
            before = y;
            const float low = (static_cast<float>(grid.qmin) - grid.offset) * grid.scale, high = (static_cast<float>(grid.qmax) - grid.offset) * grid.scale;
            if (x >= low && x <= high) {
                EXPECT_LE(std::fabs(x - y), 0.5001f * grid.scale);
            }
        }
    }
}

TEST(Grid, BitwrightWidensToZeroAndHasAValidOffset)
{
    for (int bits = 2; bits <= 16; ++bits) {
        for (const auto& [min, max] :
             {std::pair{3.1f, 9.5f}, {-9.5f, -3.1f}, {-1.0f, 1e-6f}, {-1e-6f, 1.0f}, {0.0f, 0.0f}, {1e-38f, 2e-38f}, {-1e-40f, 1e-41f}}) {
            SCOPED_TRACE(std::to_string(bits) + " bits, " + std::to_string(min) + " … " + std::to_string(max));
            const Grid grid = grid_of(min, max, uniform(bits, false), Semantics::bitwright);
            EXPECT_GT(grid.scale, 0);
            EXPECT_EQ(grid.offset, std::nearbyint(grid.offset));
            EXPECT_GE(grid.offset, static_cast<float>(grid.qmin));
            EXPECT_LE(grid.offset, static_cast<float>(grid.qmax));
            EXPECT_EQ(fake_quantize(0.0f, grid), 0.0f);
        }
    }
    // 3.1 … 9.5 becomes 0 … 9.5 under bitwright and stays as it is under authors.
    EXPECT_FLOAT_EQ(grid_of(3.1f, 9.5f, uniform(8, false), Semantics::bitwright).scale, 9.5f / 255);
    EXPECT_FLOAT_EQ(grid_of(3.1f, 9.5f, uniform(8, false), Semantics::authors).scale, 6.4f / 255);
}

TEST(Grid, FloorOfTheAuthorsOnly)
{
    EXPECT_EQ(grid_of(-0.25f, 0.31f, uniform(16, false), Semantics::authors).scale, 1e-5f);
    EXPECT_FLOAT_EQ(grid_of(-0.25f, 0.31f, uniform(16, false), Semantics::bitwright).scale, 0.56f / 65535);
    EXPECT_EQ(grid_of(0, 0, uniform(8, false), Semantics::bitwright).scale, 1e-5f);
}

TEST(Grid, SlicesShareOneNumberOrHaveTheirOwn)
{
    Range range;
    range.min = numbers({-1, -2});
    range.max = numbers({1, 2});
    EXPECT_FLOAT_EQ(grid_of(range, 1, uniform(8, false), Semantics::bitwright).scale, 4.0f / 255);
    EXPECT_THROW(static_cast<void>(grid_of(range, 2, uniform(8, false), Semantics::bitwright)), Error);
    range.min = numbers({-1});
    range.max = numbers({1});
    EXPECT_FLOAT_EQ(grid_of(range, 7, uniform(8, false), Semantics::bitwright).scale, 2.0f / 255);
    EXPECT_THROW(static_cast<void>(grid_of(Range{}, 0, uniform(8, false), Semantics::bitwright)), Error);
}

TEST(Rounding, EqualsTheStandardLibrary)
{
    ASSERT_EQ(std::fegetround(), FE_TONEAREST);
    for (const float big : {0.0f, 1e3f, 0x1p22f, 0x1p23f, 0x1p24f, 1e30f}) {
        for (int i = -4000; i <= 4000; ++i) {
            const float x = big + static_cast<float>(i) * 0.125f;
            EXPECT_EQ(round_half_even(x), std::nearbyint(x)) << x;
            EXPECT_EQ(round_half_even(-x), std::nearbyint(-x)) << -x;
        }
    }
    EXPECT_EQ(round_half_even(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace bitwright
