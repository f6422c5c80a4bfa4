// SPDX-License-Identifier: GPL-3.0-or-later
// A phone as people look at it before they measure: what it is, and where its energy could be read.
// Errors: AdbError, Error; Cancelled. Threading: values; reading blocks, for a worker thread.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/energy/sources.h"
#include "device_bridge/phone/facts.h"

#include <optional>
#include <string>

namespace bitwright {

struct PhoneReading {
    PhoneFacts facts;
    std::string name;  ///< "Google Pixel 8"
    bool simulated = false;
    std::optional<SourceChoice> energy;  ///< absent until it was probed
};
/// One call of the phone's shell; energy is not probed.
[[nodiscard]] PhoneReading read_phone(const AdbTarget& target, const Control& control);
/// Asks the phone for every source of energy until the best is certain: seconds, and never while something is measured there.
[[nodiscard]] SourceChoice probe_energy(const AdbTarget& target, const PhoneFacts& facts, const Control& control);

}  // namespace bitwright
