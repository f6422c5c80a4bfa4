// SPDX-License-Identifier: GPL-3.0-or-later
// What plots look like, handed in by whoever knows the theme. Plain values; every plot takes a Style and repaints.
// Colours: sequences are perceptually ordered (viridis, cividis, magma, grey), differences blue–white–red.
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
    std::array<QColor, 8> categories;  ///< whoever knows the theme hands them in; before that the text's colour, and markers tell them apart

    [[nodiscard]] QColor category(int index) const { return categories[static_cast<std::size_t>(((index % 8) + 8) % 8)]; }
};

/// What plots show before anybody handed in a theme: our light and dark palette in the application's font.
[[nodiscard]] Style default_style(bool dark);

/// 256 colours, low to high.
[[nodiscard]] const std::array<QRgb, 256>& colours_of(Sequence sequence);

/// The marker that goes with category `index` (modulo eight).
[[nodiscard]] Marker category_marker(int index) noexcept;

}  // namespace bitwright::plots
