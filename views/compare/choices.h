// SPDX-License-Identifier: GPL-3.0-or-later
// What may be compared: every recipe that was evaluated or measured, by model, with its runs. And one comparison with all it shows, gathered in one go.
// Threading: read on the interactive lane; values.
#pragma once

#include "core/exchange/comparison.h"

#include <QString>

#include <cstdint>
#include <vector>

namespace bitwright::views {

struct RunChoice {
    std::int64_t id = 0;
    QString title;  ///< "run:7, 64 + 16 tokens"
};
struct RecipeChoice {
    std::int64_t id = 0;
    QString name, method;
    std::vector<RunChoice> runs;  ///< newest first: the first is taken unless another is chosen
};
struct ModelChoice {
    QString name;
    std::vector<RecipeChoice> recipes;
};
[[nodiscard]] std::vector<ModelChoice> read_choices(const Workspace& workspace);

struct Comparison {
    Report report;    ///< of what was chosen
    Report all;       ///< of everything tried, against the same baseline: for the scatter
    std::vector<std::int64_t> without_layers;  ///< recipes of the report whose error per layer nobody computed
};
/// A baseline that is not among the rows any more gives way to the usual one. Throws Error (bad_input) when there is nothing.
[[nodiscard]] Comparison compare_chosen(Workspace& workspace, ComparisonRequest& request);

}  // namespace bitwright::views
