// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/start.h"

#include "core/runtime/error.h"
#include "core/runtime/json.h"
#include "device_bridge/demo_phone/aarch64.h"
#include "device_bridge/demo_phone/connection.h"
#include "device_bridge/demo_phone/gauges.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {
namespace {

struct Listener {
    int fd = -1;
    std::string address;  ///< for `adb connect`
    fs::path socket;      ///< "" for a port
    int socket_file = -1; ///< holds the file's inode, so that no other file can get its number
};

[[noreturn]] void refuse(const std::string& what) { throw failure(what + ": " + std::strerror(errno)); }

Listener listen_on(const Options& options)
{
    Listener listener;
    if (options.listens_on_port) {
        listener.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener.fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) refuse("port " + std::to_string(options.port));
        ::getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size);
        listener.address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    } else {
        const std::string path = fs::absolute(options.socket).string();
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path) throw usage_error("--socket: " + path + " is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes; choose a shorter path");
        std::memcpy(address.sun_path, path.c_str(), path.size());
        struct stat there{};
        if (::lstat(path.c_str(), &there) == 0) {
            if (!S_ISSOCK(there.st_mode)) throw usage_error("--socket: " + path + " is there and is no socket");
            ::unlink(path.c_str());
        }
        listener.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto mask = ::umask(077);
        const bool bound = ::bind(listener.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::umask(mask);
        if (!bound) refuse(path);
        listener.address = "localfilesystem:" + path;
        listener.socket = path;
        listener.socket_file = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    if (::listen(listener.fd, 16) != 0) refuse("listening");
    return listener;
}

/// Unless a phone that was started meanwhile listens there already: one that was killed is cleaned up after while the next one starts.
void remove_socket(const Listener& listener)
{
    struct stat ours{}, there{};
    if (listener.socket.empty() || ::fstat(listener.socket_file, &ours) != 0 || ::lstat(listener.socket.c_str(), &there) != 0) return;
    if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) ::unlink(listener.socket.c_str());
}

/// Writes what changed of the phone's gauges, ten times a second.
[[noreturn]] void keep_gauges(Phone& phone)
{
    GaugeModel model(phone.scenario);
    std::map<std::string, std::pair<std::string, Readable>> written;
    const auto put = [&](const std::string& path, const std::string& text, Readable readable) {
        auto& before = written[path];
        if (before == std::pair{text, readable}) return;
        before = {text, readable};
        replace_file(phone.tree.map(path), text, readable == Readable::denied ? 0 : 0444);
    };
    for (auto next = std::chrono::steady_clock::now();; next += std::chrono::milliseconds(100)) {
        std::error_code ignored;
        bool suspended = false;
        if (const int fd = ::open(phone.tree.map("/dev/__properties__/power.battery_input.suspended").c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
            std::array<char, 5> value{};
            suspended = ::read(fd, value.data(), value.size()) >= 1 && (value[0] == 't' || value[0] == '1');
            ::close(fd);
        }
        const double second = phone.seconds();
        const Gauges& gauges = model.advance(second, phone.children.cores_busy(), suspended);
        for (const GaugeFile& file : gauge_files(phone.scenario, gauges)) {
            if (file.readable != Readable::absent) put(file.path, file.text, file.readable);
        }
        for (const auto& [service, text] : dumpsys_texts(phone.scenario, gauges)) {
            std::string name = service;
            std::ranges::replace(name, '/', '!');
            put("/dev/.phone/dumpsys/" + name, text, Readable::yes);
        }
        put("/dev/.phone/health", health_text(phone.scenario, gauges), Readable::yes);
        phone.elapsed(second);
        std::this_thread::sleep_until(next + std::chrono::milliseconds(100));
    }
}

[[noreturn]] void answer(Phone& phone, int listener)
{
    while (true) {
        const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) continue;
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // no effect on a Unix socket
        if (phone.down()) {
            ::close(socket);
            continue;
        }
        std::thread([connection = std::make_shared<Connection>(phone, socket)] { connection->run(); }).detach();
    }
}

