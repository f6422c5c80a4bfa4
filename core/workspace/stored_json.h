// SPDX-License-Identifier: GPL-3.0-or-later
// JSON that a column of the workspace holds, read back. Another program may have written there: every fault becomes one Error that names file and column.
// Threading: pure functions.
#pragma once

#include "core/runtime/error.h"
#include "core/workspace/workspace.h"

#include <nlohmann/json.hpp>

#include <string>

namespace bitwright {

/// `text` as a T. @param field table, row and column in words: "run:3, tags". Throws Error (bad_input).
template <typename T>
[[nodiscard]] T stored_json(const Workspace& workspace, const std::string& field, const std::string& text)
{
    try {
        return nlohmann::json::parse(text).get<T>();
    } catch (const nlohmann::json::exception& error) {
        throw bad_input(workspace.path().string(), field, std::string("is not what Bitwright writes there (") + error.what() + "); restore the workspace from a copy");
    }
}

}  // namespace bitwright
