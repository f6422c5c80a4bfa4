// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/message.h"

#include "core/runtime/error.h"
#include "device_bridge/demo_phone/text_map.h"
#include "tests/fuzz/mutate.h"

#include <gtest/gtest.h>

namespace bitwright::demo {
namespace {

TEST(DemoPhoneMessage, PacketsSurviveAnyCut)
{
    const std::string bytes = encoded({Command::connect, protocol_version, largest_payload, "host::features=x"}) + encoded({Command::okay, 1, 2, ""}) +
                              encoded({Command::write, 7, 9, std::string("\0\377\n", 3)});
    EXPECT_EQ(bytes.substr(0, 4), "CNXN");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        MessageReader reader;
        std::vector<Message> messages;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(std::string_view(bytes).substr(at, piece));
            while (auto message = reader.next()) messages.push_back(*message);
        }
        ASSERT_EQ(messages.size(), 3U) << piece;
        EXPECT_EQ(messages[0].payload, "host::features=x");
        EXPECT_EQ(messages[1].command, Command::okay);
        EXPECT_EQ(messages[1].second, 2U);
        EXPECT_EQ(messages[2].payload, std::string("\0\377\n", 3));
    }
}

TEST(DemoPhoneMessage, OnlyTheMagicIsChecked)
{
    std::string bytes = encoded({Command::connect, 1, 2, "abc"});
    bytes[16] = bytes[17] = 0;  // no sum, as adb sends it after an automatic reconnect
    MessageReader lenient;
    lenient.feed(bytes);
    EXPECT_TRUE(lenient.next());

    bytes[20] = static_cast<char>(bytes[20] ^ 1);
    MessageReader strict;
    strict.feed(bytes);
    EXPECT_THROW((void)strict.next(), Error);

    std::string large = encoded({Command::write, 1, 2, ""});
    large[14] = 0x11;  // 1 MiB + 64 KiB
    MessageReader limited;
    limited.feed(large);
    EXPECT_THROW((void)limited.next(), Error);
}

TEST(DemoPhoneMessage, AnyBytesArePacketsOrRefused)
{
    test::Mutator mutate(11);
    std::string corpus = encoded({Command::connect, protocol_version, largest_payload, "host::features=shell_v2"});
    for (int i = 0; i < 6; ++i) corpus += encoded({i % 2 ? Command::open : Command::write, static_cast<std::uint32_t>(i), 5, std::string(static_cast<std::size_t>(i) * 9, 'x')});
    int packets = 0, refused = 0;
    for (int i = 0; i < 50'000; ++i) {
        MessageReader reader;
        try {
            const std::string bytes = mutate(corpus);
            const std::size_t cut = mutate.below(bytes.size() + 1);
            reader.feed(std::string_view(bytes).substr(0, cut));
            while (reader.next()) ++packets;
            reader.feed(std::string_view(bytes).substr(cut));
            while (reader.next()) ++packets;
        } catch (const Error&) {
            ++refused;
        }
    }
    EXPECT_GT(packets, 50'000);
    EXPECT_GT(refused, 1000);
}

TEST(DemoPhonePaths, OfThePhoneGetTheRootInCommands)
{
    const auto mapped = [](std::string_view line) { return with_root(line, "/r"); };
    EXPECT_EQ(mapped("cat /data/local/tmp/x '/sdcard/a b' \"/sys/class\""), "cat /r/data/local/tmp/x '/r/sdcard/a b' \"/r/sys/class\"");
    EXPECT_EQ(mapped("/system/bin/sh -c 'x=/data; echo $x/data'"), "/r/system/bin/sh -c 'x=/r/data; echo $x/data'");
    EXPECT_EQ(mapped("ls /database /dev/null /proc/meminfo /proc/self ./data/x a/data"), "ls /database /dev/null /r/proc/meminfo /proc/self ./data/x a/data");
    EXPECT_EQ(mapped("echo a>/data/b;cat</data/b"), "echo a>/r/data/b;cat</r/data/b");
    EXPECT_EQ(mapped("LD_LIBRARY_PATH=/data/l:/vendor/lib64"), "LD_LIBRARY_PATH=/r/data/l:/r/vendor/lib64");
    EXPECT_EQ(mapped(""), "");
    EXPECT_EQ(mapped("/"), "/");
}

TEST(DemoPhonePaths, RootIsTakenOutOfOutputInAnyPieces)
{
    const std::string text = "/tmp/r1/data/x\n/tmp/r /tmp//tmp/r1 /tmp/r1/tmp/r1 end /tmp/r";
    const std::string wanted = "/data/x\n/tmp/r /tmp/  end /tmp/r";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        PathHider hide("/tmp/r1");
        std::string shown;
        for (std::size_t at = 0; at < text.size(); at += piece) shown += hide(std::string_view(text).substr(at, piece));
        EXPECT_EQ(shown + hide.rest(), wanted) << piece;
    }
    PathHider nothing("");
    EXPECT_EQ(nothing("/data"), "/data");
}

}  // namespace
}  // namespace bitwright::demo
