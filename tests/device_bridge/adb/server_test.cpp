// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/adb_server.h"

#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/wireless.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/device_bridge/adb/faults.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

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

/// Debian's adb cannot pair; this port answers as servers since 30 do.
TEST(AdbServer, ANewerServerPairsAndWhatFailsIsSaidWithTheNextStep)
{
    std::mutex lock;
    std::vector<std::string> asked;
    std::string words;
    const test::PortHolder newer([&](int client) {
        std::array<char, 256> buffer{};
        std::string request;
        while (request.size() < 4 || request.size() < 4 + std::stoul(request.substr(0, 4), nullptr, 16)) {
            const auto count = ::recv(client, buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            request.append(buffer.data(), static_cast<std::size_t>(count));
        }
        const std::scoped_lock hold(lock);
        asked.push_back(request.substr(4));
        const auto text = asked.back() == "host:version" ? std::string("0029") : asked.back() == "host:mdns:check" ? "mdns daemon version [8787003]" : words;
        std::array<char, 5> length{};
        std::snprintf(length.data(), length.size(), "%04x", static_cast<unsigned>(text.size()));
        const auto answer = "OKAY" + std::string(length.data()) + text;
        (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    test::AdbLab lab("adb_pairing");
    lab.settings().port = newer.port();
    const auto pair = [&](const std::string& answer) {
        words = answer;
        return fault_of([&] { pair_phone(lab.settings(), "192.168.1.20:37099", "123456", lab.control); });
    };
    EXPECT_TRUE(can_pair(lab.settings(), lab.control));
    words = "Successfully paired to 192.168.1.20:37099 [guid=adb-R5CT90-x]";
    pair_phone(lab.settings(), "192.168.1.20:37099", "123456", lab.control);
    EXPECT_EQ(asked.back(), "host:pair:123456:192.168.1.20:37099");
    auto [fault, sentence] = pair("Failed: Wrong password or connection was dropped.");
    EXPECT_EQ(fault, AdbFault::refused);
    EXPECT_NE(sentence.find("did not accept the code; open \"Pair device with pairing code\" again and type the new code and port"), std::string::npos) << sentence;
    std::tie(fault, sentence) = pair("Failed: Unable to start pairing client.");
    EXPECT_EQ(fault, AdbFault::no_device);
    EXPECT_NE(sentence.find("nothing waits for a pairing code at this address"), std::string::npos) << sentence;
    std::tie(fault, sentence) = pair("Failed: something new");
    EXPECT_NE(sentence.find("adb says \"Failed: something new\"; check the address"), std::string::npos) << sentence;
    lab.settings().port = test::free_port();  // nothing of ours to end there
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
