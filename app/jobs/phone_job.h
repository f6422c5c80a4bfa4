// SPDX-License-Identifier: GPL-3.0-or-later
// Speed, memory, temperatures and energy of a package on a phone, stored with everything that says what they are worth.
// The job can be killed, paused or lose the phone at any time: the run goes on there, and the same command collects it.
// Threading: one job at a time per environment; several phones run at once in several.
#pragma once

#include "app/jobs/job.h"
#include "app/jobs/phone_session.h"
#include "core/runtime/package.h"
#include "core/workspace/runs.h"
#include "device_bridge/run/minutes.h"
#include "device_bridge/run/run_plan.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace bitwright {

struct PhoneMeasureRequest {
    std::filesystem::path package;
    AdbSettings adb;
    std::string serial;
    PhonePlan plan;
    bool big_cores = false;           ///< pin to the big cores, where plan.affinity is 0 and the phone tells which
    bool suspend_charging = false;    ///< ask the phone to live from its battery though it is plugged in
    std::chrono::seconds patience{1800};  ///< how long a phone that went away is waited for
    std::optional<std::string> session;   ///< runs that belong together
    std::int64_t position = 0;
};

/// Stores the run and returns it; a wrong answer or a run that was ended on the phone is stored as what it is. Throws Error, AdbError, Cancelled.
[[nodiscard]] RunRow measure_on_phone(JobEnvironment& environment, const PhoneMeasureRequest& request);

/// The runner (its self-test passed) and, where given, the package on the phone.
struct Pushed {
    RemoteRun remote;             ///< folder: of the run's id, not made yet
    std::string package_sha256;
    std::uint64_t bytes = 0, sent = 0;
    double seconds = 0;
};
[[nodiscard]] Pushed push_to_phone(const PhoneSession& phone, const std::filesystem::path& package, const std::string& run_id, const Control& control);

/// Everything of Bitwright off the phone.
void remove_from_phone(const PhoneSession& phone, const Control& control);

/// A stored run minute by minute, from its log.
[[nodiscard]] std::vector<Minute> minutes_of_run(const Workspace& workspace, const RunRow& run);
[[nodiscard]] std::optional<Sustained> sustained_of_run(const Workspace& workspace, const RunRow& run);

/// What would be done, as a script; nothing is changed, no phone is needed.
[[nodiscard]] std::string dry_run(const PhoneMeasureRequest& request);

}  // namespace bitwright
