// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/database.h"

#include "core/workspace/migrations.h"

#include <sqlite3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr std::string_view magic{"SQLite format 3\0", 16};

fs::path beside(const fs::path& path, const char* suffix) { return path.string() + suffix; }

std::uintmax_t size_or_0(const fs::path& path)
{
    std::error_code error;
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

std::uint32_t big_endian(const char* bytes, int count)
{
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::mutex open_files_mutex;
std::map<std::pair<std::uint64_t, std::uint64_t>, int> open_files;  ///< connections of this process, by device and inode

}  // namespace

DatabaseFile::DatabaseFile(const fs::path& path, const std::function<void()>& by_hand)
{
    const std::lock_guard lock(open_files_mutex);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (made >= 0) ::close(made);
        if (made < 0 || ::stat(path.c_str(), &status) != 0) throw failure(path.string() + ": cannot be made (" + std::strerror(errno) + "); check that its folder can be written");
    }
    file_ = {status.st_dev, status.st_ino};
    if (!open_files.contains(file_)) by_hand();
    ++open_files[file_];
}

DatabaseFile::~DatabaseFile()
{
    const std::lock_guard lock(open_files_mutex);
    if (const auto known = open_files.find(file_); --known->second == 0) open_files.erase(known);
}

Database::Database(const fs::path& given, std::chrono::milliseconds busy, LockWait on_lock) : path(given), busy_(busy), on_lock_(std::move(on_lock))
{
    std::error_code error;
    if (fs::is_directory(path, error))
        throw bad_input(path.string(), "", "is a folder; name the workspace file, for example " + (path / "study.bitwright").string());
    const bool fresh = !fs::exists(path, error) || size_or_0(path) == 0;
    if (fresh && !fs::is_directory(folder_of(path), error))
        throw bad_input(path.string(), "", "its folder " + folder_of(path).string() + " does not exist; make it first");
    const bool writable = (fresh || ::access(path.c_str(), W_OK) == 0) && ::access(folder_of(path).c_str(), W_OK) == 0;
    if (fresh && !writable) throw failure(path.string() + ": cannot be made, the folder is not writable; choose another place");
    if (!fresh && ::access(path.c_str(), R_OK) != 0) throw bad_input(path.string(), "", "cannot be read; check its permissions");
    try {
        file_.emplace(path, [&] {
            if (!fresh) check_header();
        });
        if (writable)
            open_writable();
        else
            open_reading();
    } catch (const SQLite::Exception& caught) {
        throw translated(caught);
    }
}

Database::~Database()
{
    connection_.reset();
    std::error_code ignored;
    if (!copy_.empty()) fs::remove_all(copy_, ignored);
}

/// Reads the 100-byte header itself: SQLite would report a foreign or a cut file only when it stumbles over it, and might have written by then.
void Database::check_header() const
{
    std::array<char, 100> header{};
    std::ifstream file(path, std::ios::binary);
    file.read(header.data(), header.size());
    const auto got = static_cast<std::size_t>(file.gcount());
    if (std::memcmp(header.data(), magic.data(), std::min(got, magic.size())) != 0)
        throw bad_input(path.string(), "", "is no workspace (not an SQLite file); name a .bitwright file, or a new one to make it");
    const auto size = size_or_0(path);
    const std::uint64_t page = big_endian(header.data() + 16, 2) == 1 ? 65536 : big_endian(header.data() + 16, 2);
    const std::uint64_t promised = page * big_endian(header.data() + 28, 4);
    // with a log beside it the missing pages may lie there
    if (got < header.size() || (size < promised && size_or_0(beside(path, "-wal")) == 0))
        throw bad_input(path.string(), "",
                        "is truncated: " + std::to_string(size) + " bytes of " + (got < header.size() ? "at least 100" : std::to_string(promised)) +
                            "; restore it from a copy");
}

int Database::check_owner() const
{
    const auto id = connection_->execAndGet("PRAGMA application_id").getInt();
    const auto version = connection_->execAndGet("PRAGMA user_version").getInt();
    if (id != application_id && (id != 0 || connection_->execAndGet("SELECT count(*) FROM sqlite_master").getInt() > 0))
        throw bad_input(path.string(), "application_id", "is an SQLite file of another program, not a workspace; name another file");
    const auto known = static_cast<int>(migrations().size());
    if (version > known)
        throw bad_input(
            path.string(), "user_version",
            "was written by a newer Bitwright (schema " + std::to_string(version) + ", this one knows " + std::to_string(known) + "); use that version");
    return version;
}

bool Database::Waiting::again()
{
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
    if (waited >= limit || (on_lock && !on_lock(waited))) return false;
    std::this_thread::sleep_for(std::min(limit - waited, std::chrono::milliseconds(waited.count() < 500 ? 5 : 50)));
    return true;
}

