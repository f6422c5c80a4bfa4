// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/phone_run.h"

#include "core/runtime/error.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <thread>

namespace bitwright {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_log = 256U << 20, longest_piece = 1U << 20;
constexpr auto first_look = 300ms, last_look = 5000ms;  ///< between looks: the longer it runs, the less it is disturbed

void sleep_checked(std::chrono::milliseconds time, const Control& control)
{
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(std::min(time, 50ms))) control.check();
    control.check();
}

/// The highest of "12345.67   Thermal Status: 2" lines.
std::optional<std::int64_t> highest_status(std::string_view text)
{
    std::optional<std::int64_t> highest;
    for (const auto line : lines_of(text)) {
        const auto parts = split_at(line, ':');
        const auto status = parts ? whole_number(parts->second) : std::nullopt;
        if (status && *status >= 0 && *status <= 6 && (!highest || *status > *highest)) highest = status;
    }
    return highest;
}

/// Somebody ended it (adb kill-server, another program's adb of another version); where it cannot be started, the next attempt says why.
void start_server_again(const AdbSettings& settings, const Control& control)
{
    try {
        ensure_adb_server(settings, control);
    } catch (const AdbError&) {
    }
}

}  // namespace

bool is_away(const AdbError& error) noexcept
{
    return error.passes_with_reconnect() || error.fault() == AdbFault::no_server || error.fault() == AdbFault::unauthorized;
}

PhoneFacts read_facts(const AdbTarget& target, const Control& control)
{
    const auto answer = run_shell(target, facts_script(), {.output_limit = 4U << 20, .time_limit = 60s}, control);
    return parse_facts(answer.output);
}

void selftest_on(const AdbTarget& target, const std::string& remote_runner, const Control& control)
{
    const auto result = run_shell(target, shell_command({remote_runner, "--selftest"}), {.output_limit = 1U << 20, .time_limit = 120s}, control);
    if (result.exit_code == 0 && result.output.find("\"ok\":true") != std::string::npos) return;
    const auto words = printable(result.error.empty() ? result.output : result.error);
    throw failure(target.serial + ": the runner's self-test failed (exit code " + std::to_string(result.exit_code) + ": " + words + "); nothing measured there would be worth anything");
}

bool PhoneRun::started(const Control& control) { return look_at_detached(target_, remote_.folder, control).kind != DetachedState::Kind::absent; }

void PhoneRun::start(const Control& control)
{
    if (started(control)) return;
    const auto script = run_script(plan_, remote_);
    std::size_t sent = 0;
    ShellOptions options;
    options.time_limit = target_.adb.command_limit;
    options.input = [&](std::span<char> buffer) {
        const auto count = script.copy(buffer.data(), buffer.size(), sent);
        sent += count;
        return count;
    };
    const auto written = run_shell(target_, "mkdir -p " + shell_quoted(remote_.folder) + " && cat > " + shell_quoted(remote_.file("run.sh")), options, control);
    if (written.exit_code != 0) throw sync_refusal(target_.serial, remote_.folder, written.error);
    (void)start_detached(target_, remote_.folder, run_command(remote_), control);
}

void PhoneRun::read_lines(RunnerLogReader& reader, std::string& lines, const Control& control)
{
    for (;;) {
        const auto file = shell_quoted(remote_.file("run.jsonl"));
        // by lines, not by bytes: a phone that shows other paths than it has (the demo phone in a plain folder) shows other lengths, too
        const auto known = std::count(lines.begin(), lines.end(), '\n');
        const auto command = "[ ! -e " + file + " ] || tail -n +" + std::to_string(known + 1) + " " + file + " | head -c " + std::to_string(longest_piece);
        auto piece = run_shell(target_, command, {.output_limit = 2 * longest_piece, .time_limit = 60s}, control).output;
        const bool more = piece.size() >= longest_piece;
        piece.resize(piece.rfind('\n') + 1);  // the line being written is read at the next look
        if (more && piece.empty()) throw bad_input(target_.serial, "run.jsonl", "has a line longer than any that the runner writes");
        if (lines.size() + piece.size() > longest_log) throw bad_input(target_.serial, "run.jsonl", "is longer than 256 MiB; measure for a shorter time");
        lines += piece;
        reader.feed(piece);
        if (!more) return;
    }
}

