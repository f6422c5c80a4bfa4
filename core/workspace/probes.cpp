// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/probes.h"

#include "core/workspace/database.h"

#include <cmath>

namespace bitwright {
namespace {

constexpr const char* select_allocation = "SELECT id, base, token_hash, placement, budget, created, conditions FROM allocations ";

AllocationRow allocation_of(SQLite::Statement& query)
{
    AllocationRow row;
    row.id = query.getColumn(0).getInt64();
    row.base = query.getColumn(1).getInt64();
    int i = 2;
    for (auto* text : {&row.token_hash, &row.placement, &row.budget, &row.created}) *text = query.getColumn(i++).getString();
    row.conditions = query.getColumn(6).getInt64();
    return row;
}

}  // namespace

double Probe::perplexity() const noexcept { return std::exp(nll_sum / static_cast<double>(tokens)); }

void put_probe(Workspace& workspace, const ProbeKey& key, const Probe& probe, std::int64_t conditions)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT OR REPLACE INTO probes (decisions, model, token_hash, placement, tokens, nll_sum, kl_sum, same_top, conditions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        row.bind(1, key.decisions);
        row.bind(2, key.model);
        row.bind(3, key.token_hash);
        row.bind(4, key.placement);
        row.bind(5, probe.tokens);
        row.bind(6, probe.nll_sum);
        row.bind(7, probe.kl_sum);
        row.bind(8, probe.same_top);
        row.bind(9, conditions);
        row.exec();
    });
}

std::optional<Probe> find_probe(const Workspace& workspace, const ProbeKey& key)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<Probe> {
        SQLite::Statement query(db, "SELECT tokens, nll_sum, kl_sum, same_top FROM probes WHERE decisions = ? AND model = ? AND token_hash = ? AND placement = ?");
        query.bind(1, key.decisions);
        query.bind(2, key.model);
        query.bind(3, key.token_hash);
        query.bind(4, key.placement);
        if (!query.executeStep()) return std::nullopt;
        return Probe{query.getColumn(0).getInt64(), query.getColumn(1).getDouble(), query.getColumn(2).getDouble(), query.getColumn(3).getInt64()};
    });
}

void put_sensitivity(Workspace& workspace, const SensitivityKey& key, double whole, std::int64_t conditions, const std::vector<SensitivityRow>& rows)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "INSERT OR REPLACE INTO sensitivities (recipe, grouping, token_hash, placement, group_name, sites, kurtosis, alone, without, whole, introduced_sqnr_db, conditions) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        for (const auto& group : rows) {
            row.bind(1, key.recipe);
            row.bind(2, key.grouping);
            row.bind(3, key.token_hash);
            row.bind(4, key.placement);
            row.bind(5, group.group);
            row.bind(6, group.sites);
            bind_optional(row, 7, group.kurtosis);
            bind_optional(row, 8, group.alone);
            bind_optional(row, 9, group.without);
            row.bind(10, whole);
            bind_optional(row, 11, group.introduced_sqnr_db);
            row.bind(12, conditions);
            row.exec();
            row.reset();
        }
    });
}

std::optional<Sensitivity> get_sensitivity(const Workspace& workspace, std::int64_t recipe, const std::string& grouping)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<Sensitivity> {
        SQLite::Statement query(db,
                                "WITH newest AS (SELECT token_hash, placement FROM sensitivities WHERE recipe = ?1 AND grouping = ?2 ORDER BY conditions DESC LIMIT 1) "
                                "SELECT token_hash, placement, group_name, sites, kurtosis, alone, without, whole, introduced_sqnr_db, conditions FROM sensitivities JOIN newest USING (token_hash, placement) "
                                "WHERE recipe = ?1 AND grouping = ?2 ORDER BY alone IS NULL, alone DESC, kurtosis DESC, group_name");
        query.bind(1, recipe);
        query.bind(2, grouping);
        std::optional<Sensitivity> found;
        while (query.executeStep()) {
            if (!found) found = Sensitivity{{recipe, grouping, query.getColumn(0).getString(), query.getColumn(1).getString()}, query.getColumn(7).getDouble(), query.getColumn(9).getInt64(), {}};
            found->rows.push_back({query.getColumn(2).getString(), query.getColumn(3).getInt64(), optional_double(query.getColumn(4)), optional_double(query.getColumn(5)),
                                   optional_double(query.getColumn(6)), optional_double(query.getColumn(8))});
        }
        return found;
    });
}

std::int64_t put_allocation(Workspace& workspace, const AllocationRow& row)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement insert(db, "INSERT INTO allocations (base, token_hash, placement, budget, conditions, created) VALUES (?, ?, ?, ?, ?, ?)");
        insert.bind(1, row.base);
        insert.bind(2, row.token_hash);
        insert.bind(3, row.placement);
        insert.bind(4, row.budget);
        insert.bind(5, row.conditions);
        insert.bind(6, timestamp());
        insert.exec();
        const auto id = db.getLastInsertRowid();
        SQLite::Statement trial(db, "INSERT INTO allocation_trials (allocation, position, recipe, words, bytes, bits_per_weight, kl_token, perplexity, chosen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        std::int64_t position = 0;
        for (const auto& tried : row.trials) {
            trial.bind(1, id);
            trial.bind(2, position++);
            trial.bind(3, tried.recipe);
            trial.bind(4, tried.words);
            trial.bind(5, static_cast<std::int64_t>(tried.bytes));
            trial.bind(6, tried.bits_per_weight);
            trial.bind(7, tried.kl_token);
            trial.bind(8, tried.perplexity);
            trial.bind(9, tried.chosen ? 1 : 0);
            trial.exec();
            trial.reset();
        }
        return id;
    });
}

AllocationRow get_allocation(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_allocation) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "allocation " + std::to_string(id), "is not in the workspace");
        auto row = allocation_of(query);
        SQLite::Statement trials(db, "SELECT recipe, words, bytes, bits_per_weight, kl_token, perplexity, chosen FROM allocation_trials WHERE allocation = ? ORDER BY position");
        trials.bind(1, id);
        while (trials.executeStep())
            row.trials.push_back({trials.getColumn(0).getInt64(), trials.getColumn(1).getString(), static_cast<std::uint64_t>(trials.getColumn(2).getInt64()), trials.getColumn(3).getDouble(),
                                  trials.getColumn(4).getDouble(), trials.getColumn(5).getDouble(), trials.getColumn(6).getInt() != 0});
        return row;
    });
}

std::vector<AllocationRow> list_allocations(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<AllocationRow> rows;
        SQLite::Statement query(db, std::string(select_allocation) + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(allocation_of(query));
        return rows;
    });
}

}  // namespace bitwright
