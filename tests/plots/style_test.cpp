// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/style.h"

#include <cmath>
#include <gtest/gtest.h>

namespace bitwright::plots {
namespace {

/// WCAG 2.1 relative luminance.
double luminance(const QColor& colour)
{
    const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
}
double contrast(const QColor& a, const QColor& b)
{
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Style, SequencesGrowLighterAllTheWay)
{
    for (const auto sequence : {Sequence::viridis, Sequence::cividis, Sequence::magma, Sequence::grey}) {
        const auto& colours = colours_of(sequence);
        for (std::size_t i = 8; i < colours.size(); i += 8) EXPECT_GT(luminance(QColor(colours[i])), luminance(QColor(colours[i - 8]))) << static_cast<int>(sequence) << " at " << i;
    }
}

TEST(Style, CategoriesStandOutFromTheirBackground)
{
    for (int i = 0; i < 8; ++i) {
        EXPECT_GE(contrast(category_colour(i, false), Qt::white), 3.0) << i;  // WCAG 1.4.11: graphical objects
        EXPECT_GE(contrast(category_colour(i, true), QColor(0x1e, 0x1f, 0x22)), 3.0) << i;
        for (int j = 0; j < i; ++j) {
            EXPECT_NE(category_colour(i, false), category_colour(j, false));
            EXPECT_NE(category_marker(i), category_marker(j));
        }
    }
    EXPECT_EQ(category_colour(9, true), category_colour(1, true));
}

}  // namespace
}  // namespace bitwright::plots
