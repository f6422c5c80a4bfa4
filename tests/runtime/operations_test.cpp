// SPDX-License-Identifier: GPL-3.0-or-later
// Each operation against float64 or exact integers, with its error in output codes (LSB).
#include "core/runtime/operations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace bitwright {
namespace {

using Random = std::mt19937_64;

std::vector<std::int16_t> random_codes(Random& random, std::size_t count, int low, int high)
{
    std::uniform_int_distribution<int> draw(low, high);
    std::vector<std::int16_t> codes(count);
    for (auto& code : codes) code = static_cast<std::int16_t>(draw(random));
    return codes;
}

/// Distance of a code from the real value it stands for, in codes; 0 where both saturate.
double error_in_codes(std::int16_t code, double exact, const IntegerGrid& grid)
{
    const double wanted = std::clamp(exact + grid.zero_point, static_cast<double>(grid.low()), static_cast<double>(grid.high()));
    return std::fabs(code - wanted);
}

TEST(Operations, RmsNormWithinOneCode)
{
    Random random(1);
    double worst = 0;
    std::int64_t samples = 0;
    for (int round = 0; round < 600; ++round) {
        const std::size_t width = std::vector<std::size_t>{1, 3, 64, 127, 896, 2048, 4096}[random() % 7];
        const int size = 1 << (random() % 16);  // from rows of ones to rows of the largest codes
        auto x = random_codes(random, width * 2, -size, std::min(size, 32767));
        if (round % 5 == 0) x[random() % width] = -32768;  // one massive channel
        const auto gamma = random_codes(random, width, -32767, 32767);
        const double eps_in_codes = std::exp2(static_cast<double>(random() % 30) - 15);  // ε/s²
        Norm op;
        op.gamma = gamma;
        op.output = {round % 2 == 0 ? 8 : 16, round % 2 == 0 ? static_cast<int>(random() % 100) - 50 : 0, 1};
        op.epsilon = std::llround(static_cast<double>(width) * eps_in_codes * 65536);
        const double largest_gain = std::sqrt(static_cast<double>(width)) * 32767;
        const double factor = op.output.high() / largest_gain * std::exp2(static_cast<double>(random() % 5));
        op.factor = requantizer_of(factor * std::sqrt(static_cast<double>(width)), "test");
        std::vector<std::int16_t> y(x.size());
        normalize(op, x, y);
        for (std::size_t row = 0; row < 2; ++row) {
            double squares = 0;
            for (std::size_t i = 0; i < width; ++i) squares += static_cast<double>(x[row * width + i]) * x[row * width + i];
            for (std::size_t i = 0; i < width; ++i, ++samples) {
                const double exact = x[row * width + i] * static_cast<double>(gamma[i]) * factor / std::sqrt(squares / static_cast<double>(width) + eps_in_codes);
                worst = std::max(worst, error_in_codes(y[row * width + i], exact, op.output));
            }
        }
    }
    RecordProperty("worst_error_codes", std::to_string(worst));
    EXPECT_GT(samples, 1'000'000);
    EXPECT_LE(worst, 0.51);
}

TEST(Operations, LayerNormWithinOneCode)
{
    Random random(2);
    double worst = 0;
    std::int64_t samples = 0;
    for (int round = 0; round < 800; ++round) {
        const std::size_t width = std::vector<std::size_t>{1, 3, 64, 127, 896, 2048, 4096, 32768}[round < 790 ? random() % 7 : 7];
        const int size = 1 << (random() % 15 + 1), centre = round % 3 == 0 ? 12000 : 0;
        auto x = random_codes(random, width, std::max(centre - size, -32768), std::min(centre + size, 32767));
        const auto gamma = random_codes(random, width, -32767, 32767);
        const double eps_in_codes = std::exp2(static_cast<double>(random() % 24) - 8);
        Norm op;
        op.layer = true;
        op.gamma = gamma;
        op.output = {round % 2 == 0 ? 8 : 16, round % 2 == 0 ? static_cast<int>(random() % 100) - 50 : 0, 1};
        op.epsilon = std::llround(std::ldexp(static_cast<double>(width) * static_cast<double>(width) * eps_in_codes, op.fraction_bits()));
        const double factor = op.output.high() / (6.0 * 32767);
        op.factor = requantizer_of(factor, "test");
        std::vector<std::int32_t> beta(width);
        for (auto& b : beta) b = static_cast<std::int32_t>(random() % 20001) - 10000;
        op.beta = beta;
        std::vector<std::int16_t> y(width);
        normalize(op, x, y);
        const auto count = static_cast<double>(width);
        double sum = 0, squares = 0;
        for (const auto code : x) {
            sum += code;
            squares += static_cast<double>(code) * code;
        }
        const double variance = squares / count - (sum / count) * (sum / count);
        for (std::size_t i = 0; i < width; ++i, ++samples) {
            const double exact = (x[i] - sum / count) * gamma[i] * factor / std::sqrt(variance + eps_in_codes) + beta[i] / 256.0;
            worst = std::max(worst, error_in_codes(y[i], exact, op.output));
        }
    }
    RecordProperty("worst_error_codes", std::to_string(worst));
    EXPECT_GT(samples, 1'000'000);
    EXPECT_LE(worst, 0.52);
}

TEST(Operations, NormOfZerosIsTheZeroPoint)
{
    const std::vector<std::int16_t> zeros(16), gamma(16, 1000);
    std::vector<std::int16_t> y(16);
    for (const bool layer : {false, true}) {
        Norm op;
        op.layer = layer;
        op.gamma = gamma;
        op.factor = requantizer_of(0.1, "test");
        op.output = {8, -7, 1};
        normalize(op, zeros, y);
        for (const auto code : y) EXPECT_EQ(code, -7);
    }
}

TEST(Operations, SoftmaxWithinOneCode)
{
    Random random(3);
    double worst = 0;
    std::int64_t samples = 0;
    for (int round = 0; round < 2500; ++round) {
        const std::size_t count = round < 10 ? 100'000 : random() % 1000 + 1;
        const double spread = std::exp2(static_cast<double>(random() % 22) + 2);
        std::normal_distribution<double> draw(0, spread);
        std::vector<std::int32_t> scores(count);
        for (auto& score : scores) score = static_cast<std::int32_t>(std::clamp(draw(random), -2147483648.0, 2147483647.0));
        std::vector<std::uint16_t> p(count);
        softmax(scores, p);
        const double maximum = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (const auto score : scores) sum += std::exp2((score - maximum) / 65536);
        for (std::size_t i = 0; i < count; ++i, ++samples) {
            const double exact = std::min(65535.0, 65536 * std::exp2((scores[i] - maximum) / 65536) / sum);
            worst = std::max(worst, std::fabs(p[i] - exact));
        }
    }
    RecordProperty("worst_error_codes", std::to_string(worst));
    EXPECT_GT(samples, 1'000'000);
    EXPECT_LE(worst, 0.7);
}

TEST(Operations, SoftmaxExtremes)
{
    std::vector<std::uint16_t> p(2);
    softmax(std::vector<std::int32_t>{INT32_MIN, INT32_MAX}, p);
    EXPECT_EQ(p[0], 0);
    EXPECT_EQ(p[1], 65535);
    softmax(std::vector<std::int32_t>{INT32_MIN, INT32_MIN}, p);
    EXPECT_EQ(p[0], 32768);
}

TEST(Operations, ActivationTables)
{
    // 8-bit input: exact. 16-bit input: SiLU on [-16, 16] within one code over all 65,536 inputs.
    std::vector<std::int16_t> exact(256), x(65536), y(65536);
    std::vector<std::int32_t> fine(1025);
    for (int i = 0; i < 256; ++i) exact[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i * 7 - 300);
    ActivationTable op{exact, {}, {16, 0, 1}};
    std::vector<std::int16_t> codes(256), out(256);
    for (int i = 0; i < 256; ++i) codes[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i - 128);
    activate(op, codes, out);
    EXPECT_EQ(out, exact);

    const double in_scale = 16.0 / 32768, out_scale = 16.0 / 32767;
    const auto silu = [](double v) { return v / (1 + std::exp(-v)); };
    for (int i = 0; i <= 1024; ++i) fine[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(std::lround(256 * silu((i * 64 - 32768) * in_scale) / out_scale));
    op.exact = {};
    op.fine = fine;
    for (int i = 0; i < 65536; ++i) x[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i - 32768);
    activate(op, x, y);
    double worst = 0;
    for (int i = 0; i < 65536; ++i) worst = std::max(worst, error_in_codes(y[static_cast<std::size_t>(i)], silu((i - 32768) * in_scale) / out_scale, op.output));
    RecordProperty("worst_error_codes", std::to_string(worst));
    EXPECT_LE(worst, 0.75);
}

/// A linear with its own storage, and the definition Σ (a − z_a)·m·(w − z_w) in exact integers.
struct LinearCase {
    Linear op;
    std::vector<std::uint8_t> bytes, group_scales, shifts;
    std::vector<std::int8_t> zero_points;
    std::vector<std::int32_t> bias, multipliers, permutation;
    std::vector<std::int16_t> weights;
    int input_zero_point = 0;

    LinearCase(Random& random, std::int64_t rows, std::int64_t cols, int stored_bits, int input_bits, std::int64_t group, bool shifted, bool per_row, bool permuted)
    {
        const int low = stored_bits == 4 ? -8 : -128, high = -low - 1;
        weights = random_codes(random, static_cast<std::size_t>(rows * cols), low, high);
        const std::int64_t stride = stored_bits == 4 ? (cols + 1) / 2 : cols, groups = group == 0 ? 1 : (cols + group - 1) / group;
        bytes.resize(static_cast<std::size_t>(rows * stride));
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t k = 0; k < cols; ++k) {
                const auto code = static_cast<std::uint8_t>(weights[static_cast<std::size_t>(r * cols + k)]);
                auto& byte = bytes[static_cast<std::size_t>(r * stride + (stored_bits == 4 ? k / 2 : k))];
                byte = stored_bits == 8 ? code : static_cast<std::uint8_t>(k % 2 == 0 ? code & 15 : byte | (code << 4));
            }
        if (group != 0)
            for (std::int64_t i = 0; i < rows * groups; ++i) group_scales.push_back(static_cast<std::uint8_t>(random() % 255 + 1));
        if (shifted)
            for (const std::int16_t code : random_codes(random, static_cast<std::size_t>(group != 0 ? rows * groups : per_row ? rows : 1), low, high)) zero_points.push_back(static_cast<std::int8_t>(code));
        input_zero_point = input_bits == 8 && shifted ? static_cast<int>(random() % 256) - 128 : 0;
        for (std::int64_t i = 0; i < (per_row ? rows : 1); ++i) {
            multipliers.push_back(static_cast<std::int32_t>((random() & 0x3FFFFFFF) | 0x40000000));
            shifts.push_back(static_cast<std::uint8_t>(40 + random() % 8));
        }
        if (permuted) {
            for (std::int32_t k = 0; k < cols; ++k) permutation.push_back(k);
            std::shuffle(permutation.begin(), permutation.end(), random);
        }
        op = {{rows, cols, stored_bits, bytes}, input_bits, group, group_scales, zero_points, {}, multipliers, shifts, permutation, {8, 5, 1}};
        for (std::int64_t r = 0; r < rows; ++r) {  // fold −z_a·Σ(w − z_w) as the exporter does
            std::int64_t folded = static_cast<std::int64_t>(random() % 20001) - 10000;
            for (std::int64_t k = 0; k < cols; ++k) folded -= input_zero_point * group_scale(r, k) * centred(r, k);
            bias.push_back(static_cast<std::int32_t>(folded));
        }
        op.bias = bias;
    }
    [[nodiscard]] std::int64_t group_of(std::int64_t k) const { return op.group == 0 ? 0 : k / op.group; }
    [[nodiscard]] std::int64_t groups() const { return op.group == 0 ? 1 : (op.weight.cols + op.group - 1) / op.group; }
    [[nodiscard]] std::int64_t group_scale(std::int64_t r, std::int64_t k) const { return group_scales.empty() ? 1 : group_scales[static_cast<std::size_t>(r * groups() + group_of(k))]; }
    [[nodiscard]] std::int64_t centred(std::int64_t r, std::int64_t k) const
    {
        std::int64_t zero_point = 0;
        if (!zero_points.empty()) zero_point = zero_points[static_cast<std::size_t>(op.group != 0 ? r * groups() + group_of(k) : zero_points.size() == 1 ? 0 : r)];
        return weights[static_cast<std::size_t>(r * op.weight.cols + k)] - zero_point;
    }
    /// Σ m·(a − z_a)(w − z_w) + the plain bias.
    [[nodiscard]] std::int64_t exact(const std::vector<std::int16_t>& in, std::int64_t t, std::int64_t r) const
    {
        std::int64_t sum = bias[static_cast<std::size_t>(r)];
        for (std::int64_t k = 0; k < op.weight.cols; ++k) {
            const std::int64_t source = permutation.empty() ? k : permutation[static_cast<std::size_t>(k)];
            sum += group_scale(r, k) * in[static_cast<std::size_t>(t * op.weight.cols + source)] * centred(r, k);
        }
        return sum;
    }
};

TEST(Operations, LinearIsItsDefinitionInAllVariants)
{
    Random random(4);
    for (const int stored_bits : {8, 4})
        for (const int input_bits : {8, 16})
            for (const std::int64_t group : {0, 32, 5})
                for (const bool shifted : {false, true})
                    for (const bool per_row : {false, true})
                        for (const bool permuted : {false, true}) {
                            const std::int64_t rows = 5, cols = 67 + static_cast<std::int64_t>(random() % 600), tokens = 3;
                            const LinearCase c(random, rows, cols, stored_bits, input_bits, group, shifted, per_row, permuted);
                            const auto in = input_bits == 8 ? random_codes(random, static_cast<std::size_t>(tokens * cols), -128, 127) : random_codes(random, static_cast<std::size_t>(tokens * cols), -32768, 32767);
                            std::vector<std::int16_t> out(static_cast<std::size_t>(tokens * rows));
                            std::vector<std::int32_t> wide(out.size());
                            linear(c.op, in, tokens, out, 0, 2);
                            linear(c.op, in, tokens, out, 2, rows);
                            logits(c.op, in, tokens, wide, 0, rows);
                            for (std::int64_t t = 0; t < tokens; ++t)
                                for (std::int64_t r = 0; r < rows; ++r) {
                                    const auto row = static_cast<std::size_t>(per_row ? r : 0), at = static_cast<std::size_t>(t * rows + r);
                                    const Requantizer factor{c.multipliers[row], c.shifts[row]};
                                    ASSERT_EQ(out[at], requantize(c.exact(in, t, r), factor, c.op.output));
                                    ASSERT_EQ(wide[at], saturate(scaled(c.exact(in, t, r), factor), INT32_MIN, INT32_MAX));
                                }
                        }
}

TEST(Operations, LinearAtTheBoundsOfK)
{
    const auto run = [](std::int64_t cols, int input_bits, std::int16_t a, std::int8_t w, std::vector<std::int8_t> zero_points) {
        const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(cols), static_cast<std::uint8_t>(w)), shifts{30};
        const std::vector<std::int32_t> multipliers{std::int32_t{1} << 30};
        Linear op{{1, cols, 8, bytes}, input_bits, 0, {}, zero_points, {}, multipliers, shifts, {}, {}};
        std::int32_t out = 0;
        logits(op, std::vector<std::int16_t>(static_cast<std::size_t>(cols), a), 1, std::span(&out, 1), 0, 1);
        return out;
    };
    EXPECT_EQ(run(131071, 8, -128, -128, {}), 131071 * 16384);
    EXPECT_EQ(run(65792, 8, -128, -128, {127}), INT32_MAX < 65792LL * 128 * 255 ? INT32_MAX : 65792 * 128 * 255);
    EXPECT_EQ(run(256, 16, -32768, -128, {}), 1 << 30);
    EXPECT_EQ(run(65536, 16, -32768, -128, {}), INT32_MAX);  // 2^38 saturates, does not wrap
    EXPECT_EQ(run(65536, 16, -32768, 127, {}), INT32_MIN);
}

