// SPDX-License-Identifier: GPL-3.0-or-later
// What the desk remembers of a workspace, key by key: which model and recipe are open, the history of undo, the state of each page.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace bitwright {

/// null when there is no such key.
[[nodiscard]] nlohmann::json desk_value(const Workspace& workspace, const std::string& key);
void put_desk_value(Workspace& workspace, const std::string& key, const nlohmann::json& value);

}  // namespace bitwright
