// SPDX-License-Identifier: GPL-3.0-or-later
// What opening a workspace does with every kind of file it may meet.
#include "core/recipe/recipe.h"
#include "core/workspace/tensors.h"
#include "core/workspace/workspace.h"
#include "tests/support/shared_data.h"
#include "tests/workspace/as_nobody.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <fstream>
#include <functional>
#include <utility>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

/// "kind: message" of the Error that opening throws, or "opened".
std::string opening(const fs::path& path)
{
    try {
        const Workspace workspace(path, std::chrono::milliseconds(200));
        return "opened";
    } catch (const Error& error) {
        return (error.kind() == ErrorKind::bad_input ? "bad input: " : "failed: ") + std::string(error.what());
    }
}

std::string error_of(const std::function<void()>& opens)
{
    try {
        opens();
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

Tensor some_tensor(std::size_t count, float value = 1)
{
    const std::vector<float> values(count, value);
    return Tensor::from<float>(Dtype::f32, {static_cast<std::int64_t>(count)}, values);
}

TEST(Opening, MakesTheFileAndOpensItAgain)
{
    const auto path = test::scratch("opening") / "w.bitwright";
    std::string hash;
    {
        Workspace workspace(path);
        EXPECT_FALSE(workspace.read_only());
        EXPECT_EQ(workspace.notice(), "");
        hash = put_tensor(workspace, some_tensor(3));
    }
    const Workspace again(path);
    EXPECT_EQ(get_tensor(again, hash).shape, Shape{3});
    EXPECT_EQ(again.data_folder().filename(), "w.bitwright.data");
}

TEST(Opening, AnEmptyFileIsANewWorkspace)
{
    const auto path = test::scratch("opening") / "empty.bitwright";
    std::ofstream(path).close();
    EXPECT_EQ(opening(path), "opened");
}

TEST(Opening, RefusesWhatIsNoWorkspace)
{
    const auto folder = test::scratch("foreign");
    EXPECT_NE(opening(folder).find("is a folder"), std::string::npos);
    EXPECT_NE(opening(folder / "absent" / "w.bitwright").find("does not exist"), std::string::npos);
    std::ofstream(folder / "text.bitwright") << "once upon a time, long enough to be a header: " << std::string(200, '.');
    EXPECT_NE(opening(folder / "text.bitwright").find("bad input: " + (folder / "text.bitwright").string() + ": is no workspace (not an SQLite file)"),
              std::string::npos);

    const auto other = folder / "other.db";
    SQLite::Database(other.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE bookmarks (url TEXT)");
    std::ifstream before_file(other, std::ios::binary);
    const std::string before(std::istreambuf_iterator<char>(before_file), {});
    EXPECT_NE(opening(other).find("is an SQLite file of another program"), std::string::npos);
    std::ifstream after_file(other, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(after_file), {}), before) << "a foreign file is not touched";
}

TEST(Opening, RefusesANewerVersion)
{
    const auto path = test::scratch("newer") / "w.bitwright";
    EXPECT_EQ(opening(path), "opened");
    SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
    const auto message = opening(path);
    EXPECT_NE(message.find("bad input: "), std::string::npos);
    EXPECT_NE(message.find("user_version: was written by a newer Bitwright (schema 99"), std::string::npos) << message;
}

TEST(Opening, RefusesATruncatedFileAtEveryLength)
{
    const auto folder = test::scratch("truncated");
    {
        Workspace workspace(folder / "whole.bitwright");
        put_tensor(workspace, some_tensor(30000));
    }
    const auto size = fs::file_size(folder / "whole.bitwright");
    for (const auto keep :
         {std::uintmax_t{5}, std::uintmax_t{16}, std::uintmax_t{99}, std::uintmax_t{100}, std::uintmax_t{4096}, size / 2, size - 4096, size - 1}) {
        const auto path = folder / ("cut" + std::to_string(keep) + ".bitwright");
        fs::copy_file(folder / "whole.bitwright", path);
        fs::resize_file(path, keep);
        const auto message = opening(path);
        EXPECT_NE(message.find("bad input: "), std::string::npos) << keep << ": " << message;
        EXPECT_NE(message.find("is truncated"), std::string::npos) << keep << ": " << message;
    }
}

TEST(Opening, SaysWhenAnotherProgramKeepsItLocked)
{
    const auto path = test::scratch("locked") / "w.bitwright";
    Workspace workspace(path, std::chrono::milliseconds(100));
    SQLite::Database other(path.string(), SQLite::OPEN_READWRITE);
    const SQLite::Transaction lock(other, SQLite::TransactionBehavior::IMMEDIATE);
    try {
        put_tensor(workspace, some_tensor(1));
        FAIL() << "wrote through a lock";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        EXPECT_NE(std::string(error.what()).find("another program keeps the workspace locked"), std::string::npos) << error.what();
    }
}

TEST(Opening, TellsWhileItWaitsForALockAndCanBeStopped)
{
    const auto path = test::scratch("waiting") / "w.bitwright";
    { const Workspace made(path); }
    SQLite::Database other(path.string(), SQLite::OPEN_READWRITE);
    other.exec("PRAGMA journal_mode = DELETE");
    other.exec("PRAGMA locking_mode = EXCLUSIVE");
    other.exec("BEGIN EXCLUSIVE");
    int told = 0;
    const auto given_up = error_of([&] {
        const Workspace workspace(path, std::chrono::minutes(1), [&](std::chrono::milliseconds) { return ++told < 3; });
    });
    EXPECT_EQ(told, 3);
    EXPECT_NE(given_up.find("another program keeps the workspace locked"), std::string::npos) << given_up;
    EXPECT_NE(error_of([&] { const Workspace workspace(path, std::chrono::milliseconds(60)); }).find("another program keeps the workspace locked"), std::string::npos);
    bool waited = false;
    const Workspace workspace(path, std::chrono::minutes(1), [&](std::chrono::milliseconds) {
        if (!std::exchange(waited, true)) {
            other.exec("COMMIT");
            other.exec("PRAGMA locking_mode = NORMAL");
            (void)other.execAndGet("SELECT count(*) FROM sqlite_master").getInt();  // which gives the lock back
        }
        return true;
    });
    EXPECT_TRUE(waited);
    EXPECT_FALSE(workspace.read_only());
}

TEST(Opening, ReadsAPlaceThatCannotBeWrittenAndSaysSo)
{
    const auto folder = test::scratch("readonly");
    const auto path = folder / "w.bitwright";
    std::string hash;
    {
        Workspace workspace(path);
        hash = put_tensor(workspace, some_tensor(5));
    }
    fs::permissions(path, fs::perms::owner_read | fs::perms::others_read);
    fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
    fs::permissions(folder.parent_path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    const auto said = test::as_nobody([&]() -> std::string {
        Workspace workspace(path);
        if (!workspace.read_only() || get_tensor(workspace, hash).data.size() != 20) return "not read";
        try {
            put_tensor(workspace, some_tensor(6));
        } catch (const Error& error) {
            return workspace.notice() + " | " + error.what();
        }
        return "written";
    });
    EXPECT_NE(said.find("immutable"), std::string::npos) << said;
    EXPECT_NE(said.find("opened read-only"), std::string::npos) << said;
    fs::permissions(folder, fs::perms::owner_all);
}

TEST(Opening, ReadsALogBesideAReadOnlyFileFromACopy)
{
    const auto folder = test::scratch("readonly-log");
    const auto source = folder / "source.bitwright";
    const auto place = folder / "place";
    fs::create_directories(place);
    std::string hash;
    {
        Workspace workspace(source);
        hash = put_tensor(workspace, some_tensor(7));
        fs::copy_file(source, place / "w.bitwright");  // while it is open: the last change lies in the log only
        fs::copy_file(source.string() + "-wal", place / "w.bitwright-wal");
    }
    for (const auto& entry : fs::directory_iterator(place)) fs::permissions(entry, fs::perms::owner_read | fs::perms::others_read);
    fs::permissions(place, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
    for (const auto& above : {folder, folder.parent_path()}) fs::permissions(above, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    const auto said = test::as_nobody([&] {
        const Workspace workspace(place / "w.bitwright");
        return workspace.notice() + (get_tensor(workspace, hash).data.size() == 28 ? " | found" : " | lost");
    });
    EXPECT_NE(said.find("temporary copy"), std::string::npos) << said;
    EXPECT_NE(said.find("found"), std::string::npos) << said;
    fs::permissions(place, fs::perms::owner_all);
}

TEST(Opening, SaysWhenTheDiskIsFull)
{
    const auto path = test::scratch("full") / "w.bitwright";
    fs::permissions(path.parent_path(), fs::perms::all);
    fs::permissions(path.parent_path().parent_path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    const auto message = test::as_nobody([&]() -> std::string {
        std::string kept;
        {
            Workspace workspace(path);
            kept = put_tensor(workspace, some_tensor(100));
        }
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{512 << 10, 512 << 10};  // no file may grow beyond: what a full disk does to a write
        ::setrlimit(RLIMIT_FSIZE, &limit);
        Workspace workspace(path);
        for (const std::size_t count : {std::size_t{1} << 19, std::size_t{5} << 20}) {  // in the file; in the data folder
            try {
                put_tensor(workspace, some_tensor(count));
                return "written";
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::failed) return std::string("wrong kind: ") + error.what();
            }
        }
        if (get_tensor(workspace, kept).data.size() != 400) return "the stored tensor is gone";
        if (fs::exists(workspace.data_folder()) && !fs::is_empty(workspace.data_folder())) return "a half-written file stays";
        return "one sentence";
    });
    EXPECT_EQ(message, "one sentence");
}

/// Another process opens the workspace, reads and goes. This program again, as SQLite's knowledge of its own locks would survive a fork.
void visit_in_another_process(const fs::path& path)
{
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("BITWRIGHT_TEST_VISIT", path.c_str(), 1);
        ::execl("/proc/self/exe", "visitor", "--gtest_also_run_disabled_tests", "--gtest_filter=Opening.DISABLED_Visitor", static_cast<char*>(nullptr));
        ::_exit(2);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
}

TEST(Opening, DISABLED_Visitor)
{
    const char* const path = std::getenv("BITWRIGHT_TEST_VISIT");
    ASSERT_NE(path, nullptr) << "run by another test";
    EXPECT_FALSE(Workspace(path).read_only());
}

TEST(Opening, ASecondOpeningInOneProcessLeavesTheLocksOfTheFirst)
{
    const auto path = test::scratch("locks") / "w.bitwright";
    const auto log = path.string() + "-wal";
    Workspace first(path);
    const auto put = [&](std::int32_t value) { return put_tensor(first, Tensor::from<std::int32_t>(Dtype::i32, {1}, std::vector{value})); };
    const auto before = put(1);
    {
        const Workspace second(path);  // as a job of the desk opens what the desk has open
    }
    ASSERT_GT(fs::file_size(log), 0U);
    visit_in_another_process(path);
    ASSERT_TRUE(fs::exists(log)) << "the visitor took itself for the last one and removed the log under an open connection";
    const auto after = put(2);
    visit_in_another_process(path);
    const Workspace again(path);
    EXPECT_EQ(get_tensor(again, before).as<std::int32_t>()[0], 1);
    EXPECT_EQ(get_tensor(again, after).as<std::int32_t>()[0], 2);
}

TEST(Opening, SeveralProcessesMakeAndWriteTheSameFile)
{
    const auto path = test::scratch("several") / "w.bitwright";
    fs::permissions(path.parent_path(), fs::perms::all);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                Workspace workspace(path);
                for (int k = 0; k < 10; ++k) put_tensor(workspace, some_tensor(8, static_cast<float>(i * 10 + k)));
                ::_exit(0);
            } catch (const std::exception& error) {
                fprintf(stderr, "%s\n", error.what());
                ::_exit(1);
            }
        }
        children.push_back(child);
    }
    for (const auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
    const Workspace workspace(path);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(get_tensor(workspace, tensor_sha256(some_tensor(8, static_cast<float>(i)))).data.size(), 32U);
}

}  // namespace
}  // namespace bitwright
