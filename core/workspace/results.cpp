// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/results.h"

#include "core/workspace/database.h"
#include "core/workspace/jobs.h"
#include "core/workspace/stored_json.h"
#include "core/workspace/tensors.h"

#include <cmath>

namespace bitwright {
namespace {

constexpr const char* select_evaluation =
    "SELECT id, level, placement, model, recipe, package, text, conditions, definition, token_hash, created, windows, tokens, "
    "nll_sum, words, whole_text, window_nll, tags, note, archived, kl_sum, same_top, per_window "
    "FROM evaluations LEFT JOIN agreements ON evaluation = id ";

EvaluationRow row_of(const Workspace& workspace, SQLite::Statement& query)
{
    EvaluationRow row;
    row.id = query.getColumn(0).getInt64();
    row.level = query.getColumn(1).getString();
    row.placement = optional_string(query.getColumn(2));
    int i = 3;
    for (auto* reference : {&row.model, &row.recipe, &row.package, &row.text}) *reference = optional_int(query.getColumn(i++));
    row.conditions = query.getColumn(7).getInt64();
    row.definition = query.getColumn(8).getString();
    row.token_hash = query.getColumn(9).getString();
    row.created = query.getColumn(10).getString();
    row.windows = query.getColumn(11).getInt64();
    row.tokens = query.getColumn(12).getInt64();
    row.nll_sum = query.getColumn(13).getDouble();
    row.words = optional_int(query.getColumn(14));
    row.whole_text = query.getColumn(15).getInt() != 0;
    row.tags = stored_json<std::vector<std::string>>(workspace, "evaluation:" + std::to_string(row.id) + ", tags", query.getColumn(17).getString());
    row.note = optional_string(query.getColumn(18));
    row.archived = query.getColumn(19).getInt() != 0;
    if (const auto kl = optional_double(query.getColumn(20))) row.agreement = AgreementRow{*kl, query.getColumn(21).getInt64(), {}};
    return row;
}

std::int64_t put_device(SQLite::Database& db, const Conditions& conditions)
{
    SQLite::Statement row(db, "INSERT INTO devices (kind, identity, name, facts, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    SQLite::Statement query(db, "SELECT id FROM devices WHERE kind = ? AND identity = ? AND name = ? AND facts = ?");
    int i = 1;
    for (const auto* text : {&conditions.device_kind, &conditions.device_identity, &conditions.device_name, &conditions.device_facts}) {
        row.bind(i, *text);
        query.bind(i++, *text);
    }
    row.bind(5, timestamp());
    row.exec();
    query.executeStep();
    return query.getColumn(0).getInt64();
}

}  // namespace

std::int64_t put_conditions(Workspace& workspace, const Conditions& conditions)
{
    return workspace.database().write([&](SQLite::Database& db) {
        const auto device = put_device(db, conditions);
        SQLite::Statement row(db,
                              "INSERT INTO conditions (device, program, backend, threads, load_average, governor, temperature_c, power_source, seed, created) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        row.bind(1, device);
        row.bind(2, conditions.program);
        row.bind(3, conditions.backend);
        bind_optional(row, 4, conditions.threads);
        bind_optional(row, 5, conditions.load_average);
        bind_optional(row, 6, conditions.governor);
        bind_optional(row, 7, conditions.temperature_c);
        bind_optional(row, 8, conditions.power_source);
        bind_optional(row, 9, conditions.seed);
        row.bind(10, timestamp());
        row.exec();
        return db.getLastInsertRowid();
    });
}

Conditions get_conditions(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db,
                                "SELECT d.kind, d.identity, d.name, d.facts, program, backend, threads, load_average, governor, temperature_c, power_source, seed "
                                "FROM conditions JOIN devices d ON d.id = device WHERE conditions.id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "conditions " + std::to_string(id), "are not in the workspace");
        Conditions found;
        int i = 0;
        for (auto* text : {&found.device_kind, &found.device_identity, &found.device_name, &found.device_facts, &found.program, &found.backend})
            *text = query.getColumn(i++).getString();
        found.threads = optional_int(query.getColumn(6));
        found.load_average = optional_double(query.getColumn(7));
        found.governor = optional_string(query.getColumn(8));
        found.temperature_c = optional_double(query.getColumn(9));
        found.power_source = optional_string(query.getColumn(10));
        found.seed = optional_int(query.getColumn(11));
        return found;
    });
}

namespace {

constexpr std::int64_t agreement_columns = 3;  ///< of a window: KL sum, positions of equal top-1, first diverging token

std::string put_agreements(Workspace& workspace, const std::vector<Agreement>& windows)
{
    std::vector<double> values;
    for (const auto& window : windows) {
        for (const double value : {window.kl_sum, static_cast<double>(window.same_top), static_cast<double>(window.first_divergence)}) values.push_back(value);
    }
    return put_tensor(workspace, Tensor::from<double>(Dtype::f64, {static_cast<std::int64_t>(windows.size()), agreement_columns}, values));
}

std::vector<Agreement> get_agreements(const Workspace& workspace, const std::string& sha256)
{
    const auto tensor = get_tensor(workspace, sha256);
    const auto values = tensor.as<double>();
    std::vector<Agreement> windows;
    for (std::size_t i = 0; i + agreement_columns <= values.size(); i += agreement_columns)
        windows.push_back({values[i], static_cast<std::int64_t>(values[i + 1]), static_cast<std::int64_t>(values[i + 2])});
    return windows;
}

}  // namespace

std::int64_t put_evaluation(Workspace& workspace, const EvaluationRow& row, std::optional<std::int64_t> job)
{
    const auto windows = put_tensor(workspace, Tensor::from<double>(Dtype::f64, {static_cast<std::int64_t>(row.window_nll.size())}, row.window_nll));
    const auto agreements = row.agreement ? put_agreements(workspace, row.agreement->windows) : std::string();
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement insert(
            db,
            "INSERT INTO evaluations (level, placement, model, recipe, package, text, conditions, definition, token_hash, windows, tokens, nll_sum, "
            "words, whole_text, window_nll, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, row.level);
        bind_optional(insert, 2, row.placement);
        bind_optional(insert, 3, row.model);
        bind_optional(insert, 4, row.recipe);
        bind_optional(insert, 5, row.package);
        bind_optional(insert, 6, row.text);
        insert.bind(7, row.conditions);
        insert.bind(8, row.definition);
        insert.bind(9, row.token_hash);
        insert.bind(10, row.windows);
        insert.bind(11, row.tokens);
        insert.bind(12, row.nll_sum);
        bind_optional(insert, 13, row.words);
        insert.bind(14, row.whole_text ? 1 : 0);
        insert.bind(15, windows);
        insert.bind(16, timestamp());
        insert.exec();
        const auto id = db.getLastInsertRowid();
        if (row.agreement) {
            SQLite::Statement agreement(db, "INSERT INTO agreements (evaluation, kl_sum, same_top, per_window) VALUES (?, ?, ?, ?)");
            agreement.bind(1, id);
            agreement.bind(2, row.agreement->kl_sum);
            agreement.bind(3, row.agreement->same_top);
            agreement.bind(4, agreements);
            agreement.exec();
        }
        if (job) end_job(workspace, *job, JobState::done, "evaluation:" + std::to_string(id));
        return id;
    });
}

