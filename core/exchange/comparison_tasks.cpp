// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/comparison_parts.h"

#include <algorithm>
#include <map>
#include <set>

namespace bitwright {

std::vector<double> answers_of(const TaskScoreRow& score, bool norm)
{
    std::vector<double> answers;
    for (const auto& outcome : score.outcomes) answers.push_back((norm ? outcome.correct_norm() : outcome.correct()) ? 1 : 0);
    return answers;
}

std::vector<TaskScoreRow> newest_scores(const std::vector<TaskScoreRow>& scores)
{
    std::set<std::string> seen;
    std::vector<TaskScoreRow> newest;
    const auto id = [](const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : std::string("-"); };
    for (const auto& score : scores) {
        const auto key = score.task + "\n" + score.row_hash + score.level + score.placement.value_or("") + " " + id(score.model) + " " + id(score.recipe) + " " + id(score.package);
        if (seen.insert(key).second) newest.push_back(score);
    }
    return newest;
}

TaskFigure task_figure(const Workspace& workspace, const TaskScoreRow& score)
{
    const auto whole = get_task_score(workspace, score.id);
    TaskFigure figure;
    figure.task = score.task;
    figure.definition = score.definition;
    figure.row_hash = score.row_hash;
    figure.rows = score.rows;
    figure.score = score.id;
    figure.accuracy.value = static_cast<double>(score.correct) / static_cast<double>(score.rows);
    figure.interval = bootstrap_mean(answers_of(whole, false));
    if (score.correct_norm) {
        figure.accuracy_norm.value = static_cast<double>(*score.correct_norm) / static_cast<double>(score.rows);
        figure.interval_norm = bootstrap_mean(answers_of(whole, true));
    }
    return figure;
}

void add_task_differences(const Workspace& workspace, Report& report)
{
    std::map<std::int64_t, TaskScoreRow> read;
    const auto score_of = [&](std::int64_t id) -> const TaskScoreRow& {
        if (!read.contains(id)) read.emplace(id, get_task_score(workspace, id));
        return read.at(id);
    };
    for (auto& row : report.rows) {
        const auto& reference = reference_of(report, row);
        if (&row == &reference || row.model_hash != reference.model_hash) continue;
        for (auto& figure : row.tasks) {
            const auto same = std::ranges::find_if(reference.tasks, [&](const TaskFigure& other) { return other.task == figure.task && other.row_hash == figure.row_hash && other.definition == figure.definition; });
            if (same == reference.tasks.end()) continue;
            figure.difference = bootstrap_difference(answers_of(score_of(figure.score), false), answers_of(score_of(same->score), false));
            if (figure.accuracy_norm.value) figure.difference_norm = bootstrap_difference(answers_of(score_of(figure.score), true), answers_of(score_of(same->score), true));
        }
    }
}

}  // namespace bitwright