/// The phone's process. Never returns.
[[noreturn]] void be_phone(const Scenario& scenario, const Tree& tree, const Listener& listener, pid_t shown_pid)
{
    std::signal(SIGPIPE, SIG_IGN);
    drop_privileges();
    static Phone phone(scenario, tree);
    std::thread([] { keep_gauges(phone); }).detach();
    while (::access(tree.map("/dev/.phone/dumpsys/battery").c_str(), F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::cout << R"({"ready":true,"pid":)" << shown_pid << R"(,"connect":)" << json::quoted(listener.address) << R"(,"tree":)"
              << (tree.mode == Tree::Mode::namespaces ? R"("namespace")" : R"("plain")") << R"(,"aarch64":)"
              << (tree.aarch64 == Tree::Aarch64::kernel   ? R"("kernel")"
                  : tree.aarch64 == Tree::Aarch64::prefix ? R"("prefix")"
                                                          : R"("none")")
              << R"(,"model":)" << json::quoted(scenario.phone.model) << "}" << std::endl;
    answer(phone, listener.fd);
}

void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

int exit_code_of(pid_t child)
{
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs `body` in a child that dies with this process; an Error ends it with 1 and its sentence on standard error.
template <typename Body>
pid_t fork_with(Body body, bool quiet = false)
{
    const pid_t child = ::fork();
    if (child < 0) refuse("no process can be started");
    if (child > 0) return child;
    die_with_parent();
    int code = 0;
    try {
        body();
    } catch (const std::exception& error) {
        if (!quiet) std::cerr << "bitwright-demo-phone: " << error.what() << std::endl;
        code = 1;
    }
    ::_exit(code);
}

/// A child in new namespaces and its first process inside, which runs `body`; ends with that one's code.
template <typename Body>
pid_t fork_into_namespaces(Body body, bool quiet = false)
{
    return fork_with(
        [&] {
            enter_namespaces();
            ::_exit(exit_code_of(fork_with(body, quiet)));
        },
        quiet);
}

/// Ends everything below this process, also what was started in a session of its own.
void end_all_below()
{
    for (int round = 0; round < 100; ++round) {
        const auto left = processes_below(::getpid());
        for (const pid_t pid : left) ::kill(pid, SIGKILL);
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        if (left.empty()) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

/// Starts the phone, waits until it ends or `parent` (a pipe nobody writes to) is closed, and leaves nothing behind.
int keep(const Options& options, const Scenario& scenario, const Listener& listener, int parent, pid_t shown_pid)
{
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_IGN);
    const auto own_tree = [&] { return build_own_tree(scenario, options.root.empty() ? fs::path() : fs::absolute(options.root), options.aarch64); };
    bool namespaces = options.tree == Options::TreeChoice::namespaces;
    if (options.tree == Options::TreeChoice::automatic) namespaces = exit_code_of(fork_into_namespaces([&] { (void)own_tree(); }, true)) == 0;

    fs::path plain_root;
    if (!namespaces) {
        std::string folder = (fs::temp_directory_path() / "bitwright-phone-XXXXXX").string();
        if (!options.root.empty()) folder = fs::absolute(options.root).string();
        else if (!::mkdtemp(folder.data())) refuse(folder);
        plain_root = folder;
    }
    const auto clean = [&] {
        end_all_below();
        remove_socket(listener);
        if (plain_root.empty()) return;
        std::error_code ignored;
        if (options.root.empty()) fs::remove_all(plain_root, ignored);
        for (const char* name : {"dev", "proc", "sdcard", "storage", "sys", "system", "vendor"}) fs::remove_all(plain_root / name, ignored);
    };
    int code = 1;
    try {
        const pid_t phone = namespaces ? fork_into_namespaces([&] {
            const Tree tree = own_tree();
            be_phone(scenario, tree, listener, shown_pid);
        })
                                       : fork_with([&] {
                                             const Tree tree = build_plain_tree(scenario, plain_root, options.aarch64);
                                             be_phone(scenario, tree, listener, shown_pid);
                                         });
        ::close(listener.fd);
        std::thread([parent, phone] {
            char byte = 0;
            while (::read(parent, &byte, 1) < 0 && errno == EINTR) {
            }
            ::kill(phone, SIGKILL);
        }).detach();
        code = exit_code_of(phone);
    } catch (...) {
        clean();
        throw;
    }
    clean();
    return code == 128 + SIGKILL ? 0 : code;
}

}  // namespace

int run(const Options& options)
{
    const Scenario scenario = Scenario::read(options.scenario);
    const Listener listener = listen_on(options);
    std::array<int, 2> alive{};
    if (::pipe2(alive.data(), O_CLOEXEC) != 0) refuse("a pipe");
    sigset_t waited;
    sigemptyset(&waited);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&waited, signal);
    ::sigprocmask(SIG_BLOCK, &waited, nullptr);
    const pid_t self = ::getpid();
    const pid_t keeper = ::fork();
    if (keeper < 0) refuse("no process can be started");
    if (keeper == 0) {
        ::close(alive[1]);
        ::sigprocmask(SIG_UNBLOCK, &waited, nullptr);
        int code = 1;
        try {
            code = keep(options, scenario, listener, alive[0], self);
        } catch (const std::exception& error) {
            std::cerr << "bitwright-demo-phone: " << error.what() << std::endl;
        }
        ::_exit(code);
    }
    ::close(alive[0]);
    ::close(listener.fd);
    int signal = 0;
    ::sigwait(&waited, &signal);
    ::close(alive[1]);
    return exit_code_of(keeper);
}

}  // namespace bitwright::demo
