// SPDX-License-Identifier: GPL-3.0-or-later
// What users wrote beside a model's sites. Notes belong to the model, not to a recipe: they stay when the recipe changes.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace bitwright {

/// By site name.
[[nodiscard]] std::map<std::string, std::string> site_notes(const Workspace& workspace, std::int64_t model);
/// The same note on every site, in one transaction; "" removes.
void put_site_notes(Workspace& workspace, std::int64_t model, std::span<const std::string> sites, const std::string& note);

}  // namespace bitwright
