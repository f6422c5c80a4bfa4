// SPDX-License-Identifier: GPL-3.0-or-later
// Commands and files on a demo phone, through genuine adb; and everything that goes wrong on the way.
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/remote_store.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync.h"
#include "device_bridge/adb/wireless.h"
#include "device_bridge/phone/shell_quote.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/device_bridge/adb/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::fault_of;
using test::has;

/// Bytes that do not compress and have no period.
std::string bytes_of(std::size_t size, unsigned seed = 1)
{
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
        const auto word = random();
        std::memcpy(bytes.data() + i, &word, 8);
    }
    return bytes;
}

std::filesystem::path file_of(const std::filesystem::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

class AdbPhone : public ::testing::Test {
protected:
    void SetUp() override { BITWRIGHT_NEEDS_DEMO_PHONE(); }

    void cancel_after(milliseconds time)
    {
        canceller_ = std::thread([this, time] {
            std::this_thread::sleep_for(time);
            control.request_cancel();
        });
    }
    ~AdbPhone() override
    {
        if (canceller_.joinable()) canceller_.join();
    }

    test::AdbLab lab{"adb_phone"};
    Control control;

private:
    std::thread canceller_;
};

TEST_F(AdbPhone, CommandsHaveOutputErrorsAndAnExitCode)
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

TEST_F(AdbPhone, InputReachesACommandAndEnds)
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

TEST_F(AdbPhone, OutputStreamsAndIsLimited)
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

TEST_F(AdbPhone, CancelEndsEverythingTheCommandStarted)
{
    const test::LabPhone phone(lab, "{}");
    const auto alive = [&] { return shell_output(phone.target(), "for p in $(cat /data/local/tmp/pids); do kill -s 0 $p 2>/dev/null && echo alive; done; exit 0", lab.control); };
    cancel_after(milliseconds(500));
    const auto begin = steady_clock::now();
    EXPECT_THROW((void)run_shell(phone.target(), "cd /data/local/tmp; sleep 100 & echo $! > pids; (sleep 100; echo never) & echo $! >> pids; echo $$ >> pids; wait; echo never", control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(2500));
    EXPECT_EQ(shell_output(phone.target(), "wc -l < /data/local/tmp/pids", lab.control), "3\n");
    EXPECT_EQ(alive(), "");
}

TEST_F(AdbPhone, ACommandThatIgnoresTheSignalIsKilled)
{
    const test::LabPhone phone(lab, "{}");
    cancel_after(milliseconds(300));
    EXPECT_THROW((void)run_shell(phone.target(), "trap '' TERM HUP; echo $$ > /data/local/tmp/pid; while :; do sleep 0.2; done", control), Cancelled);
    EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", lab.control).exit_code, 0);
}

TEST_F(AdbPhone, ATimeLimitEndsTheCommand)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.time_limit = milliseconds(400);
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "echo $$ > /data/local/tmp/pid; sleep 100", options, control); });
    EXPECT_EQ(fault, AdbFault::no_answer);
    EXPECT_TRUE(has(sentence, "took longer than the 1 s")) << sentence;
    EXPECT_NE(run_shell(phone.target(), "kill -s 0 $(cat /data/local/tmp/pid)", control).exit_code, 0);
}

TEST_F(AdbPhone, ASilentCommandOnALivingPhoneGoesOn)
{
    const test::LabPhone phone(lab, "{}");
    ShellOptions options;
    options.silence = milliseconds(200);
    EXPECT_EQ(run_shell(phone.target(), "sleep 1.5; echo done", options, control).output, "done\n");
}

TEST_F(AdbPhone, ACutInTheMiddleIsNoSuccess)
{
    test::LabPhone phone(lab, "{}");
    std::thread puller([&] {
        std::this_thread::sleep_for(milliseconds(400));
        phone.end();
    });
    const auto begin = steady_clock::now();
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "echo started; sleep 100", control); });
    puller.join();
    EXPECT_EQ(fault, AdbFault::connection_lost);
    EXPECT_TRUE(has(sentence, "broke in the middle")) << sentence;
    EXPECT_LT(steady_clock::now() - begin, milliseconds(3000));
}

TEST_F(AdbPhone, TheServersEndInTheMiddleIsNoSuccessEither)
{
    const test::LabPhone phone(lab, "{}");
    std::thread killer([&] {
        std::this_thread::sleep_for(milliseconds(400));
        lab.end_server();
    });
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "echo started; sleep 100", control); }).first, AdbFault::connection_lost);
    killer.join();
    EXPECT_EQ(fault_of([&] { (void)run_shell(phone.target(), "true", control); }).first, AdbFault::no_server);
}

