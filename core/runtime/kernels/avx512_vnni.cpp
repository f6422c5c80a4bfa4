// SPDX-License-Identifier: GPL-3.0-or-later
// AVX-512 VNNI: 8 × 32 tiles of vpdpbusd (unsigned input · signed weights, exact). 8 × 32 on purpose: GCC 12 spills the sums of some larger tiles.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define BITWRIGHT_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,bmi2"
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

constexpr int panel = 32;
constexpr bool shifts_arithmetically = true;

template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = Rows == 1 ? 4 : Rows == 2 ? 2 : 1, flush_steps = 0;
    static constexpr int depths = Bits == 8 ? 1 : 2, weight_bytes = 128, input_bytes = depths * Rows * 4;
    __m512i c[Rows][2];

    void clear() noexcept
    {
        for (auto& row : c) row[0] = row[1] = _mm512_setzero_si512();
    }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) c[i][0] = c[i][1] = _mm512_set1_epi32(start[i * stride]);
    }
    void add(const Sums& other) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) c[i][v] = _mm512_add_epi32(c[i][v], other.c[i][v]);
    }
    [[gnu::always_inline]] void dot(__m512i w0, __m512i w1, const std::uint8_t* input) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            std::int32_t word;
            __builtin_memcpy(&word, input + 4 * i, 4);
            const __m512i x = _mm512_set1_epi32(word);
            c[i][0] = _mm512_dpbusd_epi32(c[i][0], x, w0);
            c[i][1] = _mm512_dpbusd_epi32(c[i][1], x, w1);
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const __m512i w0 = _mm512_loadu_si512(weights), w1 = _mm512_loadu_si512(weights + 64);
        if constexpr (Rows <= 2) {  // decoding reads each weight once, from memory; where many tokens pass, what comes next has been fetched
            _mm_prefetch(reinterpret_cast<const char*>(weights) + 4096, _MM_HINT_T0);
            _mm_prefetch(reinterpret_cast<const char*>(weights) + 4096 + 64, _MM_HINT_T0);
        }
        if constexpr (Bits == 8) return dot(w0, w1, input);
        const __m512i nibble = _mm512_set1_epi8(15);
        dot(_mm512_and_si512(w0, nibble), _mm512_and_si512(w1, nibble), input);
        dot(_mm512_and_si512(_mm512_srli_epi16(w0, 4), nibble), _mm512_and_si512(_mm512_srli_epi16(w1, 4), nibble), input + 4 * Rows);
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const __m512i m0 = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
        const __m512i m1 = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales + 16)));
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            c[i][0] = _mm512_add_epi32(c[i][0], _mm512_mullo_epi32(part.c[i][0], m0));
            c[i][1] = _mm512_add_epi32(c[i][1], _mm512_mullo_epi32(part.c[i][1], m1));
        }
    }
    void load(const std::int32_t* from) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) c[i][v] = _mm512_loadu_si512(from + i * panel + v * 16);
    }
    void store(std::int32_t* out) const noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) _mm512_storeu_si512(out + i * panel + v * 16, c[i][v]);
    }
};

void spin(std::int64_t rounds) noexcept
{
    __m512i c[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) c[i] = _mm512_setzero_si512();
    const __m512i a = _mm512_set1_epi8(3), w = _mm512_set1_epi8(1);
    for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) {
            c[i] = _mm512_dpbusd_epi32(c[i], a, w);
            asm volatile("" : "+v"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

/// Sixteen sums at once: even and odd lanes are multiplied to 64 bits apart, and meet again below 32 (a shift of 32 and more leaves 31 bits).
void requantize8_wide(const std::int32_t* sums, int tokens, const PanelOutput& output, std::int16_t* codes, std::int64_t stride) noexcept
{
    const __m512i low = _mm512_set1_epi32(output.grid.low()), high = _mm512_set1_epi32(output.grid.high());
    const __m512i zero_point = _mm512_set1_epi32(output.grid.zero_point);
    const __m512i evens = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), odds = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    for (int v = 0; v < panel; v += 16) {
        const __m512i bias = _mm512_loadu_si512(output.bias + v), even_multiplier = _mm512_loadu_si512(output.multipliers + v);
        const __m512i odd_multiplier = _mm512_srli_epi64(even_multiplier, 32);
        const auto lanes = [&](const std::int64_t* values, __m512i which) {
            return _mm512_permutex2var_epi64(_mm512_loadu_si512(values + v), which, _mm512_loadu_si512(values + v + 8));
        };
        const __m512i even_half = lanes(output.halves, evens), odd_half = lanes(output.halves, odds);
        const __m512i even_shift = lanes(output.shifts, evens), odd_shift = lanes(output.shifts, odds);
        for (int t = 0; t < tokens; ++t) {
            const __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(sums + t * panel + v), bias);
            const __m512i even = _mm512_srav_epi64(_mm512_add_epi64(_mm512_mul_epi32(sum, even_multiplier), even_half), even_shift);
            const __m512i odd = _mm512_srav_epi64(_mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), odd_multiplier), odd_half), odd_shift);
            const __m512i value = _mm512_add_epi32(_mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32)), zero_point);
            const __m512i code = _mm512_min_epi32(_mm512_max_epi32(value, low), high);
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + t * stride + v), _mm512_cvtepi32_epi16(code));
        }
    }
}

