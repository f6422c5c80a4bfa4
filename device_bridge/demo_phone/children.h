// SPDX-License-Identifier: GPL-3.0-or-later
// The processes that run on the phone: started, reaped (also those whose parent has ended), ended.
// Threading: every member function may be called from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bitwright::demo {

/// What a new process gets as its standard streams; a terminal becomes its controlling one.
struct Streams {
    int in = -1, out = -1, error = -1;
    bool terminal = false;
};

class Children {
public:
    Children();

    /// Starts a program in a session of its own. Throws Error (failed) when no process can be made; a program that cannot be started ends with 127.
    pid_t start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, const std::string& folder, const Streams& streams);
    /// Waits for its end; the code as a shell gives it (128 + signal).
    int wait(pid_t child);
    /// SIGHUP to that process alone, as adbd does when its computer goes away: what it started lives on.
    void hang_up(pid_t child);
    /// Nobody will wait for it.
    void forget(pid_t child);
    /// SIGKILL to everything on the phone.
    void kill_all();
    /// How many cores the phone's processes kept busy since the last call.
    [[nodiscard]] double cores_busy();

private:
    struct Child {
        bool ended = false;
        int status = 0;
    };
    std::mutex lock_;
    std::condition_variable changed_;
    std::map<pid_t, Child> children_;
    std::map<pid_t, unsigned long long> ticks_;
    double sampled_at_ = 0;
};

/// All processes below `ancestor` (this process's view of /proc).
[[nodiscard]] std::vector<pid_t> processes_below(pid_t ancestor);

}  // namespace bitwright::demo