CollectedRun PhoneRun::follow(std::chrono::seconds patience, const Watch& watch, const Control& control)
{
    CollectedRun run;
    RunnerLogReader reader(target_.serial + ": run.jsonl");
    std::optional<std::chrono::steady_clock::time_point> away_since;
    auto wait = std::chrono::milliseconds(first_look);
    try {
        for (;;) {
            try {
                const auto state = look_at_detached(target_, remote_.folder, control).kind;  // first: what is written after it is read at the next look
                if (state == DetachedState::Kind::absent) throw failure(target_.serial + ": the run's folder is not on the phone any more; measure again");
                read_lines(reader, run.lines, control);
                if (away_since) ++run.reconnections;
                away_since.reset();
                if (watch) watch(reader.raw());
                if (state != DetachedState::Kind::running) {
                    run.died = state == DetachedState::Kind::died;
                    collect(run, control);
                    run.log = reader.log();
                    return run;
                }
            } catch (const AdbError& error) {
                if (!is_away(error)) throw;
                const auto now = std::chrono::steady_clock::now();
                if (!away_since) away_since = now;
                if (now - *away_since > patience) throw;
                control.report({"waiting for the phone", 0, 0, false, 0});
                if (error.fault() == AdbFault::no_server) start_server_again(target_.adb, control);
            }
            sleep_checked(away_since ? 1000ms : wait, control);
            wait = std::min(wait * 5 / 4, std::chrono::milliseconds(last_look));
        }
    } catch (const Cancelled&) {
        if (control.pause_requested()) throw;  // it goes on there, to be collected later
        try {
            const Control patient;
            end(patient);
            forget(patient);
        } catch (const Error&) {  // the phone is away: what runs there ends by itself, and is not collected
        }
        throw;
    }
}

std::string PhoneRun::file(const char* name, std::size_t limit, const Control& control)
{
    const auto command = "head -c " + std::to_string(limit) + " " + shell_quoted(remote_.file(name)) + " 2>/dev/null";
    return run_shell(target_, command, {.output_limit = 2 * limit, .time_limit = 120s}, control).output;
}

void PhoneRun::collect(CollectedRun& run, const Control& control)
{
    const auto state = [&](const char* name) -> std::optional<PhoneState> {
        const auto facts = parse_facts(file(name, longest_piece, control));
        return facts.complete ? std::optional(facts.state) : std::nullopt;
    };
    run.before = state("before.txt");
    run.after = state("after.txt");
    run.thermal_highest = highest_status(file("thermal.txt", longest_piece, control));
    if (plan_.beside == PhonePlan::Beside::rails) run.rails = file("rails.txt", longest_log, control);
    if (plan_.beside == PhonePlan::Beside::service) run.service = file("service.csv", longest_log, control);
    if (plan_.beside == PhonePlan::Beside::perfetto) {
        run.perfetto = file("power.perfetto", longest_log, control);
        run.voltage = file("power.perfetto.voltage.csv", longest_piece, control);
    }
    run.errors = printable(trimmed(file("errors.txt", longest_piece, control)), 2000);
}

bool PhoneRun::end(const Control& control) { return end_detached(target_, remote_.folder, control); }

void PhoneRun::forget(const Control& control) { (void)run_shell(target_, shell_command({"rm", "-rf", remote_.folder}), control); }

bool is_simulated(const std::string& serial, const PhoneFacts& facts, const RunnerLog* log)
{
    const auto begins = [](const std::optional<std::string>& text, std::string_view with) { return text && text->starts_with(with); };
    if (serial.starts_with("emulator-") || serial.starts_with("localfilesystem:")) return true;
    if (begins(facts.build, "bitwright/demo") || facts.hardware == "ranchu" || facts.hardware == "goldfish" || facts.hardware == "cutf_cvm") return true;
    return log && (log->emulated || log->isa == "x86-64");  // no phone has such a processor
}

}  // namespace bitwright
