// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/program.h"

#include "tests/support/shared_data.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <fstream>

namespace bitwright::test {
namespace {

std::string content(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

nlohmann::json Ended::json() const { return nlohmann::json::parse(out, nullptr, false); }

Running::Running(const Arguments& arguments, const std::string& input)
{
    static std::atomic<int> number{0};
    folder_ = scratch("run-" + std::to_string(number++)).string();
    std::ofstream(folder_ + "/in", std::ios::binary) << input;
    std::vector<std::string> words{std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-cli"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    process_ = ::fork();
    if (process_ != 0) return;
    ::dup2(::open((folder_ + "/in").c_str(), O_RDONLY), STDIN_FILENO);
    ::dup2(::open((folder_ + "/out").c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::dup2(::open((folder_ + "/err").c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
}

Running::~Running()
{
    if (over()) return;
    signal(SIGKILL);
    ::waitpid(process_, &status_, 0);
}

void Running::signal(int number) const { ::kill(process_, number); }

bool Running::over()
{
    if (!over_ && ::waitpid(process_, &status_, WNOHANG) == process_) over_ = true;
    return over_;
}

Ended Running::wait()
{
    if (!over_) ::waitpid(process_, &status_, 0);
    over_ = true;
    return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), content(folder_ + "/out"), content(folder_ + "/err")};
}

Ended run_cli(const Arguments& arguments, const std::string& input) { return Running(arguments, input).wait(); }

}  // namespace bitwright::test