EvaluationRow get_evaluation(const Workspace& workspace, std::int64_t id)
{
    std::string windows, agreements;
    auto row = workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_evaluation) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "evaluation:" + std::to_string(id), "is not in the workspace");
        windows = query.getColumn(16).getString();
        agreements = optional_string(query.getColumn(22)).value_or("");
        return row_of(workspace, query);
    });
    const auto tensor = get_tensor(workspace, windows);
    const auto values = tensor.as<double>();
    row.window_nll.assign(values.begin(), values.end());
    if (row.agreement) row.agreement->windows = get_agreements(workspace, agreements);
    return row;
}

std::vector<EvaluationRow> list_evaluations(const Workspace& workspace, bool archived)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<EvaluationRow> rows;
        SQLite::Statement query(db, std::string(select_evaluation) + (archived ? "" : "WHERE archived = 0 ") + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(row_of(workspace, query));
        return rows;
    });
}

std::optional<EvaluationRow> find_evaluation(const Workspace& workspace, const EvaluationRow& like)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<EvaluationRow> {
        SQLite::Statement query(db,
                                std::string(select_evaluation) +
                                    "WHERE level = ? AND placement IS ? AND model IS ? AND recipe IS ? AND package IS ? AND definition = ? AND token_hash = ? AND archived = 0 "
                                    "ORDER BY id DESC LIMIT 1");
        query.bind(1, like.level);
        bind_optional(query, 2, like.placement);
        bind_optional(query, 3, like.model);
        bind_optional(query, 4, like.recipe);
        bind_optional(query, 5, like.package);
        query.bind(6, like.definition);
        query.bind(7, like.token_hash);
        return query.executeStep() ? std::optional(row_of(workspace, query)) : std::nullopt;
    });
}

