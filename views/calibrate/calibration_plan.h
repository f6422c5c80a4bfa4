// SPDX-License-Identifier: GPL-3.0-or-later
// A calibration before it is run: its command, how many tokens it reads, how long that took before, and what to beware of.
// Invariants: a time is only predicted from calibrations of the same model measured in this workspace; the windows are the ones the command will cut.
// Threading: plain values; plan_calibration() runs on the interactive lane.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/workspace.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <optional>

namespace bitwright::views {

/// What the sheet's fields say.
struct CalibrationRequest {
    bool from_ids = false;
    QString text, ids;  ///< a text file, or FILE.safetensors:TENSOR
    QString special = QStringLiteral("none");
    std::int64_t samples = 32, length = 512;
    std::uint64_t seed = 0;
    int held_out_percent = 0;              ///< of the text, or of the windows of ids: kept back for methods to check themselves on
    std::optional<std::int64_t> recipe;  ///< row: observe after its transforms
    friend bool operator==(const CalibrationRequest&, const CalibrationRequest&) = default;

    [[nodiscard]] QStringList arguments(const QString& model, const QString& workspace) const;
};

struct CalibrationPlan {
    std::int64_t windows = 0, length = 0, held_out = 0;
    std::optional<std::int64_t> text_tokens;  ///< in the whole text
    std::optional<double> seconds;            ///< absent: nothing measured yet
    std::optional<std::int64_t> done;         ///< the calibration that is exactly this one
    QStringList warnings;
    [[nodiscard]] std::int64_t tokens() const noexcept { return windows * length; }
};

/// Throws Error with the sentence why these tokens cannot be read (no such file, text shorter than a window, no tokenizer …).
/// @param recipe the one `request` names, or null.
[[nodiscard]] CalibrationPlan plan_calibration(const CalibrationRequest& request, const Model& model, std::optional<std::int64_t> model_row, const Recipe* recipe,
                                               const Workspace& workspace, const Control& control);

/// Median seconds per token of the model's newest calibrations in the workspace.
[[nodiscard]] std::optional<double> calibration_seconds_per_token(const Workspace& workspace, std::int64_t model);

}  // namespace bitwright::views
