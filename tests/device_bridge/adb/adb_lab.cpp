// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/device_bridge/adb/adb_lab.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/host_socket.h"
#include "tests/support/shared_data.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace bitwright::test {
namespace {

int listen_on_loopback(std::uint16_t& port)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 8) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("no port on loopback");
    port = ntohs(address.sin_port);
    return listener;
}

}  // namespace

bool has_adb()
{
    try {
        (void)find_adb({});
        return true;
    } catch (const AdbError&) {
        return false;
    }
}

std::uint16_t free_port()
{
    for (;;) {
        std::uint16_t port = 0;
        ::close(listen_on_loopback(port));
        if (port < 5000 || port > 6000) return port;
    }
}

AdbLab::AdbLab(const std::string& name) : folder_(scratch(name))
{
    settings_.port = free_port();
    settings_.environment = {{"HOME", (folder_ / "home").string()}, {"ADB_LOCAL_TRANSPORT_MAX_PORT", "5550"}, {"TMPDIR", folder_.string()}};
    settings_.silence = std::chrono::milliseconds(5000);
    std::filesystem::create_directories(folder_ / "home");
}

AdbLab::~AdbLab() { end_server(); }

void AdbLab::end_server() const
{
    try {
        const Control quiet;
        HostSocket socket(settings_, quiet);
        socket.request("host:kill");
        (void)socket.read_to_end(64);
    } catch (const std::exception&) {  // none runs
    }
}

PortHolder::PortHolder(std::function<void(int)> serve) : listener_(listen_on_loopback(port_))
{
    thread_ = std::thread([this, serve = std::move(serve)] {
        for (int client; (client = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(client)) serve(client);
    });
}

PortHolder::~PortHolder()
{
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

}  // namespace bitwright::test
