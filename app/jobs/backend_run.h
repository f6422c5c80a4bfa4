// SPDX-License-Identifier: GPL-3.0-or-later
// What another runtime measured on a phone, as a run of the workspace: its quantities, the conditions, what it printed, and where it computed as far as that is
// proved. A result that is not complete is stored as aborted with the reason.
// Threading: blocking functions without state.
#pragma once

#include "core/runtime/control.h"
#include "core/workspace/runs.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/backends/backend.h"

#include <filesystem>
#include <optional>
#include <string>

namespace bitwright {

struct BackendRun {
    std::string backend;             ///< id
    std::filesystem::path folder;    ///< where the script ran
    std::filesystem::path model;     ///< the file it ran, on this computer
    std::string serial;              ///< of the phone it ran on
    std::optional<std::int64_t> prompt_tokens, generated, threads;  ///< where the tool does not say
};
/// The phone tells what it is where it is connected; else its serial alone names it. Throws Error (bad_input) when neither tool nor caller says how long the
/// prompt was; AdbError never.
[[nodiscard]] RunRow store_backend_run(Workspace& workspace, const BackendRun& run, const backends::Result& result, const AdbSettings& adb, const Control& control);

}  // namespace bitwright
