// SPDX-License-Identifier: GPL-3.0-or-later
// What a device is, as lines of name and value. What it did not say is an en dash with the reason.
// Threading: pure functions.
#pragma once

#include "core/workspace/results.h"
#include "device_bridge/phone/soc_profile.h"
#include "device_bridge/run/phone_reading.h"

#include <QString>

#include <vector>

namespace bitwright::views {

struct Fact {
    QString name, value, why;  ///< why: on hover
};
[[nodiscard]] std::vector<Fact> facts_of_this_computer(const Conditions& conditions);
[[nodiscard]] std::vector<Fact> facts_of_phone(const PhoneReading& phone, const std::vector<SocProfile>& profiles);
/// The profiles that the program brings.
[[nodiscard]] const std::vector<SocProfile>& known_socs();

}  // namespace bitwright::views
