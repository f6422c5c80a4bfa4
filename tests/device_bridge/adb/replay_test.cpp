// SPDX-License-Identifier: GPL-3.0-or-later
// A session recorded with a demo phone, played again without it.
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/remote_store.h"
#include "device_bridge/adb/replay_server.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/device_bridge/adb/faults.h"
#include "tests/support/shared_data.h"

#include <cstdlib>
#include <fstream>

namespace bitwright {
namespace {

using test::fault_of;
using test::has;

/// Everything a session with a phone does, as one text.
std::string session(const AdbTarget& target, const std::filesystem::path& folder, const std::string& run, const Control& control)
{
    std::string log;
    const auto phones = phone_lines(ask_server(target.adb, "host:devices-l", control));
    for (const auto& phone : phones) log += phone.serial + " " + phone.model + "\n";
    const auto result = run_shell(target, "echo out; printf '\\377\\000'; echo err >&2; exit 5", control);
    log += result.output + result.error + std::to_string(result.exit_code) + "\n";
    log += shell_output(target, "uname -s", control);
    std::ofstream(folder / "model", std::ios::binary) << std::string(12'000'000, 'm');
    std::ofstream(folder / "small", std::ios::binary) << "small";
    const auto stored = RemoteStore(target).store_model({{folder / "model", "model"}, {folder / "small", "small"}}, {}, control);
    log += stored.path + " " + std::to_string(stored.sent) + "\n";
    const auto place = RemoteStore(target).make_run(run, control);
    (void)start_detached(target, place, "echo measured", control);
    log += std::to_string(wait_for_detached(target, place, std::chrono::milliseconds(20), {}, control).exit_code.value_or(-1)) + "\n";
    pull_file(target, place + "/stdout", folder / "pulled", 1000, {}, control);
    log += read_text(folder / "pulled");
    try {
        (void)shell_output(target, "cat /data/local/tmp/none", control);
    } catch (const AdbError& error) {
        log += error.what();
    }
    return log;
}

TEST(AdbReplay, ARecordedSessionPlaysWithoutItsPhone)
{
    BITWRIGHT_NEEDS_DEMO_PHONE();
    test::AdbLab lab("adb_record");
    const auto file = lab.folder() / "session.jsonl";
    std::string recorded, serial;
    {
        const test::LabPhone phone(lab, "{}");
        serial = phone.serial();
        auto target = phone.target();
        target.adb.transcript = std::make_shared<Transcript>(file);
        recorded = session(target, lab.folder(), "11111111-1111", lab.control);
    }
    lab.end_server();
    EXPECT_TRUE(has(recorded, "measured")) << recorded;
    EXPECT_LT(std::filesystem::file_size(file), 200'000u);  // not the 12 MB

    for (const double speed : {0.0, 20.0}) {
        const ReplayServer replay(file, speed);
        EXPECT_EQ(replay.serials(), std::vector<std::string>{serial});
        AdbTarget target{replay.settings(), serial};
        target.adb.silence = std::chrono::milliseconds(5000);
        const Control control;
        ensure_adb_server(target.adb, control);  // nothing is started
        // The id of a run is another each time.
        EXPECT_EQ(session(target, lab.folder(), "22222222-2222", control), recorded);
        // What was asked before is answered again; what was not is refused by name.
        EXPECT_EQ(shell_output(target, "uname -s", control), "Linux\n");
        const auto [fault, sentence] = fault_of([&] { (void)shell_output(target, "rm -rf /", control); });
        EXPECT_TRUE(has(sentence, "the transcript holds no answer")) << sentence;
    }
}

TEST(AdbReplay, ABrokenConnectionBreaksAgain)
{
    BITWRIGHT_NEEDS_DEMO_PHONE();
    test::AdbLab lab("adb_record_cut");
    const auto file = lab.folder() / "session.jsonl";
    std::string serial;
    {
        test::LabPhone phone(lab, "{}");
        serial = phone.serial();
        auto target = phone.target();
        target.adb.transcript = std::make_shared<Transcript>(file);
        ShellOptions options;
        options.on_output = [&](std::string_view) { phone.end(); };
        EXPECT_EQ(fault_of([&] { (void)run_shell(target, "echo begun; sleep 100", options, lab.control); }).first, AdbFault::connection_lost);
    }
    const ReplayServer replay(file);
    std::string heard;
    ShellOptions options;
    options.on_output = [&](std::string_view text) { heard += text; };
    EXPECT_EQ(fault_of([&] { (void)run_shell({replay.settings(), serial}, "echo begun; sleep 100", options, lab.control); }).first, AdbFault::connection_lost);
    EXPECT_EQ(heard, "begun\n");
}

TEST(AdbReplay, WithoutAListTheSerialsAreOne)
{
    const auto command = [](std::string_view serial) {
        return std::vector<TranscriptEvent>{{TranscriptEvent::Kind::out, "0010host:transport:" + std::string(serial)}, {TranscriptEvent::Kind::in, "OKAY"}};
    };
    const ReplayServer replay({command("A"), command("B"), command("A")}, 0);
    const Control control;
    EXPECT_EQ(running_adb_server(replay.settings(), control), adb_server_version);
    const auto phones = phone_lines(ask_server(replay.settings(), "host:devices-l", control));
    ASSERT_EQ(phones.size(), 2u);
    EXPECT_EQ(phones[1].serial, "B");
    EXPECT_EQ(phones[1].state, ConnectionState::device);
}

TEST(AdbReplay, TheEnvironmentRecordsAndReplays)
{
    const auto file = test::scratch("adb_environment") / "session.jsonl";
    const Control control;
    {
        const ReplayServer phone({{{TranscriptEvent::Kind::out, "0010host:transport:X"}, {TranscriptEvent::Kind::in, "OKAY"}}}, 0);
        ::setenv("BITWRIGHT_ADB_RECORD", file.c_str(), 1);
        auto settings = adb_settings_from_environment();
        EXPECT_EQ(settings.transcript, adb_settings_from_environment().transcript);
        ::unsetenv("BITWRIGHT_ADB_RECORD");
        settings.port = phone.port();
        EXPECT_EQ(phone_lines(ask_server(settings, "host:devices-l", control)).at(0).serial, "X");
    }
    ::setenv("BITWRIGHT_ADB_REPLAY", file.c_str(), 1);
    const auto settings = adb_settings_from_environment();
    EXPECT_EQ(settings.port, adb_settings_from_environment().port);
    EXPECT_EQ(phone_lines(ask_server(settings, "host:devices-l", control)).at(0).serial, "X");
    ::setenv("BITWRIGHT_ADB_REPLAY", (BITWRIGHT_SOURCE_DIR "/LICENSE"), 1);
    EXPECT_THROW((void)adb_settings_from_environment(), Error);
    ::unsetenv("BITWRIGHT_ADB_REPLAY");
}

TEST(AdbReplay, OtherFilesAreRefused)
{
    const std::string head = "{\"bitwright_adb_transcript\":1}\n";
    for (const auto& text : {std::string(), std::string("hello\n"), std::string("{\"bitwright_adb_transcript\":2}\n"), head + "{\"ms\":1}\n",
                             head + "{\"socket\":1,\"ms\":1,\"up\":1}\n", head + "{\"socket\":1,\"ms\":1,\"in64\":\"!!!\"}\n", head + "[]\n"})
        EXPECT_THROW((void)read_transcript(text, "x"), Error) << text;
    EXPECT_EQ(read_transcript(head + "{\"socket\":1,\"ms\":1,\"in64\":\"AP8=\"}\n{\"socket\":1,\"ms\"", "x").at(0).at(0).bytes,
              std::string("\0\xff", 2));  // cut in the last line
    EXPECT_THROW(Transcript("/nowhere/x"), Error);
}

}  // namespace
}  // namespace bitwright
