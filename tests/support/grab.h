// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of what a test shows, for people to look at: written to the folder BITWRIGHT_GRABS names, light and dark, and not at all when it names none.
// Threading: UI thread.
#pragma once

#include "views/desk/theme.h"

#include <QCoreApplication>
#include <QDir>
#include <QPixmap>
#include <QWidget>

#include <initializer_list>

namespace bitwright::test {

inline void grab(QWidget& widget, const char* name, std::initializer_list<QSize> sizes = {{700, 640}, {1000, 700}})
{
    const QString folder = qEnvironmentVariable("BITWRIGHT_GRABS");
    if (folder.isEmpty()) return;
    QDir().mkpath(folder);
    for (const auto appearance : {views::Appearance::dark, views::Appearance::light}) {
        views::apply_theme(appearance);
        for (const auto& size : sizes) {
            widget.resize(size);
            for (int i = 0; i < 5; ++i) QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            widget.grab().save(QStringLiteral("%1/%2_%3_%4.png").arg(folder, QLatin1String(name), appearance == views::Appearance::dark ? QStringLiteral("dark") : QStringLiteral("light")).arg(size.width()));
        }
    }
}

}  // namespace bitwright::test
