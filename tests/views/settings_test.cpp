// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/settings/settings_sheet.h"
#include "device_bridge/adb/adb_settings.h"
#include "tests/support/test_desk.h"

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QSpinBox>
#include <QTest>

#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

class SettingsTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        sheet = new SettingsSheet(desk.desk, &desk.window);
        QObject::connect(&desk.desk, &Desk::settings_changed, [this] { ++changes; });
        desk.actions.find(QStringLiteral("desk.settings"))->trigger();
        ASSERT_TRUE(sheet->isVisible());
    }
    void TearDown() override { choose_adb({}, 0); }
    template <typename Widget>
    [[nodiscard]] Widget* named(const char* name) const
    {
        for (auto* widget : sheet->findChildren<Widget*>())
            if (widget->accessibleName() == QLatin1String(name)) return widget;
        return nullptr;
    }
    test::TestDesk desk;
    SettingsSheet* sheet = nullptr;
    int changes = 0;
};

TEST_F(SettingsTest, AChoiceHoldsAtOnce)
{
    named<QComboBox>("Appearance")->setCurrentIndex(2);
    EXPECT_EQ(desk.settings.theme, ThemeChoice::dark);
    named<QComboBox>("Colours of maps")->setCurrentIndex(1);
    EXPECT_EQ(desk.settings.sequence, plots::Sequence::cividis);
    named<QSpinBox>("Threads")->setValue(3);
    EXPECT_EQ(desk.settings.threads, 3);
    EXPECT_EQ(changes, 3);
}

TEST_F(SettingsTest, AnAdbThatCannotBeRunIsSaidAndChangesNothing)
{
    auto* adb = named<QLineEdit>("Path of adb");
    QTest::keyClicks(adb, QStringLiteral("/nowhere/adb"));
    QTest::keyClick(adb, Qt::Key_Return);
    EXPECT_EQ(desk.settings.adb, QString());
    EXPECT_EQ(changes, 0);
    const auto* problem = named<QLabel>("What is wrong");
    EXPECT_TRUE(problem->isVisible());
    EXPECT_TRUE(problem->text().startsWith(QLatin1String("/nowhere/adb: is no program that can be run"))) << problem->text().toStdString();
    adb->clear();
    QTest::keyClicks(adb, QStringLiteral("/bin/sh"));
    QTest::keyClick(adb, Qt::Key_Return);
    EXPECT_EQ(desk.settings.adb, QStringLiteral("/bin/sh"));
    EXPECT_FALSE(problem->isVisible());
    EXPECT_EQ(adb_settings_from_environment().executable, "/bin/sh");
    auto* port = named<QSpinBox>("Port of the adb server");
    port->setValue(5999);
    QTest::keyClick(port, Qt::Key_Return);
    EXPECT_EQ(adb_settings_from_environment().port, 5999);
    EXPECT_EQ(desk.settings.adb_port, 5999);
}

}  // namespace
}  // namespace bitwright::views
