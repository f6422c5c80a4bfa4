// SPDX-License-Identifier: GPL-3.0-or-later
// A phone as jobs use it: found by its serial, known by its facts, put back as it was where an earlier job could not.
// Threading: blocking, for a worker thread; one object per job.
#pragma once

#include "core/runtime/control.h"
#include "core/workspace/device_runs.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/wireless.h"  // for commands: connect_phone, pair_phone
#include "device_bridge/phone/facts.h"

#include <string>
#include <vector>

namespace bitwright {

/// What adb sees now; the server is started where none runs. Throws AdbError.
[[nodiscard]] std::vector<PhoneLine> connected_phones(const AdbSettings& settings, const Control& control);

struct PhoneSession {
    AdbTarget target;
    PhoneFacts facts;
    std::string name;      ///< "Google Pixel 8", "Bitwright Demo Phone (simulated)"
    std::string identity;  ///< device_identity of the serial
    bool simulated = false;

    /// Conditions of what is measured there; facts without what changes from run to run.
    [[nodiscard]] Conditions conditions(const std::optional<PhoneState>& state) const;
};
/// Throws AdbError (no_device, unauthorized, offline …) which says what the user can do; Error when the phone does not answer as one.
[[nodiscard]] PhoneSession open_phone(const AdbSettings& settings, const std::string& serial, const Control& control);

/// Undoes what the list of changes says of this phone, the newest first. What the phone refuses stays in the list with its words. @return how many are left
std::size_t undo_changes(Workspace& workspace, const PhoneSession& phone, const Control& control);
/// Writes the change to the list, then makes it. Throws AdbError with the phone's words when it refuses; then it is not in the list.
void change_phone(Workspace& workspace, const PhoneSession& phone, const std::string& what, const std::vector<std::string>& command, const std::vector<std::string>& undo, const Control& control);

}  // namespace bitwright
