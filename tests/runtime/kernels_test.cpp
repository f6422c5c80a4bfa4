// SPDX-License-Identifier: GPL-3.0-or-later
// Every kernel set this processor can run against the scalar reference, byte for byte: random and odd shapes, tails, extreme codes, the largest sums that may be opened.
#include "core/runtime/error.h"
#include "core/runtime/kernels/packed_linear.h"
#include "core/runtime/kernels/packing.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace bitwright::test {
namespace {

using Random = std::mt19937;

template <typename T>
std::vector<T> draw(Random& random, std::int64_t count, std::int64_t low, std::int64_t high)
{
    std::uniform_int_distribution<std::int64_t> value(low, high);
    std::vector<T> values(static_cast<std::size_t>(count));
    for (T& v : values) v = static_cast<T>(value(random));
    return values;
}

struct Shape {
    std::int64_t rows = 37, cols = 64, tokens = 3, group = 0;
    int stored_bits = 8, input_bits = 8;
    std::int64_t zero_points = 0;  ///< how many
    bool permuted = false;
    bool extreme = false;          ///< all codes at their ends
    int least_shift = 34, most_shift = 50;
    std::int64_t bias = 100000;
};

/// Random parameters of a linear, and its inputs.
struct Sample {
    std::vector<std::uint8_t> bytes, group_scales, shifts;
    std::vector<std::int8_t> zero_points;
    std::vector<std::int32_t> bias, multipliers, permutation;
    std::vector<std::int16_t> in;
    Linear op;

