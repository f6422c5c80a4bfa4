// SPDX-License-Identifier: GPL-3.0-or-later
// Commands on a demo phone, through genuine adb; and everything that goes wrong on the way.
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/sync.h"
#include "device_bridge/phone/shell_quote.h"
#include "tests/device_bridge/adb/phone_fixture.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::bytes_of;
using test::fault_of;
using test::has;

class AdbCommands : public test::AdbPhone {};

TEST_F(AdbCommands, CommandsHaveOutputErrorsAndAnExitCode)
{
    const test::LabPhone phone(lab, "{}");
    auto result = run_shell(phone.target(), "echo out; echo err >&2; exit 42", control);
    EXPECT_EQ(result.exit_code, 42);
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.error, "err\n");
    EXPECT_EQ(shell_output(phone.target(), "printf '\\000\\377'; printf x", control), std::string("\0\xffx", 3));
    EXPECT_EQ(shell_output(phone.target(), "", control), "");
    const std::string nasty = "it's $(id) `id` \\ \"x\" *\n;";
    EXPECT_EQ(shell_output(phone.target(), "printf %s " + shell_quoted(nasty), control), nasty);
    EXPECT_NE(run_shell(phone.target(), "for do fi (", control).exit_code, 0);
    EXPECT_EQ(run_shell(phone.target(), "kill -9 $$", control).exit_code, 137);

    const auto [fault, sentence] = fault_of([&] { (void)shell_output(phone.target(), "cat /data/local/tmp/none", control); });
    EXPECT_EQ(fault, AdbFault::not_found);
    const auto features = phone_features(phone.target(), control);
    EXPECT_NE(std::ranges::find(features, "stat_v2"), features.end());
}

TEST_F(AdbCommands, InputReachesACommandAndEnds)
{
    const test::LabPhone phone(lab, "{}");
    const auto bytes = bytes_of(3'000'000);
    std::size_t at = 0;
    ShellOptions options;
    options.input = [&](std::span<char> buffer) {
        const auto count = std::min(buffer.size(), bytes.size() - at);
        std::memcpy(buffer.data(), bytes.data() + at, count);
        at += count;
        return count;
    };
    EXPECT_EQ(run_shell(phone.target(), "sha256sum", options, control).output.substr(0, 64), sha256_hex(bytes));
    at = 0;
    EXPECT_EQ(run_shell(phone.target(), "exit 3", options, control).exit_code, 3);  // does not read it
    at = 0;
    EXPECT_TRUE(run_shell(phone.target(), "cat", options, control).output == bytes);  // both ways at once
}

TEST_F(AdbCommands, OutputStreamsAndIsLimited)
{
    const test::LabPhone phone(lab, "{}");
    std::size_t count = 0;
    ShellOptions options;
    options.on_output = [&](std::string_view text) { count += text.size(); };
    options.output_limit = 100'000;
    EXPECT_EQ(run_shell(phone.target(), "head -c 5000000 /dev/zero", options, control).output, "");
    EXPECT_EQ(count, 5'000'000u);
    options.on_output = nullptr;
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "echo $$ > /data/local/tmp/pid; yes", options, control); });
    EXPECT_EQ(fault, AdbFault::output_limit);
    EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", control).exit_code, 0);  // and it is ended
}

TEST_F(AdbCommands, CancelEndsEverythingTheCommandStarted)
{
    const test::LabPhone phone(lab, "{}");
    const auto alive = [&] {
        return shell_output(phone.target(), "for p in $(cat /data/local/tmp/pids); do kill -s 0 $p 2>/dev/null && echo alive; done; exit 0", lab.control);
    };
    steady_clock::time_point begin;
    ShellOptions options;
    options.on_output = [&](std::string_view) {
        begin = steady_clock::now();
        control.request_cancel();
    };
    const auto* command =
        "cd /data/local/tmp; sleep 100 & echo $! > pids; (sleep 100; echo never) & echo $! >> pids; echo $$ >> pids; echo ready; wait; echo never";
    EXPECT_THROW((void)run_shell(phone.target(), command, options, control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(4000));
    EXPECT_EQ(shell_output(phone.target(), "wc -l < /data/local/tmp/pids", lab.control), "3\n");
    EXPECT_EQ(alive(), "");
}

TEST_F(AdbCommands, ACommandThatIgnoresTheSignalIsKilled)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.on_output = [&](std::string_view) { control.request_cancel(); };
    EXPECT_THROW((void)run_shell(phone.target(), "trap '' TERM HUP; echo $$ > /data/local/tmp/pid; echo ready; while :; do sleep 0.2; done", options, control),
                 Cancelled);
    EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", lab.control).exit_code, 0);
}

