// SPDX-License-Identifier: GPL-3.0-or-later
// Runs bitwright-cli as a user does: a process of its own, its exit code, what it prints.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <sys/types.h>

namespace bitwright::test {

struct Ended {
    int code = -1;  ///< exit code; −N: killed by signal N
    std::string out, err;
    /// `out` as JSON; a null when it is none.
    [[nodiscard]] nlohmann::json json() const;
};

using Arguments = std::vector<std::string>;

[[nodiscard]] Ended run_cli(const Arguments& arguments, const std::string& input = "");

/// A program under way, to be signalled.
class Running {
public:
    explicit Running(const Arguments& arguments, const std::string& input = "");
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    void signal(int number) const;
    [[nodiscard]] bool over();
    [[nodiscard]] Ended wait();

private:
    pid_t process_ = -1;
    std::string folder_;
    int status_ = 0;
    bool over_ = false;
};

}  // namespace bitwright::test
