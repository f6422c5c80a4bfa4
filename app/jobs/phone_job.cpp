// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/phone_job.h"

#include "app/jobs/measure_job.h"
#include "app/jobs/package_job.h"
#include "app/jobs/phone_energy.h"
#include "core/exchange/stored_log.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/workspace/tensors.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/remote_store.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync.h"
#include "device_bridge/phone/shell_quote.h"
#include "device_bridge/run/minutes.h"
#include "device_bridge/run/phone_reading.h"
#include "device_bridge/run/phone_run.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char *runner_name = "bitwright-runner", *package_name = "package.safetensors";

std::string short_hash_of(const fs::path& file) { return sha256_hex(MappedFile(file).bytes()).substr(0, 12); }

/// Folder of the job's run on the phone: the same when the job is taken over, another for every other job of every workspace.
std::string run_id(const Workspace& workspace, const JobRow& job)
{
    return sha256_hex(fs::absolute(workspace.path()).string() + " " + std::to_string(job.id) + " " + job.start).substr(0, 16);
}

std::string key_of(const PhoneMeasureRequest& request, const std::string& package_hash)
{
    return "phone " + device_identity(request.serial) + " " + package_hash + " " + sha256_hex(to_json(request.plan).dump()).substr(0, 16) + " " + request.session.value_or("") + " " +
           std::to_string(request.position);
}

/// Undoes the changes however the job ends, as far as the phone is there; else at the next connection.
class Restoring {
public:
    Restoring(Workspace& workspace, const PhoneSession& phone) : workspace_(workspace), phone_(phone) {}
    ~Restoring()
    {
        if (!wanted) return;
        try {
            const Control patient;  // the job's may be cancelled
            (void)undo_changes(workspace_, phone_, patient);
        } catch (const Error&) {  // the phone is away: the list remembers
        }
    }
    Restoring(const Restoring&) = delete;
    Restoring& operator=(const Restoring&) = delete;
    bool wanted = true;

private:
    Workspace& workspace_;
    const PhoneSession& phone_;
};

/// Two runs at once on one phone measure each other.
void refuse_while_busy(const PhoneSession& phone, const Control& control)
{
    const RemoteStore store(phone.target);
    for (const auto& id : store.runs(control))
        if (look_at_detached(phone.target, store.root() + "/runs/" + id, control).kind == DetachedState::Kind::running)
            throw failure(phone.target.serial + ": another run is under way on this phone (" + id + "); wait for it, or end it (jobs cancel, push --remove)");
}

void prepare(Workspace& workspace, const PhoneSession& phone, const PhoneMeasureRequest& request, const Control& control)
{
    if (!request.suspend_charging) return;
    const auto before = run_shell(phone.target, "getprop power.battery_input.suspended", control).output;
    change_phone(workspace, phone, "charging is suspended", {"setprop", "power.battery_input.suspended", "true"},
                 {"setprop", "power.battery_input.suspended", before.starts_with("true") ? "true" : "false"}, control);
}

/// What the plan demands of the phone is waited for. Throws Error (failed) with what is missing and what to do.
void await_preconditions(const PhoneSession& phone, const Preconditions& asked, const Control& control)
{
    using Clock = std::chrono::steady_clock;
    if (!asked.any()) return;
    for (const auto begin = Clock::now();;) {
        const auto answer = parse_facts(run_shell(phone.target, state_script(), {.output_limit = 4U << 20, .time_limit = std::chrono::seconds(60)}, control).output);
        const auto missing = answer.complete ? unmet(asked, answer.state) : std::vector<Unmet>{{"the phone does not answer about its state", "look at it", true}};
        if (missing.empty()) return;
        std::string words;
        for (const auto& one : missing) words += (words.empty() ? "" : "; ") + one.is + ": " + one.step;
        const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin).count();
        if (const auto never = std::find_if(missing.begin(), missing.end(), [](const Unmet& one) { return !one.told; }); never != missing.end())
            throw failure(phone.target.serial + ": " + never->is + "; " + never->step);
        if (waited >= asked.wait_s) throw failure(phone.target.serial + ": not measured, " + words + (waited > 0 ? " (waited for " + std::to_string(waited) + " s)" : ""));
        control.report({"waiting: " + words, 0, 0, false, 0});
        for (const auto next = Clock::now() + std::chrono::seconds(2); Clock::now() < next; std::this_thread::sleep_for(std::chrono::milliseconds(50))) control.check();
    }
}

