// SPDX-License-Identifier: GPL-3.0-or-later
// A method keeps its colour and its marker everywhere, on the desk and in the report. Colours are Okabe–Ito's (M. Okabe, K. Ito 2008): yellow is darkened on a
// light background, black becomes a light grey on a dark one, blue and vermillion are lightened there, so that each holds 3:1 (WCAG 2.1, 1.4.11). The marker
// beside it has a shape of its own, for whom colours look alike.
// Threading: constants and a pure function.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bitwright {

/// 0xRRGGBB. The marker of category i is shape i of: disc, square, triangle, diamond, cross, plus, star, triangle pointing down.
struct CategoryColour {
    std::uint32_t on_light, on_dark;
};
inline constexpr std::array<CategoryColour, 8> category_colours{{{0x0072b2, 0x4aa8e0},
                                                                 {0xb87a00, 0xe69f00},
                                                                 {0x00805d, 0x1fbf91},
                                                                 {0xa85a88, 0xe09cc0},
                                                                 {0x2b86bd, 0x8fd0f5},
                                                                 {0xc04f00, 0xff7f3a},
                                                                 {0x8a8000, 0xf0e442},
                                                                 {0x222222, 0xd8d8d8}}};

/// Index into category_colours: float 7, rtn 0, smoothquant-static 4, smoothquant-edge 1, mobilequant-paper 2, mobilequant 5, gptq 6, by hand 3; others by their name.
[[nodiscard]] int category_of(std::string_view method) noexcept;

}  // namespace bitwright
