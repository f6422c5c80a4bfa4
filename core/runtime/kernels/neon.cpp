// SPDX-License-Identifier: GPL-3.0-or-later
// NEON without dot products (ARMv8.0): weights widened to 16 bits, multiplied by one input at a time and added into 32 bits; 8 × 8 tiles.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace bitwright {
namespace {

constexpr int panel = 8;
constexpr bool shifts_arithmetically = true;

template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = 1, flush_steps = 0;
    static constexpr int weight_bytes = 8, input_bytes = (Bits == 8 ? 1 : 2) * Rows * 2;
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
    template <int Lane>
    [[gnu::always_inline]] void row(int i, int16x8_t w, int16x4_t x) noexcept
    {
        c[i][0] = vmlal_lane_s16(c[i][0], vget_low_s16(w), x, Lane);
        c[i][1] = vmlal_high_lane_s16(c[i][1], w, x, Lane);
    }
    [[gnu::always_inline]] void dot(int16x8_t w, const std::uint8_t* input) noexcept
    {
        const auto* x = reinterpret_cast<const std::int16_t*>(input);
        if constexpr (Rows >= 4) {
#pragma GCC unroll 2
            for (int i = 0; i < Rows; i += 4) {
                const int16x4_t four = vld1_s16(x + i);
                row<0>(i, w, four);
                row<1>(i + 1, w, four);
                row<2>(i + 2, w, four);
                row<3>(i + 3, w, four);
            }
        } else {
            for (int i = 0; i < Rows; ++i) row<0>(i, w, vdup_n_s16(x[i]));
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        const uint8x8_t w = vld1_u8(weights);
        if constexpr (Rows <= 2) __builtin_prefetch(weights + 1024);
        if constexpr (Bits == 8) return dot(vmovl_s8(vreinterpret_s8_u8(w)), input);
        dot(vreinterpretq_s16_u16(vmovl_u8(vand_u8(w, vdup_n_u8(15)))), input);
        dot(vreinterpretq_s16_u16(vmovl_u8(vshr_n_u8(w, 4))), input + 2 * Rows);
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
    const int16x4_t a = vdup_n_s16(3), w = vdup_n_s16(1);
    for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
            c[i] = vmlal_s16(c[i], a, w);
            asm volatile("" : "+w"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "neon";
    set.layout = {panel, 1};
    set.form8 = set.form4 = InputForm::signed16;
    fill_tiles<Sums, 8>(set);
    fill_loops(set);
    set.spin = spin;
    set.spin_products = 16 * 4;
    return set;
}();

}  // namespace

const KernelSet* neon_kernels() noexcept { return &made; }

}  // namespace bitwright
#endif