TEST_F(AdbCommands, ATimeLimitEndsTheCommand)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.time_limit = milliseconds(400);
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "echo $$ > /data/local/tmp/pid; sleep 100", options, control); });
    EXPECT_EQ(fault, AdbFault::no_answer);
    EXPECT_TRUE(has(sentence, "took longer than the 1 s")) << sentence;
    EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", control).exit_code, 0);
}

TEST_F(AdbCommands, ACommandWithoutOptionsHasALimitToo)
{
    const test::LabPhone phone(lab, "{}");
    auto target = phone.target();
    EXPECT_GE(target.adb.command_limit, milliseconds(30000)) << "as it comes";
    target.adb.command_limit = milliseconds(400);
    for (const bool output : {false, true}) {
        const auto [fault, sentence] = fault_of([&] {
            const std::string hangs = "echo $$ > /data/local/tmp/pid; sleep 100";
            if (output) (void)shell_output(target, hangs, control);
            else (void)run_shell(target, hangs, control);
        });
        EXPECT_EQ(fault, AdbFault::no_answer);
        EXPECT_TRUE(has(sentence, "took longer than the 1 s it may; it was ended, try again")) << sentence;
        EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", control).exit_code, 0) << "it is ended there";
    }
}

TEST_F(AdbCommands, AFrozenPhoneIsGivenUpAndOneThatThawsIsNot)
{
    {
        const test::LabPhone phone(lab, R"({"faults":{"freeze":{"direction":"shell","bytes":4096,"for_s":1.2}}})");
        auto target = phone.target();
        target.adb.silence = milliseconds(5000);
        EXPECT_EQ(shell_output(target, "head -c 100000 /dev/zero", control).size(), 100'000u);
    }
    const test::LabPhone phone(lab, R"({"faults":{"freeze":{"direction":"shell","bytes":4096}}})");
    auto target = phone.target();
    target.adb.silence = milliseconds(700);
    const auto begin = steady_clock::now();
    const auto [fault, sentence] = fault_of([&] { (void)shell_output(target, "head -c 100000 /dev/zero", control); });
    EXPECT_EQ(fault, AdbFault::no_answer);
    EXPECT_TRUE(has(sentence, "the phone has not answered for")) << sentence;
    EXPECT_LT(steady_clock::now() - begin, milliseconds(20000));
}

TEST_F(AdbCommands, ASilentCommandOnALivingPhoneGoesOn)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.silence = milliseconds(200);
    EXPECT_EQ(run_shell(phone.target(), "sleep 1.5; echo done", options, control).output, "done\n");
}

TEST_F(AdbCommands, ACutInTheMiddleIsNoSuccess)
{
    test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.on_output = [&](std::string_view) { phone.end(); };
    const auto begin = steady_clock::now();
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "echo started; sleep 100", options, control); });
    EXPECT_EQ(fault, AdbFault::connection_lost);
    EXPECT_TRUE(has(sentence, "broke in the middle")) << sentence;
    EXPECT_LT(steady_clock::now() - begin, milliseconds(6000));
}

TEST_F(AdbCommands, TheServersEndInTheMiddleIsNoSuccessEither)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.on_output = [&](std::string_view) { lab.end_server(); };
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "echo started; sleep 100", options, control); }).first, AdbFault::connection_lost);
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "true", control); }).first, AdbFault::no_server);
}

