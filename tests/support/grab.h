// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of what a test shows, for people to look at: written to the folder BITWRIGHT_GRABS names, in every appearance, and not at all when it names none.
// Threading: UI thread.
#pragma once

#include "views/desk/theme.h"

#include <QCoreApplication>
#include <QDir>
#include <QPixmap>
#include <QWidget>

#include <initializer_list>
#include <utility>

namespace bitwright::test {

inline void grab(QWidget& widget, const char* name, std::initializer_list<QSize> sizes = {{700, 640}, {1000, 700}})
{
    const QString folder = qEnvironmentVariable("BITWRIGHT_GRABS");
    if (folder.isEmpty()) return;
    QDir().mkpath(folder);
    const std::pair<views::Appearance, const char*> appearances[] = {{views::Appearance::high_contrast, "contrast"}, {views::Appearance::dark, "dark"}, {views::Appearance::light, "light"}};
    for (const auto& [appearance, word] : appearances) {
        views::apply_theme(appearance);
        for (const auto& size : sizes) {
            widget.resize(size);
            for (int i = 0; i < 5; ++i) QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            widget.grab().save(QStringLiteral("%1/%2_%3_%4.png").arg(folder, QLatin1String(name), QLatin1String(word)).arg(size.width()));
        }
    }
}

}  // namespace bitwright::test
