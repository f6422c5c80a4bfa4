// SPDX-License-Identifier: GPL-3.0-or-later
// The look: Fusion with three palettes of our own, and the plots' style that goes with each. Contrast of text ≥ 4.5:1 in all of them (tested).
// Threading: UI thread.
#pragma once

#include "plots/style.h"
#include "views/desk/settings.h"

#include <QIcon>
#include <QPalette>
#include <QString>

namespace bitwright::views {

enum class Appearance : std::uint8_t { light, dark, high_contrast };

/// What `choice` means now; system: by the lightness of the platform's window colour at start.
[[nodiscard]] Appearance appearance_of(ThemeChoice choice);
[[nodiscard]] QPalette palette_of(Appearance appearance);
/// Sets style, palette and the few style-sheet rules that palettes cannot say. Plots repaint when their page gets QEvent::PaletteChange.
void apply_theme(Appearance appearance);
/// The appearance last applied.
[[nodiscard]] Appearance current_appearance();
[[nodiscard]] plots::Style plot_style(plots::Sequence sequence);

/// Colours that palettes have no role for.
struct Signals {
    QColor good, warning, error, stale;
};
[[nodiscard]] Signals signal_colours();

/// A method keeps its colour and marker everywhere (core/exchange/method_looks.h): index of plots' categories, and the colour in the palette applied.
[[nodiscard]] int category_of(const QString& method);
[[nodiscard]] QColor method_colour(const QString& method);
/// "MobileQuant (paper)", "by hand": the method's name for people.
[[nodiscard]] QString method_title(const QString& method);

/// resources/icons/NAME.svg in the palette's text colour; follows the palette.
[[nodiscard]] QIcon icon(const QString& name);

}  // namespace bitwright::views