TEST_F(AdbCommands, ARestartOfThePhoneIsSeen)
{
    const test::LabPhone phone(lab, R"({"faults":{"reboot":{"direction":"shell","bytes":50000,"down_s":0.5}}})");
    const std::string folder = "/data/local/tmp/bitwright/runs/1";
    (void)start_detached(phone.target(), folder, "sleep 100", control);
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "head -c 100000 /dev/zero; sleep 100", control); }).first, AdbFault::connection_lost);
    EXPECT_EQ(wait_for_detached(phone.target(), folder, milliseconds(100), milliseconds(8000), control).kind, DetachedState::Kind::died);
    wait_for_phone(phone.target(), milliseconds(8000), control);
    EXPECT_EQ(shell_output(phone.target(), "echo back", control), "back\n");
}

TEST_F(AdbCommands, AnUnpluggedPhoneIsOfflineThenGone)
{
    test::LabPhone phone(lab, "{}");
    phone.end();
    std::this_thread::sleep_for(milliseconds(200));
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "true", control); });
    EXPECT_EQ(fault, AdbFault::offline) << sentence;  // adb tries to reach a phone on the network again for a while
    EXPECT_EQ(fault_of([&] { wait_for_phone(phone.target(), milliseconds(300), control); }).first, AdbFault::offline);
    disconnect_phone(lab.settings(), phone.serial(), control);
    for (int i = 0; i < 100 && ask_server(lab.settings(), "host:devices", control) != ""; ++i)
        std::this_thread::sleep_for(milliseconds(20));  // adb does it a little later
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "true", control); }).first, AdbFault::no_device);
    EXPECT_EQ(fault_of([&] { wait_for_phone(phone.target(), milliseconds(0), control); }).first, AdbFault::no_device);
}

TEST_F(AdbCommands, TwoPhonesWorkAtOnce)
{
    const test::LabPhone one(lab, "{}"), two(lab, "{}");
    std::array<std::string, 2> said;
    std::array<steady_clock::time_point, 2> ended;
    std::thread other([&] {
        said[1] = shell_output(two.target(), "sleep 1; echo two > /data/local/tmp/who; cat /data/local/tmp/who", control);
        ended[1] = steady_clock::now();
    });
    said[0] = shell_output(one.target(), "sleep 1; echo one > /data/local/tmp/who; cat /data/local/tmp/who", control);
    ended[0] = steady_clock::now();
    other.join();
    EXPECT_LT(std::chrono::abs(ended[0] - ended[1]), milliseconds(900));  // one after the other it would be a second
    EXPECT_EQ(said[0] + said[1], "one\ntwo\n");
}

TEST_F(AdbCommands, ADetachedRunOutlivesTheServer)
{
    const test::LabPhone phone(lab, "{}");
    const std::string folder = "/data/local/tmp/bitwright/runs/r 1";
    EXPECT_EQ(look_at_detached(phone.target(), folder, control).kind, DetachedState::Kind::absent);
    const auto group = start_detached(phone.target(), folder, "echo working; echo aside >&2; sleep 4; echo done; exit 7", control);
    auto state = look_at_detached(phone.target(), folder, control);
    EXPECT_EQ(state.kind, DetachedState::Kind::running);
    EXPECT_EQ(state.group, group);
    EXPECT_EQ(fault_of([&] { (void)start_detached(phone.target(), folder, "true", control); }).first, AdbFault::refused);
    lab.end_server();  // the cable is pulled
    ensure_adb_server(lab.settings(), control);
    (void)connect_phone(lab.settings(), phone.serial(), control);
    state = wait_for_detached(phone.target(), folder, milliseconds(100), milliseconds(15000), control);
    EXPECT_EQ(state.kind, DetachedState::Kind::finished);
    EXPECT_EQ(state.exit_code, 7);
    pull_file(phone.target(), folder + "/stdout", lab.folder() / "out", 1000, {}, control);
    EXPECT_EQ(read_text(lab.folder() / "out"), "working\ndone\n");
    EXPECT_EQ(shell_output(phone.target(), "cat '" + folder + "/stderr'", control), "aside\n");
}

