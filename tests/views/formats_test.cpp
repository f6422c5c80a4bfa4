// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/formats.h"

#include <QLocale>
#include <cmath>
#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

std::string text(const QString& string) { return string.toStdString(); }

TEST(Formats, ThreeDigitsThinSpacesAndWords)
{
    EXPECT_EQ(text(number(61.234)), "61.2");
    EXPECT_EQ(text(number(0.012345)), "0.0123");
    EXPECT_EQ(text(number(-1234.5)), "\u22121\u20092" "35");
    EXPECT_EQ(text(number(12345678.0)), "1.23e+07");
    EXPECT_EQ(text(number(0)), "0");
    EXPECT_EQ(text(number(INFINITY)), "∞");
    EXPECT_EQ(text(count(16384)), "16\u2009384");
    EXPECT_EQ(text(count(999)), "999");
    EXPECT_EQ(text(percent(0.01234)), "1.23\u2009%");
    EXPECT_EQ(text(bytes(2200000000ULL)), "2.20\u2009GB");
    EXPECT_EQ(text(bytes(999)), "999\u2009B");
    EXPECT_EQ(text(duration(3.04)), "3.0 s");
    EXPECT_EQ(text(duration(200)), "3 min");
    EXPECT_EQ(text(duration(7800)), "2 h 10 min");
}

TEST(Formats, WhatWasNotMeasuredIsADashAndNeverZero)
{
    EXPECT_EQ(number(std::optional<double>()), not_measured);
    EXPECT_EQ(percent(std::optional<double>()), not_measured);
    EXPECT_EQ(text(number(std::optional<double>(0.5))), "0.500");
}

TEST(Formats, FollowTheLocaleOnScreen)
{
    const QLocale before;
    QLocale::setDefault(QLocale(QLocale::German, QLocale::Germany));
    EXPECT_EQ(text(number(1234.5, 5)), "1\u2009234,5");
    QLocale::setDefault(before);
}

TEST(Formats, WhatIsShownCanBeTypedAgain)
{
    for (const double value : {-1603.0, 0.000256, 61.2, -0.994, 1234567.0, -1.5e9}) {
        const auto typed = typed_number(number(value, 7));
        ASSERT_TRUE(typed) << value;
        EXPECT_NEAR(*typed, value, std::fabs(value) * 1e-6);
    }
    EXPECT_EQ(typed_number(QStringLiteral(" 12 ")), 12);
    EXPECT_FALSE(typed_number(QStringLiteral("twelve")));
    EXPECT_FALSE(typed_number({}));
}

}  // namespace
}  // namespace bitwright::views
