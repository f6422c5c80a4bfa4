// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of the integer level, made offline in double: activations, rotary angles, the attention's soft-cap.
// Threading: pure functions.
#pragma once

#include "core/architecture/architecture.h"
#include "core/runtime/operations.h"

#include <cstdint>
#include <vector>

namespace bitwright {

/// The model's activation in double: silu, exact-erf GELU, tanh GELU, ReLU.
[[nodiscard]] double activation_value(Activation activation, double x) noexcept;

/// Scale of a symmetric 16-bit output that holds f over all codes of `input`.
[[nodiscard]] IntegerGrid activation_output_grid(Activation activation, const IntegerGrid& input);
/// 256 output codes, index = input code + 128. Precondition: input has at most 8 bits.
[[nodiscard]] std::vector<std::int16_t> exact_activation_table(Activation activation, const IntegerGrid& input, const IntegerGrid& output);
/// 1025 entries in 1/256 of an output code, zero point included. Precondition: input has more than 8 bits.
[[nodiscard]] std::vector<std::int32_t> fine_activation_table(Activation activation, const IntegerGrid& input, const IntegerGrid& output);

/// Q14 cosines and sines [positions, dims/2], attention factor included. Throws Error (bad_input) when a factor of 2 or more does not fit.
struct RopeTables {
    std::vector<std::int16_t> cosine, sine;
};
[[nodiscard]] RopeTables rope_tables(const Rope& rope, std::int64_t positions);

/// Range of the soft-cap's int16 index in multiples of the cap: beyond it tanh is 1 to 2^-22.
inline constexpr double softcap_reach = 8;
/// cap·tanh(x/cap)·log2 e in Q16 for x = softcap_reach·cap·index/32768, 1025 entries.
[[nodiscard]] std::vector<std::int32_t> softcap_table(double cap);

}  // namespace bitwright
