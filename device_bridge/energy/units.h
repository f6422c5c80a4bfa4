// SPDX-License-Identifier: GPL-3.0-or-later
// From a gauge's raw numbers to volts and amperes out of the battery. Phones differ in unit (µA, mA) and in sign; what decided is kept with every result, and
// what cannot be decided is said to be so instead of guessed.
// Threading: plain values, pure functions.
#pragma once

#include "device_bridge/energy/samples.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// One decision: factor to SI (volts, amperes, coulombs; for the sign +1 or −1 to make discharging positive), the rule that decided and what it saw.
struct Decision {
    std::optional<double> factor;  ///< absent: undecidable
    std::string rule;              ///< "magnitude", "status", "charge counter", "user", "undecided"
    std::string evidence;          ///< a sentence with the numbers
};

struct Normalisation {
    Decision voltage, current, charge, sign;
    std::optional<bool> confirmed;   ///< ∫I dt and the charge counter agree within 15 % over at least ten minutes; absent: could not be compared
    std::string confirmation;        ///< with the numbers, or why not
    std::optional<double> period_s;  ///< median time between distinct values of the gauge: polling faster adds nothing
    std::int64_t updates = 0;        ///< distinct values seen
    std::optional<double> current_step_a, voltage_step_v, charge_step_c;  ///< smallest differences seen: the gauge's resolution

    [[nodiscard]] bool has_power() const noexcept { return voltage.factor && current.factor && sign.factor; }
    [[nodiscard]] bool has_charge() const noexcept { return voltage.factor && charge.factor; }
};

/// What a user who knows the phone decided; absent: by rule.
struct UnitChoice {
    std::optional<double> current_factor;  ///< 1e-6 (µA) or 1e-3 (mA)
    std::optional<int> sign;               ///< +1: positive is discharging
};

/// Rules (spec §4.1): voltage above 10⁶ is µV, 2,000 to 10,000 mV. Current: largest |I| over at least 30 s below 20,000 is mA, else µA; the charge counter must
/// not contradict by a factor. Charge: median below 20,000 is mAh, else µAh. Sign: while the status is "discharging", else while the charge counter falls, at
/// least 90 % of the values have one sign, and the counter must not rise.
[[nodiscard]] Normalisation normalise(const SampleLog& log, const UnitChoice& choice = {});

struct PowerPoint {
    std::int64_t t_ns = 0;
    double volts = 0, amperes = 0;  ///< amperes: out of the battery positive
    bool updated = false;           ///< the gauge shows something new
    [[nodiscard]] double watts() const noexcept { return volts * amperes; }
};
/// Rows with voltage and current. Precondition: has_power().
[[nodiscard]] std::vector<PowerPoint> power_points(const SampleLog& log, const Normalisation& units);

struct ChargePoint {
    std::int64_t t_ns = 0;
    double coulombs = 0, volts = 0;  ///< coulombs left in the battery
};
/// Rows with voltage and charge. Precondition: has_charge().
[[nodiscard]] std::vector<ChargePoint> charge_points(const SampleLog& log, const Normalisation& units);

[[nodiscard]] nlohmann::json to_json(const Normalisation& units);

}  // namespace bitwright
