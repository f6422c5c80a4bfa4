// SPDX-License-Identifier: GPL-3.0-or-later
// What the user chose about the program itself, one typed value. What belongs to a workspace (selection, zoom, filters, head of the recipe) lies in the
// workspace. app reads and writes it.
// Threading: UI thread.
#pragma once

#include "plots/style.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <cstdint>

namespace bitwright::views {

enum class ThemeChoice : std::uint8_t { system, light, dark, high_contrast };

struct Settings {
    ThemeChoice theme = ThemeChoice::system;
    plots::Sequence sequence = plots::Sequence::viridis;
    QStringList recent;          ///< workspaces, newest first, at most 12
    QByteArray geometry, docks;  ///< of the main window
    int lock_wait_seconds = 20;  ///< for a workspace that another program keeps locked
    QString adb;                 ///< its path; "": $ADB, else the first in $PATH
    int adb_port = 0;            ///< of its server; 0: $ANDROID_ADB_SERVER_PORT, else 5037
    int threads = 0;             ///< of LibTorch and the integer engine; 0: all processors
    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace bitwright::views
