// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/grid.h"

#include "core/runtime/error.h"

namespace bitwright {
namespace {

constexpr float authors_floor = 1e-5f, authors_ceiling = 1e6f;
constexpr float negligible_scale = 1e-30f;

Grid codes_of(const Scheme& scheme)
{
    Grid grid;
    grid.qmin = scheme.symmetric ? -(1 << (scheme.bits - 1)) : 0;
    grid.qmax = scheme.symmetric ? (1 << (scheme.bits - 1)) - 1 : (1 << scheme.bits) - 1;
    return grid;
}

float number(const Numbers& values, std::size_t i, const char* what)
{
    if (!values || values->empty()) throw bad_input("range", what, "is missing; calibrate, or set min and max");
    if (values->size() == 1) return values->front();
    if (i >= values->size())
        throw bad_input("range", what, "has " + std::to_string(values->size()) + " numbers but slice " + std::to_string(i) + " was asked for");
    return (*values)[i];
}

}  // namespace

Grid grid_of(float min, float max, const Scheme& scheme, Semantics semantics)
{
    Grid grid = codes_of(scheme);
    if (semantics == Semantics::bitwright) {
        min = std::min(min, 0.0f);
        max = std::max(max, 0.0f);
    }
    const float span = scheme.symmetric ? std::max(std::fabs(min), std::fabs(max)) : max - min;
    grid.scale = span / static_cast<float>(grid.qmax);
    if (semantics == Semantics::authors) {
        grid.scale = std::clamp(grid.scale, authors_floor, authors_ceiling);
        grid.offset = scheme.symmetric ? 0.0f : -round_half_even(min / grid.scale);
    } else {
        if (!(grid.scale >= negligible_scale)) grid.scale = authors_floor;
        grid.offset = scheme.symmetric ? 0.0f : std::clamp(-round_half_even(min / grid.scale), 0.0f, static_cast<float>(grid.qmax));
    }
    grid.offset += 0.0f;  // −round(0) is −0
    return grid;
}

Grid grid_of(const Range& range, std::size_t i, const Scheme& scheme, Semantics semantics)
{
    if (!range.scale) return grid_of(number(range.min, i, "min"), number(range.max, i, "max"), scheme, semantics);
    Grid grid = codes_of(scheme);
    grid.scale = number(range.scale, i, "scale");
    grid.offset = range.offset ? number(range.offset, i, "offset") : 0.0f;
    return grid;
}

void range_of(const Grid& grid, bool symmetric, float& min, float& max) noexcept
{
    const float scale = std::clamp(grid.scale, authors_floor, authors_ceiling);
    max = static_cast<float>(grid.qmax) * scale - grid.offset * scale;
    min = symmetric ? -max : -grid.offset * scale;
}

}  // namespace bitwright