TEST(Operations, EmbeddingResidualAndProduct)
{
    Random random(5);
    const std::vector<std::uint8_t> bytes{0x80, 0x7F, 0, 1, 2, 3}, shifts{25, 26};
    const std::vector<std::int32_t> multipliers{1'500'000'000, 1'200'000'000};
    const std::vector<std::int8_t> zero_points{3, -4};
    const std::vector<std::int16_t> positions{100, 200, 300, 400, 500, 600};
    Embedding op{{2, 3, 8, bytes}, zero_points, multipliers, shifts, positions, {16, 0, 1}};
    std::vector<std::int16_t> out(3);
    const std::vector<std::int32_t> ids{1};
    embed(op, ids, 1, out);
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(out[c], saturate(std::llround((static_cast<int>(c) + 1 + 4) * std::ldexp(1.2e9, -26)) + positions[3 + c], -32768, 32767));

    const double scales[] = {0.9, 0.013, 1.7};
    const CommonRequantizer common = common_requantizer(scales, "test");
    const ResidualAdd add{common.multipliers, {0, -5, 7}, common.shift, {16, 0, 1}};
    const auto a = random_codes(random, 10000, -32768, 32767), b = random_codes(random, 10000, -128, 127), c = random_codes(random, 10000, -32768, 32767);
    const std::vector<Codes16> addends{a, b, c};
    std::vector<std::int16_t> sum(10000);
    residual_add(add, addends, sum);
    double worst = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) worst = std::max(worst, error_in_codes(sum[i], a[i] * 0.9 + (b[i] + 5) * 0.013 + (c[i] - 7) * 1.7, add.output));
    EXPECT_LE(worst, 0.501);

    const Product product{0, -9, requantizer_of(1e-5, "test"), {8, 11, 1}};
    std::vector<std::int16_t> gated(10000);
    multiply(product, a, b, gated);
    for (std::size_t i = 0; i < sum.size(); ++i) ASSERT_LE(error_in_codes(gated[i], a[i] * (b[i] + 9.0) * 1e-5, product.output), 0.501);
}

