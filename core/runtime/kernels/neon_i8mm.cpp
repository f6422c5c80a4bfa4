// SPDX-License-Identifier: GPL-3.0-or-later
// NEON with matrix products (ARMv8.6 i8mm): smmla makes a 2 × 2 block of sums from two rows of 8 inputs and two rows of 8 weights; 8 × 8 tiles, eight loads for 16.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>
#if defined(__clang__)
#define BITWRIGHT_TARGET "i8mm,dotprod"
#else
#define BITWRIGHT_TARGET "arch=armv8.2-a+dotprod+i8mm"
#endif
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

constexpr int panel = 8;
constexpr bool shifts_arithmetically = true;

/// c[p][q]: rows 2p, 2p+1 of inputs × rows 2q, 2q+1 of the panel. With one input its second row is zero.
template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = Rows <= 2 ? 2 : 1, flush_steps = 0, pairs = (Rows + 1) / 2;
    static constexpr int weight_bytes = 64, input_bytes = (Bits == 8 ? 1 : 2) * Rows * 8;
    int32x4_t c[pairs][4];

    void clear() noexcept
    {
        for (auto& row : c)
            for (auto& sums : row) sums = vdupq_n_s32(0);
    }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
        for (int p = 0; p < pairs; ++p) {
            const std::int32_t first = start[2 * p * stride], second = Rows == 1 ? 0 : start[(2 * p + 1) * stride];
            for (auto& sums : c[p]) sums = vcombine_s32(vdup_n_s32(first), vdup_n_s32(second));
        }
    }
    void add(const Sums& other) noexcept
    {
        for (int p = 0; p < pairs; ++p)
            for (int q = 0; q < 4; ++q) c[p][q] = vaddq_s32(c[p][q], other.c[p][q]);
    }
    [[gnu::always_inline]] void dot(const int8x16_t (&w)[4], const std::uint8_t* input) noexcept
    {
        const auto* x = reinterpret_cast<const std::int8_t*>(input);
#pragma GCC unroll 4
        for (int p = 0; p < pairs; ++p) {
            int8x16_t two;
            if constexpr (Rows == 1) two = vcombine_s8(vld1_s8(x), vdup_n_s8(0));
            else two = vld1q_s8(x + 16 * p);
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q) c[p][q] = vmmlaq_s32(c[p][q], two, w[q]);
        }
    }
    [[gnu::always_inline]] void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        if constexpr (Rows <= 2) __builtin_prefetch(weights + 2048);
        int8x16_t w[4], high[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) {
            const uint8x16_t bytes = vld1q_u8(weights + 16 * q);
            w[q] = vreinterpretq_s8_u8(Bits == 8 ? bytes : vandq_u8(bytes, vdupq_n_u8(15)));
            high[q] = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
        }
        dot(w, input);
        if constexpr (Bits == 4) dot(high, input + 8 * Rows);
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        const uint16x8_t m = vmovl_u8(vld1_u8(scales));
        const int32x4_t low = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(m))), high = vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(m)));
        const int32x4_t two[4] = {vcombine_s32(vget_low_s32(low), vget_low_s32(low)), vcombine_s32(vget_high_s32(low), vget_high_s32(low)),
                                  vcombine_s32(vget_low_s32(high), vget_low_s32(high)), vcombine_s32(vget_high_s32(high), vget_high_s32(high))};
        for (int p = 0; p < pairs; ++p)
            for (int q = 0; q < 4; ++q) c[p][q] = vmlaq_s32(c[p][q], part.c[p][q], two[q]);
    }
    void store(std::int32_t* out) const noexcept
    {
        for (int p = 0; p < pairs; ++p)
            for (int q = 0; q < 4; ++q) {
                vst1_s32(out + 2 * p * panel + 2 * q, vget_low_s32(c[p][q]));
                if constexpr (Rows > 1) vst1_s32(out + (2 * p + 1) * panel + 2 * q, vget_high_s32(c[p][q]));
            }
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
            c[i] = vmmlaq_s32(c[i], a, w);
            asm volatile("" : "+w"(c[i]));
        }
}

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "neon-i8mm";
    set.layout = {panel, 8};
    set.form8 = set.form4 = InputForm::signed8;
    fill_tiles<Sums, 8>(set);
    fill_loops(set);
    set.spin = spin;
    set.spin_products = 16 * 32;
    return set;
}();

}  // namespace

const KernelSet* neon_i8mm_kernels() noexcept { return getauxval(AT_HWCAP2) >> 13 & 1 ? &made : nullptr; }  // HWCAP2_I8MM

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