RunRow row_of(Workspace& workspace, const PhoneMeasureRequest& request, const PhoneSession& phone, const PackageRow& package, const CollectedRun& collected, const std::string& start)
{
    RunRow run;
    run.package = package.id;
    run.prompt_tokens = request.plan.prompt_tokens, run.generated = request.plan.generate, run.repeats = request.plan.repeats;
    run.start = start;
    run.finish = timestamp();
    auto session = phone;
    if (!session.simulated && is_simulated(request.serial, phone.facts, &collected.log)) {
        session.simulated = true;
        session.name += " (simulated)";
    }
    auto conditions = session.conditions(collected.before);
    conditions.backend = "bitwright-runner " + collected.log.version + " " + collected.log.kernels;
    conditions.threads = request.plan.threads;
    run.conditions = put_conditions(workspace, conditions);
    run.log = put_bytes(workspace, std::as_bytes(std::span(collected.lines)));
    run.aborted = !collected.log.complete;
    if (!run.aborted) {
        const auto warm = std::count_if(collected.log.phases.begin(), collected.log.phases.end(), [](const RunnerPhase& phase) { return phase.name == "cool_limit"; });
        if (warm > 0)
            run.note = "the battery did not cool as far as the plan demands within " + std::to_string(request.plan.cool_limit_s) + " s, " + std::to_string(warm) +
                       (warm == 1 ? " time; what followed began too warm" : " times; what followed began too warm");
        run.output_hash = collected.log.output_hash;
        run.measurements = collected.log.measurements;
        if (const auto* speed = collected.log.find("decode_tokens_per_s"); speed && request.plan.seconds > 0) run.repeats = static_cast<std::int64_t>(speed->samples.size());
    } else {
        run.note = !collected.log.error.empty() ? collected.log.error
                   : collected.died             ? "the run was ended on the phone before it was done (killed for memory, or the phone restarted)"
                   : collected.errors.empty()   ? "the runner ended before its end line"
                                                : collected.errors;
    }
    return run;
}

DeviceRun circumstances(const PhoneMeasureRequest& request, const CollectedRun& collected)
{
    DeviceRun device;
    device.plan = to_json(request.plan).dump();
    device.session = request.session;
    if (request.session) device.position = request.position;
    const auto status = [](const std::optional<PhoneState>& state) { return state && state->thermal ? state->thermal->status : std::nullopt; };
    const auto level = [](const std::optional<PhoneState>& state) -> std::optional<double> {
        if (!state || !state->battery || !state->battery->level_percent) return std::nullopt;
        return static_cast<double>(*state->battery->level_percent);
    };
    if (collected.before) device.before = to_json(*collected.before).dump();
    if (collected.after) device.after = to_json(*collected.after).dump();
    device.thermal_before = status(collected.before);
    device.thermal_highest = collected.thermal_highest;
    device.thermal_after = status(collected.after);
    device.level_before = level(collected.before);
    device.level_after = level(collected.after);
    if (collected.before) {
        device.screen_on = collected.before->screen_on;
        device.memory_available = collected.before->memory_available_bytes;
        if (collected.before->battery) device.battery_before_c = collected.before->battery->celsius;
    }
    for (const auto& power : collected.log.power)
        if (power.temperature_dC) device.battery_highest_c = std::max(device.battery_highest_c.value_or(-1000), static_cast<double>(*power.temperature_dC) / 10);
    const auto clocks = clocks_of(collected.log);
    if (!clocks.empty()) {
        auto list = nlohmann::json::array();
        for (const auto& clock : clocks) list.push_back({{"cpu", clock.cpu}, {"min_khz", clock.min_khz}, {"median_khz", clock.median_khz}, {"max_khz", clock.max_khz}});
        device.frequencies = list.dump();
    }
    return device;
}

