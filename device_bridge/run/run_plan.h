// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of our runner on a phone, and the scripts that do it there: one that lives on the phone and needs nobody, so that a pulled cable changes nothing.
//
// On the phone (adb/remote_store.h): bin/<hash>/bitwright-runner, models/<hash>/package.safetensors, runs/<id>/ with run.sh and what it writes: before.txt and
// after.txt (state_script()), run.jsonl and errors.txt of the runner, thermal.txt, rails.txt, service.csv or power.perfetto, rc; and what adb/detached.h writes around it.
// Threading: pure functions.
#pragma once

#include "device_bridge/run/preconditions.h"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct PhonePlan {
    std::int64_t prompt_tokens = 128, generate = 64, repeats = 5, warmup = 1;
    int threads = 4;
    std::uint64_t affinity = 0;          ///< bit i: CPU i; 0: leave it to the kernel
    std::int64_t seconds = 0;            ///< sustained: runs go on so long; 0: `repeats` of them
    std::int64_t batches = 1;            ///< `repeats` and `seconds` so often; rest and cooling then lie between batches. Energy wants five of 60 s
    std::int64_t idle_s = 0, rest_s = 0; ///< baselines before and after; between runs
    std::optional<double> cool_to_c;     ///< between runs, the battery's temperature
    std::int64_t cool_limit_s = 600;
    bool sample = true;                  ///< battery, temperatures, clocks
    int samples_per_second = 5;
    bool marker = false;                 ///< begin with a square wave of load for an external meter
    enum class Beside : std::uint8_t { nothing, rails, service, perfetto };
    Beside beside = Beside::nothing;     ///< energy's source where it is not the battery's files, which the runner reads: asked in a loop of its own
    Preconditions require = {};          ///< waited for before the run starts
    bool beside_voltage = true;          ///< false: Perfetto's counters lack the voltage, which is then written beside them
};
[[nodiscard]] nlohmann::json to_json(const PhonePlan& plan);
/// Throws Error (usage) naming the option that cannot be.
void check(const PhonePlan& plan);

struct RemoteRun {
    std::string runner, package;  ///< absolute paths on the phone; package "": none
    std::string folder;           ///< of this run
    std::string lines = "run.jsonl";  ///< what the runner writes; relative to where it is started
    [[nodiscard]] std::string file(const char* name) const { return folder + "/" + name; }
};
inline constexpr const char* phone_sysfs = "/sys";
/// The runner's command line, here and on a phone.
[[nodiscard]] std::vector<std::string> runner_words(const PhonePlan& plan, const RemoteRun& run);
/// run.sh: state before, the runner, state after; thermal status every ten seconds beside it. It runs in the run's folder.
[[nodiscard]] std::string run_script(const PhonePlan& plan, const RemoteRun& run);
/// How run.sh is called there.
[[nodiscard]] std::string run_command(const RemoteRun& run);
/// For people: what would be done, as a script with adb, to be copied.
[[nodiscard]] std::string dry_run_script(const PhonePlan& plan, const RemoteRun& run, const std::string& serial, const std::filesystem::path& runner, const std::filesystem::path& package);

}  // namespace bitwright
