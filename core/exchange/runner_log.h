// SPDX-License-Identifier: GPL-3.0-or-later
// What bitwright-runner wrote (core/runtime/runner), read as it comes: phases, latencies, samples of battery, temperature and clock, and how it ended.
// The text comes from another device: sizes are limited, and nothing in it can do more than make reading fail.
// Invariants: what was not written is absent; a log without an end line with rc 0 is not complete.
// Threading: plain values.
#pragma once

#include "core/workspace/runs.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Times are the device's CLOCK_BOOTTIME in nanoseconds.
struct RunnerPhase {
    std::string name;  ///< load, prefill, decode, idle, rest, cool, cool_limit, marker, batch (run: which)
    std::int64_t run = 0, t0_ns = 0, t1_ns = 0, tokens = 0;
    [[nodiscard]] double seconds() const noexcept { return static_cast<double>(t1_ns - t0_ns) * 1e-9; }
};
/// As the phone's files say, nothing converted.
struct RunnerPower {
    std::int64_t t_ns = 0;
    std::optional<std::int64_t> voltage_raw, current_raw, charge_raw, level_percent, temperature_dC;
    std::string status;
};
struct RunnerThermal {
    std::int64_t t_ns = 0;
    std::map<std::string, std::int64_t> raw;  ///< by zone, mostly m°C
};
struct RunnerFrequencies {
    std::int64_t t_ns = 0;
    std::vector<std::optional<std::int64_t>> kHz;  ///< by CPU
};

struct RunnerLog {
    bool began = false;     ///< there is a hello line
    bool complete = false;  ///< there is an end line with rc 0
    bool emulated = false;  ///< the runner saw that its processor is an emulator's: its times say nothing
    std::string version, isa, kernels, output_hash, error;
    std::vector<std::string> hwcap;
    std::int64_t pid = 0;
    std::vector<Measurement> measurements;  ///< prefill_tokens_per_s, decode_tokens_per_s, token_latency_p50_s, _p90_s, _p99_s (decode, of each repeat),
                                            ///< load_s, peak_rss_bytes, cache_bytes, minor_faults, major_faults; warm-up runs left out
    std::vector<RunnerPhase> phases;
    std::vector<RunnerPower> power;
    std::vector<RunnerThermal> thermal;
    std::vector<RunnerFrequencies> frequencies;

    [[nodiscard]] const Measurement* find(std::string_view quantity) const noexcept;
};

/// Takes the file in pieces, wherever they are cut.
class RunnerLogReader {
public:
    explicit RunnerLogReader(std::string where) : where_(std::move(where)) {}
    /// Throws Error (bad_input) naming the line when one of them is no JSON object, or longer than a mebibyte, or when there are more than a million.
    void feed(std::string_view piece);
    /// So far. The medians and latencies are of whole lines; a last line cut short counts as missing.
    [[nodiscard]] RunnerLog log() const;
    [[nodiscard]] const RunnerLog& raw() const noexcept { return log_; }  ///< without medians and latencies

private:
    void read_line(std::string_view line);

    std::string where_, rest_;
    std::int64_t number_ = 0;
    RunnerLog log_;
    std::map<std::int64_t, std::vector<std::int64_t>> token_times_;  ///< by run
};

/// A whole log. Throws as RunnerLogReader::feed.
[[nodiscard]] RunnerLog read_runner_log(std::string_view text, const std::string& where);

/// Which samples lie far from the others: 0.6745·|x − median| / median(|x − median|) above 3.5 (Iglewicz and Hoaglin, 1993), of at least five samples.
/// They are marked, never dropped. Where more than half are equal, none is marked.
[[nodiscard]] std::vector<bool> outliers(const std::vector<double>& samples);
/// Linear between order statistics (Hyndman and Fan's type 7); `values` not empty, `fraction` in [0, 1].
[[nodiscard]] double percentile(std::vector<double> values, double fraction);

}  // namespace bitwright
