// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/sync.h"

#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync_wire.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace bitwright {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_path = 1024;  ///< adbd refuses longer ones and hangs up
constexpr std::size_t data_size = sync_wire::most_data - sync_wire::head_size;
constexpr std::size_t frames_at_once = 16;
constexpr std::uint64_t part_size = 64u << 20;
constexpr std::uint64_t slowest_hash = 20'000'000, slowest_link = 50'000;  ///< bytes a second

/// What so many bytes may take beside a command's own time.
milliseconds time_for(std::uint64_t bytes, std::uint64_t per_second) { return milliseconds(1000 * (bytes / per_second)); }

void check_path(const std::string& path)
{
    if (path.empty() || path.front() != '/' || path.size() > longest_path || path.find('\0') != std::string::npos)
        throw usage_error("\"" + printable(path, 100) + "\" is no path on a phone; it begins with / and has at most " + std::to_string(longest_path) +
                          " characters");
}

/// Sync's own connection; ends with QUIT when all went well.
class Sync {
public:
    Sync(const AdbTarget& target, const Control& control) : target_(target), socket_(open_service(target, "sync:", control)) {}

    std::optional<RemoteStat> stat(const std::string& path)
    {
        socket_->write(sync_wire::request("STA2", path));
        std::string answer(sync_wire::stat_size, '\0');
        socket_->read(std::span(answer).first(sync_wire::head_size));
        if (sync_wire::read_head(answer).id == "FAIL") throw failed(path, sync_wire::read_head(answer).value);
        socket_->read(std::span(answer).subspan(sync_wire::head_size));
        const auto stat = sync_wire::read_stat(answer);
        if (!stat) throw strange();
        if (stat->error == ENOENT || stat->error == ENOTDIR) return std::nullopt;
        if (stat->error != 0) throw sync_refusal(target_.serial, path, std::strerror(static_cast<int>(stat->error)));
        return RemoteStat{stat->mode, stat->size, stat->modified};
    }

