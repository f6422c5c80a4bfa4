// SPDX-License-Identifier: GPL-3.0-or-later
// What adb and phones say, as bytes.
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/shell_packets.h"
#include "device_bridge/adb/sync_wire.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

TEST(PhoneLines, AreReadFromTheEnd)
{
    const auto phones = phone_lines(
        "R5CT90ABCDE            device usb:1-2 product:dm1qxeea model:SM_S911B device:dm1q transport_id:3\n"
        "192.168.1.20:5555      offline product:p model:M device:d transport_id:4\n"
        "localfilesystem:/tmp/a/phone device product:x model:Fake_Phone_9 device:fakedev transport_id:10\n"
        "emulator-5558          unauthorized transport_id:5\n"
        "0123456789ABCDEF       no permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html] "
        "usb:3-1.4 transport_id:7\n"
        "(no serial number)     device usb:1-4 transport_id:8\n"
        "hovering               dancing usb:9-9 transport_id:18446744073709551615\n");
    ASSERT_EQ(phones.size(), 7u);
    EXPECT_EQ(phones[0], (PhoneLine{"R5CT90ABCDE", ConnectionState::device, "device", "usb:1-2", "dm1qxeea", "SM_S911B", "dm1q", 3}));
    EXPECT_EQ(phones[1].serial, "192.168.1.20:5555");
    EXPECT_EQ(phones[1].state, ConnectionState::offline);
    EXPECT_EQ(phones[2].serial, "localfilesystem:/tmp/a/phone");
    EXPECT_EQ(phones[2].model, "Fake_Phone_9");
    EXPECT_EQ(phones[3].state, ConnectionState::unauthorized);
    EXPECT_EQ(phones[3].transport_id, 5u);
    EXPECT_EQ(phones[4].state, ConnectionState::no_permissions);
    EXPECT_EQ(phones[4].device_path, "usb:3-1.4");
    EXPECT_EQ(phones[4].transport_id, 7u);
    EXPECT_TRUE(phones[4].state_words.starts_with("no permissions (user"));
    EXPECT_EQ(phones[5].serial, "(no serial number)");
    EXPECT_EQ(phones[6].state, ConnectionState::unknown);
    EXPECT_EQ(phones[6].state_words, "dancing");
    EXPECT_EQ(phones[6].device_path, "usb:9-9");
}

TEST(PhoneLines, WhatIsNoneIsLeftOut)
{
    EXPECT_TRUE(phone_lines("").empty());
    EXPECT_TRUE(phone_lines("\n\n   \nserial\n\x01\x02 device\nA\xff device\n").empty());
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "S" + std::to_string(i) + " device\n";
    EXPECT_EQ(phone_lines(many).size(), 256u);
    EXPECT_EQ(phone_lines("X device transport_id:99999999999999999999999\n").at(0).transport_id, 0u);
}

TEST(PhoneLines, EachStateThatIsNotReadySaysWhatToDo)
{
    EXPECT_TRUE(advice(ConnectionState::device).empty());
    for (int state = 1; state <= static_cast<int>(ConnectionState::unknown); ++state) {
        EXPECT_FALSE(advice(static_cast<ConnectionState>(state)).empty()) << state;
        EXPECT_FALSE(state_name(static_cast<ConnectionState>(state)).empty()) << state;
    }
}

TEST(ShellPackets, ComeInPiecesOfAnySize)
{
    std::string stream = shell_packet(ShellPacketId::output, "hello ") + shell_packet(ShellPacketId::error, "oops") + shell_packet(ShellPacketId::output, "") +
                         shell_packet(static_cast<ShellPacketId>(77), "what is this") + shell_packet(ShellPacketId::output, "world") +
                         shell_packet(ShellPacketId::exit, "\x89");
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        ShellPacketReader reader;
        std::string output, error;
        reader.on_output = [&](std::string_view text) { output += text; };
        reader.on_error = [&](std::string_view text) { error += text; };
        for (std::size_t at = 0; at < stream.size(); at += size) {
            EXPECT_FALSE(reader.exit_code());
            reader.feed(std::string_view(stream).substr(at, size));
        }
        EXPECT_EQ(output, "hello world");
        EXPECT_EQ(error, "oops");
        EXPECT_EQ(reader.exit_code(), 137);
    }
}

