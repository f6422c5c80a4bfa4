// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/demo_phone.h"

#include "tests/support/shared_data.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string adb_program()
{
    const char* set = std::getenv("BITWRIGHT_ADB");
    return set && *set ? set : "/usr/bin/adb";
}

/// A folder with a short path (a Unix socket's path has 107 bytes), removed by its owner.
fs::path short_folder()
{
    std::string folder = "/tmp/bwp-XXXXXX";
    if (!::mkdtemp(folder.data())) ADD_FAILURE() << "no folder in /tmp: " << std::strerror(errno);
    return folder;
}

/// Starts a program in a session of its own that ends with this process; its output comes through `out` and `error`, its input from `in`.
pid_t start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int& in, int& out, int& error)
{
    std::array<std::array<int, 2>, 3> pipes{};
    for (auto& ends : pipes) {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
    }
    std::vector<char*> argv;
    for (const auto& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        ::dup2(pipes[0][0], 0);
        ::dup2(pipes[1][1], 1);
        ::dup2(pipes[2][1], 2);
        for (const auto& each : environment) ::putenv(const_cast<char*>(each.c_str()));
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
    in = pipes[0][1];
    out = pipes[1][0];
    error = pipes[2][0];
    return child;
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/// Waits until the process has ended; false at `until`.
bool ended(pid_t child, int& status, Clock::time_point until)
{
    while (true) {
        const pid_t result = ::waitpid(child, &status, WNOHANG);
        if (result == child || (result < 0 && errno == ECHILD)) return true;
        if (Clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

}  // namespace

fs::path scenario(const std::string& name) { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "devices" / "scenarios" / (name + ".json"); }

bool has_adb() { return ::access(adb_program().c_str(), X_OK) == 0; }

bool has_namespaces()
{
    static const bool has = [] {
        const auto folder = short_folder();
        int in = -1, out = -1, error = -1, status = 0;
        const pid_t phone = start({fs::path(BITWRIGHT_BINARY_DIR) / "bin" / "bitwright-demo-phone", "--scenario", scenario("demo"), "--socket", folder / "s", "--tree", "namespace"}, {}, in, out, error);
        char byte = 0;
        const bool ready = ::read(out, &byte, 1) == 1;
        ::kill(phone, SIGTERM);
        (void)ended(phone, status, Clock::now() + std::chrono::seconds(5));
        for (const int fd : {in, out, error}) ::close(fd);
        std::error_code ignored;
        fs::remove_all(folder, ignored);
        return ready;
    }();
    return has;
}

Ran run_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, const std::string& input, std::chrono::milliseconds limit)
{
    const auto begin = Clock::now();
    Ran ran;
    int in = -1, out = -1, error = -1, status = 0;
    const pid_t child = start(arguments, environment, in, out, error);
    std::thread feeder([&] {
        sigset_t broken;
        sigemptyset(&broken);
        sigaddset(&broken, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &broken, nullptr);
        for (std::string_view rest = input; !rest.empty();) {
            const ssize_t count = ::write(in, rest.data(), rest.size());
            if (count <= 0) break;
            rest.remove_prefix(static_cast<std::size_t>(count));
        }
        ::close(in);
    });
    std::array<char, 65536> buffer;
    while (out >= 0 || error >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(begin + limit - Clock::now()).count();
        if (left <= 0) {
            ran.timed_out = true;
            ::kill(-child, SIGKILL);
            break;
        }
        std::array<pollfd, 2> polled{pollfd{out, POLLIN, 0}, pollfd{error, POLLIN, 0}};
        (void)::poll(polled.data(), polled.size(), static_cast<int>(left));
        for (const auto& each : polled) {
            if (each.revents == 0) continue;
            const ssize_t count = ::read(each.fd, buffer.data(), buffer.size());
            if (count > 0) {
                (each.fd == out ? ran.out : ran.error).append(buffer.data(), static_cast<std::size_t>(count));
            } else {
                ::close(each.fd);
                (each.fd == out ? out : error) = -1;
            }
        }
    }
    if (!ended(child, status, begin + limit)) {
        ran.timed_out = true;
        ::kill(-child, SIGKILL);
        (void)ended(child, status, Clock::now() + std::chrono::seconds(5));
    }
    feeder.join();
    for (const int fd : {out, error}) {
        if (fd >= 0) ::close(fd);
    }
    ran.code = code_of(status);
    ran.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return ran;
}

DemoPhone::DemoPhone(const fs::path& scenario_file, const Options& options) : folder_(short_folder())
{
    const char* set = std::getenv("BITWRIGHT_DEMO_TREE");
    const std::string tree = options.tree == "auto" && set ? set : options.tree;
    std::vector<std::string> arguments{fs::path(BITWRIGHT_BINARY_DIR) / "bin" / "bitwright-demo-phone", "--scenario", scenario_file, "--tree", tree, "--aarch64", options.aarch64};
    if (options.port) arguments.insert(arguments.end(), {"--port", "0"});
    else arguments.insert(arguments.end(), {"--socket", folder_ / "phone.sock"});
    if (!options.root.empty()) arguments.insert(arguments.end(), {"--root", options.root});
    int in = -1, out = -1, error = -1;
    pid_ = start(arguments, {}, in, out, error);
    ::close(in);
    std::string line;
    const auto until = Clock::now() + std::chrono::seconds(60);  // a busy computer
    while (line.find('\n') == std::string::npos && Clock::now() < until) {
        pollfd polled{out, POLLIN, 0};
        std::array<char, 4096> buffer;
        if (::poll(&polled, 1, 100) <= 0) continue;
        const ssize_t count = ::read(out, buffer.data(), buffer.size());
        if (count <= 0) break;
        line.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (line.find('\n') == std::string::npos) {
        std::array<char, 4096> buffer;
        pollfd polled{error, POLLIN, 0};
        const ssize_t count = ::poll(&polled, 1, 100) > 0 ? ::read(error, buffer.data(), buffer.size()) : 0;
        ADD_FAILURE() << "the demo phone did not get ready: " << std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    } else {
        ready_ = json::parse(line.substr(0, line.find('\n')), "demo phone");
        address_ = ready_.find("connect")->string;
        said_ = line.substr(line.find('\n') + 1);
    }
    out_ = out;
    ::close(error);
}

void DemoPhone::read_on(int milliseconds)
{
    std::array<char, 4096> buffer;
    for (pollfd polled{out_, POLLIN, 0}; out_ >= 0 && ::poll(&polled, 1, milliseconds) > 0; milliseconds = 0) {
        const ssize_t count = ::read(out_, buffer.data(), buffer.size());
        if (count <= 0) break;
        said_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    for (auto end = said_.find('\n'); end != std::string::npos; end = said_.find('\n')) {
        const auto line = json::parse(said_.substr(0, end), "demo phone");
        if (const auto* fault = line.find("happened")) happened_.push_back(fault->string);
        said_.erase(0, end + 1);
    }
}

std::vector<std::string> DemoPhone::happened()
{
    read_on(0);
    return happened_;
}

bool DemoPhone::wait_for(const std::string& fault, std::chrono::milliseconds limit)
{
    const auto until = Clock::now() + limit;
    read_on(0);
    while (std::ranges::find(happened_, fault) == happened_.end()) {
        if (Clock::now() >= until) return false;
        read_on(50);
    }
    return true;
}

DemoPhone::~DemoPhone()
{
    end();
    ::close(out_);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string DemoPhone::tree() const { return ready_.find("tree") ? ready_.find("tree")->string : ""; }
std::string DemoPhone::aarch64() const { return ready_.find("aarch64") ? ready_.find("aarch64")->string : ""; }

int DemoPhone::end(int signal)
{
    if (pid_ <= 0) return -1;
    int status = 0;
    ::kill(pid_, signal);
    if (!ended(pid_, status, Clock::now() + std::chrono::seconds(10))) {
        ADD_FAILURE() << "the demo phone did not end";
        ::kill(pid_, SIGKILL);
        (void)ended(pid_, status, Clock::now() + std::chrono::seconds(5));
    }
    pid_ = -1;
    return code_of(status);
}

PrivateAdb::PrivateAdb() : home_(short_folder())
{
    while (port_ == 0 || (port_ >= 5555 && port_ <= 5585)) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        ::close(fd);
    }
    const Ran ran = run({"start-server"});
    EXPECT_EQ(ran.code, 0) << ran.error;
}

PrivateAdb::~PrivateAdb()
{
    (void)run({"kill-server"}, {}, std::chrono::seconds(10));
    std::error_code ignored;
    fs::remove_all(home_, ignored);
}

std::vector<std::string> PrivateAdb::environment() const
{
    return {"HOME=" + home_.string(), "ANDROID_ADB_SERVER_PORT=" + std::to_string(port_), "TMPDIR=" + home_.string(), "ADB_LOCAL_TRANSPORT_MAX_PORT=5553"};
}

Ran PrivateAdb::run(const std::vector<std::string>& arguments, const std::string& input, std::chrono::milliseconds limit) const
{
    std::vector<std::string> words{adb_program()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words, environment(), input, limit);
}

Ran PrivateAdb::on(const DemoPhone& phone, std::vector<std::string> arguments, const std::string& input, std::chrono::milliseconds limit) const
{
    arguments.insert(arguments.begin(), {"-s", phone.address()});
    return run(arguments, input, limit);
}

std::string PrivateAdb::state(const DemoPhone& phone) const
{
    const Ran listed = run({"devices"});
    const auto at = listed.out.find(phone.address() + "\t");
    if (at == std::string::npos) return "";
    const auto begin = at + phone.address().size() + 1;
    return listed.out.substr(begin, listed.out.find('\n', begin) - begin);
}

bool PrivateAdb::wait_for(const DemoPhone& phone, const std::string& wanted, std::chrono::milliseconds limit) const
{
    const auto until = Clock::now() + limit;
    while (state(phone) != wanted) {
        if (Clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

bool PrivateAdb::connect(const DemoPhone& phone, std::chrono::milliseconds limit) const
{
    (void)run({"connect", phone.address()});
    return wait_for(phone, "device", limit);
}

}  // namespace bitwright::test
