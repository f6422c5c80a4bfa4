// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/evaluate_job.h"

#include "app/jobs/local_machine.h"
#include "app/jobs/package_job.h"
#include "app/jobs/scored_progress.h"
#include "core/runtime/hash.h"
#include "core/runtime/scoring.h"
#include "core/statistics/calibration.h"
#include "core/workspace/models.h"

#include <numeric>

namespace bitwright {
namespace {

const char* name_of(Placement placement) { return placement == Placement::paper ? "paper" : "full"; }

/// Fills the sums of the row. Sums run over the windows in order, resumed or not: the same bits.
void fill(EvaluationRow& row, const std::vector<ScoredWindow>& scores, bool against_float)
{
    row.windows = static_cast<std::int64_t>(scores.size());
    if (against_float) row.agreement.emplace();
    for (const auto& score : scores) {
        row.window_nll.push_back(score.nll);
        row.nll_sum += score.nll;
        row.tokens += score.tokens;
        if (!row.agreement) continue;
        row.agreement->kl_sum += score.agreement->kl_sum;
        row.agreement->same_top += score.agreement->same_top;
        row.agreement->windows.push_back(*score.agreement);
    }
}

EvaluationRow row_for(Workspace& workspace, const char* level, const ScoringWindows& scoring)
{
    EvaluationRow row;
    row.level = level;
    row.definition = scoring.definition;
    row.token_hash = scoring.windows.hash();
    row.words = scoring.words;
    row.whole_text = scoring.whole_text;
    if (scoring.text) row.text = put_text(workspace, *scoring.text);
    return row;
}

/// Looks the row up, or scores the windows under a job: `score(first window, add)` does the work.
template <typename Score, typename MakeConditions>
EvaluateOutcome run_evaluation(JobEnvironment& environment, EvaluationRow row, const ScoringWindows& scoring, bool against_float, MakeConditions conditions, Score score)
{
    auto& workspace = environment.workspace;
    if (environment.reuse_finished && !environment.fresh)
        if (const auto found = find_evaluation(workspace, row); found && (found->agreement || !against_float)) return {get_evaluation(workspace, found->id), false, true};
    const auto text_or = [](const std::optional<std::int64_t>& id) { return id ? std::to_string(*id) : "-"; };
    const auto key = sha256_hex("evaluate " + row.level + " " + row.placement.value_or("") + " model " + text_or(row.model) + " recipe " + text_or(row.recipe) +
                                " package " + text_or(row.package) + " " + row.definition + " " + row.token_hash +
                                (against_float ? " against float" : ""));
    return run_job(environment, "evaluate", key, [&](ActiveJob& job) {
        row.conditions = put_conditions(workspace, conditions());
        ScoredProgress progress(environment, job, "windows", scoring.windows.count);
        if (progress.done() < scoring.windows.count) score(progress.done(), [&](const ScoredWindow& window) { progress.add(window); });
        fill(row, progress.scores(), against_float);
        const auto id = put_evaluation(workspace, row, job.row().id);
        return EvaluateOutcome{get_evaluation(workspace, id), job.resumed(), false};
    });
}

}  // namespace

EvaluateOutcome evaluate_model(JobEnvironment& environment, OpenedModel& model, const Recipe* recipe, std::optional<std::int64_t> recipe_row,
                               Placement placement, const ScoringWindows& scoring, bool against_float)
{
    auto row = row_for(environment.workspace, recipe ? "simulated" : "float", scoring);
    row.model = model.row(environment.workspace, environment.control);
    row.recipe = recipe_row;
    if (recipe) row.placement = name_of(placement);
    auto& numerics = opened_numerics();
    return run_evaluation(
        environment, std::move(row), scoring, against_float, [] { return numeric_conditions(); },
        [&](std::int64_t done, const auto& add) {
            require_memory("an evaluation", forecast_calibration(numerics, model.model(), scoring.windows));  // what is known already needs none
            EvaluateOptions options;
            options.level = recipe ? Level::simulated : Level::floating;
            options.placement = placement;
            options.first_scored = scoring.first_scored;
            options.skip_windows = done;
            options.against_float = against_float;
            (void)numerics.evaluate(model.model(), recipe, scoring.windows, options, environment.control, [&](std::int64_t, const WindowScore& score) {
                add(ScoredWindow{score.nll_sum, score.tokens, score.agreement});
            });
        });
}

EvaluateOutcome evaluate_package(JobEnvironment& environment, std::shared_ptr<const Package> package, int threads, const ScoringWindows& scoring, const Model* float_model)
{
    if (scoring.windows.length - 1 > package->graph().context)
        throw bad_input(package->path().string(), "context",
                        "its tables hold " + std::to_string(package->graph().context) + " positions, a window reads " +
                            std::to_string(scoring.windows.length - 1) + "; take a shorter --length");
    auto row = row_for(environment.workspace, "integer", scoring);
    const auto stored = put_package_file(environment.workspace, *package);
    row.package = stored.id;
    row.recipe = stored.recipe;
    if (stored.recipe) row.model = get_recipe_row(environment.workspace, *stored.recipe).model;
    return run_evaluation(
        environment, std::move(row), scoring, float_model != nullptr, [&] { return local_conditions(std::string("Bitwright integer engine, ") + chosen_kernels().name, threads, {}); },
        [&](std::int64_t done, const auto& add) {
            Engine engine(package, {threads});
            std::vector<float> real(static_cast<std::size_t>(package->graph().vocab));
            for (auto window = done; window < scoring.windows.count; ++window) {
                const auto first = scoring.first_scored.empty() ? 1 : scoring.first_scored[static_cast<std::size_t>(window)];
                const std::span ids(scoring.windows.window(window), static_cast<std::size_t>(scoring.windows.length));
                ScoredWindow score;
                Tensor plain;
                if (float_model) {
                    plain = opened_numerics().forward(*float_model, nullptr, Level::floating, Placement::paper, {ids.begin(), ids.end() - 1}, environment.control).logits;
                    score.agreement.emplace();
                }
                const auto compare = [&](std::int64_t p, std::span<const std::int32_t> codes) {
                    if (!float_model) return;
                    real_logits(package->graph(), codes, real);
                    score.agreement->add(p, plain.as<float>().subspan(static_cast<std::size_t>(p - 1) * real.size(), real.size()), real);
                };
                const auto nll = score_window(engine, ids, first, environment.control, compare);
                score.nll = std::accumulate(nll.begin(), nll.end(), 0.0);
                score.tokens = static_cast<std::int64_t>(nll.size());
                add(score);
            }
        });
}

}  // namespace bitwright
