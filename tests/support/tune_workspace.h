// SPDX-License-Identifier: GPL-3.0-or-later
// A workspace with everything Tune shows: a model, a calibration with statistics of made-up but plausible activations, and a recipe.
#pragma once

#include "core/recipe/placement.h"
#include "core/statistics/accumulator.h"
#include "core/statistics/calibration.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/jobs.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "core/workspace/results.h"
#include "tests/support/deep_model.h"

#include <nlohmann/json.hpp>

#include <random>

namespace bitwright::test {

/// Normal values, 40 rows, one channel ten times as large; no statistics for what calibrations do not see.
[[nodiscard]] inline SiteStatistics normal_statistics(const Site& site, std::mt19937& random)
{
    constexpr std::int64_t rows = 40;
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(rows * site.channels));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(random) * (i % static_cast<std::size_t>(site.channels) == 1 ? 10.0F : 1.0F);
    SiteAccumulator sums({site.channels, rows, rows, 0, 1});
    sums.add(RowBlock{values.data(), rows, site.channels, 1, site.channels, 0, 0, 0});
    return sums.result(site.name);
}

inline void make_tune_workspace(const std::string& file, std::int64_t layers)
{
    const auto folder = deep_model("tune_model_" + std::to_string(layers), layers);
    const Model model = open_model(folder);
    Workspace workspace(file);
    ModelRow row;
    row.content_hash = model.checkpoint->content_hash(Control());
    row.family = "llama";
    row.path = folder.string();
    RecipeRow recipe_row;
    recipe_row.model = put_model(workspace, row, model.checkpoint->identity());

    TokenWindows windows;
    windows.count = 1;
    windows.length = 40;
    windows.ids.assign(40, 1);
    windows.origin = "made up";
    CalibrateOptions options;
    options.semantics = Semantics::bitwright;
    auto statistics = calibration_header(model, nullptr, windows, options);
    std::mt19937 random(3);
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    for (const Site& site : model.sites->sites()) {
        if (site.kind != SiteKind::activation) continue;
        statistics.sites.push_back(normal_statistics(site, random));
        if (const auto decision = recipe.sites.find(site.name); decision != recipe.sites.end()) decision->second.range = {numbers({-4}), numbers({6.5F}), {}, {}, "percentile 99.9"};
    }
    recipe_row.calibration = put_calibration(workspace, *recipe_row.model, windows, std::nullopt, statistics);
    recipe.made_by.method = "rtn";
    put_recipe(workspace, recipe, recipe_row);
}

/// A finished evaluation of the recipe, and the job that ran it from the command line.
inline void put_tune_evaluation(Workspace& workspace, std::int64_t recipe, const ModelRow& model, std::int64_t tokens, double nll)
{
    EvaluationRow row;
    row.level = "simulated";
    row.placement = "paper";
    row.model = model.id;
    row.recipe = recipe;
    row.conditions = put_conditions(workspace, {});
    row.definition = "stream, no BOS, windows of 64, all but the first token";
    row.token_hash = std::string(64, 'b');
    row.windows = 1;
    row.tokens = tokens;
    row.nll_sum = nll;
    row.window_nll = {nll};
    bool resumed = false;
    const nlohmann::json args{{"argv", {"evaluate", "model", "--recipe", "recipe:" + std::to_string(recipe), "--level", "simulated", "--text", "eval.txt", "--length", "64", "-w", "old.bitwright", "--json"}},
                              {"folder", "/texts"}};
    const auto job = begin_job(workspace, "evaluate", std::string(64, 'k'), args.dump(), false, resumed);
    put_evaluation(workspace, row, job.id);
}

}  // namespace bitwright::test
