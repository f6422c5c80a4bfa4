// SPDX-License-Identifier: GPL-3.0-or-later
// Does this processor compute what every other does? All operations on made-up numbers, hashed.
#pragma once

#include "core/runtime/kernels/kernel_set.h"

#include <string>

namespace bitwright::runner {

/// SHA-256 over the outputs of every operation; the same with every set on every CPU.
[[nodiscard]] std::string selftest_hash(const KernelSet& set);
/// What selftest_hash() must be.
[[nodiscard]] const char* selftest_expected() noexcept;

}  // namespace bitwright::runner
