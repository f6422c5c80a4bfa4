// SPDX-License-Identifier: GPL-3.0-or-later
// Files as everything in Bitwright touches them: mapped for reading, replaced atomically when written. Standard library and POSIX only.
// Invariants: a reader never sees a half-written file, and nothing is left beside it when writing fails or is cancelled.
// Threading: one object per thread; a MappedFile is immutable and may be shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

/// A whole file mapped read-only; an empty file has no bytes.
class MappedFile {
public:
    /// Throws Error (bad_input) naming the file when it cannot be opened or is no regular file.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::int64_t modified_ns() const noexcept { return modified_ns_; }  ///< time of last change, since the epoch
    /// The whole pages inside [begin, end) leave this process's memory; reading them again is allowed.
    void release(std::uint64_t begin, std::uint64_t end) const noexcept;

private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::int64_t modified_ns_ = 0;
};

/// Writes to a temporary name beside `path`; commit() syncs and renames; without commit() nothing is left.
class AtomicFile {
public:
    /// Throws Error (failed) naming the file when the folder is missing or not writable.
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Throws Error (failed) naming the file and the reason (disk full …).
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    void commit();

private:
    std::filesystem::path path_, temporary_;
    int descriptor_ = -1;
};

/// The whole file as text. Throws Error (bad_input) when it cannot be read or is longer than `limit` bytes.
[[nodiscard]] std::string read_text(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 30);
/// Replaces or makes `path` in one step.
void write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace bitwright
