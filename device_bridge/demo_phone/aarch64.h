// SPDX-License-Identifier: GPL-3.0-or-later
// Programs for aarch64 on this computer.
// Threading: forks; call before threads are started.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bitwright::demo {

/// qemu-aarch64-static of this computer; empty without.
[[nodiscard]] std::filesystem::path find_qemu();
/// The library that puts qemu in front of programs for aarch64, beside the given program of ours; empty without.
[[nodiscard]] std::filesystem::path exec_library(const std::filesystem::path& program);
/// True when a small program for aarch64, written to `folder`, really runs; `before` comes in front of it.
[[nodiscard]] bool runs_aarch64(const std::filesystem::path& folder, const std::vector<std::string>& before);
/// What the kernel tells a program for aarch64 about itself and the CPU (AT_HWCAP …), as /proc/self/auxv holds it; empty where none runs. `cpu`: QEMU's name.
[[nodiscard]] std::string auxiliary_vector(const std::filesystem::path& folder, const std::vector<std::string>& before, const std::string& cpu);
/// The names /proc/cpuinfo has for the HWCAP bits in such a vector, blank-separated.
[[nodiscard]] std::string feature_names(const std::string& auxiliary);
/// True for an ELF file whose machine is aarch64.
[[nodiscard]] bool is_aarch64(const char* path);

}  // namespace bitwright::demo
