// SPDX-License-Identifier: GPL-3.0-or-later
// What this process has used and what this machine has left. Linux: /proc; elsewhere unknown figures are 0 bytes.
// Threading: any thread.
#pragma once

#include <cstdint>

namespace bitwright {

/// CPU seconds of the whole process so far, all threads.
[[nodiscard]] double process_cpu_seconds();
/// The largest resident set counts from now on, where the kernel lets it (/proc/self/clear_refs).
void restart_peak_rss();
/// Largest resident set of the whole process since then or since its start (VmHWM).
[[nodiscard]] std::uint64_t peak_rss_bytes();
/// Memory that can be had without swapping (MemAvailable).
[[nodiscard]] std::uint64_t available_memory_bytes();

}  // namespace bitwright
