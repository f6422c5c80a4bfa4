// SPDX-License-Identifier: GPL-3.0-or-later
// Calibrations: the token windows, and the statistics they gave, under a key so that the same one is never done twice.
// Threading: as Workspace.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/statistics/statistics.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct CalibrationRow {
    std::int64_t id = 0;
    std::string key, transforms, token_hash, settings, origin, created;
    std::int64_t model = 0, windows = 0, length = 0;
    std::string tokens, statistics;  ///< hashes in `tensor`; tokens: I32 [windows observed, then held out; length]
    std::optional<std::int64_t> conditions;  ///< under which it was computed; absent: by a version that did not note them
};

[[nodiscard]] std::optional<CalibrationRow> find_calibration(const Workspace& workspace, const std::string& key);
/// Throws Error (bad_input) when absent.
[[nodiscard]] CalibrationRow get_calibration(const Workspace& workspace, std::int64_t id);
[[nodiscard]] std::vector<CalibrationRow> list_calibrations(const Workspace& workspace);
/// Stores them under statistics.key(); when another process was first, its row wins. @return id
std::int64_t put_calibration(Workspace& workspace, std::int64_t model, const TokenWindows& windows, std::optional<std::int64_t> text,
                             const Statistics& statistics, std::optional<std::int64_t> conditions = {}, const TokenWindows* held_out = nullptr);
[[nodiscard]] Statistics load_calibration_statistics(const Workspace& workspace, const CalibrationRow& row);
[[nodiscard]] TokenWindows load_calibration_windows(const Workspace& workspace, const CalibrationRow& row);
[[nodiscard]] bool holds_out_windows(const CalibrationRow& row);
/// The windows kept back from it; absent where there are none.
[[nodiscard]] std::optional<TokenWindows> load_held_out_windows(const Workspace& workspace, const CalibrationRow& row);

}  // namespace bitwright