double perplexity_token(const EvaluationRow& row) { return std::exp(row.nll_sum / static_cast<double>(row.tokens)); }

std::optional<double> perplexity_word(const EvaluationRow& row)
{
    if (!row.whole_text || !row.words) return std::nullopt;
    return std::exp(row.nll_sum / static_cast<double>(*row.words));
}

std::optional<double> kl_per_token(const EvaluationRow& row)
{
    return row.agreement ? std::optional(row.agreement->kl_sum / static_cast<double>(row.tokens)) : std::nullopt;
}

std::optional<double> top1_agreement(const EvaluationRow& row)
{
    return row.agreement ? std::optional(static_cast<double>(row.agreement->same_top) / static_cast<double>(row.tokens)) : std::nullopt;
}

void put_layer_errors(Workspace& workspace, std::int64_t recipe, std::int64_t model, const std::string& placement, const std::string& token_hash,
                      std::int64_t conditions, const std::vector<LayerErrorRow>& layers)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(
            db,
            "INSERT OR REPLACE INTO layer_errors (recipe, model, placement, token_hash, conditions, layer, sqnr_db, cosine, introduced_sqnr_db) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        for (const auto& layer : layers) {
            row.bind(1, recipe);
            row.bind(2, model);
            row.bind(3, placement);
            row.bind(4, token_hash);
            row.bind(5, conditions);
            row.bind(6, layer.layer);
            bind_optional(row, 7, layer.sqnr_db);
            bind_optional(row, 8, layer.cosine);
            bind_optional(row, 9, layer.introduced_sqnr_db);
            row.exec();
            row.reset();
        }
    });
}

std::vector<LayerErrorRow> get_layer_errors(const Workspace& workspace, std::int64_t recipe, const std::string& placement, const std::string& token_hash)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(
            db,
            "SELECT layer, sqnr_db, cosine, introduced_sqnr_db FROM layer_errors WHERE recipe = ?1 AND placement = ?2 AND token_hash = "
            "coalesce(nullif(?3, ''), (SELECT token_hash FROM layer_errors WHERE recipe = ?1 AND placement = ?2 ORDER BY conditions DESC LIMIT 1)) "
            "ORDER BY layer");
        query.bind(1, recipe);
        query.bind(2, placement);
        query.bind(3, token_hash);
        std::vector<LayerErrorRow> layers;
        while (query.executeStep())
            layers.push_back(
                {query.getColumn(0).getInt64(), optional_double(query.getColumn(1)), optional_double(query.getColumn(2)), optional_double(query.getColumn(3))});
        return layers;
    });
}

}  // namespace bitwright
