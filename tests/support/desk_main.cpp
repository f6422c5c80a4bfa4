// SPDX-License-Identifier: GPL-3.0-or-later
// Tests with widgets: GoogleTest inside a QApplication, English numbers, no settings and no phones of the user's.
#include <QApplication>
#include <QLocale>
#include <QStandardPaths>
#include <gtest/gtest.h>

int main(int argc, char** argv)
{
    ::testing::InitGoogleTest(&argc, argv);
    QStandardPaths::setTestModeEnabled(true);
    qputenv("ADB", "/nowhere/adb");               // no adb server of the user's: tests that need one bring their own
    qputenv("ANDROID_ADB_SERVER_PORT", "1");
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    const QApplication application(argc, argv);
    return RUN_ALL_TESTS();
}
