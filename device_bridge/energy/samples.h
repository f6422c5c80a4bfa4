// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of a phone's fuel gauge as they were written: by the runner's sampler, or by the shell loop of sampler_script(). Nothing is converted here (units.h).
// The text comes from another device: it is never trusted, broken rows are counted and left out, nothing throws.
// Invariants: samples are in order of time, no two at the same time.
// Threading: plain values, pure functions.
#pragma once

#include "core/exchange/runner_log.h"
#include "device_bridge/phone/battery.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct PowerSample {
    std::int64_t t_ns = 0;                                       ///< the phone's CLOCK_BOOTTIME
    std::optional<double> voltage_raw, current_raw, charge_raw;  ///< as the files said
    std::optional<double> temperature_dc, level_percent;         ///< temperature: tenths of a degree Celsius
    std::optional<ChargeStatus> status;
};

struct SampleLog {
    std::vector<PowerSample> samples;
    std::int64_t rows = 0;          ///< lines that tried to be samples
    std::int64_t empty = 0;         ///< rows with neither voltage, current nor charge: what a phone that denies its gauge gives
    std::int64_t broken = 0;        ///< rows that are none (cut short, not numbers)
    std::int64_t out_of_order = 0;  ///< rows whose time does not lie after the row before
    bool denied = false;            ///< "Permission denied" was written in between
};

/// CSV with a heading (t_ns or t_s; voltage_now or uV; current_now or uA_raw; charge_counter or uAh; temp or temp_dC; capacity or level_percent; status) or
/// JSON lines of type "power" with the same keys. Other lines of JSON are passed over. At most ten million rows.
[[nodiscard]] SampleLog read_samples(std::string_view text);
[[nodiscard]] SampleLog samples_of(const RunnerLog& log);

/// Why no power can be had from these samples, in a sentence; absent when it can (voltage and current in nearly every row) .
[[nodiscard]] std::optional<std::string> why_no_power(const SampleLog& log);
/// The same for the charge counter alone.
[[nodiscard]] std::optional<std::string> why_no_charge(const SampleLog& log);

/// A POSIX shell loop that appends CSV for read_samples to `file` until `stop` exists, `per_second` times a second (1 to 10). Reading is done by the shell
/// itself: one process per sample (sleep).
[[nodiscard]] std::string sampler_script(const std::string& file, const std::string& stop, int per_second);

}  // namespace bitwright
