// SPDX-License-Identifier: GPL-3.0-or-later
// AVX2 without a dot product instruction, exact: 8-bit weights are widened and met by vpmaddwd; 4-bit weights by vpmaddubsw, whose 16-bit sums hold 8 steps of
// 2·255·8 before they are widened. (vpmaddubsw on 8-bit weights would saturate.)
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define BITWRIGHT_TARGET "avx2,fma,bmi2"
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

constexpr int panel = 8;
constexpr bool shifts_arithmetically = false;

template <int Rows, int Bits>
struct Sums;

/// 8 bit: lane 2r, 2r+1 of c[i] hold row r's sums over even and odd pairs of inputs.
template <int Rows>
struct Sums<Rows, 8> {
    static constexpr int rows = Rows, panel_rows = panel, sets = Rows == 1 ? 2 : 1, flush_steps = 0, weight_bytes = 32, input_bytes = Rows * 8;
    __m256i c[Rows][2];

    void clear() noexcept
    {
        for (auto& row : c) row[0] = row[1] = _mm256_setzero_si256();
    }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) c[i][0] = c[i][1] = _mm256_set1_epi64x(static_cast<std::uint32_t>(start[i * stride]));
    }
    void add(const Sums& other) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) c[i][v] = _mm256_add_epi32(c[i][v], other.c[i][v]);
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const auto* w = reinterpret_cast<const __m128i*>(weights);
        const __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(w)), w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(w + 1));
        if constexpr (Rows <= 2) _mm_prefetch(reinterpret_cast<const char*>(weights) + 4096, _MM_HINT_T0);
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            long long word;
            __builtin_memcpy(&word, input + 8 * i, 8);
            const __m256i x = _mm256_set1_epi64x(word);
            c[i][0] = _mm256_add_epi32(c[i][0], _mm256_madd_epi16(x, w0));
            c[i][1] = _mm256_add_epi32(c[i][1], _mm256_madd_epi16(x, w1));
        }
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const __m128i m = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales)), twice = _mm_unpacklo_epi8(m, m);
        const __m256i m0 = _mm256_cvtepu8_epi32(twice), m1 = _mm256_cvtepu8_epi32(_mm_srli_si128(twice, 8));
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            c[i][0] = _mm256_add_epi32(c[i][0], _mm256_mullo_epi32(part.c[i][0], m0));
            c[i][1] = _mm256_add_epi32(c[i][1], _mm256_mullo_epi32(part.c[i][1], m1));
        }
    }
    void store(std::int32_t* out) const noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * panel), _mm256_permute4x64_epi64(_mm256_hadd_epi32(c[i][0], c[i][1]), 0xD8));
    }
};

/// 4 bit, as signed codes (offset4 is 0): narrow sums of pairs in `s`, widened in `c`.
template <int Rows>
struct Sums<Rows, 4> {
    static constexpr int rows = Rows, panel_rows = panel, sets = 1, flush_steps = 4, weight_bytes = 32, input_bytes = Rows * 8;
    __m256i s[Rows], c[Rows];

    void clear() noexcept
    {
        for (int i = 0; i < Rows; ++i) s[i] = c[i] = _mm256_setzero_si256();
    }
    void begin(const std::int32_t*, std::int64_t) noexcept { clear(); }
    void add(const Sums& other) noexcept
    {
        for (int i = 0; i < Rows; ++i) c[i] = _mm256_add_epi32(c[i], other.c[i]);
    }
    [[gnu::always_inline]] void dot(__m256i w, const std::uint8_t* input) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            std::int32_t word;
            __builtin_memcpy(&word, input + 4 * i, 4);
            s[i] = _mm256_add_epi16(s[i], _mm256_maddubs_epi16(_mm256_set1_epi32(word), w));
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights)), nibble = _mm256_set1_epi8(15), eight = _mm256_set1_epi8(8);
        if constexpr (Rows <= 2) _mm_prefetch(reinterpret_cast<const char*>(weights) + 4096, _MM_HINT_T0);
        dot(_mm256_sub_epi8(_mm256_and_si256(w, nibble), eight), input);
        dot(_mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(w, 4), nibble), eight), input + 4 * Rows);
    }
    [[gnu::always_inline]] void flush() noexcept
    {
        const __m256i one = _mm256_set1_epi16(1);
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            c[i] = _mm256_add_epi32(c[i], _mm256_madd_epi16(s[i], one));
            s[i] = _mm256_setzero_si256();
        }
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const __m256i m = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales)));
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) c[i] = _mm256_add_epi32(c[i], _mm256_mullo_epi32(part.c[i], m));
    }
    void store(std::int32_t* out) const noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * panel), c[i]);
    }
};

void spin(std::int64_t rounds) noexcept
{
    __m256i c[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) c[i] = _mm256_setzero_si256();
    const __m256i a = _mm256_set1_epi16(3), w = _mm256_set1_epi16(1);
    for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) {
            __m256i product = _mm256_madd_epi16(a, w);
            asm volatile("" : "+x"(product));
            c[i] = _mm256_add_epi32(c[i], product);
            asm volatile("" : "+x"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "avx2";
    set.layout = {panel, 4};
    set.form8 = InputForm::signed16;
    set.offset4 = 0;
    fill_tiles<Sums, 6>(set);
    fill_loops(set);
    set.spin = spin;
    set.spin_products = 12 * 16;
    return set;
}();

}  // namespace

const KernelSet* avx2_kernels() noexcept
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") ? &made : nullptr;
}

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
