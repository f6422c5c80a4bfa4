// SPDX-License-Identifier: GPL-3.0-or-later
// One measurement on one phone: pushed, started so that it needs nobody, watched while the phone is there, collected when it is over.
//
// Invariants: a run that was started once is never started again (its folder on the phone says so): after a pulled cable, a killed program or an hour without
// the phone, the same call goes on watching and collects. A cancel ends the whole process group on the phone. Nothing counts as complete without the runner's end
// line. The phone's answers are untrusted: sizes are limited, parsers refuse.
// Errors: AdbError, Error; Cancelled. Threading: blocking, for a worker thread.
#pragma once

#include "core/exchange/runner_log.h"
#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/phone/facts.h"
#include "device_bridge/run/run_plan.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace bitwright {

/// Everything about a phone in one call.
[[nodiscard]] PhoneFacts read_facts(const AdbTarget& target, const Control& control);

/// Asks the runner on the phone to prove that this processor computes what every other does. Throws Error (failed) with its words when it does not.
void selftest_on(const AdbTarget& target, const std::string& remote_runner, const Control& control);

/// True where what runs on the phone may go on and can be collected once phone and server are back.
[[nodiscard]] bool is_away(const AdbError& error) noexcept;

struct CollectedRun {
    std::string lines;                 ///< run.jsonl as it came
    RunnerLog log;
    std::string rails, service, perfetto, voltage;  ///< what ran beside it wrote (energy/rails.h, samples.h, perfetto.h); "" without
    std::string errors;                ///< the runner's last words on stderr; "" when it had none
    std::optional<PhoneState> before, after;
    std::optional<std::int64_t> thermal_highest;  ///< Android's status while it ran, asked every ten seconds
    bool died = false;                 ///< the process was killed, or the phone restarted, before it was done
    int reconnections = 0;
};

class PhoneRun {
public:
    /// Called while it runs, with everything read so far (medians are not made).
    using Watch = std::function<void(const RunnerLog& so_far)>;

    PhoneRun(AdbTarget target, PhonePlan plan, RemoteRun remote) : target_(std::move(target)), plan_(std::move(plan)), remote_(std::move(remote)) {}

    /// True when the run's folder says that it was started, whether it is over or not.
    [[nodiscard]] bool started(const Control& control);
    /// Writes run.sh and starts it; nothing when started(). The runner and the package must be there.
    void start(const Control& control);
    /// Watches until it is over, then fetches what it wrote. A phone that goes away is waited for (`patience`; then AdbError), which is reported as a stage.
    /// When cancelled, the process group on the phone is ended, where the phone is there.
    [[nodiscard]] CollectedRun follow(std::chrono::seconds patience, const Watch& watch, const Control& control);
    /// Ends the process group. @return true when nothing of it is left.
    bool end(const Control& control);
    /// Removes the run's folder from the phone.
    void forget(const Control& control);

    [[nodiscard]] const RemoteRun& remote() const noexcept { return remote_; }

private:
    void read_lines(RunnerLogReader& reader, std::string& lines, const Control& control);
    void collect(CollectedRun& run, const Control& control);
    [[nodiscard]] std::string file(const char* name, std::size_t limit, const Control& control);

    AdbTarget target_;
    PhonePlan plan_;
    RemoteRun remote_;
};

/// True for emulators, demo phones and replays: what they measure says nothing about hardware. By what the phone says of itself, by its serial, and by the
/// runner's own words.
[[nodiscard]] bool is_simulated(const std::string& serial, const PhoneFacts& facts, const RunnerLog* log);

}  // namespace bitwright
