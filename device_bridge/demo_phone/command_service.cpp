// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/message.h"
#include "device_bridge/demo_phone/services.h"
#include "device_bridge/demo_phone/text_map.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace bitwright::demo {
namespace {

constexpr char packet_in = 0, packet_out = 1, packet_error = 2, packet_exit = 3, packet_close_in = 4, packet_window = 5;
constexpr std::uint32_t largest_packet = 1 << 20;

/// A file descriptor that is closed once.
struct Descriptor {
    int fd = -1;
    Descriptor() = default;
    explicit Descriptor(int opened) : fd(opened) {}
    ~Descriptor() { reset(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    void reset(int next = -1)
    {
        if (fd >= 0) ::close(fd);
        fd = next;
    }
};

bool make_pipe(Descriptor& read, Descriptor& write)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
}

void write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Sends what a command puts out, in the form the conversation has.
class Sender {
public:
    Sender(Phone& phone, Stream& stream, bool packets, const std::function<void()>& cut) : phone_(phone), stream_(stream), packets_(packets), cut_(cut) {}

    void send(char kind, std::string_view bytes)
    {
        while (!bytes.empty()) {
            const auto piece = bytes.substr(0, 32 << 10);
            if (packets_) {
                std::string packet(1, kind);
                append_u32(packet, static_cast<std::uint32_t>(piece.size()));
                stream_.write(packet.append(piece));
            } else {
                stream_.write(piece);
            }
            bytes.remove_prefix(piece.size());
            phone_.passed(Direction::shell, piece.size(), cut_);
        }
    }
    void exit(int code)
    {
        if (!packets_) return;
        std::string packet(1, packet_exit);
        append_u32(packet, 1);
        stream_.write(packet += static_cast<char>(code));
    }

private:
    Phone& phone_;
    Stream& stream_;
    bool packets_;
    const std::function<void()>& cut_;
};

/// A file that grows by a command's standard input is pushed like one that comes through "sync:": with the same faults.
class Appended {
public:
    Appended(Phone& phone, const std::string& command, const std::function<void()>& cut) : phone_(phone), file_(appended_file(command)), cut_(cut)
    {
        std::error_code none;
        if (file_ && phone_.scenario.faults.full_after_bytes) size_ = std::filesystem::file_size(phone_.tree.map(*file_), none);
        if (none) size_ = 0;
    }

    /// False: the disk is full, the bytes are not written. Throws Gone.
    [[nodiscard]] bool fits(std::uint64_t bytes)
    {
        if (!file_) return true;
        size_ += bytes;
        const auto full_after = phone_.scenario.faults.full_after_bytes;
        if (!full_after || size_ <= *full_after) return true;
        phone_.happened("full");
        full_ = true;
        return false;
    }
    void arrived(std::uint64_t bytes)
    {
        if (file_) phone_.passed(Direction::push, bytes, cut_);
    }
    [[nodiscard]] bool full() const { return full_; }

private:
    Phone& phone_;
    std::optional<std::string> file_;
    const std::function<void()>& cut_;
    std::uint64_t size_ = 0;
    std::atomic<bool> full_{false};  ///< set by the feeder, read when it has ended or the command has
};

/// What comes from the computer, until it closes its side or the disk is full: into the command's standard input.
void feed_command(Stream& stream, const CommandKind& kind, Descriptor& in, Appended& file)
{
    const auto give = [&](const std::string& bytes) {
        if (!file.fits(bytes.size())) return false;
        write_all(in.fd, bytes);
        file.arrived(bytes.size());
        return true;
    };
    try {
        while (true) {
            if (!kind.packets) {
                const std::string bytes = stream.read_some();
                if (bytes.empty() || !give(bytes)) break;
                continue;
            }
            const std::string head = stream.read(5);
            const std::uint32_t size = read_u32(std::string_view(head).substr(1));
            if (size > largest_packet) break;
            const std::string bytes = stream.read(size);
            if (head[0] == packet_in) {
                if (!give(bytes)) break;
            } else if (head[0] == packet_close_in && !kind.terminal) {
                in.reset();
            } else if (head[0] == packet_window && kind.terminal) {
                winsize size_of{};
                if (std::sscanf(bytes.c_str(), "%hux%hu,%hux%hu", &size_of.ws_row, &size_of.ws_col, &size_of.ws_xpixel, &size_of.ws_ypixel) == 4) ::ioctl(in.fd, TIOCSWINSZ, &size_of);
            }
        }
    } catch (const StreamClosed&) {
    } catch (const Gone&) {  // the connection is cut already
    }
}

void play(Phone& phone, const ScriptedCommand& command, Sender& sender, const std::function<void()>& cut)
{
    for (const auto& piece : command.output) {
        std::this_thread::sleep_for(std::chrono::duration<double>(piece.after_s));
        sender.send(packet_out, piece.out);
        sender.send(packet_error, piece.error);
    }
    if (command.dies) {
        phone.happened("dies");
        cut();
        throw Gone{};
    }
    sender.exit(command.exit);
}

}  // namespace

std::optional<std::string> appended_file(std::string_view command)
{
    const auto at = command.rfind(">>");
    if (at == std::string_view::npos) return std::nullopt;
    auto rest = command.substr(at + 2);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    std::string word;
    bool quoted = false;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == '\'') quoted = !quoted;
        else if (!quoted && rest[i] == '\\' && i + 1 < rest.size()) word += rest[++i];
        else if (!quoted && std::string_view(" \t\n;|&<>()").find(rest[i]) != std::string_view::npos) break;
        else word += rest[i];
    }
    return word.starts_with('/') ? std::optional(word) : std::nullopt;
}

