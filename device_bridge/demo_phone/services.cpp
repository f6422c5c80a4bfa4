// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/services.h"

#include <arpa/inet.h>
#include <charconv>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace bitwright::demo {
namespace {

class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    ~Socket() { ::close(descriptor_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int get() const { return descriptor_; }

private:
    int descriptor_;
};

/// For `adb forward`: a port of the phone, loopback only.
Service forward_to(Phone& phone, std::string_view port_text)
{
    std::uint16_t port = 0;
    if (std::from_chars(port_text.data(), port_text.data() + port_text.size(), port).ec != std::errc() || port == 0) return {};
    const auto socket = std::make_shared<Socket>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return [socket, &phone](Stream& stream) {
        std::thread up([&] {
            for (std::string bytes = stream.read_some(); !bytes.empty(); bytes = stream.read_some()) {
                if (::send(socket->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) break;
            }
            ::shutdown(socket->get(), SHUT_RDWR);
        });
        std::string buffer(64 << 10, '\0');
        try {
            for (ssize_t count = 0; (count = ::recv(socket->get(), buffer.data(), buffer.size(), 0)) > 0;) {
                phone.wait_while_frozen();
                stream.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
            }
        } catch (const StreamClosed&) {
        }
        stream.close();
        up.join();
    };
}

}  // namespace

Service find_service(Phone& phone, const std::string& name, std::function<void()> cut)
{
    if (name == "sync:") return [&phone, cut](Stream& stream) { serve_files(phone, stream, cut); };
    if (name.starts_with("exec:")) {
        return [&phone, command = name.substr(5), cut](Stream& stream) { serve_command(phone, stream, command, {}, cut); };
    }
    if (name.starts_with("tcp:")) return forward_to(phone, std::string_view(name).substr(4));
    if (name.starts_with("reboot:")) {
        return [&phone](Stream& stream) {
            stream.close();
            phone.reboot();
        };
    }
    if (!name.starts_with("shell")) return {};
    const auto colon = name.find(':');
    if (colon == std::string::npos) return {};
    const std::string command = name.substr(colon + 1);
    CommandKind kind;
    kind.terminal = command.empty();  // as adbd: a terminal for people, none for a command
    std::string_view options = std::string_view(name).substr(5, colon - 5);
    while (!options.empty()) {
        options.remove_prefix(1);  // the comma
        const auto option = options.substr(0, options.find(','));
        options.remove_prefix(option.size());
        if (option == "v2") kind.packets = true;
        else if (option == "raw") kind.terminal = false;
        else if (option == "pty") kind.terminal = true;
        else if (option.starts_with("TERM=")) kind.terminal_type = option.substr(5);
    }
    return [&phone, command, kind, cut](Stream& stream) { serve_command(phone, stream, command, kind, cut); };
}

}  // namespace bitwright::demo
