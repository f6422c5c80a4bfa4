// SPDX-License-Identifier: GPL-3.0-or-later
// Perfetto traces of the data source android.power: battery counters through the Health HAL, which may answer where the battery's files are denied, and power
// rails. A decoder of our own for the few fields needed (perfetto/protos: trace.proto, trace_packet.proto, battery_counters.proto, power_rails.proto). The
// bytes are untrusted: what is broken ends its message, unknown fields are passed over, nothing throws. Threading: pure functions.
#pragma once

#include "device_bridge/energy/rails.h"
#include "device_bridge/energy/samples.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct PerfettoPower {
    SampleLog battery;                    ///< current and charge as the HAL gave them: units.h decides about unit and sign all the same
    std::map<std::uint32_t, Rail> rails;  ///< by index; joules unused
    std::map<std::uint32_t, std::vector<EnergyTrace::Reading>> energy;  ///< by index, CLOCK_BOOTTIME
    bool whole = false;                                                 ///< the bytes ended where a packet ended
    bool compressed = false;                                            ///< holds compressed packets, which are not read: record without compression
    std::int64_t other_clock = 0;                                       ///< packets on another clock than CLOCK_BOOTTIME, left out
};
[[nodiscard]] PerfettoPower read_perfetto(std::string_view bytes);
/// The sum of all rails, at the times at which the last of them was read.
[[nodiscard]] EnergyTrace rails_trace(const PerfettoPower& power);

/// Text configuration for `perfetto --txt -c -`: battery counters every `poll_ms` (at least 100, the service's own limit) and rails, for `seconds`.
/// Old versions do not know the voltage counter and refuse the configuration that names it.
[[nodiscard]] std::string perfetto_config(int seconds, int poll_ms, bool with_voltage);
/// Records for `seconds` into `file` (below /data/misc/perfetto-traces, the only place it may write), with voltage or, where that is refused, without.
[[nodiscard]] std::string perfetto_command(const std::string& file, int seconds, int poll_ms);

/// A POSIX shell script that records until `stop` exists (a day at most), ends Perfetto with SIGTERM, upon which it writes what it has, and moves the trace
/// from `trace` (below /data/misc/perfetto-traces) to `file`. Without voltage in the trace it writes "t_s,voltage_now" beside it, to `file`.voltage.csv, every
/// 10 s.
[[nodiscard]] std::string perfetto_script(const std::string& trace, const std::string& file, const std::string& stop, int poll_ms, bool with_voltage);

/// Older traces lack the voltage: the given readings (volts over time, in order) fill it in, linear between them. The phone's voltage sags slowly, so few will
/// do.
struct VoltageReading {
    std::int64_t t_ns = 0;
    double volts = 0;
};
void fill_voltage(SampleLog& log, const std::vector<VoltageReading>& readings);
/// The voltages of a record, for another one that lacks them; empty when their unit cannot be told.
[[nodiscard]] std::vector<VoltageReading> voltage_readings(const SampleLog& log);

/// RFC 4648; absent when it is none. White space is passed over.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace bitwright
