// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/task_scores.h"

#include "core/workspace/database.h"
#include "core/workspace/jobs.h"
#include "core/workspace/stored_json.h"
#include "core/workspace/tensors.h"

#include <algorithm>

namespace bitwright {
namespace {

constexpr const char* select_score =
    "SELECT id, task, kind, level, placement, model, recipe, package, conditions, definition, row_hash, created, rows, correct, correct_norm, tags, note, archived, outcomes, "
    "log_probabilities FROM task_scores ";
constexpr std::size_t outcome_columns = 4;  ///< choices, label, predicted, predicted_norm

TaskScoreRow row_of(const Workspace& workspace, SQLite::Statement& query)
{
    TaskScoreRow row;
    row.id = query.getColumn(0).getInt64();
    int i = 1;
    for (auto* text : {&row.task, &row.kind, &row.level}) *text = query.getColumn(i++).getString();
    row.placement = optional_string(query.getColumn(4));
    i = 5;
    for (auto* reference : {&row.model, &row.recipe, &row.package}) *reference = optional_int(query.getColumn(i++));
    row.conditions = query.getColumn(8).getInt64();
    i = 9;
    for (auto* text : {&row.definition, &row.row_hash, &row.created}) *text = query.getColumn(i++).getString();
    row.rows = query.getColumn(12).getInt64();
    row.correct = query.getColumn(13).getInt64();
    row.correct_norm = optional_int(query.getColumn(14));
    row.tags = stored_json<std::vector<std::string>>(workspace, "task:" + std::to_string(row.id) + ", tags", query.getColumn(15).getString());
    row.note = optional_string(query.getColumn(16));
    row.archived = query.getColumn(17).getInt() != 0;
    return row;
}

}  // namespace

std::int64_t put_task_score(Workspace& workspace, const TaskScoreRow& row, std::optional<std::int64_t> job)
{
    std::vector<std::int32_t> outcomes;
    std::vector<double> log_probabilities;
    for (const auto& outcome : row.outcomes) {
        for (const auto value : {static_cast<std::int32_t>(outcome.log_probabilities.size()), outcome.label, outcome.predicted, outcome.predicted_norm}) outcomes.push_back(value);
        log_probabilities.insert(log_probabilities.end(), outcome.log_probabilities.begin(), outcome.log_probabilities.end());
    }
    const auto rows = static_cast<std::int64_t>(row.outcomes.size());
    const auto stored = put_tensor(workspace, Tensor::from<std::int32_t>(Dtype::i32, {rows, static_cast<std::int64_t>(outcome_columns)}, outcomes));
    const auto scores = put_tensor(workspace, Tensor::from<double>(Dtype::f64, {static_cast<std::int64_t>(log_probabilities.size())}, log_probabilities));
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement insert(db,
                                 "INSERT INTO task_scores (task, kind, level, placement, model, recipe, package, conditions, definition, row_hash, rows, correct, correct_norm, outcomes, "
                                 "log_probabilities, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, row.task);
        insert.bind(2, row.kind);
        insert.bind(3, row.level);
        bind_optional(insert, 4, row.placement);
        bind_optional(insert, 5, row.model);
        bind_optional(insert, 6, row.recipe);
        bind_optional(insert, 7, row.package);
        insert.bind(8, row.conditions);
        insert.bind(9, row.definition);
        insert.bind(10, row.row_hash);
        insert.bind(11, rows);
        insert.bind(12, static_cast<std::int64_t>(std::ranges::count_if(row.outcomes, &TaskOutcome::correct)));
        bind_optional(insert, 13, row.kind == "pair" ? std::nullopt : std::optional(static_cast<std::int64_t>(std::ranges::count_if(row.outcomes, &TaskOutcome::correct_norm))));
        insert.bind(14, stored);
        insert.bind(15, scores);
        insert.bind(16, timestamp());
        insert.exec();
        const auto id = db.getLastInsertRowid();
        if (job) end_job(workspace, *job, JobState::done, to_string(Reference{"task", id}));
        return id;
    });
}

TaskScoreRow get_task_score(const Workspace& workspace, std::int64_t id)
{
    std::string stored, scores;
    auto row = workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_score) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), to_string(Reference{"task", id}), "is not in the workspace");
        stored = query.getColumn(18).getString();
        scores = query.getColumn(19).getString();
        return row_of(workspace, query);
    });
    const auto outcomes = get_tensor(workspace, stored), log_probabilities = get_tensor(workspace, scores);
    const auto codes = outcomes.as<std::int32_t>();
    const auto values = log_probabilities.as<double>();
    std::size_t next = 0;
    for (std::size_t i = 0; i + outcome_columns <= codes.size(); i += outcome_columns) {
        const auto choices = static_cast<std::size_t>(codes[i]);
        if (codes[i] < 1 || choices > values.size() - next)
            throw bad_input(workspace.path().string(), to_string(Reference{"task", id}), "its outcomes do not fit its log-probabilities; restore the workspace from a copy");
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(next);
        row.outcomes.push_back({{begin, begin + static_cast<std::ptrdiff_t>(choices)}, codes[i + 1], codes[i + 2], codes[i + 3]});
        next += choices;
    }
    return row;
}

std::vector<TaskScoreRow> list_task_scores(const Workspace& workspace, bool archived)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<TaskScoreRow> rows;
        SQLite::Statement query(db, std::string(select_score) + (archived ? "" : "WHERE archived = 0 ") + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(row_of(workspace, query));
        return rows;
    });
}

std::optional<TaskScoreRow> find_task_score(const Workspace& workspace, const TaskScoreRow& like)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<TaskScoreRow> {
        SQLite::Statement query(db, std::string(select_score) +
                                        "WHERE task = ? AND level = ? AND placement IS ? AND model IS ? AND recipe IS ? AND package IS ? AND definition = ? AND row_hash = ? AND "
                                        "archived = 0 ORDER BY id DESC LIMIT 1");
        query.bind(1, like.task);
        query.bind(2, like.level);
        bind_optional(query, 3, like.placement);
        bind_optional(query, 4, like.model);
        bind_optional(query, 5, like.recipe);
        bind_optional(query, 6, like.package);
        query.bind(7, like.definition);
        query.bind(8, like.row_hash);
        return query.executeStep() ? std::optional(row_of(workspace, query)) : std::nullopt;
    });
}

}  // namespace bitwright
