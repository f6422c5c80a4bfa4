// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/method_looks.h"
#include "plots/style.h"
#include "views/desk/theme.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

/// WCAG 2.1 contrast ratio.
double contrast(const QColor& a, const QColor& b)
{
    const auto luminance = [](const QColor& colour) {
        const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
        return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
    };
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Theme, TextIsReadableInEveryPalette)
{
    for (const auto appearance : {Appearance::light, Appearance::dark, Appearance::high_contrast}) {
        const auto palette = palette_of(appearance);
        const auto colour = [&](QPalette::ColorRole role) { return palette.color(QPalette::Active, role); };
        const std::pair<QPalette::ColorRole, QPalette::ColorRole> pairs[] = {
            {QPalette::WindowText, QPalette::Window}, {QPalette::Text, QPalette::Base},          {QPalette::Text, QPalette::AlternateBase},
            {QPalette::ButtonText, QPalette::Button}, {QPalette::PlaceholderText, QPalette::Base}, {QPalette::PlaceholderText, QPalette::Window},
            {QPalette::HighlightedText, QPalette::Highlight}, {QPalette::ToolTipText, QPalette::ToolTipBase}, {QPalette::Link, QPalette::Base}};
        for (const auto& [text, background] : pairs) EXPECT_GE(contrast(colour(text), colour(background)), 4.5) << static_cast<int>(appearance) << " role " << text << " on " << background;
    }
}

TEST(Theme, SignalsAreReadableToo)
{
    for (const auto appearance : {Appearance::light, Appearance::dark, Appearance::high_contrast}) {
        apply_theme(appearance);
        const auto signals_now = signal_colours();
        for (const auto& colour : {signals_now.good, signals_now.warning, signals_now.error, signals_now.stale})
            for (const auto background : {QPalette::Window, QPalette::Base, QPalette::AlternateBase})
                EXPECT_GE(contrast(colour, palette_of(appearance).color(background)), 4.5) << static_cast<int>(appearance) << " " << colour.name().toStdString() << " on " << background;
    }
    apply_theme(Appearance::light);
}

TEST(Theme, AMethodKeepsItsColour)
{
    EXPECT_EQ(category_of(QStringLiteral("rtn")), 0);
    EXPECT_NE(category_of(QStringLiteral("smoothquant-edge")), category_of(QStringLiteral("mobilequant-paper")));
    EXPECT_EQ(category_of(QStringLiteral("something new")), category_of(QStringLiteral("something new")));
    for (const auto appearance : {Appearance::light, Appearance::dark, Appearance::high_contrast}) {
        apply_theme(appearance);
        const auto style = plot_style(plots::Sequence::viridis);
        for (std::size_t i = 0; i < category_colours.size(); ++i) {
            EXPECT_EQ(style.categories[i].rgb() & 0xffffff, appearance == Appearance::light ? category_colours[i].on_light : category_colours[i].on_dark);
            EXPECT_GE(contrast(style.categories[i], style.background), 3.0) << i;  // WCAG 1.4.11: graphical objects
            for (std::size_t j = 0; j < i; ++j) EXPECT_NE(style.categories[i], style.categories[j]);
        }
        EXPECT_EQ(method_colour(QStringLiteral("mobilequant-paper")), style.category(category_of(QStringLiteral("mobilequant-paper"))));
    }
    apply_theme(Appearance::light);
}

}  // namespace
}  // namespace bitwright::views
