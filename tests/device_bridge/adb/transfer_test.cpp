// SPDX-License-Identifier: GPL-3.0-or-later
// Files to and from a demo phone, through genuine adb; and everything that goes wrong on the way.
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/remote_store.h"
#include "device_bridge/adb/sync.h"
#include "tests/device_bridge/adb/phone_fixture.h"

#include <algorithm>
#include <utility>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::bytes_of;
using test::fault_of;
using test::file_of;
using test::has;

class AdbTransfers : public test::AdbPhone {};

TEST_F(AdbTransfers, FilesGoAndComeBackWithProgress)
{
    const test::LabPhone phone(lab, "{}");
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65528}, std::size_t{65529}, std::size_t{5'000'001}}) {
        const auto bytes = bytes_of(size);
        const auto local = file_of(lab.folder() / "file", bytes);
        std::vector<std::uint64_t> seen;
        push_file(
            phone.target(), local, "/data/local/tmp/new folder/it's", 0755,
            [&](std::uint64_t done, std::uint64_t total) {
                EXPECT_EQ(total, size);
                seen.push_back(done);
            },
            control);
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

TEST_F(AdbTransfers, FilesThatCannotBePulledLeaveNothing)
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

TEST_F(AdbTransfers, AFullPhoneSaysSo)
{
    const test::LabPhone phone(lab, R"({"faults":{"full_after_bytes":2000000}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(50'000'000));
    const auto [fault, sentence] = fault_of([&] { push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_space) << sentence;
    EXPECT_TRUE(has(sentence, "storage is full")) << sentence;
}

TEST_F(AdbTransfers, AForbiddenFolderSaysSo)
{
    const test::LabPhone phone(lab, R"({"faults":{"denied":["/data/secret"]}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(20'000'000));
    const auto [fault, sentence] = fault_of([&] { push_file(phone.target(), local, "/data/secret/file", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::denied) << sentence;
    EXPECT_TRUE(has(sentence, "does not allow")) << sentence;
}

TEST_F(AdbTransfers, ACutPushFailsAndAnotherAfterItSucceeds)
{
    const test::LabPhone phone(lab, R"({"faults":{"drop":{"direction":"push","bytes":3000000}}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(20'000'000));
    std::uint64_t furthest = 0;
    EXPECT_EQ(fault_of([&] {
                  push_file(
                      phone.target(), local, "/data/local/tmp/file", 0644, [&](std::uint64_t done, std::uint64_t) { furthest = done; }, control);
              }).first,
              AdbFault::connection_lost);
    EXPECT_LT(furthest, 20'000'000u);
    std::this_thread::sleep_for(milliseconds(300));  // adb comes back to the phone by itself
    phone.wait_ready();
    push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control);
}

TEST_F(AdbTransfers, AppendingGoesOnAfterACut)
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

TEST_F(AdbTransfers, ACancelledPushStopsAtOnce)
{
    const test::LabPhone phone(lab, R"({"faults":{"bytes_per_second":4000000}})");
    const auto local = file_of(lab.folder() / "file", bytes_of(60'000'000));
    cancel_after(milliseconds(500));
    const auto begin = steady_clock::now();
    EXPECT_THROW(push_file(phone.target(), local, "/data/local/tmp/file", 0644, {}, control), Cancelled);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(4000));
}

TEST_F(AdbTransfers, AStoreSendsNothingTwice)
{
    const test::LabPhone phone(lab, "{}");
    const RemoteStore store(phone.target());
    const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes_of(10'000'000)), "model.safetensors"},
                                         {file_of(lab.folder() / "b", "{}"), "config.json"}};
    std::uint64_t last = 0, total = 0;
    const auto stored = store.store_model(
        files, [&](std::uint64_t done, std::uint64_t all) { last = done, total = all; }, control);
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

TEST_F(AdbTransfers, AStoreGoesOnAfterACut)
{
    const test::LabPhone phone(lab, "{}");
    const RemoteStore store(phone.target());
    const auto bytes = bytes_of(40'000'000);
    const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes), "a"}};
    bool cut = false;
    const auto [fault, sentence] = fault_of([&] {
        (void)store.store_model(
            files,
            [&](std::uint64_t done, std::uint64_t) {
                if (done > 20'000'000 && !std::exchange(cut, true)) disconnect_phone(lab.settings(), phone.serial(), lab.control);
            },
            control);
    });
    EXPECT_EQ(fault, AdbFault::connection_lost) << sentence;
    EXPECT_EQ(shell_output_after_reconnect(phone, "ls " + store.root() + "/models"), sha256_hex(bytes).substr(0, 12) + ".part\n");
    const auto stored = store.store_model(files, {}, control);
    EXPECT_GT(stored.sent, 0u);
    EXPECT_LT(stored.sent, 30'000'000u);
    EXPECT_EQ(remote_sha256(phone.target(), stored.path + "/a", std::nullopt, control), sha256_hex(bytes));
}

