// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/device_bridge/adb/adb_lab.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/wireless.h"
#include "tests/support/shared_data.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

extern char** environ;

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

std::filesystem::path demo_phone()
{
    const auto path = std::filesystem::path(BITWRIGHT_BINARY_DIR) / "bin" / "bitwright-demo-phone";
    return std::filesystem::exists(path) ? path : std::filesystem::path{};
}

LabPhone::LabPhone(AdbLab& lab, const std::string& scenario, bool wait) : lab_(lab)
{
    static int number = 0;
    folder_ = lab.folder() / ("phone" + std::to_string(++number));
    std::filesystem::create_directories(folder_);
    const auto file = folder_ / "scenario.json";
    std::ofstream(file) << scenario;
    serial_ = "localfilesystem:" + (folder_ / "socket").string();
    start(file);
    ensure_adb_server(lab.settings(), lab.control);
    try {
        (void)connect_phone(lab.settings(), serial_, lab.control);
    } catch (const AdbError&) {
        if (wait) throw;
    }
    if (wait) wait_ready();
}

LabPhone::~LabPhone() { end(); }

void LabPhone::start(const std::filesystem::path& scenario)
{
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const auto program = demo_phone().string(), socket = (folder_ / "socket").string(), file = scenario.string();
    const std::array<const char*, 6> arguments{program.c_str(), "--scenario", file.c_str(), "--socket", socket.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    const int problem = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, const_cast<char* const*>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    std::array<char, 4096> line{};
    const auto count = problem == 0 ? ::read(pipe[0], line.data(), line.size()) : 0;  // it prints one line when adb can connect
    ::close(pipe[0]);
    if (count <= 0) throw std::runtime_error("the demo phone does not start");
}

void LabPhone::end()
{
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

AdbTarget LabPhone::target() const { return {lab_.settings(), serial_}; }

void LabPhone::wait_ready() const { wait_for_phone(target(), std::chrono::milliseconds(10000), lab_.control); }

PortHolder::PortHolder(std::function<void(int)> serve) : listener_(listen_on_loopback(port_))
{
    thread_ = std::thread([this, serve = std::move(serve)] {
        for (int client; (client = ::accept(listener_, nullptr, nullptr)) >= 0;) {
            ++serving_;
            std::thread([this, client, &serve] {
                serve(client);
                ::close(client);
                --serving_;
            }).detach();
        }
        while (serving_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
}

PortHolder::~PortHolder()
{
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

}  // namespace bitwright::test
