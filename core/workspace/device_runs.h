// SPDX-License-Identifier: GPL-3.0-or-later
// Runs on phones: their circumstances, their energy, and what was changed on a phone and must be undone.
// Invariants: a run whose output ids differ from this computer's engine has no measurements (its state is aborted, its answer wrong); energy of tier X has no number;
// no serial number is stored.
// Threading: as Workspace.
#pragma once

#include "core/workspace/runs.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// What a phone is called in a workspace: the same for one phone, and nobody learns its serial from it. 16 hexadecimal digits.
[[nodiscard]] std::string device_identity(std::string_view serial);

enum class Answer : std::uint8_t { same, wrong, unchecked };
[[nodiscard]] const char* name_of(Answer answer) noexcept;

struct DeviceRun {
    std::int64_t run = 0;
    Answer answer = Answer::unchecked;
    std::optional<std::string> expected_hash;  ///< of the ids this computer's engine gives
    std::string plan = "{}";                   ///< JSON
    std::optional<std::string> before, after;  ///< the phone's state, JSON (device_bridge/phone/facts.h)
    std::optional<std::int64_t> thermal_before, thermal_highest, thermal_after;  ///< Android's status, 0 none … 6 shutdown
    std::optional<double> battery_before_c, battery_highest_c, level_before, level_after;
    std::optional<bool> screen_on;
    std::optional<std::int64_t> memory_available;  ///< bytes, before
    std::optional<std::string> frequencies;        ///< JSON: [{cpu, min_khz, median_khz, max_khz}] while it ran
    std::optional<std::string> session;            ///< runs that belong together
    std::optional<std::int64_t> position;          ///< among them
};

/// One phase's energy. The _u are half the width of the 95 % interval.
struct EnergyRow {
    std::string phase = "run", tier = "X", source;
    std::optional<std::string> reason;
    std::vector<std::string> flags;
    std::optional<double> gross_j, gross_u, net_j, net_u, mj_per_token, mj_per_token_u, mean_w, peak_w;
    std::string detail = "{}";  ///< JSON
};

/// Stores a run with its circumstances and energies in one transaction, and ends `job` as done with it. A wrong answer loses its measurements and its output hash is
/// kept; the state becomes aborted. @return id of the run
std::int64_t put_device_run(Workspace& workspace, RunRow run, DeviceRun device, const std::vector<EnergyRow>& energies, std::optional<std::int64_t> job);
/// Absent for runs on this computer.
[[nodiscard]] std::optional<DeviceRun> get_device_run(const Workspace& workspace, std::int64_t run);
/// By phase name; empty when no energy was sought.
[[nodiscard]] std::vector<EnergyRow> get_energies(const Workspace& workspace, std::int64_t run);
/// Puts an energy in place of what the run had for that phase. Throws Error (bad_input) when the run is not there.
void put_energy(Workspace& workspace, std::int64_t run, const EnergyRow& energy);
/// Runs of a session by position.
[[nodiscard]] std::vector<std::int64_t> runs_of_session(const Workspace& workspace, const std::string& session);
/// When the output ids of this package and plan were computed on this computer before: their hash.
[[nodiscard]] std::optional<std::string> find_expected_hash(const Workspace& workspace, std::int64_t package, std::int64_t prompt_tokens, std::int64_t generated);

struct PhoneChange {
    std::int64_t id = 0;
    std::string identity, what, made;
    std::vector<std::string> undo;  ///< the words of a command
    std::optional<std::string> problem;
};
/// Before the change. @return its id
std::int64_t put_phone_change(Workspace& workspace, const PhoneChange& change);
/// What is still to be undone on this phone, newest first; identity "": on all.
[[nodiscard]] std::vector<PhoneChange> phone_changes(const Workspace& workspace, const std::string& identity);
/// It was undone; or it was tried and the phone said `problem`: then it stays in the list.
void phone_change_undone(Workspace& workspace, std::int64_t id, const std::optional<std::string>& problem = {});

}  // namespace bitwright
