// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/task_job.h"

#include "app/jobs/local_machine.h"
#include "app/jobs/package_job.h"
#include "app/jobs/scored_progress.h"
#include "core/runtime/hash.h"
#include "core/runtime/scoring.h"
#include "core/workspace/recipes.h"
#include "core/workspace/runs.h"

#include <numeric>

namespace bitwright {
namespace {

TaskScoreRow row_for(const char* level, const EvaluationTask& task)
{
    TaskScoreRow row;
    row.task = task.name;
    row.kind = task.kind;
    row.level = level;
    row.definition = task.definition;
    row.row_hash = task.row_hash();
    return row;
}

void fill(TaskScoreRow& row, const EvaluationTask& task, const std::vector<ScoredWindow>& scores)
{
    for (const auto& line : task.rows) {
        std::vector<double> log_probabilities;
        for (std::size_t i = 0; i < line.choices; ++i) log_probabilities.push_back(-scores[line.first + i].nll);
        row.outcomes.push_back(outcome_of(line, std::move(log_probabilities)));
    }
}

/// Looks the score up, or scores the sequences under a job: `score(first sequence, add)` does the work.
template <typename MakeConditions, typename Score>
TaskScoreOutcome run_task(JobEnvironment& environment, TaskScoreRow row, const EvaluationTask& task, MakeConditions conditions, Score score)
{
    auto& workspace = environment.workspace;
    if (environment.reuse_finished && !environment.fresh)
        if (const auto found = find_task_score(workspace, row)) return {get_task_score(workspace, found->id), false, true};
    const auto text_or = [](const std::optional<std::int64_t>& id) { return id ? std::to_string(*id) : "-"; };
    const auto key = sha256_hex("task " + row.task + " " + row.level + " " + row.placement.value_or("") + " model " + text_or(row.model) + " recipe " + text_or(row.recipe) + " package " +
                                text_or(row.package) + " " + row.definition + " " + row.row_hash);
    return run_job(environment, "task", key, [&](ActiveJob& job) {
        row.conditions = put_conditions(workspace, conditions());
        ScoredProgress progress(environment, job, row.task, static_cast<std::int64_t>(task.sequences.size()));
        if (progress.done() < static_cast<std::int64_t>(task.sequences.size())) score(progress.done(), [&](const ScoredWindow& sequence) { progress.add(sequence); });
        fill(row, task, progress.scores());
        const auto id = put_task_score(workspace, row, job.row().id);
        return TaskScoreOutcome{get_task_score(workspace, id), job.resumed(), false};
    });
}

}  // namespace

TaskScoreOutcome score_task(JobEnvironment& environment, OpenedModel& model, const Recipe* recipe, std::optional<std::int64_t> recipe_row, Placement placement, const EvaluationTask& task)
{
    auto row = row_for(recipe ? "simulated" : "float", task);
    row.model = model.row(environment.workspace, environment.control);
    row.recipe = recipe_row;
    if (recipe) row.placement = placement == Placement::paper ? "paper" : "full";
    auto& numerics = opened_numerics();
    return run_task(
        environment, std::move(row), task, [] { return numeric_conditions(); },
        [&](std::int64_t done, const auto& add) {
            EvaluateOptions options;
            options.level = recipe ? Level::simulated : Level::floating;
            options.placement = placement;
            options.skip_windows = done;
            (void)numerics.score(model.model(), recipe, task.sequences, options, environment.control, [&](std::int64_t, const WindowScore& score) { add(ScoredWindow{score.nll_sum, score.tokens}); });
        });
}

TaskScoreOutcome score_task(JobEnvironment& environment, std::shared_ptr<const Package> package, int threads, const EvaluationTask& task)
{
    auto row = row_for("integer", task);
    const auto stored = put_package_file(environment.workspace, *package);
    row.package = stored.id;
    row.recipe = stored.recipe;
    if (stored.recipe) row.model = get_recipe_row(environment.workspace, *stored.recipe).model;
    return run_task(
        environment, std::move(row), task, [&] { return local_conditions(std::string("Bitwright integer engine, ") + chosen_kernels().name, threads, {}); },
        [&](std::int64_t done, const auto& add) {
            Engine engine(package, {threads});
            for (auto i = static_cast<std::size_t>(done); i < task.sequences.size(); ++i) {
                const auto& sequence = task.sequences[i];
                const auto nll = score_window(engine, sequence.ids, sequence.first_scored, environment.control);
                add(ScoredWindow{std::accumulate(nll.begin(), nll.end(), 0.0), static_cast<std::int64_t>(nll.size())});
            }
        });
}

}  // namespace bitwright
