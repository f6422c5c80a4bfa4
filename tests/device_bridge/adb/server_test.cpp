// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/adb_server.h"

#include "device_bridge/adb/host_socket.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/device_bridge/adb/faults.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::fault_of;

std::filesystem::path script(const std::filesystem::path& path, const std::string& text)
{
    std::ofstream(path) << "#!/bin/sh\n" << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST(AdbServer, IsStartedOnceAndThenFound)
{
    BITWRIGHT_NEEDS_ADB();
    test::AdbLab lab("adb_started");
    EXPECT_FALSE(running_adb_server(lab.settings(), lab.control));
    ensure_adb_server(lab.settings(), lab.control);
    EXPECT_EQ(running_adb_server(lab.settings(), lab.control), adb_server_version);
    EXPECT_TRUE(std::filesystem::exists(lab.folder() / "home/.android"));  // its home, not the user's

    lab.settings().executable = "/nowhere/adb";  // a server that runs needs no executable
    ensure_adb_server(lab.settings(), lab.control);
    const auto features = adb_features(lab.settings(), lab.control);
    EXPECT_NE(std::ranges::find(features, "shell_v2"), features.end());
}

TEST(AdbServer, AMissingAdbSaysWhatToInstall)
{
    test::AdbLab lab("adb_missing");
    lab.settings().executable = "/nowhere/adb";
    auto [fault, sentence] = fault_of([&] { ensure_adb_server(lab.settings(), lab.control); });
    EXPECT_EQ(fault, AdbFault::no_adb);
    EXPECT_NE(sentence.find("/nowhere/adb"), std::string::npos);
    EXPECT_NE(sentence.find("settings"), std::string::npos);

    const std::string path = std::getenv("PATH");
    ::setenv("PATH", lab.folder().c_str(), 1);
    std::tie(fault, sentence) = fault_of([] { (void)find_adb({}); });
    ::setenv("ADB", "/nowhere/else", 1);
    const auto [fault_of_variable, sentence_of_variable] = fault_of([] { (void)find_adb({}); });
    ::unsetenv("ADB");
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_EQ(fault, AdbFault::no_adb);
    EXPECT_NE(sentence.find("apt install adb"), std::string::npos);
    EXPECT_NE(sentence_of_variable.find("$ADB"), std::string::npos);
}

TEST(AdbServer, AnAdbThatDoesNotStartIsQuoted)
{
    test::AdbLab lab("adb_broken");
    lab.settings().executable = script(lab.folder() / "adb", "echo 'library missing' >&2; exit 3\n");
    const auto [fault, sentence] = fault_of([&] { ensure_adb_server(lab.settings(), lab.control); });
    EXPECT_EQ(fault, AdbFault::no_adb);
    EXPECT_NE(sentence.find("library missing"), std::string::npos);

    lab.settings().executable = script(lab.folder() / "silent", "exit 0\n");
    EXPECT_NE(fault_of([&] { ensure_adb_server(lab.settings(), lab.control); }).second.find("nothing listens"), std::string::npos);
}

TEST(AdbServer, StartingCanBeCancelled)
{
    test::AdbLab lab("adb_hangs");
    lab.settings().executable = script(lab.folder() / "adb", "exec sleep 60\n");
    std::thread canceller([&] {
        std::this_thread::sleep_for(milliseconds(200));
        lab.control.request_cancel();
    });
    const auto begin = steady_clock::now();
    EXPECT_THROW(ensure_adb_server(lab.settings(), lab.control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(4000));
    canceller.join();
}

TEST(AdbServer, AnotherProgramOnThePortIsNotAdb)
{
    test::AdbLab lab("adb_foreign");
    const test::PortHolder web([](int client) {
        const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
        (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    lab.settings().port = web.port();
    auto [fault, sentence] = fault_of([&] { ensure_adb_server(lab.settings(), lab.control); });
    EXPECT_EQ(fault, AdbFault::foreign_server);
    EXPECT_NE(sentence.find("port " + std::to_string(web.port()) + " is held by a program that is not adb"), std::string::npos) << sentence;

    std::atomic<bool> over = false;
    {
        const test::PortHolder silent([&over](int) {
            while (!over) std::this_thread::sleep_for(milliseconds(10));
        });
        lab.settings().port = silent.port();
        lab.settings().connect_timeout = milliseconds(300);
        const auto begin = steady_clock::now();
        std::tie(fault, sentence) = fault_of([&] { ensure_adb_server(lab.settings(), lab.control); });
        over = true;
        EXPECT_LT(steady_clock::now() - begin, milliseconds(4000));
        EXPECT_EQ(fault, AdbFault::foreign_server);
        EXPECT_NE(sentence.find("accepts and then says nothing"), std::string::npos) << sentence;
    }
    lab.settings().port = test::free_port();  // nothing of ours to end there
}

TEST(AdbServer, AnOlderGenerationIsLeftAlone)
{
    test::AdbLab lab("adb_older");
    const test::PortHolder old([](int client) {
        const std::string answer = "OKAY00040028";
        (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    lab.settings().port = old.port();
    const auto [fault, sentence] = fault_of([&] { ensure_adb_server(lab.settings(), lab.control); });
    EXPECT_EQ(fault, AdbFault::old_server);
    EXPECT_NE(sentence.find("1.0.40"), std::string::npos) << sentence;
    lab.settings().port = test::free_port();
}

TEST(AdbServer, APhoneThatIsNotThereIsNamed)
{
    BITWRIGHT_NEEDS_ADB();
    test::AdbLab lab("adb_no_phone");
    ensure_adb_server(lab.settings(), lab.control);
    const AdbTarget target{lab.settings(), "R5CT90:1/2.x"};
    const auto [fault, sentence] = fault_of([&] { (void)open_service(target, "shell,v2,raw:id", lab.control); });
    EXPECT_EQ(fault, AdbFault::no_device);
    EXPECT_NE(sentence.find("R5CT90:1/2.x: the phone is not connected"), std::string::npos) << sentence;
    EXPECT_EQ(fault_of([&] { (void)phone_features(target, lab.control); }).first, AdbFault::no_device);
    EXPECT_EQ(fault_of([&] { (void)ask_server(lab.settings(), "host:nonsense", lab.control); }).first, AdbFault::unsupported);
}

TEST(AdbServer, ASilentServerIsGivenUpAndACancelIsHeardAtOnce)
{
    std::atomic<bool> over = false;
    const test::PortHolder silent([&over](int) {
        while (!over) std::this_thread::sleep_for(milliseconds(10));
    });
    AdbSettings settings;
    settings.port = silent.port();
    settings.silence = milliseconds(200);
    Control control;
    EXPECT_EQ(fault_of([&] { (void)ask_server(settings, "host:devices", control); }).first, AdbFault::no_answer);
    settings.silence = milliseconds(30000);
    std::thread canceller([&] {
        std::this_thread::sleep_for(milliseconds(100));
        control.request_cancel();
    });
    const auto begin = steady_clock::now();
    EXPECT_THROW((void)ask_server(settings, "host:devices", control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(4000));
    canceller.join();
    over = true;
}

TEST(AdbServer, ThePortComesFromAdbsOwnVariable)
{
    ::setenv("ANDROID_ADB_SERVER_PORT", "15037", 1);
    EXPECT_EQ(adb_settings_from_environment().port, 15037);
    for (const char* wrong : {"0", "70000", "5037x", "-1"}) {
        ::setenv("ANDROID_ADB_SERVER_PORT", wrong, 1);
        EXPECT_THROW((void)adb_settings_from_environment(), Error) << wrong;
    }
    ::unsetenv("ANDROID_ADB_SERVER_PORT");
    EXPECT_EQ(adb_settings_from_environment().port, 5037);
}

}  // namespace
}  // namespace bitwright