TEST_F(AdbTransfers, AStoreGoesOnAfterThePhoneWentAwayByItself)
{
    for (const auto* fault : {R"({"faults":{"drop":{"direction":"push","bytes":20000000}}})", R"({"faults":{"reboot":{"direction":"push","bytes":20000000,"down_s":0.2}}})"}) {
        const test::LabPhone phone(lab, fault);
        const RemoteStore store(phone.target());
        const auto bytes = bytes_of(40'000'000);
        const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes), "a"}};
        const auto [kind, sentence] = fault_of([&] { (void)store.store_model(files, {}, control); });
        EXPECT_EQ(kind, AdbFault::connection_lost) << fault << sentence;
        EXPECT_TRUE(has(sentence, "the connection to the phone broke in the middle; check the cable")) << sentence;
        std::this_thread::sleep_for(milliseconds(400));
        EXPECT_NE(shell_output_after_reconnect(phone, "ls " + store.root() + "/models"), "");
        const auto stored = store.store_model(files, {}, control);
        EXPECT_GT(stored.sent, 0u);
        EXPECT_LT(stored.sent, 30'000'000u) << fault << ": what had arrived is not sent again";
        EXPECT_EQ(remote_sha256(phone.target(), stored.path + "/a", std::nullopt, control), sha256_hex(bytes));
    }
}

