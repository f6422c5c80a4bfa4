// SPDX-License-Identifier: GPL-3.0-or-later
// What a phone has to be like before it is measured, compared with what it says of itself (spec device.md §4.4). What can come by itself or by the user's hand
// is worth waiting for; what the phone does not tell cannot be demanded of it.
// Threading: pure functions.
#pragma once

#include "device_bridge/phone/facts.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct Preconditions {
    std::optional<std::int64_t> level_min, level_max;  ///< battery, percent
    std::optional<double> start_below_c;               ///< battery's temperature
    std::optional<std::int64_t> thermal_status_max;    ///< Android's status, 0 none … 6 shutdown
    bool screen_on = false;
    bool discharging = false;  ///< no plug, or charging is suspended and the gauge says so
    std::int64_t wait_s = 600; ///< how long they are waited for

    [[nodiscard]] bool any() const noexcept { return level_min || level_max || start_below_c || thermal_status_max || screen_on || discharging; }
};
/// What a number for energy asks for: 30 to 80 %, living from the battery, screen on, no throttling. What `asked` already says stays.
[[nodiscard]] Preconditions for_energy(Preconditions asked);
/// Throws Error (usage) naming the option that cannot be.
void check(const Preconditions& preconditions);
[[nodiscard]] nlohmann::json to_json(const Preconditions& preconditions);

struct Unmet {
    std::string is;    ///< "the battery is at 84 %, 30 to 80 % are asked for"
    std::string step;  ///< what can be done: "let it run down"
    bool told = true;  ///< false: the phone does not tell, waiting is useless
};
[[nodiscard]] std::vector<Unmet> unmet(const Preconditions& preconditions, const PhoneState& state);

}  // namespace bitwright
