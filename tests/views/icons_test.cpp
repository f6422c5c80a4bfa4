// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/theme.h"

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QImage>
#include <QPainter>
#include <gtest/gtest.h>

#include <cstdlib>

namespace bitwright::test {
namespace {

const QStringList names =
    QStringLiteral("explore tune optimize devices results compare calibrate model workspace open undo redo pause resume cancel search filter keys pin star tag "
                                         "note archive copy export report history warning error ok phone computer chart close")
        .split(QLatin1Char(' '));

TEST(Icons, OneFamilyThatFollowsThePalette)
{
    for (const auto appearance : {views::Appearance::light, views::Appearance::dark}) {
        views::apply_theme(appearance);
        const QColor wanted = QApplication::palette().color(QPalette::WindowText);
        for (const QString& name : names) {
            QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
            ASSERT_TRUE(file.open(QIODevice::ReadOnly)) << name.toStdString();
            const QByteArray svg = file.readAll();
            EXPECT_TRUE(svg.contains("stroke=\"currentColor\" stroke-width=\"1.5\"") && svg.contains("fill=\"none\"") && svg.contains("viewBox=\"0 0 24 24\"")) << name.toStdString();
            const QImage image = views::icon(name).pixmap(QSize(96, 96)).toImage().convertToFormat(QImage::Format_ARGB32);
            int drawn = 0, strange = 0, edge = 0;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x) {
                    const QColor colour = image.pixelColor(x, y);
                    if (colour.alpha() < 250) continue;
                    ++drawn;
                    strange += std::abs(colour.red() - wanted.red()) + std::abs(colour.green() - wanted.green()) + std::abs(colour.blue() - wanted.blue()) > 6;  // premultiplied
                    edge += x < 2 || y < 2 || x > 93 || y > 93;
                }
            EXPECT_GT(drawn, 96) << name.toStdString();
            EXPECT_EQ(strange, 0) << name.toStdString();
            EXPECT_EQ(edge, 0) << name.toStdString() << " is cut off at its edge";
        }
    }
    EXPECT_TRUE(views::icon(QStringLiteral("no such icon")).isNull());
}

}  // namespace
}  // namespace bitwright::test
