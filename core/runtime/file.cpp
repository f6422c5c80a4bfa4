// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/file.h"

#include "core/runtime/error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

std::string reason(int error) { return std::strerror(error); }

/// A file descriptor that closes itself.
struct Descriptor {
    explicit Descriptor(const fs::path& path) : value(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        if (value < 0) throw bad_input(path.string(), "", "cannot be opened: " + reason(errno));
        struct stat status {};
        if (::fstat(value, &status) != 0 || !S_ISREG(status.st_mode)) {
            ::close(value);
            throw bad_input(path.string(), "", "is not a regular file");
        }
        size = static_cast<std::uint64_t>(status.st_size);
        modified_ns = static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
    }
    ~Descriptor() { ::close(value); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int value;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
};

}  // namespace

MappedFile::MappedFile(const fs::path& path)
{
    const Descriptor file(path);
    modified_ns_ = file.modified_ns;
    if (file.size == 0) return;
    void* mapped = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.value, 0);
    if (mapped == MAP_FAILED) throw failure(path.string() + ": cannot be mapped: " + reason(errno));
    data_ = static_cast<const std::byte*>(mapped);
    size_ = file.size;
}

MappedFile::~MappedFile()
{
    if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::uint64_t begin, std::uint64_t end) const noexcept
{
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    begin = (begin + page - 1) / page * page;
    end = end == size_ ? end : end / page * page;
    if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path))
{
    static std::atomic<unsigned> counter{0};
    temporary_ = path_;
    temporary_ += ".writing-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw failure(path_.string() + ": cannot be written: " + reason(errno));
}

AtomicFile::~AtomicFile()
{
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        const auto written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw failure(path_.string() + ": cannot be written: " + reason(written < 0 ? errno : ENOSPC));
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

void AtomicFile::commit()
{
    if (::fsync(descriptor_) != 0) throw failure(path_.string() + ": cannot be written: " + reason(errno));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw failure(path_.string() + ": cannot be replaced: " + reason(errno));
    ::close(std::exchange(descriptor_, -1));
    // The new name must survive a power cut too; a file system that cannot sync a folder has nothing to offer here.
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    if (const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
        ::fsync(directory);
        ::close(directory);
    }
}

std::string read_text(const fs::path& path, std::uint64_t limit)
{
    const Descriptor file(path);
    if (file.size > limit) throw bad_input(path.string(), "", "has " + std::to_string(file.size) + " bytes; at most " + std::to_string(limit) + " are read");
    std::string text(file.size, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const auto count = ::read(file.value, text.data() + done, text.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw bad_input(path.string(), "", "cannot be read: " + reason(errno));
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

void write_text(const fs::path& path, std::string_view text)
{
    AtomicFile file(path);
    file.write_at(0, std::as_bytes(std::span(text.data(), text.size())));
    file.commit();
}

}  // namespace bitwright