    void send(const MappedFile& file, const std::string& remote, unsigned mode, const TransferProgress& progress)
    {
        const auto bytes = file.bytes();
        const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        socket_->write(sync_wire::request("SEND", remote + "," + std::to_string(0100000u | mode)));
        std::string frames;
        frames.reserve(sync_wire::most_data * frames_at_once);
        for (std::size_t at = 0; at < content.size();) {
            const auto begin = at;
            frames.clear();
            for (std::size_t i = 0; i < frames_at_once && at < content.size(); ++i) {
                const auto part = content.substr(at, data_size);
                frames.append(sync_wire::head("DATA", static_cast<std::uint32_t>(part.size()))).append(part);
                at += part.size();
            }
            send_or_hear_why_not(frames, remote);
            file.release(begin, at);
            // The bytes run ahead of the phone; the last one counts when it says OKAY.
            if (progress) progress(std::min<std::uint64_t>(at, content.size() - 1), content.size());
        }
        send_or_hear_why_not(sync_wire::head("DONE", static_cast<std::uint32_t>(file.modified_ns() / 1'000'000'000)), remote);
        expect_okay(remote);
        if (progress) progress(content.size(), content.size());
    }

    void receive(const std::string& remote, const std::filesystem::path& local, std::uint64_t limit, const TransferProgress& progress)
    {
        const auto known = stat(remote);
        if (!known) throw sync_refusal(target_.serial, remote, "No such file");
        if (known->is_folder()) throw sync_refusal(target_.serial, remote, "Is a directory");
        AtomicFile file(local);
        socket_->write(sync_wire::request("RECV", remote));
        std::array<char, sync_wire::head_size> head_bytes;
        std::string data;
        for (std::uint64_t at = 0;;) {
            socket_->read(head_bytes);
            const auto head = sync_wire::read_head({head_bytes.data(), head_bytes.size()});
            if (head.id == "DONE") break;
            if (head.id == "FAIL") throw failed(remote, head.value);
            if (head.id != "DATA" || head.value > sync_wire::most_data) throw strange();
            if (at + head.value > limit)
                throw AdbError(AdbFault::refused, printable(target_.serial, 100) + ": " + printable(remote, 200) + ": is longer than the " +
                                                      std::to_string(limit) + " bytes expected; look at it on the phone");
            data.resize(head.value);
            socket_->read(data);
            file.write_at(at, std::as_bytes(std::span(data)));
            at += data.size();
            if (progress) progress(at, std::max(known->size, at));
        }
        file.commit();
    }

    void quit() { socket_->write(sync_wire::head("QUIT", 0)); }

private:
    AdbError strange() const
    {
        return {AdbFault::protocol,
                printable(target_.serial, 100) + ": the phone sent an answer that is none; unplug it, plug it in again, and update the Android platform tools"};
    }

    AdbError failed(const std::string& path, std::uint32_t length)
    {
        if (length > sync_wire::most_words) return strange();
        std::string words(length, '\0');
        socket_->read(words);
        return sync_refusal(target_.serial, path, words);
    }

    void expect_okay(const std::string& path)
    {
        std::array<char, sync_wire::head_size> bytes;
        socket_->read(bytes);
        const auto head = sync_wire::read_head({bytes.data(), bytes.size()});
        if (head.id == "FAIL") throw failed(path, head.value);
        if (head.id != "OKAY") throw strange();
    }

    /// The phone may refuse in the middle; then nothing more is sent, and its reason is read even where the connection is already closing.
    void send_or_hear_why_not(std::string_view bytes, const std::string& path)
    {
        while (!bytes.empty()) {
            const auto ready = socket_->wait(true, true, target_.adb.silence);
            if (!ready.readable && !ready.writable) throw socket_->silent();
            if (ready.readable) {
                expect_okay(path);
                throw strange();  // OKAY before the end
            }
            bytes.remove_prefix(socket_->write_some(bytes));
        }
    }

    const AdbTarget& target_;
    std::unique_ptr<HostSocket> socket_;
};

}  // namespace

std::optional<RemoteStat> stat_remote(const AdbTarget& target, const std::string& path, const Control& control)
{
    check_path(path);
    Sync sync(target, control);
    const auto stat = sync.stat(path);
    sync.quit();
    return stat;
}

void push_file(const AdbTarget& target, const std::filesystem::path& local, const std::string& remote, unsigned mode, const TransferProgress& progress,
               const Control& control)
{
    check_path(remote);
    const MappedFile file(local);
    Sync sync(target, control);
    sync.send(file, remote, mode, progress);
    sync.quit();
}

void pull_file(const AdbTarget& target, const std::string& remote, const std::filesystem::path& local, std::uint64_t limit, const TransferProgress& progress,
               const Control& control)
{
    check_path(remote);
    Sync sync(target, control);
    sync.receive(remote, local, limit, progress);
    sync.quit();
}

std::string remote_sha256(const AdbTarget& target, const std::string& path, std::optional<std::uint64_t> size, const Control& control)
{
    check_path(path);
    const auto name = shell_quoted(path);
    const auto there = size ? std::nullopt : stat_remote(target, path, control);
    const auto printed = shell_output(target, size ? "head -c " + std::to_string(*size) + " " + name + " | sha256sum" : "sha256sum " + name, control,
                                      time_for(size.value_or(there ? there->size : 0), slowest_hash));
    const auto hash = printed.substr(0, printed.find_first_of(" \n"));
    if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw AdbError(AdbFault::unsupported,
                       printable(target.serial, 100) + ": the phone cannot compute SHA-256 (it says \"" + printable(printed) + "\"); Android 8 or newer can");
    return hash;
}

std::uint64_t append_file(const AdbTarget& target, const std::filesystem::path& local, const std::string& remote, const TransferProgress& progress,
                          const Control& control)
{
    check_path(remote);
    const MappedFile file(local);
    const auto bytes = file.bytes();
    const std::uint64_t total = bytes.size();
    std::uint64_t at = 0;
    if (const auto there = stat_remote(target, remote, control); there && there->is_file() && there->size > 0 && there->size <= total) {
        Sha256 here;
        for (std::uint64_t i = 0; i < there->size; i += 1 << 20) {
            control.check();
            here.update(bytes.subspan(i, std::min<std::uint64_t>(1 << 20, there->size - i)));
        }
        if (here.hex() == remote_sha256(target, remote, there->size, control)) at = there->size;
    }
    const auto name = shell_quoted(remote);
    if (at == 0) (void)shell_output(target, "mkdir -p " + shell_quoted(std::filesystem::path(remote).parent_path().string()) + " && : > " + name, control);
    const auto resumed = at;
    while (at < total) {
        const auto end = std::min(total, at + part_size);
        auto sent = at;
        ShellOptions options;
        options.silence = target.adb.silence;
        options.time_limit = target.adb.command_limit + time_for(end - at, slowest_link);
        options.input = [&](std::span<char> buffer) {
            const auto count = std::min<std::uint64_t>(buffer.size(), end - sent);
            std::memcpy(buffer.data(), bytes.data() + sent, count);
            sent += count;
            if (progress && count > 0) progress(std::min(sent, end - 1), total);
            return static_cast<std::size_t>(count);
        };
        const auto result = run_shell(target, "exec cat >> " + name, options, control);
        if (result.exit_code != 0) throw sync_refusal(target.serial, remote, result.error);
        file.release(at, end);
        at = end;
        if (progress) progress(at, total);
    }
    const auto there = stat_remote(target, remote, control);
    if (!there || there->size != total)
        throw AdbError(AdbFault::corrupted,
                       printable(target.serial, 100) + ": " + printable(remote, 200) + ": arrived with another size than it has here; push it again");
    return resumed;
}

}  // namespace bitwright
