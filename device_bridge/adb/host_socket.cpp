// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/host_socket.h"

#include "device_bridge/adb/transcript.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_at_control{100};

AdbError nobody(std::uint16_t port)
{
    return {AdbFault::no_server,
            "no adb server answers on port " + std::to_string(port) + "; start it with `adb start-server`, or give adb's path in the settings"};
}

std::size_t hex4(std::string_view text)
{
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size())
        throw AdbError(AdbFault::protocol, "adb sent an answer that is none; update the Android platform tools");
    return value;
}

}  // namespace

HostSocket::HostSocket(const AdbSettings& settings, const Control& control) : control_(&control), silence_(settings.silence)
{
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) throw AdbError(AdbFault::no_server, std::string("no socket can be opened (") + std::strerror(errno) + "); close other programs");
    try {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(settings.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            if (errno != EINPROGRESS || !wait(false, true, settings.connect_timeout).writable) throw nobody(settings.port);
            int problem = 0;
            socklen_t length = sizeof problem;
            if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &problem, &length) != 0 || problem != 0) throw nobody(settings.port);
        }
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (settings.transcript) record_ = settings.transcript->open_socket();
    } catch (...) {
        ::close(socket_);
        throw;
    }
}

HostSocket::~HostSocket() { ::close(socket_); }

AdbError HostSocket::lost() const
{
    if (peer_ == "adb") return {AdbFault::connection_lost, "the connection to the adb server broke; it is started again by itself, try again"};
    return {AdbFault::connection_lost,
            printable(peer_, 100) + ": the connection to the phone broke in the middle; check the cable, nothing was counted as done"};
}

AdbError HostSocket::silent() const
{
    const auto seconds = std::to_string((silence_.count() + 999) / 1000);
    if (peer_ == "adb") return {AdbFault::no_answer, "the adb server has not answered for " + seconds + " s; end it with `adb kill-server` and try again"};
    return {AdbFault::no_answer, printable(peer_, 100) + ": the phone has not answered for " + seconds + " s; unlock it, or unplug it and plug it in again"};
}

HostSocket::Ready HostSocket::wait(bool readable, bool writable, milliseconds at_most)
{
    const auto end = steady_clock::now() + at_most;
    for (;;) {
        control_->check();
        const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
        pollfd entry{socket_, static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)), 0};
        const int count = ::poll(&entry, 1, static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, look_at_control.count())));
        if (count < 0 && errno != EINTR) throw lost();
        if (count > 0) {
            const bool broken = (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;  // the next read or write says how
            return {readable && (broken || (entry.revents & POLLIN) != 0), writable && (broken || (entry.revents & POLLOUT) != 0)};
        }
        if (steady_clock::now() >= end) return {};
    }
}

std::size_t HostSocket::read_some(std::span<char> buffer)
{
    for (;;) {
        const auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (count > 0) {
            if (record_) record_->received({buffer.data(), static_cast<std::size_t>(count)});
            return static_cast<std::size_t>(count);
        }
        if (count == 0 || errno == ECONNRESET || errno == EPIPE) {
            if (record_) record_->ended();
            return 0;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) throw lost();
        if (silence_ == milliseconds::zero())
            (void)wait(true, false, look_at_control);
        else if (!wait(true, false, silence_).readable)
            throw silent();
    }
}

void HostSocket::read(std::span<char> all)
{
    while (!all.empty()) {
        const auto count = read_some(all);
        if (count == 0) throw lost();
        all = all.subspan(count);
    }
}

std::string HostSocket::read_to_end(std::size_t limit)
{
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t count; (count = read_some(buffer)) > 0;) {
        text.append(buffer.data(), count);
        if (text.size() > limit) throw AdbError(AdbFault::protocol, "adb sent a longer answer than it may; update the Android platform tools");
    }
    return text;
}

std::size_t HostSocket::write_some(std::string_view data)
{
    for (;;) {
        const auto count = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
        if (count >= 0) {
            if (record_) record_->sent(data.substr(0, static_cast<std::size_t>(count)));
            return static_cast<std::size_t>(count);
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
        throw lost();
    }
}

void HostSocket::write(std::string_view all)
{
    while (!all.empty()) {
        const auto count = write_some(all);
        all.remove_prefix(count);
        if (count > 0 || all.empty()) continue;
        if (silence_ == milliseconds::zero())
            (void)wait(false, true, look_at_control);
        else if (!wait(false, true, silence_).writable)
            throw silent();
    }
}

void HostSocket::send_request(std::string_view service)
{
    if (service.size() > 0xffff) throw usage_error("a command for the phone is longer than 65535 characters; put it into a script and push that");
    std::array<char, 5> length{};
    std::snprintf(length.data(), length.size(), "%04x", static_cast<unsigned>(service.size()));
    write(std::string(length.data(), 4).append(service));
}

void HostSocket::request(std::string_view service, std::string_view who)
{
    send_request(service);
    std::array<char, 4> status;
    read(status);
    const std::string_view word(status.data(), status.size());
    if (word == "OKAY") return;
    if (word != "FAIL") throw AdbError(AdbFault::protocol, "adb sent an answer that is none; update the Android platform tools");
    throw server_refusal(who.empty() ? std::string_view(peer_) : who, read_block(1 << 16));
}

std::string HostSocket::read_block(std::size_t limit)
{
    std::array<char, 4> length;
    read(length);
    const auto size = hex4({length.data(), length.size()});
    if (size > limit) throw AdbError(AdbFault::protocol, "adb sent a longer answer than it may; update the Android platform tools");
    std::string text(size, '\0');
    read(text);
    return text;
}

std::unique_ptr<HostSocket> open_service(const AdbTarget& target, std::string_view service, const Control& control)
{
    auto socket = std::make_unique<HostSocket>(target.adb, control);
    socket->request(target.transport_id != 0 ? "host:transport-id:" + std::to_string(target.transport_id) : "host:transport:" + target.serial, target.serial);
    socket->set_peer(target.serial);
    socket->request(service, target.serial);
    return socket;
}

std::string ask_server(const AdbSettings& settings, std::string_view service, const Control& control, std::string_view who)
{
    HostSocket socket(settings, control);
    socket.request(service, who);
    return socket.read_block();
}

}  // namespace bitwright
