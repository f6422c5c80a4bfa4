// SPDX-License-Identifier: GPL-3.0-or-later
// Any processor: plain loops over 8 rows, which a compiler vectorises for the architecture's baseline.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

namespace bitwright {
namespace {

constexpr int panel = 8;
constexpr bool shifts_arithmetically = true;

template <int Rows, int Bits>
struct Sums {
    static constexpr int rows = Rows, panel_rows = panel, sets = 1, flush_steps = 0;
    static constexpr int weight_bytes = 8, input_bytes = (Bits == 8 ? 1 : 2) * Rows * 2;
    std::int32_t c[Rows][panel];

    void clear() noexcept { __builtin_memset(c, 0, sizeof c); }
    void begin(const std::int32_t* start, std::int64_t stride) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (auto& sum : c[i]) sum = start[i * stride];
    }
    void dot(const std::int16_t* w, const std::uint8_t* input) noexcept
    {
        for (int i = 0; i < Rows; ++i) {
            std::int16_t x;
            __builtin_memcpy(&x, input + 2 * i, 2);
            for (int r = 0; r < panel; ++r) c[i][r] += w[r] * x;
        }
    }
    void step(const std::uint8_t* weights, const std::uint8_t* input) noexcept
    {
        std::int16_t low[panel], high[panel];
        for (int r = 0; r < panel; ++r) low[r] = Bits == 8 ? static_cast<std::int8_t>(weights[r]) : weights[r] & 15;
        dot(low, input);
        if constexpr (Bits == 8) return;
        for (int r = 0; r < panel; ++r) high[r] = weights[r] >> 4;
        dot(high, input + 2 * Rows);
    }
    void add_scaled(const Sums& part, const std::uint8_t* scales) noexcept
    {
        for (int i = 0; i < Rows; ++i)
            for (int r = 0; r < panel; ++r) c[i][r] = static_cast<std::int32_t>(static_cast<std::uint32_t>(c[i][r]) + static_cast<std::uint32_t>(part.c[i][r]) * scales[r]);
    }
    void store(std::int32_t* out) const noexcept { __builtin_memcpy(out, c, sizeof c); }
};

#include "core/runtime/kernels/loops.h"
#include "core/runtime/kernels/tile.h"

constexpr KernelSet made = [] {
    KernelSet set;
    set.name = "portable";
    set.layout = {panel, 1};
    set.form8 = set.form4 = InputForm::signed16;
    fill_tiles<Sums, 8>(set);
    fill_loops(set);
    return set;
}();

}  // namespace

const KernelSet* portable_kernels() noexcept { return &made; }

}  // namespace bitwright
