// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform grid and fake quantization of scalars: the one definition that the torch kernels, the previews and the exporter are held against
// (mobilequant §1.5, integer semantics §2). No LibTorch.
#pragma once

#include "core/recipe/scheme.h"

#include <cstdint>
#include <span>

namespace bitwright {

/// real = (code − offset)·scale; codes qmin … qmax. offset may be fractional where it was learned.
struct Grid {
    float scale = 1, offset = 0;
    std::int32_t qmin = 0, qmax = 255;
};

/// Grid of a range under a scheme. `authors`: floor 1e-5, no widening to 0, offset −round(min/scale) half to even, asymmetric codes 0…2^b−1.
/// `bitwright`: range widened to contain 0 first; the offset is then a valid code.
[[nodiscard]] Grid grid_of(float min, float max, const Scheme& scheme, Semantics semantics);
/// Grid of slice `i` of a Range (learned scale and offset win).
[[nodiscard]] Grid grid_of(const Range& range, std::size_t i, const Scheme& scheme, Semantics semantics);

/// clamp(round(x/s) + o, qmin, qmax), round half to even, in float arithmetic exactly as the formula reads.
[[nodiscard]] float code_of(float x, const Grid& grid) noexcept;
[[nodiscard]] float fake_quantize(float x, const Grid& grid) noexcept;
/// min and max that reproduce a scale and offset (mobilequant §1.5 "params → range").
void range_of(const Grid& grid, bool symmetric, float& min, float& max) noexcept;

}  // namespace bitwright
