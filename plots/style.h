// SPDX-License-Identifier: GPL-3.0-or-later
// What plots look like, handed in by whoever knows the theme. Plain values; every plot takes a Style and repaints.
// Colours: sequences are perceptually ordered (viridis, cividis, magma, grey), differences blue–white–red, categories Okabe–Ito (Okabe, Ito 2008).
// Threading: values and pure functions.
#pragma once

#include <QColor>
#include <QFont>
#include <QRgb>

#include <array>
#include <cstdint>

namespace bitwright::plots {

enum class Sequence : std::uint8_t { viridis, cividis, magma, grey, difference };
enum class Marker : std::uint8_t { disc, square, triangle, diamond, cross, plus, star, triangle_down };

struct Style {
    QColor background, text, muted_text, grid, accent, selection;
    QColor unmeasured;              ///< hatching of what was not measured
    QFont font, caption_font;
    Sequence sequence = Sequence::viridis;
    bool dark = false;
};

/// What plots show before anybody handed in a theme: our light and dark palette in the application's font.
[[nodiscard]] Style default_style(bool dark);

/// 256 colours, low to high.
[[nodiscard]] const std::array<QRgb, 256>& colours_of(Sequence sequence);

/// Okabe–Ito category `index` (modulo eight), in the variant legible on the style's background, and the marker that goes with it.
[[nodiscard]] QColor category_colour(int index, bool dark);
[[nodiscard]] Marker category_marker(int index) noexcept;

}  // namespace bitwright::plots
