// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/selftest.h"

#include "core/runtime/hash.h"
#include "core/runtime/kernels/attention.h"
#include "core/runtime/kernels/packed_linear.h"
#include "core/runtime/kernels/packing.h"

#include <vector>

namespace bitwright::runner {
namespace {

/// Numerical Recipes' linear congruential generator: the same everywhere.
class Numbers {
public:
    std::uint32_t next() noexcept { return state_ = state_ * 1664525U + 1013904223U; }
    std::int32_t within(std::int32_t low, std::int32_t high) noexcept { return low + static_cast<std::int32_t>((next() >> 8) % static_cast<std::uint32_t>(high - low + 1)); }
    template <typename T>
    std::vector<T> vector(std::size_t count, std::int32_t low, std::int32_t high)
    {
        std::vector<T> values(count);
        for (T& value : values) value = static_cast<T>(within(low, high));
        return values;
    }

private:
    std::uint32_t state_ = 12345;
};

class Hash {
public:
    template <typename T>
    void add(const std::vector<T>& values)
    {
        hash_.update(std::as_bytes(std::span(values)));
    }
    std::string hex() { return hash_.hex(); }

private:
    Sha256 hash_;
};

void linears(const KernelSet& set, Numbers& numbers, Hash& hash)
{
    constexpr std::int64_t rows = 37, tokens = 11;
    for (const std::int64_t cols : {64, 333})
        for (const int stored_bits : {8, 4})
            for (const int input_bits : {8, 16})
                for (const std::int64_t group : {0, 32}) {
                    const std::int64_t groups = group == 0 ? 1 : (cols + group - 1) / group;
                    const auto bytes = numbers.vector<std::uint8_t>(static_cast<std::size_t>(rows * (stored_bits == 4 ? (cols + 1) / 2 : cols)), 0, 255);
                    const auto zero_points = numbers.vector<std::int8_t>(static_cast<std::size_t>(rows * groups), -8, 7);
                    const auto group_scales = numbers.vector<std::uint8_t>(group == 0 ? 0 : static_cast<std::size_t>(rows * groups), 1, 255);
                    const auto bias = numbers.vector<std::int32_t>(rows, -100000, 100000), multipliers = numbers.vector<std::int32_t>(rows, 1 << 30, INT32_MAX - 1);
                    const auto shifts = numbers.vector<std::uint8_t>(rows, 40, 50);
                    const Linear op{{rows, cols, stored_bits, bytes, {}}, input_bits, group, group_scales, zero_points, bias, multipliers, shifts, {}, {8, 3, 1}, {}};
                    const auto in = numbers.vector<std::int16_t>(static_cast<std::size_t>(tokens * cols), input_bits == 8 ? -128 : -32768, input_bits == 8 ? 127 : 32767);
                    std::vector<std::int16_t> out(tokens * rows);
                    std::vector<std::int32_t> wide(tokens * rows);
                    PackedStorage storage;
                    Workers alone(1);
                    const Linear laid_out = packed(op, set.layout, storage, alone);
                    const PackedLinear computed(laid_out, set);
                    for (const std::int64_t together : {tokens, std::int64_t{1}}) {  // a prompt and a decoded token take different tiles
                        PackedInput packed_input;
                        packed_input.prepare(computed, set, together);
                        if (computed.uses_kernels()) packed_input.pack(Codes16(in).first(static_cast<std::size_t>(together * cols)), 0, together);
                        const Codes16 codes = Codes16(in).first(static_cast<std::size_t>(together * cols));
                        computed.run(packed_input, codes, 0, computed.panels(), std::span(out).first(static_cast<std::size_t>(together * rows)));
                        computed.run(packed_input, codes, 0, computed.panels(), std::span(wide).first(static_cast<std::size_t>(together * rows)));
                    }
                    hash.add(out);
                    hash.add(wide);
                }
}

void norms(const KernelSet& set, Numbers& numbers, Hash& hash)
{
    for (const bool layer : {false, true})
        for (const std::size_t width : {std::size_t{48}, std::size_t{2048}}) {
            const auto gamma = numbers.vector<std::int16_t>(width, -32767, 32767);
            const auto beta = numbers.vector<std::int32_t>(width, -5000, 5000);
            const Norm op{layer, gamma, layer ? std::span<const std::int32_t>(beta) : std::span<const std::int32_t>(), 1'000'000, {1'234'567'890, layer ? 45 : 42}, {16, 0, 1}};
            for (const std::int32_t size : {3, 200, 32767}) {
                std::vector<std::int16_t> out(width);
                set.normalize(op, numbers.vector<std::int16_t>(width, -size, size), out);
                hash.add(out);
            }
        }
}

void attention(const KernelSet& set, Numbers& numbers, Hash& hash)
{
    constexpr std::int64_t keys = 300, heads = 6, kv_heads = 2, head_dim = 20;
    const auto cosine = numbers.vector<std::int16_t>(keys * head_dim / 2, -16384, 16384), sine = numbers.vector<std::int16_t>(keys * head_dim / 2, -16384, 16384);
    const Rotation rotation{head_dim, head_dim, false, cosine, sine, 5, {1'500'000'000, 44}, {8, -4, 1}};
    for (const std::int32_t shift : {24, 21}) {  // flat and steep probabilities
        const Attention op{heads, kv_heads, head_dim, 0, 1, -2, 3, {1'100'000'000, shift}, {}, {}, {1'300'000'000, 46}, {8, 7, 1}};
        AttentionCache cache(op, set);
        cache.grow(keys);
        for (std::int64_t position = 0; position < keys; ++position) {
            std::vector<std::int16_t> key(kv_heads * head_dim);
            set.rotate(rotation, position, numbers.vector<std::int16_t>(kv_heads * head_dim, -128, 127), key);
            cache.append(position, key, numbers.vector<std::int16_t>(kv_heads * head_dim, -128, 127));
        }
        for (const std::int64_t tokens : {1, 9}) {
            const auto queries = numbers.vector<std::int16_t>(static_cast<std::size_t>(tokens * heads * head_dim), -128, 127);
            std::vector<std::int16_t> out(queries.size());
            for (std::int64_t unit = 0; unit < cache.units(tokens); ++unit) cache.attend(unit, keys - tokens, queries, out);
            hash.add(out);
        }
    }
    std::vector<std::uint16_t> probabilities(keys);
    for (const std::int32_t spread : {1000, 1'000'000, 1'000'000'000}) {
        auto scores = numbers.vector<std::int32_t>(keys, -spread, spread);
        if (set.softmax) set.softmax(scores, probabilities);
        else softmax(scores, probabilities);
        hash.add(probabilities);
    }
}

void elementwise(const KernelSet& set, Numbers& numbers, Hash& hash)
{
    const auto a = numbers.vector<std::int16_t>(500, -32768, 32767), b = numbers.vector<std::int16_t>(500, -128, 127), exact = numbers.vector<std::int16_t>(256, -32768, 32767);
    const auto fine = numbers.vector<std::int32_t>(1025, -8'000'000, 8'000'000);
    std::vector<std::int16_t> out(500);
    set.activate({exact, {}, {16, 0, 1}}, b, out);
    hash.add(out);
    set.activate({{}, fine, {16, 0, 1}}, a, out);
    hash.add(out);
    set.multiply({0, -3, {1'999'999'999, 46}, {8, 9, 1}}, a, b, out);
    hash.add(out);
    const std::vector<Codes16> addends{a, b, a};
    set.residual_add({{1'111'111'111, 2'000'000'000, 77}, {0, 4, 0}, 31, {16, 0, 1}}, addends, out);
    hash.add(out);
}

}  // namespace

std::string selftest_hash(const KernelSet& set)
{
    Numbers numbers;
    Hash hash;
    linears(set, numbers, hash);
    norms(set, numbers, hash);
    attention(set, numbers, hash);
    elementwise(set, numbers, hash);
    return hash.hex();
}

const char* selftest_expected() noexcept { return "7a4d8f1aa95d28efd949c1e2bb94def6ed06f9e89b30507a707129b8bf0afc01"; }

}  // namespace bitwright::runner
