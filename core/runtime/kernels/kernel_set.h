// SPDX-License-Identifier: GPL-3.0-or-later
// What one instruction set offers the engine: products of packed 8- and 4-bit weights with packed inputs, and the operations around them. Every function computes
// bit for bit what core/runtime/operations.h defines; the engine chooses a set when it starts.
// Invariants: sums are int32 and may wrap on the way; whoever calls has made sure that the final ones fit (PackedLinear). No function allocates or throws.
// Threading: pure functions over immutable arguments.
#pragma once

#include "core/runtime/operations.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace bitwright {

/// The bytes an instruction set multiplies: an 8-bit code, or the high and the low byte of a 16-bit one ("planes"), each with the offset that makes it fit.
enum class InputForm : std::uint8_t {
    unsigned8,  ///< code + 128, high + 128, low
    signed8,    ///< code, high, low − 128
    signed16,   ///< code, high, low, each in two bytes
};
/// What is added to an 8-bit code (plane 0), or to the high (plane 0) and low (plane 1) byte of a 16-bit one.
[[nodiscard]] constexpr std::int32_t offset_of(InputForm form, int planes, int plane) noexcept
{
    if (form == InputForm::unsigned8) return plane == 0 ? 128 : 0;
    return form == InputForm::signed8 && planes == 2 && plane == 1 ? -128 : 0;
}

/// One panel of weights against one tile of packed inputs: sums[i][r] = Σ_g m_g·(start[i][g] + Σ w·input), 4-bit w being code + offset4. A panel may be taken in
/// several pieces of its depth: all but the first add to the sums (and pass no start again where there are no groups).
struct TileArguments {
    const std::uint8_t* weights = nullptr;
    const std::uint8_t* input = nullptr;    ///< [steps of one depth][tile's rows][depth]
    std::int64_t groups = 1, group_steps = 0; ///< a step is one depth of 8-bit weights, two depths of 4-bit weights
    const std::uint8_t* scales = nullptr;   ///< m: [groups][panel's rows]; null: 1, one group
    const std::int32_t* start = nullptr;    ///< [tile's rows], `start_stride` apart: [groups]
    std::int64_t start_stride = 1;
    bool adds = false;                      ///< to what is in `sums`
    std::int32_t* sums = nullptr;           ///< [tile's rows][panel's rows]
};
using Tile = void (*)(const TileArguments&) noexcept;

/// From a tile's sums to output codes: per row of the panel, as Linear has them.
struct PanelOutput {
    const std::int32_t* bias = nullptr;         ///< 0 where the linear has none; the sum's correction may be in it, modulo 2^32
    const std::int32_t* multipliers = nullptr;
    const std::int64_t *shifts = nullptr, *halves = nullptr;  ///< halves: 2^(shift − 1)
    IntegerGrid grid;
};

struct KernelSet {
    const char* name = "";
    WeightLayout layout;
    InputForm form8 = InputForm::unsigned8, form4 = InputForm::unsigned8;  ///< what 8-bit and 4-bit weights are met with
    std::int32_t offset4 = 8;                                              ///< what 4-bit tiles multiply is code + this
    std::array<int, 4> tile_rows{};                                        ///< 1, 2, 4 and the most
    std::array<Tile, 4> plain8{}, plain4{}, grouped8{}, grouped4{};

    /// sums[i][r] −= offsets[i]·row_sums[r] + zero_points[r]·plane_sums[i]; zero_points may be null.
    void (*correct)(std::int32_t* sums, int rows, const std::int32_t* offsets, const std::int32_t* row_sums, const std::int8_t* zero_points, const std::int32_t* plane_sums) noexcept = nullptr;
    /// sums[i][r] −= Σ_g scales[g][r]·zero_points[g][r]·plane_sums[i][g].
    void (*correct_groups)(std::int32_t* sums, int rows, std::int64_t groups, const std::uint8_t* scales, const std::int8_t* zero_points, const std::int32_t* plane_sums) noexcept = nullptr;
    /// One panel of a tile's tokens; `codes` of a token lie `stride` apart. Preconditions: |sum + bias| < 2^31, and for codes shifts ≥ 32; with two planes shifts ≥ 25.
    void (*requantize8)(const std::int32_t* sums, int tokens, const PanelOutput& output, std::int16_t* codes, std::int64_t stride) noexcept = nullptr;
    void (*requantize16)(const std::int32_t* sums, int tokens, const PanelOutput& output, std::int16_t* codes, std::int64_t stride) noexcept = nullptr;
    void (*logits8)(const std::int32_t* sums, int tokens, const PanelOutput& output, std::int32_t* codes, std::int64_t stride) noexcept = nullptr;
    void (*logits16)(const std::int32_t* sums, int tokens, const PanelOutput& output, std::int32_t* codes, std::int64_t stride) noexcept = nullptr;

