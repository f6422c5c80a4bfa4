// SPDX-License-Identifier: GPL-3.0-or-later
// The computer the runner finds itself on: instruction sets, memory, where threads run, its process.
// Threading: pin() and enter_own_session() before other threads begin; the rest anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitwright::runner {

[[nodiscard]] const char* isa() noexcept;  ///< "aarch64", "x86-64"
/// Instruction sets that integer kernels care for, by the kernel's own names (HWCAP on aarch64: asimd, asimddp, i8mm, sve …), not from /proc/cpuinfo:
/// an emulator shows its host's there.
[[nodiscard]] std::vector<std::string> instruction_sets();
/// True where /proc/cpuinfo is another architecture's: an emulator runs this program, and its times say nothing about a device.
[[nodiscard]] bool is_emulated();
/// Peak resident memory in bytes as the kernel counts it, 0 if it does not say.
[[nodiscard]] std::int64_t peak_rss_bytes();
/// The calling thread, and those it makes, run on these CPUs only (bit i: CPU i). Throws Error (failed) when this computer has none of them.
void pin(std::uint64_t mask);
/// The calling thread runs where the mask is not, if such CPUs exist.
void keep_away_from(std::uint64_t mask) noexcept;
/// A session and process group of its own, deaf to a terminal's end, and the process id in `pid_file`: what started it may go, and whoever wants to end it
/// finds the whole group under this number. Throws Error (failed) when the file cannot be written.
void enter_own_session(const std::string& pid_file);

}  // namespace bitwright::runner
