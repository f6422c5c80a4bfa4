// SPDX-License-Identifier: GPL-3.0-or-later
// The workspace: one SQLite file that is the document and the results store. Every change is one short transaction, so a killed program loses nothing.
// The repositories (tensors.h, models.h, calibrations.h, recipes.h, jobs.h, results.h, runs.h) are free functions over it, one file per topic.
// Invariants: schema version and application id are checked before anything is read; unknown is NULL (std::nullopt), never 0; every row that is a result
// references its conditions and the hashes of what it ran on (the schema enforces it).
// Threading: calls from several threads are serialised (one writer); several processes may have the same file open (WAL, busy timeout).
// Non-goal: SQL outside this folder.
#pragma once

#include "core/runtime/error.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace bitwright {

class Database;

/// Called some 20 times a second, on the opening thread, while another program keeps the file locked; never throws. @return false to give up.
using LockWait = std::function<bool(std::chrono::milliseconds waited)>;

class Workspace {
public:
    /// Opens `path`, making it when absent and bringing an older version up to date. A file or folder that cannot be written is opened read-only, immutable or
    /// (with a log beside it, or when of an older version) from a temporary copy; notice() then says so.
    /// Throws Error: bad_input for a truncated file, one that is no workspace, one of a newer version; failed for a lock kept longer than `busy`, a full disk.
    explicit Workspace(const std::filesystem::path& path, std::chrono::milliseconds busy = std::chrono::seconds(10), LockWait on_lock = {});
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept;
    /// NAME.bitwright.data: tensors over 16 MiB, checkpoints of jobs. May not exist.
    [[nodiscard]] std::filesystem::path data_folder() const;
    [[nodiscard]] bool read_only() const noexcept;
    [[nodiscard]] const std::string& notice() const noexcept;  ///< "" unless read-only
    /// For the repositories.
    [[nodiscard]] Database& database() const noexcept;

private:
    std::unique_ptr<Database> database_;
};

/// UTC, "2026-03-01T12:00:00.123Z".
[[nodiscard]] std::string timestamp(std::chrono::system_clock::time_point time = std::chrono::system_clock::now());

/// Words for what a command printed: "recipe:14".
struct Reference {
    std::string kind;  ///< "recipe", "calibration", "run", "job", "evaluation", "package", "task"
    std::int64_t id = 0;
};
/// Parses "recipe:14". @return false when `text` has not this form.
[[nodiscard]] bool parse_reference(const std::string& text, Reference& reference);
[[nodiscard]] std::string to_string(const Reference& reference);

}  // namespace bitwright