    /// Operations over tokens, as their namesakes in operations.h.
    void (*normalize)(const Norm& op, Codes16 in, std::span<std::int16_t> out) noexcept = nullptr;
    void (*residual_add)(const ResidualAdd& op, std::span<const Codes16> addends, std::span<std::int16_t> out) noexcept = nullptr;
    void (*rotate)(const Rotation& op, std::int64_t position, Codes16 in, std::span<std::int16_t> out) noexcept = nullptr;
    void (*activate)(const ActivationTable& op, Codes16 in, std::span<std::int16_t> out) noexcept = nullptr;
    void (*multiply)(const Product& op, Codes16 a, Codes16 b, std::span<std::int16_t> out) noexcept = nullptr;
    /// `scores` is overwritten. Returns Σ probabilities.
    std::int32_t (*softmax)(std::span<std::int32_t> scores, std::span<std::uint16_t> probabilities) noexcept = nullptr;
    /// One panel of keys for a tile's queries: scores[i][r] = scaled(sums[i][r] + key_terms[r] + query_terms[i], factor), saturated; with `fits` that changes nothing.
    void (*score)(const std::int32_t* sums, int rows, const std::int32_t* key_terms, const std::int32_t* query_terms, Requantizer factor, bool fits, std::int32_t* scores, std::int64_t stride) noexcept = nullptr;

    /// Probabilities as planes that the inputs' form holds: two bytes (low first), or three of seven bits for signed8. Returns bit i: plane i is not all zero.
    std::uint32_t (*probability_planes)(const std::uint16_t* probabilities, std::int64_t count, InputForm form, std::uint8_t* const* planes) noexcept = nullptr;

    /// Reads all of it; what comes back only says that it did.
    std::uint64_t (*read)(const std::uint8_t* bytes, std::int64_t count) noexcept = nullptr;
    /// A loop over registers alone of the best exact products the set has: the speed that no kernel of it can pass. `spin_products` multiply-accumulates a round; null: not known.
    void (*spin)(std::int64_t rounds) noexcept = nullptr;
    std::int64_t spin_products = 0;

    /// Rows of stored bytes, `stride` apart, as a tile's input: unit j of row i becomes unit j·rows + i. A unit is a depth: 2, 4 or 8 bytes.
    void (*interleave)(const std::uint8_t* from, std::int64_t stride, std::int64_t units, int unit, int rows, std::uint8_t* out) noexcept = nullptr;
    /// Σ of `count` stored codes of one row.
    std::int32_t (*stored_sum)(const std::uint8_t* bytes, std::int64_t count, InputForm form) noexcept = nullptr;
    /// Codes of one row as stored bytes (or pairs of them): plane 0 and, of 16-bit codes, plane 1.
    void (*plane8)(Codes16 codes, InputForm form, std::span<std::uint8_t> out) noexcept = nullptr;
    void (*planes16)(Codes16 codes, InputForm form, std::span<std::uint8_t> high, std::span<std::uint8_t> low) noexcept = nullptr;
};

/// What this processor can run, best first; the last is one that any processor of its architecture can run.
[[nodiscard]] std::span<const KernelSet* const> kernel_sets();
/// The scalar reference as a set, without tiles.
[[nodiscard]] const KernelSet& reference_kernels() noexcept;
/// $BITWRIGHT_KERNELS if it is set, else the best. Throws Error (usage) naming what there is when the name is unknown or this processor cannot run it.
[[nodiscard]] const KernelSet& chosen_kernels();
[[nodiscard]] const KernelSet& kernels_named(std::string_view name);

}  // namespace bitwright
