// SPDX-License-Identifier: GPL-3.0-or-later
// A workspace of the bundled sample on a test desk, with what a test asks for: statistics with a planted offender, a recipe, an evaluation. No LibTorch.
// Threading: UI thread.
#pragma once

#include "core/recipe/placement.h"
#include "core/statistics/accumulator.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_desk.h"

#include <cmath>

namespace bitwright::test {

inline std::filesystem::path sample_model() { return std::filesystem::path(BITWRIGHT_SOURCE_DIR) / "resources/models/Bitwright-Sample-2M"; }
inline const char* const offending_site = "layers.1.mlp.down_proj.input";

/// Statistics of every activation site from 32 rows of small waves; channel 7 of `offending_site` is 40 times as large.
inline Statistics planted_statistics(const Model& model)
{
    Statistics statistics;
    statistics.model_identity = model.checkpoint->identity();
    statistics.token_hash = std::string(64, 'a');
    statistics.settings = "{}";
    statistics.windows = 2;
    statistics.length = 16;
    for (const auto& site : model.sites->sites()) {
        if (site.kind != SiteKind::activation) continue;
        std::vector<float> rows(static_cast<std::size_t>(32 * site.channels));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto channel = static_cast<std::int64_t>(i) % site.channels;
            rows[i] = std::sin(static_cast<float>(i) * 0.7F) * (site.name == offending_site && channel == 7 ? 40.0F : 1.0F);
        }
        AccumulatorOptions options;
        options.channels = site.channels;
        options.positions = 16;
        SiteAccumulator accumulator(options);
        RowBlock block;
        block.data = rows.data();
        block.rows = 16;
        block.row_stride = block.segment_width = site.channels;
        accumulator.add(block);
        block.data += 16 * site.channels;
        block.first_token = 16;
        accumulator.add(block);
        statistics.sites.push_back(accumulator.result(site.name));
    }
    return statistics;
}

/// Makes the file. @return the model's row.
inline std::int64_t make_sample_workspace(const std::filesystem::path& file, bool calibrated, bool with_recipe)
{
    const auto model = open_model(sample_model());
    Workspace workspace(file);
    ModelRow row;
    row.content_hash = model.checkpoint->content_hash(Control());
    row.family = model.architecture().model_type;
    row.parameters = model.description->parameter_count();
    row.path = sample_model().string();
    const auto id = put_model(workspace, row, model.checkpoint->identity());
    std::optional<std::int64_t> calibration;
    if (calibrated) {
        TokenWindows windows{2, 16, std::vector<std::int32_t>(32, 5), "calibration.txt, 2 × 16, seed 0"};
        calibration = put_calibration(workspace, id, windows, {}, planted_statistics(model));
    }
    if (with_recipe) {
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        for (auto& [name, decision] : recipe.sites)
            if ((*model.sites)[model.sites->find(name)].kind == SiteKind::activation) decision.range = {numbers({-4}), numbers({4}), {}, {}, "min-max"};
        recipe.made_by.method = "rtn";
        RecipeRow recipe_row;
        recipe_row.model = id;
        recipe_row.calibration = calibration;
        put_recipe(workspace, recipe, recipe_row);
    }
    return id;
}

/// Opens a path on the desk and waits for all of it.
inline bool open_and_wait(TestDesk& desk, const QString& path)
{
    bool opened = false;
    QString fault;
    const auto done = QObject::connect(&desk.desk, &views::Desk::results_changed, [&] { opened = true; });
    const auto failed = QObject::connect(&desk.desk, &views::Desk::failed, [&](const QString& sentence) { fault = sentence; });
    desk.desk.open(path);
    const bool ended = wait_until([&] { return opened || !fault.isEmpty(); });
    QObject::disconnect(done);
    QObject::disconnect(failed);
    return ended && opened && desk.settle();
}

}  // namespace bitwright::test
