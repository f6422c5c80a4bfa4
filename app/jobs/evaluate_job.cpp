// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/evaluate_job.h"

#include "app/jobs/local_machine.h"
#include "app/jobs/package_job.h"
#include "core/runtime/hash.h"
#include "core/runtime/scoring.h"
#include "core/workspace/models.h"

#include <cmath>
#include <numeric>

namespace bitwright {
namespace {

const char* name_of(Placement placement) { return placement == Placement::paper ? "paper" : "full"; }

/// Scored windows on their way into the workspace: kept together for a second, so that storing costs nothing beside scoring.
class Progressive {
public:
    Progressive(JobEnvironment& environment, const ActiveJob& job, std::int64_t total)
        : environment_(environment), job_(job), total_(total), scores_(scored_windows(environment.workspace, job.row().id)), stored_(scores_.size())
    {
    }
    [[nodiscard]] std::int64_t done() const { return static_cast<std::int64_t>(scores_.size()); }

    void add(const ScoredWindow& score)
    {
        scores_.push_back(score);
        nll_ += score.nll, tokens_ += score.tokens;
        environment_.progress({"windows", done(), total_, true, std::exp(nll_ / static_cast<double>(tokens_))});
        if (std::chrono::steady_clock::now() - last_ > std::chrono::seconds(1)) store();
    }
    /// Fills the sums of the row. Sums run over the windows in order, resumed or not: the same bits.
    void finish(EvaluationRow& row)
    {
        row.windows = done();
        for (const auto& score : scores_) {
            row.window_nll.push_back(score.nll);
            row.nll_sum += score.nll;
            row.tokens += score.tokens;
        }
    }

private:
    void store()
    {
        put_scored_windows(environment_.workspace, job_.row().id, static_cast<std::int64_t>(stored_), std::span(scores_).subspan(stored_));
        stored_ = scores_.size();
        last_ = std::chrono::steady_clock::now();
    }
    JobEnvironment& environment_;
    const ActiveJob& job_;
    std::int64_t total_;
    std::vector<ScoredWindow> scores_;
    std::size_t stored_;
    double nll_ = 0;
    std::int64_t tokens_ = 0;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

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
EvaluateOutcome run_evaluation(JobEnvironment& environment, EvaluationRow row, const ScoringWindows& scoring, MakeConditions conditions, Score score)
{
    auto& workspace = environment.workspace;
    if (environment.reuse_finished && !environment.fresh)
        if (const auto found = find_evaluation(workspace, row)) return {get_evaluation(workspace, found->id), false, true};
    const auto text_or = [](const std::optional<std::int64_t>& id) { return id ? std::to_string(*id) : "-"; };
    const auto key = sha256_hex("evaluate " + row.level + " " + row.placement.value_or("") + " model " + text_or(row.model) + " recipe " + text_or(row.recipe) +
                                " package " + text_or(row.package) + " " + row.definition + " " + row.token_hash);
    return run_job(environment, "evaluate", key, [&](ActiveJob& job) {
        row.conditions = put_conditions(workspace, conditions());
        Progressive progress(environment, job, scoring.windows.count);
        if (progress.done() < scoring.windows.count) score(progress.done(), [&](const ScoredWindow& window) { progress.add(window); });
        progress.finish(row);
        const auto id = put_evaluation(workspace, row, job.row().id);
        return EvaluateOutcome{get_evaluation(workspace, id), job.resumed(), false};
    });
}

}  // namespace

EvaluateOutcome evaluate_model(JobEnvironment& environment, OpenedModel& model, const Recipe* recipe, std::optional<std::int64_t> recipe_row,
                               Placement placement, const ScoringWindows& scoring)
{
    auto row = row_for(environment.workspace, recipe ? "simulated" : "float", scoring);
    row.model = model.row(environment.workspace, environment.control);
    row.recipe = recipe_row;
    if (recipe) row.placement = name_of(placement);
    auto& numerics = opened_numerics();
    return run_evaluation(
        environment, std::move(row), scoring, [] { return numeric_conditions(); },
        [&](std::int64_t done, const auto& add) {
            EvaluateOptions options;
            options.level = recipe ? Level::simulated : Level::floating;
            options.placement = placement;
            options.first_scored = scoring.first_scored;
            options.skip_windows = done;
            (void)numerics.evaluate(model.model(), recipe, scoring.windows, options, environment.control, [&](std::int64_t, const WindowScore& score) {
                add(ScoredWindow{score.nll_sum, score.tokens});
            });
        });
}

EvaluateOutcome evaluate_package(JobEnvironment& environment, std::shared_ptr<const Package> package, int threads, const ScoringWindows& scoring)
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
        environment, std::move(row), scoring, [&] { return local_conditions(std::string("Bitwright integer engine, ") + chosen_kernels().name, threads, {}); },
        [&](std::int64_t done, const auto& add) {
            Engine engine(package, {threads});
            for (auto window = done; window < scoring.windows.count; ++window) {
                const auto first = scoring.first_scored.empty() ? 1 : scoring.first_scored[static_cast<std::size_t>(window)];
                const std::span ids(scoring.windows.window(window), static_cast<std::size_t>(scoring.windows.length));
                const auto nll = score_window(engine, ids, first, environment.control);
                add(ScoredWindow{std::accumulate(nll.begin(), nll.end(), 0.0), static_cast<std::int64_t>(nll.size())});
            }
        });
}

}  // namespace bitwright
