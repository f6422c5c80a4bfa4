// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/calibrations.h"

#include "core/workspace/database.h"
#include "core/workspace/tensors.h"

#include <nlohmann/json.hpp>

#include <unistd.h>
#include <cmath>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char* select_calibration =
    "SELECT id, key, transforms, token_hash, settings, origin, created, model, windows, length, tokens, statistics, conditions FROM calibrations ";

CalibrationRow row_of(SQLite::Statement& query)
{
    CalibrationRow row;
    row.id = query.getColumn(0).getInt64();
    int i = 1;
    for (auto* text : {&row.key, &row.transforms, &row.token_hash, &row.settings, &row.origin, &row.created}) *text = query.getColumn(i++).getString();
    for (auto* number : {&row.model, &row.windows, &row.length}) *number = query.getColumn(i++).getInt64();
    for (auto* text : {&row.tokens, &row.statistics}) *text = query.getColumn(i++).getString();
    row.conditions = optional_int(query.getColumn(i));
    return row;
}

/// A temporary file that goes away with its scope.
struct Temporary {
    fs::path path = fs::temp_directory_path() / ("bitwright-statistics-" + std::to_string(::getpid()) + ".safetensors");
    ~Temporary()
    {
        std::error_code ignored;
        fs::remove(path, ignored);
    }
};

void bind_finite(SQLite::Statement& row, int index, double value)
{
    if (std::isfinite(value))
        row.bind(index, value);
    else
        row.bind(index);
}

}  // namespace

std::optional<CalibrationRow> find_calibration(const Workspace& workspace, const std::string& key)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<CalibrationRow> {
        SQLite::Statement query(db, std::string(select_calibration) + "WHERE key = ?");
        query.bind(1, key);
        return query.executeStep() ? std::optional(row_of(query)) : std::nullopt;
    });
}

CalibrationRow get_calibration(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_calibration) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep())
            throw bad_input(workspace.path().string(), "calibration:" + std::to_string(id), "is not in the workspace; calibrate makes one");
        return row_of(query);
    });
}

std::vector<CalibrationRow> list_calibrations(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<CalibrationRow> rows;
        SQLite::Statement query(db, std::string(select_calibration) + "ORDER BY id");
        while (query.executeStep()) rows.push_back(row_of(query));
        return rows;
    });
}

std::int64_t put_calibration(Workspace& workspace, std::int64_t model, const TokenWindows& windows, std::optional<std::int64_t> text,
                             const Statistics& statistics, std::optional<std::int64_t> conditions, const TokenWindows* held_out)
{
    const auto key = statistics.key();
    auto all = windows.ids;
    if (held_out) all.insert(all.end(), held_out->ids.begin(), held_out->ids.end());
    const auto ids = put_tensor(workspace, Tensor::from<std::int32_t>(Dtype::i32, {windows.count + (held_out ? held_out->count : 0), windows.length}, all));
    const Temporary file;
    save_statistics(statistics, file.path);
    const auto stored = put_file(workspace, file.path);
    return workspace.database().write([&](SQLite::Database& db) {
        if (const auto first = find_calibration(workspace, key)) return first->id;
        SQLite::Statement row(
            db,
            "INSERT INTO calibrations (key, model, transforms, token_hash, settings, windows, length, origin, text, tokens, statistics, created, conditions) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        row.bind(1, key);
        row.bind(2, model);
        row.bind(3, statistics.transforms);
        row.bind(4, statistics.token_hash);
        row.bind(5, statistics.settings);
        row.bind(6, windows.count);
        row.bind(7, windows.length);
        row.bind(8, windows.origin);
        bind_optional(row, 9, text);
        row.bind(10, ids);
        row.bind(11, stored);
        row.bind(12, timestamp());
        bind_optional(row, 13, conditions);
        row.exec();
        const auto id = db.getLastInsertRowid();
        SQLite::Statement site(
            db, "INSERT INTO statistics (calibration, site, count, min, max, mean, sigma, kurtosis, entropy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        for (const auto& s : statistics.sites) {
            site.bind(1, id);
            site.bind(2, s.site);
            site.bind(3, static_cast<std::int64_t>(s.count));
            site.bind(4, static_cast<double>(s.min));
            site.bind(5, static_cast<double>(s.max));
            site.bind(6, s.mean);
            site.bind(7, s.sigma);
            bind_finite(site, 8, s.kurtosis);
            bind_finite(site, 9, s.entropy);
            site.exec();
            site.reset();
        }
        return id;
    });
}

Statistics load_calibration_statistics(const Workspace& workspace, const CalibrationRow& row)
{
    return load_statistics(StoredFile(workspace, row.statistics).path());
}

TokenWindows load_calibration_windows(const Workspace& workspace, const CalibrationRow& row)
{
    const auto tensor = get_tensor(workspace, row.tokens);
    const auto observed = tensor.as<std::int32_t>().first(static_cast<std::size_t>(row.windows * row.length));
    return {row.windows, row.length, {observed.begin(), observed.end()}, row.origin};
}

bool holds_out_windows(const CalibrationRow& row)
{
    const auto settings = nlohmann::json::parse(row.settings, nullptr, false);
    return settings.is_object() && settings.contains("held_out");
}

std::optional<TokenWindows> load_held_out_windows(const Workspace& workspace, const CalibrationRow& row)
{
    const auto tensor = get_tensor(workspace, row.tokens);
    const auto held_out = tensor.as<std::int32_t>().subspan(static_cast<std::size_t>(row.windows * row.length));
    if (held_out.empty()) return std::nullopt;
    return TokenWindows{static_cast<std::int64_t>(held_out.size()) / row.length, row.length, {held_out.begin(), held_out.end()}, row.origin + ", held out"};
}

}  // namespace bitwright
