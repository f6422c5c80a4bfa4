// SPDX-License-Identifier: GPL-3.0-or-later
// AVX-VNNI (processors without AVX-512): 6 × 16 tiles of vpdpbusd (unsigned input · signed weights, exact); 12 sums leave room for the weights in 16 registers.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define BITWRIGHT_TARGET "avxvnni,avx2,fma,bmi2"
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

constexpr int panel = 16;
constexpr bool shifts_arithmetically = false;

template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = Rows == 1 ? 4 : Rows == 2 ? 2 : 1, flush_steps = 0;
    static constexpr int depths = Bits == 8 ? 1 : 2, weight_bytes = 64, input_bytes = depths * Rows * 4;
    __m256i c[Rows][2];

    void clear() noexcept
    {
        for (auto& row : c) row[0] = row[1] = _mm256_setzero_si256();
    }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) c[i][0] = c[i][1] = _mm256_set1_epi32(start[i * stride]);
    }
    void add(const Sums& other) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) c[i][v] = _mm256_add_epi32(c[i][v], other.c[i][v]);
    }
    [[gnu::always_inline]] void dot(__m256i w0, __m256i w1, const std::uint8_t* input) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            std::int32_t word;
            __builtin_memcpy(&word, input + 4 * i, 4);
            const __m256i x = _mm256_set1_epi32(word);
            c[i][0] = _mm256_dpbusd_avx_epi32(c[i][0], x, w0);
            c[i][1] = _mm256_dpbusd_avx_epi32(c[i][1], x, w1);
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const auto* w = reinterpret_cast<const __m256i*>(weights);
        const __m256i w0 = _mm256_loadu_si256(w), w1 = _mm256_loadu_si256(w + 1);
        if constexpr (Rows <= 2) _mm_prefetch(reinterpret_cast<const char*>(weights) + 4096, _MM_HINT_T0);  // decoding reads each weight once: from memory
        if constexpr (Bits == 8) return dot(w0, w1, input);
        const __m256i nibble = _mm256_set1_epi8(15);
        dot(_mm256_and_si256(w0, nibble), _mm256_and_si256(w1, nibble), input);
        dot(_mm256_and_si256(_mm256_srli_epi16(w0, 4), nibble), _mm256_and_si256(_mm256_srli_epi16(w1, 4), nibble), input + 4 * Rows);
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const __m256i m0 = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales)));
        const __m256i m1 = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales + 8)));
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
            for (int v = 0; v < 2; ++v) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * panel + v * 8), c[i][v]);
    }
};

void spin(std::int64_t rounds) noexcept
{
    __m256i c[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) c[i] = _mm256_setzero_si256();
    const __m256i a = _mm256_set1_epi8(3), w = _mm256_set1_epi8(1);
    for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) {
            c[i] = _mm256_dpbusd_avx_epi32(c[i], a, w);
            asm volatile("" : "+x"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "avx-vnni";
    set.layout = {panel, 4};
    fill_tiles<Sums, 6>(set);
    fill_loops(set);
    set.spin = spin;
    set.spin_products = 12 * 32;
    return set;
}();

}  // namespace

const KernelSet* avx_vnni_kernels() noexcept
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool has = __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1U << 4) != 0;  // GCC 12 does not know the word for __builtin_cpu_supports
    return has && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") ? &made : nullptr;
}

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
