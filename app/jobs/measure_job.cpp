// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/measure_job.h"

#include "app/jobs/local_machine.h"
#include "app/jobs/package_job.h"
#include "core/exchange/runner_log.h"
#include "core/runtime/file.h"
#include "core/workspace/tensors.h"
#include "device_bridge/run/run_plan.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

/// A temporary folder that goes away with its scope.
struct Scratch {
    fs::path path;
    Scratch()
    {
        std::string name = (fs::temp_directory_path() / "bitwright-run-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw failure(name + ": cannot be made (" + std::strerror(errno) + ")");
        path = name;
    }
    ~Scratch()
    {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

/// Runs a program without a shell until it ends; a cancel ends it first. `watch` is called ten times a second. @return wait status
int run_program(const std::vector<std::string>& arguments, const fs::path& errors, const Control& control, const std::function<void()>& watch)
{
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) throw failure(arguments.front() + ": cannot be started (" + std::strerror(errno) + ")");
    if (child == 0) {
        ::setpgid(0, 0);  // Ctrl-C on the terminal reaches us, not it
        const int log = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (log >= 0) ::dup2(log, STDERR_FILENO);
        ::execv(argv.front(), argv.data());
        ::_exit(127);
    }
    int status = 0;
    for (int turn = 1;; ++turn) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (control.cancel_requested()) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            throw Cancelled();
        }
        if (turn % 10 == 0) watch();
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

std::string text_or_empty(const fs::path& path) { return fs::exists(path) ? read_text(path) : std::string(); }

/// The runner's last sentence, without its name.
std::string sentence(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    const auto line = text.rfind('\n');
    if (line != std::string::npos) text = text.substr(line + 1);
    return text.starts_with("bitwright-runner: ") ? text.substr(18) : text;
}

std::vector<std::string> runner_command(const MeasureRequest& request, const fs::path& lines)
{
    PhonePlan plan;
    plan.prompt_tokens = request.prompt_tokens, plan.generate = request.generate, plan.repeats = request.repeats, plan.warmup = request.warmup;
    plan.threads = request.threads, plan.sample = false;
    return runner_words(plan, {find_runner(false).string(), request.package.string(), "", lines.string()});
}

/// What has been measured so far, each repeat once: its tokens per second (decode where tokens are generated).
class Repeats {
public:
    Repeats(JobEnvironment& environment, const MeasureRequest& request, fs::path lines)
        : environment_(environment), request_(request), lines_(std::move(lines)), reader_(lines_.string())
    {
    }
    void look()
    {
        std::ifstream file(lines_, std::ios::binary);
        if (!file || !file.seekg(read_)) return;
        std::array<char, 1 << 16> piece;
        do {
            file.read(piece.data(), piece.size());
            reader_.feed({piece.data(), static_cast<std::size_t>(file.gcount())});
            read_ += file.gcount();
        } while (file);
        const auto* repeats = reader_.raw().find(request_.generate > 0 ? "decode_tokens_per_s" : "prefill_tokens_per_s");
        for (; repeats && reported_ < repeats->samples.size(); ++reported_)
            environment_.progress({"repeat", static_cast<std::int64_t>(reported_) + 1, request_.repeats, true, repeats->samples[reported_]});
    }
    [[nodiscard]] RunnerLog log() const { return reader_.log(); }

private:
    JobEnvironment& environment_;
    const MeasureRequest& request_;
    fs::path lines_;
    RunnerLogReader reader_;
    std::streamoff read_ = 0;
    std::size_t reported_ = 0;
};

}  // namespace

fs::path find_runner(bool aarch64)
{
    if (const char* given = std::getenv(aarch64 ? "BITWRIGHT_RUNNER_AARCH64" : "BITWRIGHT_RUNNER"); given && *given) return given;
    std::error_code error;
    const auto path = fs::read_symlink("/proc/self/exe", error).parent_path() / (aarch64 ? "bitwright-runner-aarch64" : "bitwright-runner");
    if (fs::exists(path, error)) return path;
    throw failure(path.string() + (aarch64 ? ": is not there; install g++-aarch64-linux-gnu and build (packaging/run), or set BITWRIGHT_RUNNER_AARCH64"
                                           : ": is not there; build it (packaging/run), or set BITWRIGHT_RUNNER"));
}

std::string output_hash_here(const MeasureRequest& request, const Control& control)
{
    const Scratch scratch;
    const auto lines = scratch.path / "run.jsonl", errors = scratch.path / "errors.txt";
    auto once = request;
    once.repeats = 1, once.warmup = 0;
    const int status = run_program(runner_command(once, lines), errors, control, [] {});
    const auto log = read_runner_log(text_or_empty(lines), lines.string());
    if (!log.complete || !WIFEXITED(status)) throw failure("bitwright-runner: " + sentence(text_or_empty(errors)));
    return log.output_hash;
}

RunRow measure_local(JobEnvironment& environment, const MeasureRequest& request)
{
    auto& workspace = environment.workspace;
    const auto package = Package::open(request.package);  // refused here rather than by the runner
    const auto row = put_package_file(workspace, *package);
    if (request.prompt_tokens + request.generate > package->graph().context)
        throw bad_input(request.package.string(), "context",
                        "holds " + std::to_string(package->graph().context) + " positions, fewer than " +
                            std::to_string(request.prompt_tokens + request.generate) + " tokens; ask for fewer");
    const Scratch scratch;
    const auto lines = scratch.path / "run.jsonl", errors = scratch.path / "errors.txt";
    auto conditions = local_conditions("", request.threads, {});  // load and temperature before the run
    RunRow run;
    run.package = row.id;
    run.prompt_tokens = request.prompt_tokens, run.generated = request.generate, run.repeats = request.repeats;
    run.start = timestamp();
    environment.progress({"warm-up", 0, 0, false, 0});
    Repeats repeats(environment, request, lines);
    const int status = run_program(runner_command(request, lines), errors, environment.control, [&] { repeats.look(); });
    repeats.look();
    run.finish = timestamp();
    const auto log = repeats.log();
    if (!log.began) throw failure("bitwright-runner: " + sentence(text_or_empty(errors)));
    conditions.backend = "bitwright-runner " + log.version + " " + log.kernels;
    run.conditions = put_conditions(workspace, conditions);
    run.log = put_file(workspace, lines);
    run.aborted = !log.complete || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (!run.aborted) {
        run.output_hash = log.output_hash;
        run.measurements = log.measurements;
    } else {
        run.note = log.error.empty() ? "the runner ended before its end line" : log.error;
    }
    return get_run(workspace, put_run(workspace, run));
}

}  // namespace bitwright