void Database::open_writable()
{
    connection_ = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    Waiting waiting{on_lock_, busy_};
    ::sqlite3_busy_handler(connection_->getHandle(), [](void* state, int) { return static_cast<Waiting*>(state)->again() ? 1 : 0; }, &waiting);
    const auto at_the_end = [this](Waiting*) { connection_->setBusyTimeout(static_cast<int>(busy_.count())); };
    const std::unique_ptr<Waiting, decltype(at_the_end)> handler(&waiting, at_the_end);
    check_owner();
    while (true) {  // SQLite does not call its busy handler while it changes the journal mode
        try {
            connection_->execAndGet("PRAGMA journal_mode = WAL");
            break;
        } catch (const SQLite::Exception& error) {
            if (error.getErrorCode() != SQLITE_BUSY || !waiting.again()) throw;
        }
    }
    connection_->exec("PRAGMA synchronous = FULL");
    migrate();
    connection_->exec("PRAGMA foreign_keys = ON");
}

void Database::open_reading()
{
    read_only = true;
    if (size_or_0(beside(path, "-wal")) > 0) return open_copy("a temporary copy, as a log lies beside it in a place that cannot be written");
    std::string uri = "file:";
    for (const char c : fs::absolute(path).string()) uri += c == '?' ? "%3f" : c == '#' ? "%23" : c == '%' ? "%25" : std::string(1, c);
    connection_ = std::make_unique<SQLite::Database>(uri + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    if (check_owner() < static_cast<int>(migrations().size()))
        return open_copy("a temporary copy brought up to date, as it is of an older version and cannot be written");
    notice = "as it is, immutable, as its place cannot be written";
}

void Database::open_copy(const std::string& why)
{
    connection_.reset();
    std::string folder = (fs::temp_directory_path() / "bitwright-XXXXXX").string();
    if (!::mkdtemp(folder.data()))
        throw failure(path.string() + ": cannot be copied to " + fs::temp_directory_path().string() + " for reading; free some space there");
    copy_ = folder;
    try {
        const auto copy = copy_ / "copy.bitwright";
        fs::copy_file(path, copy);
        fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write);
        if (const auto log = beside(path, "-wal"); size_or_0(log) > 0) {
            fs::copy_file(log, beside(copy, "-wal"));
            fs::permissions(beside(copy, "-wal"), fs::perms::owner_read | fs::perms::owner_write);
        }
        connection_ = std::make_unique<SQLite::Database>(copy.string(), SQLite::OPEN_READWRITE);
        check_owner();
        migrate();
    } catch (const fs::filesystem_error& error) {
        fs::remove_all(copy_);
        throw failure(path.string() + ": cannot be copied for reading (" + error.code().message() + "); free some space in " +
                      fs::temp_directory_path().string());
    } catch (...) {
        connection_.reset();
        fs::remove_all(copy_);
        throw;
    }
    notice = why;
}

/// All missing migrations in one transaction; a second process waits and then finds nothing to do.
void Database::migrate()
{
    const auto all = migrations();
    if (check_owner() == static_cast<int>(all.size())) return;
    connection_->exec("PRAGMA foreign_keys = OFF");  // a migration may rebuild a table others refer to
    SQLite::Transaction transaction(*connection_, SQLite::TransactionBehavior::IMMEDIATE);
    for (auto version = static_cast<std::size_t>(check_owner()); version < all.size(); ++version) connection_->exec(all[version].sql);
    if (SQLite::Statement check(*connection_, "PRAGMA foreign_key_check"); check.executeStep())
        throw failure(path.string() + ": bringing it up to date would break references of table " + check.getColumn(0).getString() + "; nothing was changed");
    connection_->exec("PRAGMA application_id = " + std::to_string(application_id));
    connection_->exec("PRAGMA user_version = " + std::to_string(all.size()));
    transaction.commit();
}

Error Database::translated(const SQLite::Exception& error) const
{
    const auto where = path.string() + ": ";
    switch (error.getErrorCode()) {
        case SQLITE_FULL:
            return failure(where + "the disk is full; nothing of this step was stored, free some space and repeat the command");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return failure(where + "another program keeps the workspace locked; wait for it or close it, then repeat the command");
        case SQLITE_READONLY:
            return failure(where + "cannot be written; copy it to a place that can");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return bad_input(path.string(), "", "is damaged or truncated (" + std::string(error.what()) + "); restore it from a copy");
        case SQLITE_CANTOPEN:
            return failure(where + "cannot be opened; check that its folder exists and can be written");
        case SQLITE_IOERR:
            return failure(where + "cannot be read or written (" + std::string(error.what()) + "); check the disk and its free space");
        default:
            return failure(where + error.what());
    }
}

}  // namespace bitwright
