// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine's benchmark found on a computer; every run is kept.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitwright {

struct EngineSpeedRow {
    std::int64_t id = 0, conditions = 0;
    std::string isa;                     ///< the kernel set
    std::optional<std::string> package;  ///< SHA-256 of its header; absent: synthetic ones
    std::vector<std::pair<std::string, double>> figures;  ///< by name when read back; what was not measured is absent
    std::string created;
};
std::int64_t put_engine_speed(Workspace& workspace, const EngineSpeedRow& row);
/// Newest first.
[[nodiscard]] std::vector<EngineSpeedRow> list_engine_speeds(const Workspace& workspace);

}  // namespace bitwright