    Sample(Random& random, const Shape& s)
    {
        const std::int64_t groups = s.group == 0 ? 1 : (s.cols + s.group - 1) / s.group, row_bytes = s.stored_bits == 4 ? (s.cols + 1) / 2 : s.cols;
        bytes = draw<std::uint8_t>(random, s.rows * row_bytes, 0, 255);
        if (s.extreme) std::fill(bytes.begin(), bytes.end(), static_cast<std::uint8_t>(s.stored_bits == 4 ? 0x88 : 0x80));
        if (s.group != 0) group_scales = draw<std::uint8_t>(random, s.rows * groups, 1, s.cols > 4096 ? 3 : s.stored_bits == 8 ? 15 : 255);
        zero_points = draw<std::int8_t>(random, s.zero_points, -8, 7);
        if (s.extreme) std::fill(zero_points.begin(), zero_points.end(), static_cast<std::int8_t>(s.stored_bits == 4 ? 7 : 127));
        bias = draw<std::int32_t>(random, s.rows, -s.bias, s.bias);
        multipliers = draw<std::int32_t>(random, s.rows, 1 << 30, INT32_MAX);
        shifts = draw<std::uint8_t>(random, s.rows, s.least_shift, s.most_shift);
        if (s.permuted) {
            permutation.resize(static_cast<std::size_t>(s.cols));
            std::iota(permutation.begin(), permutation.end(), 0);
            std::shuffle(permutation.begin(), permutation.end(), random);
        }
        const std::int64_t low = s.input_bits == 8 ? -128 : -32768, high = -low - 1;
        in = draw<std::int16_t>(random, s.tokens * s.cols, low, high);
        if (s.extreme)
            for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::int16_t>(i / static_cast<std::size_t>(s.cols) % 2 == 0 ? low : high);
        op.weight = {s.rows, s.cols, s.stored_bits, bytes, {}};
        op.input_bits = s.input_bits;
        op.group = s.group;
        op.group_scales = group_scales;
        op.zero_points = zero_points;
        op.bias = bias;
        op.multipliers = multipliers;
        op.shifts = shifts;
        op.permutation = permutation;
        op.output = {s.rows % 2 == 0 ? 16 : 8, s.rows % 2 == 0 ? 0 : 5, 1};
    }
};

/// Codes and logits of the whole linear, panels taken in pieces, from a set's kernels.
struct Computed {
    std::vector<std::int16_t> codes;
    std::vector<std::int32_t> logits;
    bool used_kernels = false;
};
Computed compute(const KernelSet& set, const Linear& op, Codes16 in, std::int64_t tokens)
{
    PackedStorage storage;
    Workers alone(1);
    const Linear laid_out = packed(op, set.layout, storage, alone);
    const PackedLinear linear(laid_out, set);
    PackedInput input;
    input.prepare(linear, set, tokens);
    if (linear.uses_kernels())
        for (std::int64_t t = 0; t < tokens; t += input.token_grain()) input.pack(in, t, std::min(tokens, t + input.token_grain()));
    Computed result;
    result.codes.resize(static_cast<std::size_t>(tokens * op.weight.rows));
    result.logits.resize(result.codes.size());
    for (std::int64_t p = 0; p < linear.panels(); p += 3) {
        linear.run(input, in, p, std::min(linear.panels(), p + 3), std::span(result.codes));
        linear.run(input, in, p, std::min(linear.panels(), p + 3), std::span(result.logits));
    }
    result.used_kernels = linear.uses_kernels();
    return result;
}

void expect_equal(const Shape& shape, Random& random, bool wants_kernels = true)
{
    const Sample sample(random, shape);
    std::vector<std::int16_t> codes(static_cast<std::size_t>(shape.tokens * shape.rows));
    std::vector<std::int32_t> wide(codes.size());
    linear(sample.op, sample.in, shape.tokens, codes, 0, shape.rows);
    logits(sample.op, sample.in, shape.tokens, wide, 0, shape.rows);
    for (const KernelSet* set : kernel_sets()) {
        const Computed found = compute(*set, sample.op, sample.in, shape.tokens);
        const std::string where = std::string(set->name) + " rows " + std::to_string(shape.rows) + " cols " + std::to_string(shape.cols) + " tokens " + std::to_string(shape.tokens) +
                                  " bits " + std::to_string(shape.stored_bits) + "/" + std::to_string(shape.input_bits) + " group " + std::to_string(shape.group);
        ASSERT_EQ(found.codes, codes) << where;
        ASSERT_EQ(found.logits, wide) << where;
        if (wants_kernels) { ASSERT_TRUE(found.used_kernels) << where; }
    }
}

TEST(Kernels, TheBestSetComesFirstAndCanBeNamed)
{
    ASSERT_FALSE(kernel_sets().empty());
    EXPECT_STREQ(kernel_sets().back()->name, "portable");
    for (const KernelSet* set : kernel_sets()) EXPECT_EQ(&kernels_named(set->name), set);
    EXPECT_THROW((void)kernels_named("mmx"), Error);
}

TEST(Kernels, ProductsOfAllShapesEqualTheReference)
{
    Random random(1);
    for (const int stored_bits : {8, 4})
        for (const int input_bits : {8, 16})
            for (const std::int64_t rows : {1, 31, 32, 70})
                for (const std::int64_t cols : {1, 3, 64, 333})
                    for (const std::int64_t tokens : {1, 2, 3, 4, 5, 6, 8, 13}) {
                        Shape shape{rows, cols, tokens, 0, stored_bits, input_bits};
                        shape.zero_points = std::vector<std::int64_t>{0, 1, rows}[random() % 3];
                        shape.permuted = random() % 4 == 0;
                        expect_equal(shape, random);
                    }
}

TEST(Kernels, GroupsEqualTheReference)
{
    Random random(2);
    for (const int stored_bits : {8, 4})
        for (const int input_bits : {8, 16})
            for (const std::int64_t group : {32, 64, 128})
                for (const std::int64_t tokens : {1, 2, 4, 7, 9, 16}) {
                    Shape shape{45, group * 3, tokens, group, stored_bits, input_bits};
                    shape.zero_points = random() % 2 == 0 ? 45 * 3 : 0;
                    expect_equal(shape, random);
                }
    for (const std::int64_t zero_points : {1, 45}) {  // fewer zero points than groups
        Shape mixed{45, 96, 5, 32, 4, 8};
        mixed.zero_points = zero_points;
        expect_equal(mixed, random, false);
    }
    Shape odd{20, 35, 3, 5, 4, 8};  // groups that no step fits stay in rows
    odd.zero_points = 20 * 7;
    expect_equal(odd, random, false);
}

TEST(Kernels, DeepPanelsOfManyTokensAreTakenInPiecesWithTheSameSums)
{
    Random random(5);
    for (const int stored_bits : {8, 4})
        for (const int input_bits : {8, 16})
            for (const std::int64_t group : {0, 32, 128})
                for (const std::int64_t tokens : {9, 21}) {
                    Shape shape{45, 4480, tokens, group, stored_bits, input_bits};
                    shape.zero_points = random() % 2 == 0 ? 45 * (group == 0 ? 1 : 4480 / group) : 0;
                    expect_equal(shape, random);
                }
    for (const int input_bits : {8, 16}) {
        Shape shape{33, input_bits == 16 ? 65792 : 131071, 9, 0, 8, input_bits};
        shape.extreme = true;
        shape.bias = 0;
        expect_equal(shape, random);
    }
}

TEST(Kernels, ExtremeCodesAtTheLargestSumsEqualTheReference)
{
    Random random(3);
    for (const int input_bits : {8, 16}) {
        Shape shape{34, 131071, 2, 0, 8, input_bits};
        shape.extreme = true;
        shape.bias = 0;
        if (input_bits == 16) shape.cols = 65792;
        expect_equal(shape, random);
        shape.zero_points = 34;
        shape.cols = input_bits == 16 ? 33025 : 65792;
        expect_equal(shape, random);
        shape.stored_bits = 4;
        expect_equal(shape, random);
        shape.zero_points = 0;
        shape.group = 32;
        shape.cols = 8192;
        expect_equal(shape, random);
    }
}

TEST(Kernels, SoftmaxAndScoresEqualTheReference)
{
    Random random(6);
    for (const std::int64_t count : {1, 2, 15, 16, 17, 63, 64, 65, 200, 1031})
        for (const std::int64_t spread : {0, 1, 300, 70000, 900000, 3000000, INT32_MAX}) {
            const auto scores = draw<std::int32_t>(random, count, -spread, spread);
            std::vector<std::uint16_t> defined(scores.size()), found(scores.size());
            softmax(scores, defined);
            for (const KernelSet* set : kernel_sets()) {
                auto overwritten = scores;
                const std::int32_t sum = set->softmax(overwritten, found);
                ASSERT_EQ(found, defined) << set->name << " " << count << " scores within " << spread;
                ASSERT_EQ(sum, std::accumulate(defined.begin(), defined.end(), 0)) << set->name;
            }
        }
    for (const KernelSet* set : kernel_sets())
        for (const int shift : {20, 26, 31, 32, 33, 45}) {
            const int rows = 5;
            const std::int64_t panel = set->layout.rows, limit = shift < 26 ? 30'000 : 4'000'000;
            const auto sums = draw<std::int32_t>(random, rows * panel, -limit, limit), keys = draw<std::int32_t>(random, panel, -limit / 4, limit / 4), queries = draw<std::int32_t>(random, rows, -limit / 4, limit / 4);
            const Requantizer factor{draw<std::int32_t>(random, 1, 1 << 30, INT32_MAX)[0], shift};
            std::vector<std::int32_t> found(sums.size());
            for (const bool fits : {false, true}) {
                set->score(sums.data(), rows, keys.data(), queries.data(), factor, fits, found.data(), panel);
                for (std::size_t i = 0; i < found.size(); ++i) {
                    const std::size_t row = i / static_cast<std::size_t>(panel), key = i % static_cast<std::size_t>(panel);
                    ASSERT_EQ(found[i], saturate(scaled(sums[i] + keys[key] + queries[row], factor), INT32_MIN, INT32_MAX)) << set->name << " " << shift;
                }
            }
        }
}

TEST(Kernels, ActivationTablesEqualTheReference)
{
    Random random(7);
    const auto exact = draw<std::int16_t>(random, 256, -32768, 32767);
    const auto fine = draw<std::int32_t>(random, 1025, -8'000'000, 8'000'000);
    ActivationTable op;
    op.output = {16, 0, 1};
    for (const bool wide : {false, true}) {
        op.exact = wide ? Codes16() : Codes16(exact);
        op.fine = wide ? std::span<const std::int32_t>(fine) : std::span<const std::int32_t>();
        for (const std::int64_t count : {1, 31, 32, 33, 500}) {
            const auto in = draw<std::int16_t>(random, count, wide ? -32768 : -128, wide ? 32767 : 127);
            std::vector<std::int16_t> defined(in.size()), found(in.size());
            activate(op, in, defined);
            for (const KernelSet* set : kernel_sets()) {
                set->activate(op, in, found);
                ASSERT_EQ(found, defined) << set->name << " " << count;
            }
        }
    }
}

TEST(Kernels, FactorsAndBiasesThatDoNotFitTheVectorsAreStillExact)
{
    Random random(4);
    for (const int input_bits : {8, 16})
        for (const int shift : {1, 20, 24, 25, 31, 32, 62}) {
            Shape shape{40, 96, 5, 0, 8, input_bits};
            shape.least_shift = shift;
            shape.most_shift = std::max(shift, 33);
            shape.bias = INT32_MAX;
            expect_equal(shape, random);
            shape.bias = 1000;
            expect_equal(shape, random);
        }
}

}  // namespace
}  // namespace bitwright::test
