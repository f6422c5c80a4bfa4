// SPDX-License-Identifier: GPL-3.0-or-later
// How much energy runs took, how sure that is, and what speaks against it. A number that cannot be believed is not given: there is a reason instead.
// Method (spec §4.4): E = ∫P dt by trapezoids; idle power is measured before and after and interpolated between; net energy is what lies above it. A fuel gauge
// shows a change up to one period late, so net energy is taken over the run and a little of the rest around it, where only idle power flows; gross energy is
// net energy and the idle energy of the run itself.
// Intervals cover scatter between runs, resolution and lag of the gauge and the idle baseline, not the calibration of the gauge: charge_check tells about that.
// Threading: plain values, pure functions.
#pragma once

#include "device_bridge/energy/interval.h"
#include "device_bridge/energy/trace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// idle_resident: idle with the model in memory. whole: prefill and decode of one run. other: work that is not measured (loading, warm-up, marker).
enum class WindowKind { idle, idle_resident, prefill, decode, whole, other };
[[nodiscard]] std::string window_name(WindowKind kind);  ///< "idle", "idle_resident", "prefill", "decode", "run", "other"
[[nodiscard]] constexpr bool is_idle(WindowKind kind) noexcept { return kind == WindowKind::idle || kind == WindowKind::idle_resident; }

struct EnergyWindow {
    WindowKind kind = WindowKind::idle;
    Span span;
    std::int64_t tokens = 0, run = 0;
};

/// What was done when, and what the phone said about itself meanwhile.
struct EnergySession {
    std::vector<EnergyWindow> windows;
    std::optional<bool> plugged;   ///< at any time between first and last window; absent: the phone did not say
    bool input_suspended = false;  ///< a plug was there, but charging was off: proved by status and current, not merely asked for
    bool faked = false;            ///< the battery service was told what to say: neither plug nor status can be believed
    std::optional<std::int64_t> worst_thermal_status;
};
/// Windows of a runner's log: idle phases, prefill and decode of every repeat and, where a repeat has both, the whole of it; loading, warm-up and markers as
/// other work. The model is in memory while the runner idles.
[[nodiscard]] EnergySession session_of(const RunnerLog& log);

/// A external meter or rails; B fuel gauge, unplugged; C charge counter only; X no number, for a reason.
enum class EnergyTier { A, B, C, X };

struct RunEnergy {
    WindowKind kind = WindowKind::decode;
    std::int64_t run = 0, tokens = 0;
    Span span;
    double gross_j = 0, mean_w = 0, uncertainty_j = 0;  ///< standard uncertainty of net energy (of gross where there is no net)
    std::optional<double> net_j, peak_w;
    std::int64_t updates = 0;
    double missing = 0;
};
/// decode_energy_net_j, decode_energy_gross_j (J per run), decode_energy_per_token_mj (net), decode_energy_per_token_gross_mj, decode_tokens_per_j (net),
/// decode_power_mean_w, decode_power_peak_w, decode_energy_delay_js (gross J/token × s/token); the same with prefill_ and run_.
struct EnergyQuantity {
    std::string name, unit;
    Estimate estimate;
    std::optional<Estimate> bootstrap;  ///< scatter between runs alone; ten runs or more
    std::vector<double> samples;
};
/// Codes: few_runs, cv, throughput_slope, thermal, missing_samples, charge_disagrees, unconfirmed_units, no_rest, one_idle, short_idle, idle_drift, below_idle,
/// plugged_rails.
struct EnergyFlag {
    std::string code, text;
};
struct EnergyRefusal {
    std::string what;    ///< "decode" …, or "all"
    std::string code;    ///< plugged, faked, unreadable, undecided, too_short, few_updates, not_covered, no_runs
    std::string reason;  ///< a sentence
};
struct EnergyReport {
    EnergyTier tier = EnergyTier::X;
    std::string source;                   ///< "fuel gauge", "charge counter", "power rails", "external meter" …
    std::vector<EnergyRefusal> refusals;  ///< why there is no number, and for C: why not B
    std::vector<EnergyFlag> flags;
    std::optional<double> idle_before_w, idle_after_w, idle_resident_w;
    std::vector<RunEnergy> runs;  ///< of the kinds that were not refused
    std::vector<EnergyQuantity> quantities;
    std::optional<double> charge_check;  ///< |E − E_Q| / E over the record
    std::optional<double> period_s;      ///< of the source
    std::optional<Normalisation> units;  ///< of a gauge: what decided unit and sign

    [[nodiscard]] const EnergyQuantity* find(std::string_view name) const noexcept;
    [[nodiscard]] bool flagged(std::string_view code) const noexcept;
    [[nodiscard]] bool refused(std::string_view code) const noexcept;
};

/// From the fuel gauge; where its current cannot be had, from its charge counter.
[[nodiscard]] EnergyReport energy_of_gauge(const SampleLog& log, const EnergySession& session, const UnitChoice& choice = {});
/// From rails or an external meter. @param source for people
[[nodiscard]] EnergyReport energy_of_trace(const EnergyTrace& trace, const EnergySession& session, const std::string& source);

[[nodiscard]] std::string tier_name(EnergyTier tier);  ///< "A" …
[[nodiscard]] nlohmann::json to_json(const EnergyReport& report);

}  // namespace bitwright