TEST_F(AdbPhone, FilesGoAndComeBackWithProgress)
{
    const test::LabPhone phone(lab, "{}");
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65528}, std::size_t{65529}, std::size_t{5'000'001}}) {
        const auto bytes = bytes_of(size);
        const auto local = file_of(lab.folder() / "file", bytes);
        std::vector<std::uint64_t> seen;
        push_file(phone.target(), local, "/data/local/tmp/new folder/it's", 0755, [&](std::uint64_t done, std::uint64_t total) {
            EXPECT_EQ(total, size);
            seen.push_back(done);
        }, control);
        ASSERT_FALSE(seen.empty());
        EXPECT_TRUE(std::ranges::is_sorted(seen));
        EXPECT_EQ(seen.back(), size);
        EXPECT_EQ(std::ranges::count(seen, size), 1);  // the whole is said once, after the phone's OKAY
        const auto stat = stat_remote(phone.target(), "/data/local/tmp/new folder/it's", control);
        ASSERT_TRUE(stat);
        EXPECT_EQ(stat->size, size);
        EXPECT_TRUE(stat->is_file());
        EXPECT_EQ(stat->mode & 0700u, 0700u);
        EXPECT_EQ(remote_sha256(phone.target(), "/data/local/tmp/new folder/it's", std::nullopt, control), sha256_hex(bytes));
        pull_file(phone.target(), "/data/local/tmp/new folder/it's", lab.folder() / "back", 10'000'000, {}, control);
        EXPECT_TRUE(read_text(lab.folder() / "back") == bytes);
    }
    EXPECT_TRUE(stat_remote(phone.target(), "/data/local/tmp", control)->is_folder());
    EXPECT_FALSE(stat_remote(phone.target(), "/data/local/tmp/none", control));
    EXPECT_FALSE(stat_remote(phone.target(), "/data/local/tmp/new folder/it's/below", control));
    EXPECT_THROW((void)stat_remote(phone.target(), "relative", control), Error);
}

