// SPDX-License-Identifier: GPL-3.0-or-later
// What a phone does when it works for minutes: how fast it stays and when it throttles, when it is cool enough for the next run, and two candidates
// measured in turns so that heat and battery hit both alike.
// Threading: pure functions.
#pragma once

#include "device_bridge/energy/interval.h"
#include "device_bridge/phone/facts.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// One minute of work, as run/minutes.h or any other source tells it.
struct MinuteSpeed {
    std::int64_t minute = 0;  ///< since the work began
    double tokens_per_s = 0;
    std::optional<double> celsius;
};
/// Throttled: from some minute on, every minute stays at least 5 % below the fastest of the first three, and three or more minutes were measured.
struct Sustained {
    double peak = 0, sustained = 0;     ///< tokens/s: fastest of the first three minutes; median of the last third
    double loss = 0;                    ///< 1 − sustained / peak
    std::optional<std::int64_t> onset;  ///< minute in which it began; absent: none
    std::optional<double> onset_celsius;
    std::string text;  ///< a sentence
};
/// Absent for fewer than three minutes.
[[nodiscard]] std::optional<Sustained> sustained_speed(const std::vector<MinuteSpeed>& minutes);

/// When the next run may begin.
struct CoolGate {
    double reference_celsius = 0;  ///< battery temperature before the first run
    double tolerance = 1.5;
    double patience_s = 900;
};
enum class GateAnswer { go, wait, give_up };
struct GateDecision {
    GateAnswer answer = GateAnswer::wait;
    std::string why;  ///< a sentence
};
/// Go: thermal status 0 (or not told) and battery temperature within the tolerance (or not told). Give up after patience: the caller may run on, flagged.
[[nodiscard]] GateDecision cool_gate(const CoolGate& gate, const PhoneState& state, double waited_s);

/// What speaks against beginning an energy measurement (spec §4.4: level 30 to 80 %, unplugged, screen on, thermal status 0); empty: nothing. Codes: level,
/// plugged, faked, screen, thermal.
struct Precondition {
    std::string code, text;
};
[[nodiscard]] std::vector<Precondition> energy_preconditions(const PhoneState& state);

/// Order of two candidates, 'A' and 'B', in `pairs` pairs: ABBAABBA…, so that a steady drift hits both alike.
[[nodiscard]] std::string abba_order(int pairs);
/// Results in the order they were measured, paired two by two as abba_order made them: a − b. Absent where the order is no such order, the number of results
/// differs, or there are fewer than two pairs.
[[nodiscard]] std::optional<PairedMeans> paired_in_order(const std::string& order, const std::vector<double>& results);

}  // namespace bitwright
