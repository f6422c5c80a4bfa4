// SPDX-License-Identifier: GPL-3.0-or-later
// Files to and from a phone over adb's sync service (spec device.md §1.2, §1.3).
// Invariants: progress reaches the whole size only after the phone's OKAY; a file pulled appears under its name only when complete.
// Errors: AdbError with the phone's reason as a sentence (no_space, denied, not_found …); Cancelled. Threading: blocking, for a worker thread.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace bitwright {

/// Bytes so far and in all.
using TransferProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct RemoteStat {
    std::uint32_t mode = 0;  ///< as in struct stat
    std::uint64_t size = 0;
    std::int64_t modified = 0;  ///< seconds since the epoch by the phone's clock
    [[nodiscard]] bool is_folder() const noexcept { return (mode & 0170000) == 0040000; }
    [[nodiscard]] bool is_file() const noexcept { return (mode & 0170000) == 0100000; }
};

/// What `path` is (links followed), 64-bit sizes; none where nothing is. Throws AdbError (denied) where the phone does not say, (unsupported) for Android 8 and
/// older.
[[nodiscard]] std::optional<RemoteStat> stat_remote(const AdbTarget& target, const std::string& path, const Control& control);

/// Copies `local` to `remote`, whose folders are made. @param mode owner's permissions (0755 for programs; a phone copies them to group and others).
/// From zero each time; for a long file see append_file.
void push_file(const AdbTarget& target, const std::filesystem::path& local, const std::string& remote, unsigned mode, const TransferProgress& progress,
               const Control& control);

/// Copies `remote` to `local`, replaced in one step. Throws AdbError (refused) beyond `limit` bytes: what a phone sends is not trusted.
void pull_file(const AdbTarget& target, const std::string& remote, const std::filesystem::path& local, std::uint64_t limit, const TransferProgress& progress,
               const Control& control);

/// Copies `local` to `remote` in parts through a shell's stdin, so that what arrived before a cut is kept: a call after the cut compares size and SHA-256 of
/// what is there with the same bytes here and goes on behind them (or begins again where they differ). @return the bytes that did not have to be sent.
std::uint64_t append_file(const AdbTarget& target, const std::filesystem::path& local, const std::string& remote, const TransferProgress& progress,
                          const Control& control);

/// SHA-256 of a file on the phone, computed there; of its first `size` bytes if given.
[[nodiscard]] std::string remote_sha256(const AdbTarget& target, const std::string& path, std::optional<std::uint64_t> size, const Control& control);

}  // namespace bitwright