TEST_F(AdbTransfers, AStoreOfALargeFileOnAFullOrFrozenPhoneSaysSo)
{
    const std::vector<FileToStore> files{{file_of(lab.folder() / "a", bytes_of(20'000'000)), "a"}};
    {
        const test::LabPhone phone(lab, R"({"faults":{"full_after_bytes":9000000}})");
        const auto [fault, sentence] = fault_of([&] { (void)RemoteStore(phone.target()).store_model(files, {}, control); });
        EXPECT_EQ(fault, AdbFault::no_space) << sentence;
        EXPECT_TRUE(has(sentence, "storage is full; free some space there")) << sentence;
    }
    const test::LabPhone phone(lab, R"({"faults":{"freeze":{"direction":"push","bytes":9000000}}})");
    auto target = phone.target();
    target.adb.silence = milliseconds(1500);
    const auto [fault, sentence] = fault_of([&] { (void)RemoteStore(target).store_model(files, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_answer) << sentence;
    EXPECT_TRUE(has(sentence, "has not answered for 2 s; unlock it, or unplug it and plug it in again")) << sentence;
}

TEST_F(AdbTransfers, ACutPullLeavesNothingAndTheNextOneIsWhole)
{
    const test::LabPhone phone(lab, R"({"faults":{"drop":{"direction":"pull","bytes":8000000}}})");
    const auto bytes = bytes_of(20'000'000);
    push_file(phone.target(), file_of(lab.folder() / "a", bytes), "/data/local/tmp/a", 0644, {}, control);
    const auto pull = [&] { pull_file(phone.target(), "/data/local/tmp/a", lab.folder() / "back", 30'000'000, {}, control); };
    EXPECT_EQ(fault_of(pull).first, AdbFault::connection_lost);
    EXPECT_FALSE(std::filesystem::exists(lab.folder() / "back"));
    phone.wait_ready();
    pull();
    EXPECT_TRUE(read_text(lab.folder() / "back") == bytes);
}

TEST_F(AdbTransfers, WhatIsWrongInAPartIsSentAgain)
{
    const test::LabPhone phone(lab, "{}");
    const RemoteStore store(phone.target());
    const auto bytes = bytes_of(20'000'000);
    const auto part = store.root() + "/models/" + sha256_hex(bytes).substr(0, 12) + ".part";
    (void)shell_output(phone.target(), "mkdir -p " + part + "; head -c 20000000 /dev/zero > " + part + "/a", control);  // the right size, other bytes
    const auto stored = store.store_model({{file_of(lab.folder() / "a", bytes), "a"}}, {}, control);
    EXPECT_EQ(stored.sent, 20'000'000u);
    EXPECT_EQ(remote_sha256(phone.target(), stored.path + "/a", std::nullopt, control), sha256_hex(bytes));
}

TEST_F(AdbTransfers, AStoreLooksAtTheSpaceFirst)
{
    const test::LabPhone phone(lab, R"({"data_mib":64})");
    const RemoteStore store(phone.target());
    if (store.free_bytes(control) > (100u << 20)) GTEST_SKIP() << "skipped: without namespaces the demo phone has this computer's space";
    const auto local = file_of(lab.folder() / "a", bytes_of(60'000'000));
    auto [fault, sentence] = fault_of([&] { (void)store.store_model({{local, "a"}}, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_space);
    EXPECT_TRUE(has(sentence, "58 MiB are to be stored and 64 MiB are free there")) << sentence;
    std::ofstream(local, std::ios::app) << bytes_of(20'000'000);
    std::tie(fault, sentence) = fault_of([&] { (void)append_file(phone.target(), local, "/data/local/tmp/a", {}, control); });
    EXPECT_EQ(fault, AdbFault::no_space) << sentence;
    std::tie(fault, sentence) = fault_of([&] { push_file(phone.target(), local, "/data/local/tmp/b", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_space) << sentence;
}

TEST_F(AdbTransfers, AProgramOutsideItsFolderMayNotRun)
{
    const test::LabPhone phone(lab, "{}");
    push_file(phone.target(), file_of(lab.folder() / "run", "#!/bin/sh\n"), "/sdcard/run", 0755, {}, control);
    const auto result = run_shell(phone.target(), "/sdcard/run", control);
    if (result.exit_code == 0) GTEST_SKIP() << "skipped: without namespaces /sdcard is a folder like others";
    EXPECT_EQ(result.exit_code, 126);
    const auto [fault, sentence] = fault_of([&] { (void)shell_output(phone.target(), "/sdcard/run", control); });
    EXPECT_EQ(fault, AdbFault::denied);
    EXPECT_TRUE(has(sentence, "use a folder below /data/local/tmp")) << sentence;
}

TEST_F(AdbTransfers, APhoneThatFreezesInAPushIsGivenUp)
{
    const test::LabPhone phone(lab, R"({"faults":{"freeze":{"direction":"push","bytes":3000000}}})");
    auto target = phone.target();
    target.adb.silence = milliseconds(700);
    const auto local = file_of(lab.folder() / "a", bytes_of(50'000'000));
    const auto begin = steady_clock::now();
    const auto [fault, sentence] = fault_of([&] { push_file(target, local, "/data/local/tmp/a", 0644, {}, control); });
    EXPECT_EQ(fault, AdbFault::no_answer) << sentence;
    EXPECT_LT(steady_clock::now() - begin, milliseconds(10000));
}

}  // namespace
}  // namespace bitwright
