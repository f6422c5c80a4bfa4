// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/message.h"
#include "device_bridge/demo_phone/services.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bitwright::demo {
namespace {

constexpr std::uint32_t largest_data = 64 << 10, longest_path = 1024;
constexpr std::uint32_t shell_user = 2000;

struct OpenFile {
    int fd = -1;
    explicit OpenFile(int opened) : fd(opened) {}
    ~OpenFile() { close(); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    void close()
    {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

std::string head(std::string_view id, std::uint32_t value)
{
    std::string out(id);
    append_u32(out, value);
    return out;
}

class FileService {
public:
    FileService(Phone& phone, Stream& stream, const std::function<void()>& cut) : phone_(phone), stream_(stream), cut_(cut) {}

    void run()
    {
        while (true) {
            const std::string request = stream_.read(8);
            const std::string id = request.substr(0, 4);
            const std::uint32_t length = read_u32(std::string_view(request).substr(4));
            if (length > longest_path) {
                fail("path too long");
                return;
            }
            const std::string path = stream_.read(length);
            if (id == "QUIT") return;
            if (id == "STAT") stat_v1(path);
            else if (id == "STA2" || id == "LST2") stream_.write(stat_v2(id, path, id == "STA2"));
            else if (id == "LIST" || id == "LIS2") list(path, id == "LIS2");
            else if (id == "SEND") {
                if (!receive(path)) return;
            } else if (id == "RECV") {
                if (!send(path)) return;
            } else {
                fail("unknown command");
                return;
            }
        }
    }

private:
    void fail(const std::string& what) { stream_.write(head("FAIL", static_cast<std::uint32_t>(what.size())) + what); }
    void fail_errno(const std::string& what, int code) { fail(what + ": " + std::strerror(code)); }

    void stat_v1(const std::string& path)
    {
        struct stat found{};
        const bool is = ::lstat(phone_.tree.map(path).c_str(), &found) == 0;
        std::string out = head("STAT", is ? found.st_mode : 0);
        append_u32(out, is ? static_cast<std::uint32_t>(found.st_size) : 0);
        append_u32(out, is ? static_cast<std::uint32_t>(found.st_mtime) : 0);
        stream_.write(out);
    }

    std::string stat_v2(std::string_view id, const std::string& path, bool follow)
    {
        struct stat found{};
        const auto mapped = phone_.tree.map(path);
        const bool is = (follow ? ::stat(mapped.c_str(), &found) : ::lstat(mapped.c_str(), &found)) == 0;
        std::string out = head(id, is ? 0 : static_cast<std::uint32_t>(errno));
        if (!is) found = {};
        append_u64(out, found.st_dev);
        append_u64(out, found.st_ino);
        for (const std::uint32_t word : {found.st_mode, static_cast<std::uint32_t>(found.st_nlink), is ? shell_user : 0, is ? shell_user : 0}) append_u32(out, word);
        append_u64(out, static_cast<std::uint64_t>(found.st_size));
        for (const auto second : {found.st_atime, found.st_mtime, found.st_ctime}) append_u64(out, static_cast<std::uint64_t>(second));
        return out;
    }

    void list(const std::string& path, bool v2)
    {
        if (DIR* folder = ::opendir(phone_.tree.map(path).c_str())) {
            std::vector<std::string> names;
            while (const dirent* entry = ::readdir(folder)) names.emplace_back(entry->d_name);
            ::closedir(folder);
            for (const auto& name : names) {
                const auto length = static_cast<std::uint32_t>(name.size());
                std::string out;
                if (v2) {
                    out = stat_v2("DNT2", path + "/" + name, false);
                } else {
                    struct stat found{};
                    if (::lstat(phone_.tree.map(path + "/" + name).c_str(), &found) != 0) continue;
                    out = head("DENT", found.st_mode);
                    append_u32(out, static_cast<std::uint32_t>(found.st_size));
                    append_u32(out, static_cast<std::uint32_t>(found.st_mtime));
                }
                append_u32(out, length);
                stream_.write(out + name);
            }
        }
        stream_.write("DONE" + std::string(v2 ? 72 : 16, '\0'));
    }

    /// Makes the folders above; errno's value when one cannot be made.
    static int make_folders(const std::filesystem::path& path)
    {
        std::error_code error;
        std::filesystem::create_directories(path.parent_path(), error);
        return error.value();
    }

    /// SEND: false when the conversation is over, as it is after every failure.
    bool receive(const std::string& request)
    {
        const auto comma = request.rfind(',');
        std::uint32_t mode = 0;
        if (comma == std::string::npos || std::from_chars(request.data() + comma + 1, request.data() + request.size(), mode).ec != std::errc()) {
            fail("missing , in ID_SEND");
            return false;
        }
        const std::string path = request.substr(0, comma);
        const auto mapped = phone_.tree.map(path);
        const bool link = S_ISLNK(mode);
        OpenFile file(-1);
        std::string target;
        bool failed = false;
        const auto give_up = [&](const std::string& what, int code) {
            if (!failed) fail_errno(what, code);
            if (!failed && (code == ENOSPC || code == EACCES)) phone_.happened(code == ENOSPC ? "full" : "denied");
            failed = true;
            if (file.fd >= 0) ::unlink(mapped.c_str());
            file.close();
        };
        if (phone_.denied(path)) give_up("couldn't create file", EACCES);
        else if (!phone_.tree.writable(path)) give_up("couldn't create file", EROFS);
        else if (const int code = make_folders(mapped); code != 0) give_up("secure_mkdirs failed", code);
        else if (!link) {
            struct stat found{};
            if (::lstat(mapped.c_str(), &found) == 0 && !S_ISDIR(found.st_mode)) ::unlink(mapped.c_str());
            file.fd = ::open(mapped.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
            if (file.fd < 0) give_up("couldn't create file", errno == EEXIST ? EISDIR : errno);
        }
        const auto full_after = phone_.scenario.faults.full_after_bytes;
        std::uint64_t received = 0;
        while (true) {  // also after a failure: everything up to DONE is read
            const std::string block = stream_.read(8);
            const std::uint32_t number = read_u32(std::string_view(block).substr(4));
            if (block.starts_with("DONE")) {
                if (failed) return false;
                if (link) {
                    ::unlink(mapped.c_str());
                    if (::symlink(target.c_str(), mapped.c_str()) != 0) give_up("remote symlink failed", errno);
                } else {
                    std::uint32_t shared = mode & 0777;  // group and others get what the owner has
                    shared |= shared >> 3 & 0070;
                    shared |= shared >> 3 & 0007;
                    ::fchmod(file.fd, shared);
                    const std::array<timespec, 2> times{timespec{number, 0}, timespec{number, 0}};
                    ::futimens(file.fd, times.data());
                }
                if (failed) return false;
                stream_.write(head("OKAY", 0));
                return true;
            }
            if (!block.starts_with("DATA") || number > largest_data) {
                give_up("invalid data message", EINVAL);
                return false;
            }
            const std::string data = stream_.read(number);
            received += number;
            try {
                phone_.passed(Direction::push, number, cut_);
            } catch (const Gone&) {
                if (file.fd >= 0) ::unlink(mapped.c_str());  // as adbd: a broken transfer leaves no file
                throw;
            }
            if (failed) continue;
            if (link) {
                if (target.size() < longest_path) target += data;
            } else if (full_after && received > *full_after) {
                give_up("write failed", ENOSPC);
            } else {
                std::string_view rest = data;
                while (!rest.empty() && !failed) {
                    const ssize_t count = ::write(file.fd, rest.data(), rest.size());
                    if (count < 0 && errno != EINTR) give_up("write failed", errno);
                    if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
                }
            }
        }
    }

    /// RECV
    bool send(const std::string& path)
    {
        OpenFile file(-1);
        if (phone_.denied(path)) errno = EACCES;
        else file.fd = ::open(phone_.tree.map(path).c_str(), O_RDONLY | O_CLOEXEC);
        struct stat found{};
        if (file.fd >= 0 && (::fstat(file.fd, &found) != 0 || S_ISDIR(found.st_mode))) {
            file.close();
            errno = EISDIR;
        }
        if (file.fd < 0) {
            fail_errno("open failed", errno);
            return false;
        }
        std::string buffer(largest_data, '\0');
        while (true) {
            const ssize_t count = ::read(file.fd, buffer.data(), buffer.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) {
                fail_errno("read failed", errno);
                return false;
            }
            if (count == 0) break;
            const auto piece = std::string_view(buffer).substr(0, static_cast<std::size_t>(count));
            stream_.write(head("DATA", static_cast<std::uint32_t>(count)).append(piece));
            phone_.passed(Direction::pull, piece.size(), cut_);
        }
        stream_.write(head("DONE", 0));
        return true;
    }

    Phone& phone_;
    Stream& stream_;
    const std::function<void()>& cut_;
};

}  // namespace

void serve_files(Phone& phone, Stream& stream, const std::function<void()>& cut) { FileService(phone, stream, cut).run(); }

}  // namespace bitwright::demo
