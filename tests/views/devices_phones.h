// SPDX-License-Identifier: GPL-3.0-or-later
// The Devices page with phones: a genuine adb server of the test's own, the Demo phone, and jobs that really run.
// Threading: UI thread.
#pragma once

#include "app/desk/command_queue.h"
#include "tests/support/demo_phone.h"
#include "tests/views/measured_workspace.h"
#include "views/devices/device_card.h"
#include "views/devices/devices_page.h"

#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

#include <cstdlib>
#include <memory>
#include <optional>

namespace bitwright::views {

/// A genuine adb server of the test's own, and a desk whose jobs really run.
class DevicesPhones : public ::testing::Test {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_ADB();
        adb.emplace();
        for (const auto& variable : adb->environment()) {
            const auto equals = variable.find('=');
            ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
        }
        ::unsetenv("ADB");
        folder = std::make_unique<QTemporaryDir>();
        const auto path = folder->filePath(QStringLiteral("w.bitwright"));
        measured = std::make_unique<test::MeasuredWorkspace>(path.toStdString());
        QObject::connect(&jobs, &JobQueue::finished, &desk, [this] { desk.refresh(); });
        bool opened = false;
        QObject::connect(&desk, &Desk::results_changed, &window, [&] { opened = true; }, Qt::SingleShotConnection);
        desk.open_workspace(path);
        ASSERT_TRUE(test::wait_until([&] { return opened; }));
        page = new DevicesPage(desk, &window);
        window.resize(1000, 760);
        page->resize(1000, 760);
        EXPECT_NE(adb->run({"get-state"}).code, 0);
        window.show();
    }
    void TearDown() override
    {
        delete page;
        compute.reset();
    }
    [[nodiscard]] DeviceCard* card(const QString& name) const
    {
        for (auto* found : page->findChildren<DeviceCard*>())
            if (found->device().name == name && !found->isHidden()) return found;
        return nullptr;
    }
    [[nodiscard]] QPushButton* button(const char* text) const
    {
        for (auto* found : page->findChildren<QPushButton*>())
            if (found->text().remove(QLatin1Char('&')) == QString::fromUtf8(text) && !found->isHidden()) return found;
        return nullptr;
    }
    [[nodiscard]] QString words() const
    {
        QString all;
        for (const auto* label : page->findChildren<QLabel*>())
            if (label->isVisible()) all += label->text() + QLatin1Char('\n');
        return all;
    }
    void set(const char* accessible_name, int value) const
    {
        for (auto* box : page->findChildren<QSpinBox*>())
            if (box->accessibleName() == QLatin1String(accessible_name)) box->setValue(value);
    }
    bool start_demo()
    {
        QTest::mouseClick(button("Start"), Qt::LeftButton);
        return test::wait_until([&] { return card(QStringLiteral("Demo phone")) && card(QStringLiteral("Demo phone"))->device().ready; }, 60000);
    }

    std::optional<test::PrivateAdb> adb;
    std::unique_ptr<QTemporaryDir> folder;
    QWidget window;
    WorkerLane interactive{"interactive"}, store{"store", true};
    std::unique_ptr<WorkerLane> compute = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue jobs{*compute};
    Actions actions{&window};
    Settings settings;
    Desk desk{Lanes{interactive, store, *compute}, jobs, actions, settings};
    std::unique_ptr<test::MeasuredWorkspace> measured;
    DevicesPage* page = nullptr;
};

}  // namespace bitwright::views
