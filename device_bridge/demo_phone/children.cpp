// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/children.h"

#include "core/runtime/error.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace bitwright::demo {
namespace {

struct Stat {
    pid_t parent = 0;
    unsigned long long ticks = 0;
};

std::optional<Stat> read_stat(pid_t pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(in, line)) return std::nullopt;
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(line.substr(name_end + 1));
    std::string state;
    Stat stat;
    rest >> state >> stat.parent;
    std::string skipped;
    for (int i = 0; i < 9; ++i) rest >> skipped;
    unsigned long long user = 0, system = 0;
    rest >> user >> system;
    stat.ticks = user + system;
    return stat;
}

}  // namespace

std::vector<pid_t> processes_below(pid_t ancestor)
{
    std::map<pid_t, pid_t> parents;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto pid = static_cast<pid_t>(std::stol(name));
        if (const auto stat = read_stat(pid)) parents[pid] = stat->parent;
    }
    std::vector<pid_t> below;
    for (const auto& [pid, parent] : parents) {
        pid_t above = parent;
        for (int depth = 0; above != ancestor && depth < 1000 && parents.contains(above); ++depth) above = parents[above];
        if (above == ancestor) below.push_back(pid);
    }
    return below;
}

Children::Children()
{
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::thread([this] {
        while (true) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, 0);
            if (pid < 0) {
                if (errno == ECHILD) std::this_thread::sleep_for(std::chrono::milliseconds(2));
                continue;
            }
            const std::scoped_lock hold(lock_);
            if (const auto found = children_.find(pid); found != children_.end()) {
                found->second = {true, status};
                changed_.notify_all();
            }
        }
    }).detach();
}

pid_t Children::start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, const std::string& folder, const Streams& streams)
{
    const auto pointers = [](const std::vector<std::string>& texts) {
        std::vector<char*> out;
        for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
        out.push_back(nullptr);
        return out;
    };
    const auto argv = pointers(arguments), envp = pointers(environment);
    const std::scoped_lock hold(lock_);  // the reaper cannot miss it
    const pid_t pid = ::fork();
    if (pid < 0) throw failure(std::string("no process can be started: ") + std::strerror(errno));
    if (pid == 0) {
        ::setsid();
        if (streams.terminal) ::ioctl(streams.in, TIOCSCTTY, 0);
        ::dup2(streams.in, 0);
        ::dup2(streams.out, 1);
        ::dup2(streams.error, 2);
        for (int fd = 3; fd < 1024; ++fd) ::close(fd);
        for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);  // what the phone ignores itself, its commands hear
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        if (::chdir(folder.c_str()) != 0) ::_exit(127);
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    children_[pid] = {};
    return pid;
}

int Children::wait(pid_t child)
{
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return children_.at(child).ended; });
    const int status = children_.at(child).status;
    children_.erase(child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Children::hang_up(pid_t child)
{
    const std::scoped_lock hold(lock_);
    if (const auto found = children_.find(child); found != children_.end() && !found->second.ended) ::kill(child, SIGHUP);
}

void Children::forget(pid_t child)
{
    const std::scoped_lock hold(lock_);
    children_.erase(child);
}

void Children::kill_all()
{
    for (const pid_t pid : processes_below(::getpid())) ::kill(pid, SIGKILL);
}

double Children::cores_busy()
{
    siginfo_t ignored{};
    if (::waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;  // nothing runs: no look at every process of the computer
    std::map<pid_t, unsigned long long> now;
    for (const pid_t pid : processes_below(::getpid())) {
        if (const auto stat = read_stat(pid)) now[pid] = stat->ticks;
    }
    const double second = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    const std::scoped_lock hold(lock_);
    unsigned long long sum = 0;
    for (const auto& [pid, ticks] : now) {
        const auto before = ticks_.find(pid);
        sum += ticks - (before == ticks_.end() ? 0 : std::min(before->second, ticks));
    }
    const double passed = second - sampled_at_;
    const double cores = sampled_at_ > 0 && passed > 0 ? static_cast<double>(sum) / static_cast<double>(::sysconf(_SC_CLK_TCK)) / passed : 0;
    ticks_ = std::move(now);
    sampled_at_ = second;
    return cores;
}

}  // namespace bitwright::demo
