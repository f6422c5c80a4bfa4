// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/adb_server.h"

#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/host_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

extern char** environ;

namespace bitwright {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view install = "install it (sudo apt install adb), or give its path in the settings";

bool executable(const fs::path& path)
{
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> words(std::string_view list, char separator)
{
    std::vector<std::string> out;
    while (!list.empty()) {
        const auto end = list.find(separator);
        if (end != 0) out.emplace_back(list.substr(0, end));
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
    return out;
}

AdbError foreign(std::uint16_t port)
{
    return {AdbFault::foreign_server,
            "port " + std::to_string(port) + " is held by a program that is not adb; end that program, or choose another adb port in the settings"};
}

AdbError does_not_start(const fs::path& adb, const std::string& why)
{
    return {AdbFault::no_adb, adb.string() + ": does not start the adb server (" + why +
                                  "); run `adb start-server` in a terminal to see why, or give another adb in the settings"};
}

/// Runs `adb -P PORT start-server` to its end; what it printed. It returns once the server, which has its own session, is up.
std::string start(const fs::path& adb, const AdbSettings& settings, const Control& control)
{
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw does_not_start(adb, std::strerror(errno));
    const auto port = std::to_string(settings.port);
    std::array<const char*, 5> arguments{adb.c_str(), "-P", port.c_str(), "start-server", nullptr};
    std::vector<std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view variable(*entry);
        const std::string name(variable.substr(0, variable.find('=')));
        // The port is ours to say; another server address in the environment would win over it.
        if (!settings.environment.contains(name) && name != "ADB_SERVER_SOCKET" && name != "ANDROID_ADB_SERVER_PORT") variables.emplace_back(variable);
    }
    for (const auto& [name, value] : settings.environment) variables.push_back(name + "=" + value);
    std::vector<char*> environment;
    for (auto& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
    pid_t child = 0;
    const int problem = ::posix_spawn(&child, adb.c_str(), &actions, nullptr, const_cast<char* const*>(arguments.data()), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    if (problem != 0) {
        ::close(pipe[0]);
        throw does_not_start(adb, std::strerror(problem));
    }
    std::string printed;
    int status = 0;
    const auto end = steady_clock::now() + milliseconds(10000);
    bool finished = false;
    const auto drain = [&] {
        std::array<char, 512> buffer;
        pollfd entry{pipe[0], POLLIN, 0};
        while (::poll(&entry, 1, 0) > 0) {
            const auto count = ::read(pipe[0], buffer.data(), buffer.size());
            if (count <= 0) return;
            if (printed.size() < 4096) printed.append(buffer.data(), static_cast<std::size_t>(count));
        }
    };
    while (!finished && !control.cancel_requested() && steady_clock::now() < end) {
        drain();
        finished = ::waitpid(child, &status, WNOHANG) == child;
        if (!finished) std::this_thread::sleep_for(milliseconds(5));
    }
    if (!finished) {  // the client that starts the server, which we may end; not a server
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
    }
    drain();
    ::close(pipe[0]);
    control.check();
    if (!finished) throw does_not_start(adb, "it has not come to an end for 10 s");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw does_not_start(adb, printed.empty() ? "it says nothing" : printable(printed));
    return printed;
}

}  // namespace

fs::path find_adb(const AdbSettings& settings)
{
    if (!settings.executable.empty()) {
        if (executable(settings.executable)) return settings.executable;
        throw AdbError(AdbFault::no_adb,
                       settings.executable.string() + ": is no program that can be run; choose adb's path in the settings, or leave it empty");
    }
    if (const char* adb = std::getenv("ADB"); adb != nullptr && *adb != '\0') {
        if (executable(adb)) return adb;
        throw AdbError(AdbFault::no_adb, std::string(adb) + ": $ADB names no program that can be run; " + std::string(install));
    }
    if (const char* path = std::getenv("PATH"); path != nullptr)
        for (const auto& folder : words(path, ':'))
            if (executable(fs::path(folder) / "adb")) return fs::path(folder) / "adb";
    throw AdbError(AdbFault::no_adb, "adb is not on this computer; " + std::string(install));
}

std::optional<int> running_adb_server(const AdbSettings& settings, const Control& control)
{
    auto patient = settings;
    patient.silence = settings.connect_timeout;
    std::string answer;
    for (int attempt = 0; answer.empty(); ++attempt) {
        try {
            answer = ask_server(patient, "host:version", control);
            if (answer.empty()) throw foreign(settings.port);
        } catch (const AdbError& error) {
            if (error.fault() == AdbFault::no_server) return std::nullopt;
            if (error.fault() == AdbFault::no_answer)
                throw AdbError(AdbFault::foreign_server, "port " + std::to_string(settings.port) +
                                                             " accepts and then says nothing: another program holds it, or the adb server hangs; end it " +
                                                             "(`adb kill-server`), or choose another adb port in the settings");
            // A server that is just ending hangs up, too.
            if (error.fault() != AdbFault::connection_lost || attempt == 4) throw foreign(settings.port);
            for (int i = 0; i < 4; ++i, std::this_thread::sleep_for(milliseconds(50))) control.check();
        }
    }
    int version = 0;
    const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), version, 16);
    if (error != std::errc() || end != answer.data() + answer.size() || version <= 0) throw foreign(settings.port);
    if (version < adb_server_version)
        throw AdbError(AdbFault::old_server, "the adb server on port " + std::to_string(settings.port) + " speaks version 1.0." + std::to_string(version) +
                                                 ", Bitwright needs 1.0." + std::to_string(adb_server_version) +
                                                 "; end it with its own `adb kill-server` and install Android platform tools 29 or newer");
    return version;
}

void ensure_adb_server(const AdbSettings& settings, const Control& control)
{
    if (running_adb_server(settings, control)) return;
    const auto adb = find_adb(settings);
    const auto printed = start(adb, settings, control);
    if (!running_adb_server(settings, control)) throw does_not_start(adb, printed.empty() ? "nothing listens afterwards" : printable(printed));
}

void wait_for_phone(const AdbTarget& target, milliseconds patience, const Control& control)
{
    for (const auto end = steady_clock::now() + patience;;) {
        const auto phones = phone_lines(ask_server(target.adb, "host:devices-l", control));
        const auto phone = std::ranges::find(phones, target.serial, &PhoneLine::serial);
        if (phone != phones.end() && phone->state == ConnectionState::device) return;
        if (steady_clock::now() >= end) throw server_refusal(target.serial, phone == phones.end() ? "not found" : phone->state_words);
        for (int i = 0; i < 4; ++i, std::this_thread::sleep_for(milliseconds(50))) control.check();
    }
}

std::vector<std::string> adb_features(const AdbSettings& settings, const Control& control)
{
    return words(ask_server(settings, "host:host-features", control), ',');
}

std::vector<std::string> phone_features(const AdbTarget& target, const Control& control)
{
    auto id = target.transport_id;
    if (id == 0) {  // a serial may hold ':', which "host-serial:S:features" cannot carry
        HostSocket socket(target.adb, control);
        socket.request("host:tport:serial:" + target.serial, target.serial);
        std::array<char, 8> bytes;
        socket.read(bytes);
        for (std::size_t i = 8; i-- > 0;) id = id << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return words(ask_server(target.adb, "host-transport-id:" + std::to_string(id) + ":features", control, target.serial), ',');
}

}  // namespace bitwright