void serve_command(Phone& phone, Stream& stream, const std::string& command, const CommandKind& kind, const std::function<void()>& cut)
{
    Sender sender(phone, stream, kind.packets, cut);
    if (const ScriptedCommand* found = phone.scripted(command)) {
        play(phone, *found, sender, cut);
        return;
    }
    if (!phone.scenario.runs_unscripted) {
        phone.happened("unscripted");
        sender.send(packet_error, "this command is not in the recording\n");
        sender.exit(127);
        return;
    }

    Descriptor in, out, error, child_in, child_out, child_error;
    if (kind.terminal) {
        in.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        std::array<char, 128> name{};
        if (in.fd < 0 || ::grantpt(in.fd) != 0 || ::unlockpt(in.fd) != 0 || ::ptsname_r(in.fd, name.data(), name.size()) != 0) return;
        child_in.reset(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        child_out.reset(::dup(child_in.fd));
        child_error.reset(::dup(child_in.fd));
        out.reset(::fcntl(in.fd, F_DUPFD_CLOEXEC, 0));
    } else {
        const bool made = make_pipe(child_in, in) && make_pipe(out, child_out) && (!kind.packets || make_pipe(error, child_error));
        if (!made) return;
        if (!kind.packets) child_error.reset(::dup(child_out.fd));
    }
    std::vector<std::string> arguments{phone.tree.shell()};
    if (command.empty()) arguments.emplace_back("-i");
    else arguments.insert(arguments.end(), {"-c", phone.tree.command(command)});
    const pid_t child = phone.children.start(arguments, phone.tree.environment(phone.scenario, kind.terminal_type), phone.tree.map("/").string(),
                                             {child_in.fd, child_out.fd, child_error.fd, kind.terminal});
    for (Descriptor* each : {&child_in, &child_out, &child_error}) each->reset();

    Appended file(phone, command, cut);
    std::thread feeder([&] {
        feed_command(stream, kind, in, file);
        phone.children.hang_up(child);
    });
    const bool maps = !phone.tree.root.empty() && (kind.packets || kind.terminal);
    PathHider hide_out(maps ? phone.tree.root.string() : ""), hide_error(maps ? phone.tree.root.string() : "");
    std::string buffer(64 << 10, '\0');
    const auto finish = [&] {
        stream.close();
        feeder.join();
    };
    try {
        while (out.fd >= 0 || error.fd >= 0) {
            std::array<pollfd, 2> polled{pollfd{out.fd, POLLIN, 0}, pollfd{error.fd, POLLIN, 0}};
            if (::poll(polled.data(), polled.size(), -1) < 0) continue;
            for (std::size_t i = 0; i < polled.size(); ++i) {
                if (polled[i].revents == 0) continue;
                const ssize_t count = ::read(polled[i].fd, buffer.data(), buffer.size());
                if (count < 0 && errno == EINTR) continue;
                PathHider& hide = i == 0 ? hide_out : hide_error;
                const char packet = i == 0 ? packet_out : packet_error;
                if (count > 0) {
                    sender.send(packet, hide(std::string_view(buffer).substr(0, static_cast<std::size_t>(count))));
                } else {
                    sender.send(packet, hide.rest());
                    (i == 0 ? out : error).reset();
                }
            }
        }
        const int code = phone.children.wait(child);
        if (file.full()) sender.send(packet_error, "cat: write error: No space left on device\n");
        const auto named = [&](const std::string& path) { return command.find(path) != std::string::npos; };
        if (code != 0 && std::ranges::any_of(phone.scenario.faults.denied, named)) phone.happened("denied");
        sender.exit(file.full() ? 1 : code);
    } catch (...) {
        phone.children.hang_up(child);
        finish();
        phone.children.forget(child);
        throw;
    }
    finish();
}

}  // namespace bitwright::demo
