// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform grid and fake quantization of scalars: the one definition that the torch kernels, the previews and the exporter are held against
// (mobilequant §1.5, integer semantics §2). No LibTorch.
// Threading: pure functions.
#pragma once

#include "core/recipe/scheme.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bitwright {

/// real = (code − offset)·scale; codes qmin … qmax. offset may be fractional where it was learned.
struct Grid {
    float scale = 1, offset = 0;
    std::int32_t qmin = 0, qmax = 255;
};

/// Grid of a range under a scheme; all arithmetic in float, in the order the formula reads.
/// `authors`: floor 1e-5, no widening to 0, offset −round(min/scale) half to even, asymmetric codes 0…2^b−1.
/// `bitwright`: range widened to contain 0 first, the offset is then a valid code; no floor, but a range too narrow to divide by (scale < 1e-30) gets scale
/// 1e-5.
[[nodiscard]] Grid grid_of(float min, float max, const Scheme& scheme, Semantics semantics);
/// Grid of slice `i` of a Range (learned scale and offset win). A vector of one number serves every slice. Throws Error (bad_input) when the range is empty or
/// too short.
[[nodiscard]] Grid grid_of(const Range& range, std::size_t i, const Scheme& scheme, Semantics semantics);

/// Nearest integer, halves to even (the rounding mode is to nearest): branch-free, so that loops over weights vectorize.
[[nodiscard]] inline float round_half_even(float x) noexcept
{
    const float big = std::copysign(0x1p23f, x);  // from here on every float is an integer
    const float rounded = (x + big) - big;
    return std::fabs(x) < 0x1p23f ? rounded : x;
}

/// clamp(round(x/s) + o, qmin, qmax), round half to even, in float arithmetic exactly as the formula reads.
[[nodiscard]] inline float code_of(float x, const Grid& grid) noexcept
{
    return std::min(std::max(round_half_even(x / grid.scale) + grid.offset, static_cast<float>(grid.qmin)), static_cast<float>(grid.qmax));
}
[[nodiscard]] inline float fake_quantize(float x, const Grid& grid) noexcept { return (code_of(x, grid) - grid.offset) * grid.scale; }

/// min and max that reproduce a scale and offset (mobilequant §1.5 "params → range").
void range_of(const Grid& grid, bool symmetric, float& min, float& max) noexcept;

}  // namespace bitwright
