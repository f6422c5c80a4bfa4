// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/measure_job.h"

#include "app/jobs/local_machine.h"
#include "app/jobs/package_job.h"
#include "core/runtime/file.h"
#include "core/workspace/tensors.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

fs::path runner_path()
{
    if (const char* given = std::getenv("BITWRIGHT_RUNNER"); given && *given) return given;
    std::error_code error;
    const auto path = fs::read_symlink("/proc/self/exe", error).parent_path() / "bitwright-runner";
    if (!fs::exists(path, error)) throw failure(path.string() + ": is not there; build it (packaging/run), or set BITWRIGHT_RUNNER");
    return path;
}

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

void add_sample(std::vector<Measurement>& all, const std::string& quantity, const std::string& unit, double value)
{
    for (auto& measurement : all)
        if (measurement.quantity == quantity) return measurement.samples.push_back(value);
    all.push_back({quantity, unit, 0, {value}});
}

/// One phase line as a sample: tokens per second, or seconds of loading.
void add_phase(std::vector<Measurement>& all, const nlohmann::json& phase)
{
    const auto name = phase.at("name").get<std::string>();
    const double seconds = static_cast<double>(phase.at("t1_ns").get<std::int64_t>() - phase.at("t0_ns").get<std::int64_t>()) * 1e-9;
    if (name == "load") return add_sample(all, "load_s", "s", seconds);
    const auto tokens = phase.at("tokens").get<std::int64_t>();
    if (phase.at("run").get<std::int64_t>() < 0 || tokens < 1 || !(seconds > 0)) return;
    add_sample(all, name + "_tokens_per_s", "1/s", static_cast<double>(tokens) / seconds);
}

void add_end(RunnerLog& log, const nlohmann::json& end)
{
    log.complete = end.at("rc").get<int>() == 0;
    log.output_hash = end.value("sha256", "");
    log.error = end.value("error", "");
    for (const char* quantity : {"peak_rss_bytes", "cache_bytes"})
        if (end.contains(quantity) && end[quantity].get<std::int64_t>() > 0) add_sample(log.measurements, quantity, "B", end[quantity].get<double>());
}

}  // namespace

RunnerLog read_runner_log(std::string_view text, const std::string& where)
{
    RunnerLog log;
    std::int64_t number = 0;
    while (!text.empty()) {
        const auto newline = text.find('\n');
        if (newline == std::string_view::npos) break;  // cut short while it was written
        const auto line = text.substr(0, newline);
        text.remove_prefix(newline + 1);
        ++number;
        try {
            const auto object = nlohmann::json::parse(line);
            const auto type = object.at("type").get<std::string>();
            if (type == "hello") {
                log.version = object.value("version", "");
                log.isa = object.value("kernels", object.value("isa", ""));
            }
            if (type == "phase") add_phase(log.measurements, object);
            if (type == "end") add_end(log, object);
        } catch (const nlohmann::json::exception& error) {
            throw bad_input(where, "line " + std::to_string(number), std::string("is not what the runner writes: ") + error.what());
        }
    }
    for (auto& measurement : log.measurements) measurement.value = median(measurement.samples);
    return log;
}

namespace {

/// What has been measured so far, each repeat once: its tokens per second (decode where tokens are generated).
class Repeats {
public:
    Repeats(JobEnvironment& environment, const MeasureRequest& request, fs::path lines) : environment_(environment), request_(request), lines_(std::move(lines)) {}
    void look()
    {
        std::error_code error;
        const auto size = fs::file_size(lines_, error);
        if (error || size == size_) return;
        size_ = size;
        const auto log = read_runner_log(read_text(lines_), lines_.string());
        for (const auto& measurement : log.measurements) {
            if (measurement.quantity != (request_.generate > 0 ? "decode_tokens_per_s" : "prefill_tokens_per_s")) continue;
            for (; reported_ < measurement.samples.size(); ++reported_)
                environment_.progress({"repeat", static_cast<std::int64_t>(reported_) + 1, request_.repeats, true, measurement.samples[reported_]});
        }
    }

private:
    JobEnvironment& environment_;
    const MeasureRequest& request_;
    fs::path lines_;
    std::uintmax_t size_ = 0;
    std::size_t reported_ = 0;
};

}  // namespace

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
    std::vector<std::string> command{runner_path().string(),
                                     "--package",
                                     request.package.string(),
                                     "--mode",
                                     request.generate > 0 ? "mixed" : "prefill",
                                     "--prompt-tokens",
                                     std::to_string(request.prompt_tokens)};
    if (request.generate > 0) command.insert(command.end(), {"--tokens", std::to_string(request.generate)});
    command.insert(command.end(), {"--runs", std::to_string(request.repeats), "--warmup", std::to_string(request.warmup), "--threads",
                                   std::to_string(request.threads), "--jsonl", lines.string()});
    environment.progress({"warm-up", 0, 0, false, 0});
    Repeats repeats(environment, request, lines);
    const int status = run_program(command, errors, environment.control, [&] { repeats.look(); });
    repeats.look();
    run.finish = timestamp();
    const auto log = read_runner_log(text_or_empty(lines), lines.string());
    if (log.version.empty()) throw failure("bitwright-runner: " + sentence(text_or_empty(errors)));
    conditions.backend = "bitwright-runner " + log.version + " " + log.isa;
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