TEST(ShellPackets, AnEmptyExitPacketIsNoExit)
{
    ShellPacketReader reader;
    reader.feed(shell_packet(ShellPacketId::exit, ""));
    EXPECT_FALSE(reader.exit_code());
    reader.feed(shell_packet(ShellPacketId::exit, std::string_view("\0", 1)));
    EXPECT_EQ(reader.exit_code(), 0);
}

TEST(SyncWire, StatsAreReadAsTheyAreLaidOut)
{
    std::string bytes = sync_wire::head("STA2", 13);
    bytes.append(16, '\7');                            // device, inode
    bytes.append("\xb0\x81\0\0", 4).append(12, '\1');  // mode, links, owners
    bytes.append("\0\0\0\0\2\0\0\0", 8);               // 8 GiB
    bytes.append(8, '\3').append("\1\0\0\0\0\0\0\0", 8).append(8, '\4');
    const auto stat = sync_wire::read_stat(bytes);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->error, 13u);
    EXPECT_EQ(stat->mode, 0100660u);
    EXPECT_EQ(stat->size, std::uint64_t{8} << 30);
    EXPECT_EQ(stat->modified, 1);
    EXPECT_FALSE(sync_wire::read_stat(bytes.substr(1)));
    EXPECT_FALSE(sync_wire::read_stat("DENT" + bytes.substr(4)));
}

struct Words {
    const char* said;
    AdbFault fault;
    const char* told;
};

TEST(AdbErrors, WordsBecomeAReasonAndANextStep)
{
    for (const auto& [said, fault, told] :
         {Words{"device 'X' not found", AdbFault::no_device, "check the cable"}, Words{"no devices/emulators found", AdbFault::no_device, "USB debugging"},
          Words{"device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\nTry 'adb kill-server' if that seems wrong.", AdbFault::unauthorized,
                "accept the dialog"},
          Words{"device still authorizing", AdbFault::unauthorized, "accept the dialog"}, Words{"device offline", AdbFault::offline, "unplug"},
          Words{"insufficient permissions for device: user in plugdev group; are your udev rules wrong?", AdbFault::no_permission,
                "android-sdk-platform-tools-common"},
          Words{"more than one device/emulator", AdbFault::refused, "unplug all but one"},
          Words{"unknown host service", AdbFault::unsupported, "newer Android platform tools"},
          Words{"all is \x1b[31mlost", AdbFault::refused, "\"all is [31mlost\""}}) {
        const auto error = server_refusal("X", said);
        EXPECT_EQ(error.fault(), fault) << error.what();
        EXPECT_NE(std::string(error.what()).find(told), std::string::npos) << error.what();
    }
    for (const auto& [said, fault, told] : {Words{"write failed: No space left on device", AdbFault::no_space, "free some space"},
                                            Words{"couldn't create file: Permission denied", AdbFault::denied, "/data/local/tmp"},
                                            Words{"secure_mkdirs failed: No such file or directory", AdbFault::not_found, "no such file"},
                                            Words{"couldn't create file: Read-only file system", AdbFault::denied, "cannot be written"},
                                            Words{"Is a directory", AdbFault::refused, "is a folder"}, Words{"shrug", AdbFault::refused, "\"shrug\""}}) {
        const auto error = sync_refusal("X", "/data/f", said);
        EXPECT_EQ(error.fault(), fault) << error.what();
        EXPECT_NE(std::string(error.what()).find(told), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("X: /data/f"), std::string::npos);
    }
    EXPECT_LT(std::string(server_refusal("X", std::string(100000, 'z')).what()).size(), 600u);
    const std::string inside = sync_refusal("X", "/data/local/tmp/bitwright/f", "couldn't create file: Permission denied").what();
    EXPECT_EQ(inside.find("use a folder below"), std::string::npos) << inside << " is below it";
    EXPECT_NE(inside.find("remove what lies there"), std::string::npos) << inside;
}

}  // namespace
}  // namespace bitwright
