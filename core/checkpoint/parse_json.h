// SPDX-License-Identifier: GPL-3.0-or-later
// JSON files of a model folder, whose every fault becomes one Error that names the file.
// Threading: pure function.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace bitwright {

/// Throws Error (bad_input) with the byte position; also for nesting deeper than 64 levels (real files have 7).
[[nodiscard]] nlohmann::json parse_json(std::string_view text, std::string_view where);

}  // namespace bitwright