/// A thermal status out of range (some vendors) is not stored.
void drop_impossible(DeviceRun& device)
{
    for (auto* status : {&device.thermal_before, &device.thermal_highest, &device.thermal_after})
        if (*status && (**status < 0 || **status > 6)) status->reset();
    for (auto* level : {&device.level_before, &device.level_after})
        if (*level && (**level < 0 || **level > 100)) level->reset();
}

/// Reports every repeat once, and all that was sampled.
PhoneRun::Watch watch_for(const JobEnvironment& environment, const PhonePlan& plan)
{
    return [&environment, &control = environment.control, &plan, reported = std::size_t{0}](const RunnerLog& log) mutable {
        if (environment.on_log) environment.on_log(log);
        const auto* repeats = log.find(plan.generate > 0 ? "decode_tokens_per_s" : "prefill_tokens_per_s");
        if (!repeats) return control.report({"run", 0, 0, false, 0});
        for (; reported < repeats->samples.size(); ++reported)
            control.report({"repeat", static_cast<std::int64_t>(reported) + 1, plan.seconds > 0 ? 0 : plan.repeats, true, repeats->samples[reported]});
    };
}

/// `on_phone` becomes true once something may run on the phone that can be collected later.
RunRow run_and_store(JobEnvironment& environment, PhoneMeasureRequest& request, const PackageRow& package, const ActiveJob& job, bool& on_phone)
{
    auto& workspace = environment.workspace;
    auto& control = environment.control;
    auto expected = find_expected_hash(workspace, package.id, request.plan.prompt_tokens, request.plan.generate);
    if (!expected) {
        environment.progress({"compute the answer here", 0, 0, false, 0});
        expected = output_hash_here({request.package, request.plan.prompt_tokens, request.plan.generate, 1, 0, 1}, control);
    }
    environment.progress({"connect", 0, 0, false, 0});
    const auto phone = open_phone(request.adb, request.serial, control);
    if (request.big_cores && request.plan.affinity == 0 && !phone.simulated)  // an emulated phone has this computer's CPUs
        request.plan.affinity = big_core_mask(phone.facts.state.cores).value_or(0);
    SourceChoice source;
    if (request.plan.sample) source = probe_energy(phone.target, phone.facts, control);
    if (source.source == EnergySource::rails) request.plan.beside = PhonePlan::Beside::rails;
    if (source.source == EnergySource::gauge_service || source.source == EnergySource::charge_service) request.plan.beside = PhonePlan::Beside::service;
    if (source.source == EnergySource::perfetto) request.plan.beside = PhonePlan::Beside::perfetto, request.plan.beside_voltage = source.voltage;
    const auto pushed = push_to_phone(phone, request.package, run_id(workspace, job.row()), control);
    PhoneRun run(phone.target, request.plan, pushed.remote);
    Restoring restoring(workspace, phone);
    try {
        if (!run.started(control)) {
            refuse_while_busy(phone, control);
            (void)undo_changes(workspace, phone, control);  // what an earlier job could not
            prepare(workspace, phone, request, control);
            await_preconditions(phone, request.plan.require, control);
            environment.progress({"start", 0, 0, false, 0});
            on_phone = true;
            run.start(control);
        }
        on_phone = true;
        const auto collected = run.follow(request.patience, watch_for(environment, request.plan), control);
        auto device = circumstances(request, collected);
        drop_impossible(device);
        device.expected_hash = expected;
        if (collected.log.complete) device.answer = collected.log.output_hash == *expected ? Answer::same : Answer::wrong;
        auto stored = row_of(workspace, request, phone, package, collected, job.row().start);
        if (device.answer == Answer::wrong) stored.note = "wrong answer: the phone's output ids are not those of this computer's engine; its times are not shown";
        const auto id = put_device_run(workspace, stored, device, stored.aborted ? std::vector<EnergyRow>() : energies_of(collected, source), job.row().id);
        run.forget(control);
        return get_run(workspace, id);
    } catch (const Cancelled&) {
        restoring.wanted = !control.pause_requested();  // paused: it goes on there
        throw;
    } catch (const AdbError& error) {
        restoring.wanted = !is_away(error);
        throw;
    }
}