TEST_F(AdbPhone, FilesThatCannotBePulledLeaveNothing)
{
    const test::LabPhone phone(lab, "{}");
    push_file(phone.target(), file_of(lab.folder() / "file", bytes_of(1'000'000)), "/data/local/tmp/file", 0644, {}, control);
    file_of(lab.folder() / "old", "old");
    EXPECT_EQ(fault_of([&] { pull_file(phone.target(), "/data/local/tmp/none", lab.folder() / "old", 10, {}, control); }).first, AdbFault::not_found);
    EXPECT_EQ(fault_of([&] { pull_file(phone.target(), "/data/local/tmp", lab.folder() / "old", 10, {}, control); }).first, AdbFault::refused);
    const auto [fault, sentence] = fault_of([&] { pull_file(phone.target(), "/data/local/tmp/file", lab.folder() / "old", 100'000, {}, control); });
    EXPECT_EQ(fault, AdbFault::refused);
    EXPECT_TRUE(has(sentence, "longer than the 100000 bytes")) << sentence;
    EXPECT_EQ(read_text(lab.folder() / "old"), "old");
}

TEST_F(AdbPhone, AFullPhoneSaysSo)
{
    const test::LabPhone phone(lab, R"({"faults":{"full_after_bytes":2000000}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(50'000'000));
    const auto [fault, sentence] = fault_of([&] { push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_space) << sentence;
    EXPECT_TRUE(has(sentence, "storage is full")) << sentence;
}

TEST_F(AdbPhone, AForbiddenFolderSaysSo)
{
    const test::LabPhone phone(lab, R"({"faults":{"denied":["/data/secret"]}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(20'000'000));
    const auto [fault, sentence] = fault_of([&] { push_file(phone.target(), local, "/data/secret/file", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::denied) << sentence;
    EXPECT_TRUE(has(sentence, "does not allow")) << sentence;
}

TEST_F(AdbPhone, ACutPushFailsAndAnotherAfterItSucceeds)
{
    const test::LabPhone phone(lab, R"({"faults":{"drop":{"direction":"push","bytes":3000000}}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(20'000'000));
    std::uint64_t furthest = 0;
    EXPECT_EQ(fault_of([&] { push_file(phone.target(), local, "/data/local/tmp/file", 0644, [&](std::uint64_t done, std::uint64_t) { furthest = done; }, control); }).first,
              AdbFault::connection_lost);
    EXPECT_LT(furthest, 20'000'000u);
    std::this_thread::sleep_for(milliseconds(300));  // adb comes back to the phone by itself
    phone.wait_ready();
    push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control);
}

TEST_F(AdbPhone, AppendingGoesOnAfterACut)
{
    test::LabPhone phone(lab, "{}");
    const auto bytes = bytes_of(30'000'000);
    const auto local = file_of(lab.folder() / "file", bytes);
    // What a cut leaves: a beginning.
    push_file(phone.target(), file_of(lab.folder() / "part", bytes.substr(0, 7'654'321)), "/data/local/tmp/file", 0644, {}, control);
    EXPECT_EQ(append_file(phone.target(), local, "/data/local/tmp/file", {}, control), 7'654'321u);
    EXPECT_EQ(remote_sha256(phone.target(), "/data/local/tmp/file", std::nullopt, control), sha256_hex(bytes));
    EXPECT_EQ(append_file(phone.target(), local, "/data/local/tmp/file", {}, control), 30'000'000u);  // all there
    // Another beginning, and a longer file, are not gone on with.
    push_file(phone.target(), file_of(lab.folder() / "part", bytes_of(1'000'000, 2)), "/data/local/tmp/file", 0644, {}, control);
    EXPECT_EQ(append_file(phone.target(), local, "/data/local/tmp/file", {}, control), 0u);
    push_file(phone.target(), file_of(lab.folder() / "part", bytes + "x"), "/data/local/tmp/file", 0644, {}, control);
    EXPECT_EQ(append_file(phone.target(), local, "/data/local/tmp/file", {}, control), 0u);
    EXPECT_EQ(remote_sha256(phone.target(), "/data/local/tmp/file", std::nullopt, control), sha256_hex(bytes));
    EXPECT_EQ(append_file(phone.target(), file_of(lab.folder() / "empty", ""), "/data/local/tmp/empty", {}, control), 0u);
}

TEST_F(AdbPhone, ACancelledPushStopsAtOnce)
{
    const test::LabPhone phone(lab, R"({"faults":{"bytes_per_second":4000000}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(60'000'000));
    cancel_after(milliseconds(500));
    const auto begin = steady_clock::now();
    EXPECT_THROW(push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(900));
}

TEST_F(AdbPhone, AStoreSendsNothingTwice)
{
    const test::LabPhone phone(lab, "{}");
    const RemoteStore store(phone.target());
    const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes_of(10'000'000)), "model.safetensors"}, {file_of(lab.folder() / "b", "{}"), "config.json"}};
    std::uint64_t last = 0, total = 0;
    const auto stored = store.store_model(files, [&](std::uint64_t done, std::uint64_t all) { last = done, total = all; }, control);
    EXPECT_EQ(stored.sent, 10'000'002u);
    EXPECT_EQ(last, total);
    EXPECT_EQ(total, 10'000'002u);
    EXPECT_EQ(stored.path, std::string(RemoteStore::default_root) + "/models/" + stored.sha256.substr(0, 12));
    EXPECT_EQ(store.store_model({files[1], files[0]}, {}, control).sent, 0u);
    EXPECT_EQ(shell_output(phone.target(), "ls " + store.root() + "/models", control), stored.sha256.substr(0, 12) + "\n");

    const auto program = store.store_program({{file_of(lab.folder() / "run", "#!/bin/sh\necho ran\n"), "runner", 0755}}, {}, control);
    EXPECT_EQ(program.sha256, sha256_hex("#!/bin/sh\necho ran\n"));
    EXPECT_EQ(shell_output(phone.target(), program.path + "/runner", control), "ran\n");

    (void)shell_output(phone.target(), "rm " + stored.path + "/config.json", control);  // somebody tidied up on the phone
    EXPECT_EQ(store.store_model(files, {}, control).sent, 10'000'002u);
    EXPECT_GT(store.used_bytes(control), 10'000'000u);
    EXPECT_GT(store.free_bytes(control), 0u);

    const auto folder = store.make_run("run-1", control);
    (void)start_detached(phone.target(), folder, "sleep 100", control);
    EXPECT_EQ(store.runs(control), std::vector<std::string>{"run-1"});
    store.remove_everything(control);
    EXPECT_FALSE(stat_remote(phone.target(), store.root(), control));
    EXPECT_EQ(store.used_bytes(control), 0u);
    EXPECT_THROW(RemoteStore(phone.target(), "/data/local/tmp/"), Error);
    EXPECT_THROW(RemoteStore(phone.target(), "/data/local/tmp/../.."), Error);
    EXPECT_THROW((void)store.make_run("../x", control), Error);
    EXPECT_THROW((void)store.store_model({{lab.folder() / "a", "a/b"}}, {}, control), Error);
}

TEST_F(AdbPhone, AStoreGoesOnAfterACutAndMendsWhatIsWrong)
{
    const test::LabPhone phone(lab, R"({"faults":{"drop":{"direction":"shell","bytes":20000000}}})");
    const RemoteStore store(phone.target());
    const auto bytes = bytes_of(40'000'000);
    const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes), "a"}};
    try {
        (void)store.store_model(files, {}, control);
    } catch (const AdbError& error) {
        EXPECT_TRUE(error.passes_with_reconnect()) << error.what();
    }
    std::this_thread::sleep_for(milliseconds(300));
    phone.wait_ready();
    const auto stored = store.store_model(files, {}, control);
    EXPECT_LE(stored.sent, 40'000'000u);
    EXPECT_EQ(remote_sha256(phone.target(), stored.path + "/a", std::nullopt, control), sha256_hex(bytes));
}

TEST_F(AdbPhone, ADetachedRunOutlivesTheServer)
{
    const test::LabPhone phone(lab, "{}");
    const std::string folder = "/data/local/tmp/bitwright/runs/r 1";
    EXPECT_EQ(look_at_detached(phone.target(), folder, control).kind, DetachedState::Kind::absent);
    const auto group = start_detached(phone.target(), folder, "echo working; echo aside >&2; sleep 2; echo done; exit 7", control);
    auto state = look_at_detached(phone.target(), folder, control);
    EXPECT_EQ(state.kind, DetachedState::Kind::running);
    EXPECT_EQ(state.group, group);
    EXPECT_EQ(fault_of([&] { (void)start_detached(phone.target(), folder, "true", control); }).first, AdbFault::refused);
    lab.end_server();  // the cable is pulled
    ensure_adb_server(lab.settings(), control);
    (void)connect_phone(lab.settings(), phone.serial(), control);
    state = wait_for_detached(phone.target(), folder, milliseconds(100), milliseconds(5000), control);
    EXPECT_EQ(state.kind, DetachedState::Kind::finished);
    EXPECT_EQ(state.exit_code, 7);
    pull_file(phone.target(), folder + "/stdout", lab.folder() / "out", 1000, {}, control);
    EXPECT_EQ(read_text(lab.folder() / "out"), "working\ndone\n");
    EXPECT_EQ(shell_output(phone.target(), "cat '" + folder + "/stderr'", control), "aside\n");
}

TEST_F(AdbPhone, ADetachedRunCanBeEndedAndADeadOneIsSeen)
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

TEST_F(AdbPhone, AFrozenPhoneIsNotWaitedForForEver)
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
    EXPECT_LT(steady_clock::now() - begin, milliseconds(5000));
}

TEST_F(AdbPhone, AnUnauthorizedPhoneAsksForItsDialog)
{
    const test::LabPhone phone(lab, R"({"faults":{"authorize":"later","authorize_after_s":1.5}})", false);
    const auto [fault, sentence] = fault_of([&] { (void)run_shell(phone.target(), "true", control); });
    EXPECT_EQ(fault, AdbFault::unauthorized) << sentence;
    EXPECT_TRUE(has(sentence, "accept the dialog")) << sentence;
    phone.wait_ready();  // it becomes ready by itself after the tap
    EXPECT_EQ(run_shell(phone.target(), "true", control).exit_code, 0);
}

TEST_F(AdbPhone, AddressesThatDoNotAnswerSayWhy)
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
    const auto features = adb_features(lab.settings(), control);
    try {
        pair_phone(lab.settings(), "127.0.0.1:1", "123456", control);
        ADD_FAILURE();
    } catch (const AdbError& error) {  // Debian's adb cannot; a newer one fails at the address
        EXPECT_TRUE(error.fault() != AdbFault::unsupported || has(error.what(), "platform tools 30")) << error.what();
    }
    EXPECT_THROW(pair_phone(lab.settings(), "127.0.0.1:1", "12 34", control), Error);
    reconnect_offline(lab.settings(), control);
}

}  // namespace
}  // namespace bitwright
