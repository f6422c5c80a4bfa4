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
TEST(Style, SequencesGrowLighterAllTheWay)
{
    for (const auto sequence : {Sequence::viridis, Sequence::cividis, Sequence::magma, Sequence::grey}) {
        const auto& colours = colours_of(sequence);
        for (std::size_t i = 8; i < colours.size(); i += 8) EXPECT_GT(luminance(QColor(colours[i])), luminance(QColor(colours[i - 8]))) << static_cast<int>(sequence) << " at " << i;
    }
}

TEST(Style, EveryCategoryHasAMarkerOfItsOwn)
{
    for (int i = 0; i < 8; ++i)
        for (int j = 0; j < i; ++j) EXPECT_NE(category_marker(i), category_marker(j));
    Style style = default_style(true);
    style.categories[1] = Qt::red;
    EXPECT_EQ(style.category(9), QColor(Qt::red));
    EXPECT_EQ(style.category(-7), QColor(Qt::red));
}

}  // namespace
}  // namespace bitwright::plots