TEST(Operations, RopeRotatesPairsOfBothKinds)
{
    Random random(6);
    for (const bool interleaved : {false, true})
        for (const std::int64_t dims : {0, 8, 16}) {
            const std::int64_t head_dim = 16, positions = 50, half = dims / 2;
            std::vector<std::int16_t> cosine, sine;
            for (std::int64_t p = 0; p < positions; ++p)
                for (std::int64_t i = 0; i < half; ++i) {
                    const double angle = static_cast<double>(p) / std::pow(10000, static_cast<double>(i) / static_cast<double>(half));
                    cosine.push_back(static_cast<std::int16_t>(std::lround(std::cos(angle) * 16384)));
                    sine.push_back(static_cast<std::int16_t>(std::lround(std::sin(angle) * 16384)));
                }
            const Rotation op{head_dim, dims, interleaved, cosine, sine, 6, requantizer_of(0.6 / 16384, "test"), {8, -3, 1}};
            double worst = 0;
            for (std::int64_t p = 0; p < positions; ++p) {
                const auto in = random_codes(random, 32, -128, 127);
                std::vector<std::int16_t> out(32);
                rotate(op, p, in, out);
                for (std::int64_t head = 0; head < 2; ++head)
                    for (std::int64_t d = 0; d < head_dim; ++d) {
                        const auto at = [&](std::int64_t i) { return in[static_cast<std::size_t>(head * head_dim + i)] - 6.0; };
                        double exact = at(d);
                        if (d < dims) {
                            const std::int64_t i = interleaved ? d / 2 : d % half;
                            const bool second = interleaved ? d % 2 == 1 : d >= half;
                            const std::int64_t partner = interleaved ? d ^ 1 : second ? d - half : d + half;
                            const double angle = static_cast<double>(p) / std::pow(10000, static_cast<double>(i) / static_cast<double>(half));
                            exact = at(d) * std::cos(angle) + (second ? 1 : -1) * at(partner) * std::sin(angle);
                        }
                        worst = std::max(worst, error_in_codes(out[static_cast<std::size_t>(head * head_dim + d)], exact * 0.6, op.output));
                    }
            }
            EXPECT_LE(worst, 0.51) << dims;
        }
}

