// SPDX-License-Identifier: GPL-3.0-or-later
// NEON with dot products (ARMv8.2 asimddp): 8 × 8 tiles of sdot by lane, four loads for 16 of them.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>
#if defined(__clang__)
#define BITWRIGHT_TARGET "dotprod"
#else
#define BITWRIGHT_TARGET "arch=armv8.2-a+dotprod"
#endif
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

constexpr int panel = 8;
constexpr bool shifts_arithmetically = true;

template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = Rows == 1 ? 4 : Rows == 2 ? 2 : 1, flush_steps = 0;
    static constexpr int weight_bytes = 32, input_bytes = (Bits == 8 ? 1 : 2) * Rows * 4;
    int32x4_t c[Rows][2];

    void clear() noexcept
    {
        for (auto& row : c) row[0] = row[1] = vdupq_n_s32(0);
    }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) c[i][0] = c[i][1] = vdupq_n_s32(start[i * stride]);
    }
    void add(const Sums& other) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) c[i][v] = vaddq_s32(c[i][v], other.c[i][v]);
    }
    template <int Lane>
    [[gnu::always_inline]] void row(int i, int8x16_t w0, int8x16_t w1, int8x16_t x) noexcept
    {
        c[i][0] = vdotq_laneq_s32(c[i][0], w0, x, Lane);
        c[i][1] = vdotq_laneq_s32(c[i][1], w1, x, Lane);
    }
    [[gnu::always_inline]] void dot(int8x16_t w0, int8x16_t w1, const std::uint8_t* input) noexcept
    {
        const auto* x = reinterpret_cast<const std::int8_t*>(input);
        if constexpr (Rows >= 4) {
#pragma GCC unroll 2
            for (int i = 0; i < Rows; i += 4) {
                const int8x16_t four = vld1q_s8(x + 4 * i);
                row<0>(i, w0, w1, four);
                row<1>(i + 1, w0, w1, four);
                row<2>(i + 2, w0, w1, four);
                row<3>(i + 3, w0, w1, four);
            }
        } else {
#pragma GCC unroll 2
            for (int i = 0; i < Rows; ++i) {
                std::int32_t word;
                __builtin_memcpy(&word, x + 4 * i, 4);
                row<0>(i, w0, w1, vreinterpretq_s8_s32(vdupq_n_s32(word)));
            }
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const uint8x16_t w0 = vld1q_u8(weights), w1 = vld1q_u8(weights + 16), nibble = vdupq_n_u8(15);
        if constexpr (Rows <= 2) __builtin_prefetch(weights + 2048);
        if constexpr (Bits == 8) return dot(vreinterpretq_s8_u8(w0), vreinterpretq_s8_u8(w1), input);
        dot(vreinterpretq_s8_u8(vandq_u8(w0, nibble)), vreinterpretq_s8_u8(vandq_u8(w1, nibble)), input);
        dot(vreinterpretq_s8_u8(vshrq_n_u8(w0, 4)), vreinterpretq_s8_u8(vshrq_n_u8(w1, 4)), input + 4 * Rows);
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const uint16x8_t m = vmovl_u8(vld1_u8(scales));
        const int32x4_t m0 = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(m))), m1 = vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(m)));
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            c[i][0] = vmlaq_s32(c[i][0], part.c[i][0], m0);
            c[i][1] = vmlaq_s32(c[i][1], part.c[i][1], m1);
        }
    }
    void store(std::int32_t* out) const noexcept
    {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
            for (int v = 0; v < 2; ++v) vst1q_s32(out + i * panel + v * 4, c[i][v]);
    }
};

void spin(std::int64_t rounds) noexcept
{
    int32x4_t c[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) c[i] = vdupq_n_s32(0);
    const int8x16_t a = vdupq_n_s8(3), w = vdupq_n_s8(1);
    for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
            c[i] = vdotq_s32(c[i], a, w);
            asm volatile("" : "+w"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "neon-dotprod";
    set.layout = {panel, 4};
    set.form8 = set.form4 = InputForm::signed8;
    fill_tiles<Sums, 8>(set);
    fill_loops(set);
    set.spin = spin;
    set.spin_products = 16 * 16;
    return set;
}();

}  // namespace

const KernelSet* neon_dotprod_kernels() noexcept { return getauxval(AT_HWCAP) >> 20 & 1 ? &made : nullptr; }  // HWCAP_ASIMDDP

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
