// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/marks.h"

#include "core/workspace/database.h"

#include <nlohmann/json.hpp>

namespace bitwright {
namespace {

const char* table_of(const Workspace& workspace, const Reference& result)
{
    if (result.kind == "run") return "runs";
    if (result.kind == "evaluation") return "evaluations";
    if (result.kind == "task") return "task_scores";
    throw bad_input(workspace.path().string(), to_string(result), "is no result; runs list --evaluations shows them");
}

/// Changes one column of one result.
template <typename Bind>
void update(Workspace& workspace, const Reference& result, const char* column, Bind bind)
{
    const std::string statement = std::string("UPDATE ") + table_of(workspace, result) + " SET " + column + " = ? WHERE id = ?";
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, statement);
        bind(row);
        row.bind(2, result.id);
        if (row.exec() == 0) throw bad_input(workspace.path().string(), to_string(result), "is not in the workspace; runs list shows them");
    });
}

constexpr const char* query_begin = R"(WITH wanted(result, place) AS (VALUES )";
constexpr const char* query_end = R"()
SELECT wanted.result, recipes.name, recipes.method, found.level, found.perplexity_token, found.kl_per_token, found.accuracy, found.prefill_tokens_per_s, found.decode_tokens_per_s,
       found.peak_rss_bytes, found.measured_on, devices.name AS device, conditions.threads, found.tags, found.note, found.created
FROM wanted JOIN (
  SELECT 'evaluation:' || id AS result, level, recipe, conditions, exp(nll_sum / tokens) AS perplexity_token, kl_sum / tokens AS kl_per_token, NULL AS accuracy, NULL AS prefill_tokens_per_s,
         NULL AS decode_tokens_per_s, NULL AS peak_rss_bytes, windows || ' windows, ' || definition AS measured_on, tags, note, created FROM evaluations LEFT JOIN agreements ON evaluation = id
  UNION ALL
  SELECT 'task:' || id, level, recipe, conditions, NULL, NULL, 1.0 * correct / rows, NULL, NULL, NULL, task || ', ' || rows || ' rows, ' || definition, tags, note, created FROM task_scores
  UNION ALL
  SELECT 'run:' || runs.id, 'integer', packages.recipe, conditions, NULL, NULL, NULL,
         (SELECT value FROM measurements WHERE run = runs.id AND quantity = 'prefill_tokens_per_s'),
         (SELECT value FROM measurements WHERE run = runs.id AND quantity = 'decode_tokens_per_s'),
         (SELECT value FROM measurements WHERE run = runs.id AND quantity = 'peak_rss_bytes'),
         prompt_tokens || ' + ' || generated || ' tokens, ' || repeats || ' repeats', tags, note, start FROM runs JOIN packages ON packages.id = package
) AS found ON found.result = wanted.result
JOIN conditions ON conditions.id = found.conditions JOIN devices ON devices.id = conditions.device
LEFT JOIN recipes ON recipes.id = found.recipe
ORDER BY wanted.place;
)";

}  // namespace

void tag_result(Workspace& workspace, const Reference& result, const std::vector<std::string>& tags)
{
    update(workspace, result, "tags", [&](SQLite::Statement& row) { row.bind(1, nlohmann::json(tags).dump()); });
}

void note_result(Workspace& workspace, const Reference& result, const std::optional<std::string>& note)
{
    update(workspace, result, "note", [&](SQLite::Statement& row) { bind_optional(row, 1, note); });
}

void archive_results(Workspace& workspace, const std::vector<Reference>& results, bool archived)
{
    workspace.database().write([&](SQLite::Database&) {
        for (const auto& result : results) update(workspace, result, "archived", [&](SQLite::Statement& row) { row.bind(1, archived ? 1 : 0); });
    });
}

std::string results_query(const std::vector<Reference>& results)
{
    std::string query = query_begin;
    for (std::size_t i = 0; i < results.size(); ++i) query += (i ? ", ('" : "('") + to_string(results[i]) + "', " + std::to_string(i) + ")";
    if (results.empty()) query += "(NULL, 0)";
    return query + query_end;
}

}  // namespace bitwright
