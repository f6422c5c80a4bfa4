// SPDX-License-Identifier: GPL-3.0-or-later
// Tests with widgets: GoogleTest inside a QApplication, English numbers, no settings of the user's.
#include <QApplication>
#include <QLocale>
#include <QStandardPaths>
#include <gtest/gtest.h>

int main(int argc, char** argv)
{
    ::testing::InitGoogleTest(&argc, argv);
    QStandardPaths::setTestModeEnabled(true);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    const QApplication application(argc, argv);
    return RUN_ALL_TESTS();
}
