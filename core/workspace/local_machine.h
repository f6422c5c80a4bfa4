// SPDX-License-Identifier: GPL-3.0-or-later
// This computer as conditions of a result, read from /proc and /sys. What cannot be read is absent.
// Threading: pure functions.
#pragma once

#include "core/workspace/results.h"

#include <string>

namespace bitwright {

/// @param backend what computed: "LibTorch 2.13.0, CPU", "bitwright-runner 0.1.0 scalar" …
[[nodiscard]] Conditions local_conditions(const std::string& backend, std::optional<std::int64_t> threads, std::optional<std::uint64_t> seed);

}  // namespace bitwright
