// SPDX-License-Identifier: GPL-3.0-or-later
// The SQLite connection below a Workspace: opening, migrating, transactions, and every SQLite failure turned into one sentence. Internal to this folder.
// Threading: read() and write() take one mutex; write() is one immediate transaction and may be nested (the inner call joins the outer transaction).
#pragma once

#include "core/runtime/error.h"
#include "core/workspace/workspace.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitwright {

/// "BITW" in the header of every workspace file.
inline constexpr std::int32_t application_id = 0x42495457;

/// A file this process has open as a database, or is about to. POSIX takes all of a process's locks on a file away when any of its descriptors on it is closed
/// (sqlite.org/howtocorrupt.html §2.2), and another process may then delete the log of a connection that is open: such a file is never opened by hand.
class DatabaseFile {
public:
    /// Makes the file when absent. `by_hand` is called, one at a time, where no connection of this process has it open.
    DatabaseFile(const std::filesystem::path& path, const std::function<void()>& by_hand);
    ~DatabaseFile();
    DatabaseFile(const DatabaseFile&) = delete;
    DatabaseFile& operator=(const DatabaseFile&) = delete;

private:
    std::pair<std::uint64_t, std::uint64_t> file_;  ///< device, inode
};

class Database {
public:
    Database(const std::filesystem::path& path, std::chrono::milliseconds busy, LockWait on_lock = {});
    ~Database();

    template <typename F>
    auto read(F&& f) const
    {
        const std::lock_guard lock(mutex_);
        try {
            return f(*connection_);
        } catch (const SQLite::Exception& error) {
            throw translated(error);
        }
    }

    template <typename F>
    auto write(F&& f)
    {
        const std::lock_guard lock(mutex_);
        if (read_only) throw failure(path.string() + ": opened read-only (" + notice + "); copy it to a place that can be written");
        if (in_transaction_) return f(*connection_);
        const Outermost outermost(*this);
        try {
            SQLite::Transaction transaction(*connection_, SQLite::TransactionBehavior::IMMEDIATE);
            if constexpr (std::is_void_v<decltype(f(*connection_))>) {
                f(*connection_);
                commit(transaction);
            } else {
                auto result = f(*connection_);
                commit(transaction);
                return result;
            }
        } catch (const SQLite::Exception& error) {
            throw translated(error);
        }
    }

    /// Inside write(): runs `action` once the outermost transaction is on disk; not at all when it is rolled back.
    void after_commit(std::function<void()> action) { after_commit_.push_back(std::move(action)); }

    std::filesystem::path path;
    bool read_only = false;
    std::string notice;

private:
    struct Outermost {
        explicit Outermost(Database& d) : database(d) { database.in_transaction_ = true; }
        ~Outermost()
        {
            database.in_transaction_ = false;
            database.after_commit_.clear();
        }
        Database& database;
    };
    void commit(SQLite::Transaction& transaction)
    {
        transaction.commit();
        for (const auto& action : after_commit_) action();
    }
    /// How long the opening has waited for a lock.
    struct Waiting {
        LockWait on_lock;
        std::chrono::milliseconds limit;
        std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
        bool again();  ///< sleeps a little; false: no longer
    };
    void open_writable();
    void open_reading();
    void open_copy(const std::string& why);
    void check_header() const;
    int check_owner() const;  ///< user_version; throws for foreign and newer files
    void migrate();
    [[nodiscard]] Error translated(const SQLite::Exception& error) const;

    mutable std::recursive_mutex mutex_;
    std::optional<DatabaseFile> file_;  ///< outlives the connection
    std::unique_ptr<SQLite::Database> connection_;
    std::chrono::milliseconds busy_;
    LockWait on_lock_;
    std::filesystem::path copy_;  ///< temporary folder of a copy, removed at the end
    bool in_transaction_ = false;
    std::vector<std::function<void()>> after_commit_;
};

/// Binds a value or NULL.
template <typename T>
void bind_optional(SQLite::Statement& statement, int index, const std::optional<T>& value)
{
    if (value)
        statement.bind(index, *value);
    else
        statement.bind(index);
}
[[nodiscard]] inline std::optional<std::int64_t> optional_int(const SQLite::Column& column)
{
    return column.isNull() ? std::nullopt : std::optional<std::int64_t>(column.getInt64());
}
[[nodiscard]] inline std::optional<double> optional_double(const SQLite::Column& column)
{
    return column.isNull() ? std::nullopt : std::optional<double>(column.getDouble());
}
[[nodiscard]] inline std::optional<std::string> optional_string(const SQLite::Column& column)
{
    return column.isNull() ? std::nullopt : std::optional<std::string>(column.getString());
}

}  // namespace bitwright