/// Once on each phone: what did not pass yet is asked again, also when the program was sent before.
void prove_runner(const AdbTarget& target, const std::string& runner, const Control& control)
{
    const auto passed = runner + ".self-test-passed";
    if (stat_remote(target, passed, control)) return;
    selftest_on(target, runner, control);
    (void)shell_output(target, ": > " + shell_quoted(passed), control);
}

}  // namespace

Pushed push_to_phone(const PhoneSession& phone, const fs::path& package, const std::string& id, const Control& control)
{
    Pushed pushed;
    const RemoteStore store(phone.target);
    const auto begin = std::chrono::steady_clock::now();
    const auto progress = [&](const char* stage) {
        return [&control, stage](std::uint64_t done, std::uint64_t total) { control.report({stage, static_cast<std::int64_t>(done), static_cast<std::int64_t>(total), false, 0}); };
    };
    const auto runner = store.store_program({{find_runner(true), runner_name, 0755}}, progress("push runner"), control);
    pushed.remote.runner = runner.path + "/" + runner_name;
    prove_runner(phone.target, pushed.remote.runner, control);
    pushed.bytes = runner.bytes, pushed.sent = runner.sent;
    if (!package.empty()) {
        const auto model = store.store_model({{package, package_name}}, progress("push package"), control);
        pushed.remote.package = model.path + "/" + package_name;
        pushed.package_sha256 = model.sha256;
        pushed.bytes += model.bytes, pushed.sent += model.sent;
    }
    if (!id.empty()) pushed.remote.folder = store.root() + "/runs/" + id;
    pushed.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return pushed;
}

RunRow measure_on_phone(JobEnvironment& environment, const PhoneMeasureRequest& asked)
{
    auto& workspace = environment.workspace;
    auto& control = environment.control;
    auto request = asked;
    check(request.plan);
    const auto package = Package::open(request.package);
    if (request.plan.prompt_tokens + request.plan.generate > package->graph().context)
        throw bad_input(request.package.string(), "context",
                        "holds " + std::to_string(package->graph().context) + " positions, fewer than " + std::to_string(request.plan.prompt_tokens + request.plan.generate) +
                            " tokens; ask for fewer");
    const auto row = put_package_file(workspace, *package);
    ActiveJob job(environment, "measure", key_of(request, row.sha256));
    bool on_phone = job.resumed();  // something may be running there
    try {
        return run_and_store(environment, request, row, job, on_phone);
    } catch (const Cancelled&) {
        end_job(workspace, job.row().id, control.pause_requested() ? JobState::paused : JobState::cancelled, {});
        throw;
    } catch (const AdbError& error) {
        const AdbError kept = error;
        end_job(workspace, job.row().id, on_phone && is_away(kept) ? JobState::paused : JobState::failed, {}, kept.what());
        throw kept;
    } catch (const Error& error) {
        const Error kept = error;
        end_job(workspace, job.row().id, JobState::failed, {}, kept.what());
        throw kept;
    }
}

void remove_from_phone(const PhoneSession& phone, const Control& control) { RemoteStore(phone.target).remove_everything(control); }

std::vector<Minute> minutes_of_run(const Workspace& workspace, const RunRow& run) { return minutes_of(stored_log(workspace, run)); }
std::optional<Sustained> sustained_of_run(const Workspace& workspace, const RunRow& run) { return sustained_of(minutes_of_run(workspace, run)); }

std::string dry_run(const PhoneMeasureRequest& request)
{
    check(request.plan);
    const auto runner = find_runner(true);
    const std::string root(RemoteStore::default_root);
    const RemoteRun remote{root + "/bin/" + short_hash_of(runner) + "/" + runner_name,
                           request.package.empty() ? "" : root + "/models/" + short_hash_of(request.package) + "/" + package_name, root + "/runs/dry-run"};
    return dry_run_script(request.plan, remote, request.serial, runner, request.package);
}

}  // namespace bitwright
