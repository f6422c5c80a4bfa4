// SPDX-License-Identifier: GPL-3.0-or-later
// The live list of phones, on an event loop, with genuine adb.
#include "device_bridge/adb/device_list.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/wireless.h"
#include "tests/device_bridge/adb/adb_lab.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <QCoreApplication>

#include <algorithm>
#include <functional>
#include <set>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Runs the event loop until `true_now`, at most 8 s.
bool comes_true(const std::function<bool()>& true_now)
{
    for (const auto end = steady_clock::now() + milliseconds(8000); steady_clock::now() < end; std::this_thread::sleep_for(milliseconds(5))) {
        QCoreApplication::processEvents();
        if (true_now()) return true;
    }
    return false;
}

class DeviceLists : public ::testing::Test {
protected:
    void SetUp() override { BITWRIGHT_NEEDS_DEMO_PHONE(); }
    test::AdbLab lab{"adb_list"};
};

TEST_F(DeviceLists, PhonesComeAndGoLiveAndAreNeverOfflineInPassing)
{
    DeviceList list(lab.settings());  // starts the server
    std::set<ConnectionState> seen;
    QObject::connect(&list, &DeviceList::changed, &list, [&] {
        for (const auto& phone : list.phones()) seen.insert(phone.state);
    });
    ASSERT_TRUE(comes_true([&] { return running_adb_server(lab.settings(), lab.control).has_value(); }));
    // Two phones of one model: two serials.
    const test::LabPhone one(lab, R"({"phone":{"model":"Same Model"}})");
    test::LabPhone two(lab, R"({"phone":{"model":"Same Model"}})");
    ASSERT_TRUE(comes_true([&] { return list.phones().size() == 2; }));
    EXPECT_TRUE(list.problem().isEmpty());
    EXPECT_EQ(list.phones()[0].model, "Same_Model");
    EXPECT_EQ(list.phones()[1].model, "Same_Model");
    EXPECT_NE(list.phones()[0].serial, list.phones()[1].serial);
    EXPECT_NE(list.phones()[0].transport_id, list.phones()[1].transport_id);
    EXPECT_EQ(seen, std::set{ConnectionState::device});
    disconnect_phone(lab.settings(), two.serial(), lab.control);
    ASSERT_TRUE(comes_true([&] { return list.phones().size() == 1; }));
    EXPECT_EQ(list.phones()[0].serial, one.serial());
}

TEST_F(DeviceLists, OfflineIsShownWhenItLasts)
{
    DeviceList list(lab.settings());
    test::LabPhone phone(lab, "{}");
    ASSERT_TRUE(comes_true([&] { return list.phones().size() == 1; }));
    phone.end();  // adb keeps it as offline while it tries to reach it again, and tells nobody
    EXPECT_TRUE(comes_true([&] { return list.phones().empty() || list.phones()[0].state == ConnectionState::offline; }));
}

TEST_F(DeviceLists, APhoneThatWaitsForItsDialogSaysSoAndThenIsReady)
{
    DeviceList list(lab.settings());
    const test::LabPhone phone(lab, R"({"faults":{"authorize":"later","authorize_after_s":4}})", false);
    ASSERT_TRUE(comes_true([&] { return list.phones().size() == 1 && list.phones()[0].state == ConnectionState::unauthorized; }));
    EXPECT_NE(advice(list.phones()[0].state).find("accept the dialog"), std::string_view::npos);
    EXPECT_TRUE(comes_true([&] { return list.phones().size() == 1 && list.phones()[0].state == ConnectionState::device; }));
}

TEST_F(DeviceLists, ARestartedServerIsFoundAgain)
{
    DeviceList list(lab.settings());
    const test::LabPhone phone(lab, "{}");
    ASSERT_TRUE(comes_true([&] { return list.phones().size() == 1; }));
    lab.end_server();
    ensure_adb_server(lab.settings(), lab.control);  // somebody else starts another
    (void)connect_phone(lab.settings(), phone.serial(), lab.control);
    std::uint64_t id = list.phones().empty() ? 0 : list.phones()[0].transport_id;
    EXPECT_TRUE(comes_true([&] { return list.phones().size() == 1 && list.problem().isEmpty(); })) << id;

    lab.end_server();  // nobody does: the list does after 3 s
    ASSERT_TRUE(comes_true([&] { return list.phones().empty(); }));
    EXPECT_TRUE(comes_true([&] { return running_adb_server(lab.settings(), lab.control).has_value(); }));
    (void)connect_phone(lab.settings(), phone.serial(), lab.control);
    EXPECT_TRUE(comes_true([&] { return list.phones().size() == 1; }));
}

TEST_F(DeviceLists, AProblemIsASentenceAndPasses)
{
    auto settings = lab.settings();
    settings.executable = "/nowhere/adb";
    DeviceList list(settings);
    ASSERT_TRUE(comes_true([&] { return !list.problem().isEmpty(); }));
    EXPECT_TRUE(list.problem().contains(QStringLiteral("/nowhere/adb")));
    ensure_adb_server(lab.settings(), lab.control);  // the user starts it
    EXPECT_TRUE(comes_true([&] { return list.problem().isEmpty(); }));
}

TEST_F(DeviceLists, EndsAtOnce)
{
    std::atomic<bool> over = false;
    const test::PortHolder silent([&over](int) {
        while (!over) std::this_thread::sleep_for(milliseconds(10));
    });
    auto settings = lab.settings();
    settings.port = silent.port();
    steady_clock::time_point begin;
    {
        DeviceList list(settings);
        std::this_thread::sleep_for(milliseconds(200));
        begin = steady_clock::now();
    }
    EXPECT_LT(steady_clock::now() - begin, milliseconds(1500));
    over = true;
}

}  // namespace
}  // namespace bitwright