TEST(Operations, AttentionScoresAndValues)
{
    Random random(7);
    const std::int64_t keys = 40, stride = 24, head_dim = 12;
    std::vector<std::int8_t> cache(static_cast<std::size_t>(keys * stride));
    for (auto& code : cache) code = static_cast<std::int8_t>(random());
    const auto query = random_codes(random, static_cast<std::size_t>(head_dim), -128, 127);
    std::vector<std::int32_t> cap(1025), slopes{-1000, -2000};
    for (int i = 0; i <= 1024; ++i) cap[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(std::lround(5e6 * std::tanh((i * 64 - 32768) / 10000.0)));
    for (const int kind : {0, 1, 2}) {
        Attention op{2, 1, head_dim, 0, 4, -6, 9, requantizer_of(kind == 2 ? 0.2 : 37.7, "test"), {}, {}, requantizer_of(1e-4, "test"), {8, 2, 1}};
        if (kind == 1) op.slopes = slopes;
        if (kind == 2) op.softcap = cap;
        std::vector<std::int32_t> scores(30);
        attention_scores(op, 1, query, cache, stride, 5, 36, scores);
        for (std::int64_t j = 0; j < 30; ++j) {
            double exact = 0;
            for (std::int64_t d = 0; d < head_dim; ++d) exact += (query[static_cast<std::size_t>(d)] - 4.0) * (cache[static_cast<std::size_t>((j + 5) * stride + d)] + 6.0);
            exact *= kind == 2 ? 0.2 : 37.7;
            if (kind == 1) exact += -2000.0 * static_cast<double>(36 - (j + 5));
            if (kind == 2) ASSERT_NEAR(scores[static_cast<std::size_t>(j)], 5e6 * std::tanh(exact / 10000), 600);  // one index step is 500 at the steepest
            else ASSERT_NEAR(scores[static_cast<std::size_t>(j)], exact, 0.51);
        }
        std::vector<std::uint16_t> p(30);
        softmax(scores, p);
        std::vector<std::int16_t> out(static_cast<std::size_t>(head_dim));
        weighted_values(op, p, cache, stride, 5, out);
        for (std::int64_t d = 0; d < head_dim; ++d) {
            double exact = 0;
            for (std::int64_t j = 0; j < 30; ++j) exact += p[static_cast<std::size_t>(j)] * (cache[static_cast<std::size_t>((j + 5) * stride + d)] - 9.0) * 1e-4;
            ASSERT_LE(error_in_codes(out[static_cast<std::size_t>(d)], exact, op.output), 0.501);
        }
    }
    // The largest sums there can be: all probability on extreme values.
    const std::vector<std::int8_t> lowest(1024, -128);
    const std::vector<std::uint16_t> everything(1024, 64);  // Σ = 65536
    Attention op{1, 1, 1, 0, 0, 0, 127, {}, {}, {}, requantizer_of(1.0 / 65536, "test"), {16, 0, 1}};
    std::int16_t out = 0;
    weighted_values(op, everything, lowest, 1, 0, std::span(&out, 1));
    EXPECT_EQ(out, -255);
}

}  // namespace
}  // namespace bitwright