void score_wide(const std::int32_t* sums, int rows, const std::int32_t* key_terms, const std::int32_t* query_terms, Requantizer factor, bool fits,
                std::int32_t* scores, std::int64_t stride) noexcept
{
    if (!fits) return score(sums, rows, key_terms, query_terms, factor, fits, scores, stride);
    const __m512i multiplier = _mm512_set1_epi64(factor.multiplier), half = _mm512_set1_epi64(std::int64_t{1} << (factor.shift - 1));
    const __m128i shift = _mm_cvtsi32_si128(factor.shift);
    for (int v = 0; v < panel; v += 16) {
        const __m512i keys = _mm512_loadu_si512(key_terms + v);
        for (int i = 0; i < rows; ++i) {
            const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(_mm512_loadu_si512(sums + i * panel + v), keys), _mm512_set1_epi32(query_terms[i]));
            const __m512i even = _mm512_sra_epi64(_mm512_add_epi64(_mm512_mul_epi32(sum, multiplier), half), shift);
            const __m512i odd = _mm512_sra_epi64(_mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(sum, 32), multiplier), half), shift);
            _mm512_storeu_si512(scores + i * stride + v, _mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32)));
        }
    }
}

/// The table of 256 codes in eight registers.
void activate_wide(const ActivationTable& op, Codes16 in, std::span<std::int16_t> out) noexcept
{
    if (op.exact.size() == 0) return (activate)(op, in, out);  // of loops.h
    __m512i table[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) table[i] = _mm512_loadu_si512(op.exact.data() + 32 * i);
    const auto count = static_cast<std::int64_t>(in.size());
    for (std::int64_t at = 0; at < count; at += 32) {
        const auto lanes = static_cast<__mmask32>(count - at >= 32 ? 0xFFFFFFFF : (std::uint32_t{1} << (count - at)) - 1);
        const __m512i index = _mm512_add_epi16(_mm512_maskz_loadu_epi16(lanes, in.data() + at), _mm512_set1_epi16(128));
        const __mmask32 odd = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64)), upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
        __m512i found[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) found[i] = _mm512_permutex2var_epi16(table[2 * i], index, table[2 * i + 1]);
        const __m512i low = _mm512_mask_mov_epi16(found[0], odd, found[1]), high = _mm512_mask_mov_epi16(found[2], odd, found[3]);
        _mm512_mask_storeu_epi16(out.data() + at, lanes, _mm512_mask_mov_epi16(low, upper, high));
    }
}

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "avx512-vnni";
    set.layout = {panel, 4};
    fill_tiles<Sums, 8>(set);
    fill_loops(set);
    set.requantize8 = requantize8_wide;
    set.score = score_wide;
    set.activate = activate_wide;
    set.spin = spin;
    set.spin_products = 12 * 64;
    return set;
}();

}  // namespace

const KernelSet* avx512_vnni_kernels() noexcept
{
    const bool can = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512vnni");
    if (!can) return nullptr;
    if (!__builtin_cpu_supports("avx512vbmi")) return &made;
    static const KernelSet with_bytes = [] {
        KernelSet set = made;
        set.softmax = softmax_by_bytes;
        return set;
    }();
    return &with_bytes;
}

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
