// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare/choices.h"

#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "core/workspace/runs.h"
#include "views/desk/formats.h"

#include <QCoreApplication>
#include <QFileInfo>

#include <algorithm>
#include <map>
#include <set>

namespace bitwright::views {

std::vector<ModelChoice> read_choices(const Workspace& workspace)
{
    std::set<std::int64_t> measured;
    for (const auto& evaluation : list_evaluations(workspace))
        if (evaluation.recipe) measured.insert(*evaluation.recipe);
    std::map<std::int64_t, std::vector<RunChoice>> runs;
    for (const auto& run : list_runs(workspace, false)) {
        const auto recipe = get_package(workspace, run.package).recipe;
        if (!recipe || run.aborted) continue;
        measured.insert(*recipe);
        runs[*recipe].push_back({run.id, QCoreApplication::translate("Compare", "%1, %2 + %3 tokens").arg(QString::fromStdString(to_string(Reference{"run", run.id})), count(run.prompt_tokens), count(run.generated))});
    }
    std::map<std::int64_t, ModelChoice> models;  // 0: imported before its model was seen
    const auto recipes = list_recipes(workspace);
    for (auto row = recipes.rbegin(); row != recipes.rend(); ++row) {
        if (!measured.contains(row->id)) continue;
        auto& model = models[row->model.value_or(0)];
        if (model.name.isEmpty()) model.name = row->model ? QFileInfo(QString::fromStdString(get_model(workspace, *row->model).path)).fileName() : QCoreApplication::translate("Compare", "unknown model");
        model.recipes.push_back({row->id, QString::fromStdString(row->name.value_or(to_string(Reference{"recipe", row->id}))), QString::fromStdString(row->method), std::move(runs[row->id])});
    }
    std::vector<ModelChoice> list;
    for (auto& [id, model] : models) list.push_back(std::move(model));
    return list;
}

Comparison compare_chosen(Workspace& workspace, ComparisonRequest& request)
{
    Comparison comparison;
    try {
        comparison.report = gather_comparison(workspace, request);
    } catch (const Error&) {
        if (request.baseline.empty()) throw;
        request.baseline.clear();
        comparison.report = gather_comparison(workspace, request);
    }
    ComparisonRequest everything;
    everything.baseline = comparison.report.rows[comparison.report.baseline].name;
    comparison.all = gather_comparison(workspace, everything);
    std::set<std::int64_t> seen;
    for (const auto& row : comparison.report.rows)
        if (row.recipe != 0 && seen.insert(row.recipe).second && get_layer_errors(workspace, row.recipe, "paper", "").empty()) comparison.without_layers.push_back(row.recipe);
    return comparison;
}

}  // namespace bitwright::views