TEST_F(AdbCommands, ADetachedRunCanBeEndedAndADeadOneIsSeen)
{
    const test::LabPhone phone(lab, "{}");
    const std::string folder = "/data/local/tmp/bitwright/runs/2";
    (void)start_detached(phone.target(), folder, "sleep 100 & sleep 100; echo never", control);
    EXPECT_TRUE(end_detached(phone.target(), folder, control));
    EXPECT_EQ(look_at_detached(phone.target(), folder, control).kind, DetachedState::Kind::died);
    EXPECT_EQ(wait_for_detached(phone.target(), folder, milliseconds(50), milliseconds(0), control).kind, DetachedState::Kind::died);
    EXPECT_TRUE(end_detached(phone.target(), folder, control));
    (void)start_detached(phone.target(), folder, "exit 0", control);  // the folder is used again
    EXPECT_EQ(wait_for_detached(phone.target(), folder, milliseconds(50), milliseconds(0), control).exit_code, 0);
}

TEST_F(AdbCommands, AFrozenPhoneIsNotWaitedForForEver)
{
    const test::LabPhone phone(lab, R"({"faults":{"freeze":{"direction":"shell","bytes":0}}})");
    ShellOptions options;
    options.silence = milliseconds(500);
    auto target = phone.target();
    target.adb.silence = milliseconds(700);
    const auto begin = steady_clock::now();
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(target, "echo x; sleep 1; echo y", options, control); });
    EXPECT_EQ(fault, AdbFault::no_answer) << sentence;
    EXPECT_TRUE(has(sentence, "has not answered for 1 s")) << sentence;
    EXPECT_LT(steady_clock::now() - begin, milliseconds(15000));
}

TEST_F(AdbCommands, AnUnauthorizedPhoneAsksForItsDialog)
{
    const test::LabPhone phone(lab, R"({"faults":{"authorize":"later","authorize_after_s":4}})", false);
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "true", control); });
    EXPECT_EQ(fault, AdbFault::unauthorized) << sentence;
    EXPECT_TRUE(has(sentence, "accept the dialog")) << sentence;
    phone.wait_ready();  // it becomes ready by itself after the tap
    EXPECT_EQ(run_shell(phone.target(), "true", control).exit_code, 0);
}

TEST_F(AdbCommands, AddressesThatDoNotAnswerSayWhy)
{
    ensure_adb_server(lab.settings(), control);
    auto [fault, sentence] = fault_of([&] { (void)connect_phone(lab.settings(), "127.0.0.1:1", control); });
    EXPECT_EQ(fault, AdbFault::no_device);
    EXPECT_TRUE(has(sentence, "nothing listens")) << sentence;
    std::tie(fault, sentence) = fault_of([&] { (void)connect_phone(lab.settings(), "localfilesystem:/nowhere", control); });
    EXPECT_EQ(fault, AdbFault::no_device);
    EXPECT_TRUE(has(sentence, "nothing listens at this socket")) << sentence;
    EXPECT_THROW((void)connect_phone(lab.settings(), "a b", control), Error);
    EXPECT_THROW((void)connect_phone(lab.settings(), "", control), Error);
    const bool pairs = can_pair(lab.settings(), control);
    try {
        pair_phone(lab.settings(), "127.0.0.1:1", "123456", control);
        ADD_FAILURE();
    } catch (const AdbError& error) {  // Debian's adb cannot; a newer one fails at the address
        EXPECT_EQ(error.fault() == AdbFault::unsupported, !pairs) << error.what();
        EXPECT_TRUE(pairs || has(error.what(), "platform tools 30")) << error.what();
    }
    EXPECT_THROW(pair_phone(lab.settings(), "127.0.0.1:1", "12 34", control), Error);
    reconnect_offline(lab.settings(), control);
}

}  // namespace
}  // namespace bitwright
