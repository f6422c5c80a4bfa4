// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/jobs.h"

#include "core/workspace/database.h"

#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char* state_names[] = {"running", "paused", "interrupted", "done", "failed", "cancelled"};
constexpr const char* select_job =
    "SELECT id, kind, key, args, state, checkpoint, finish, stage, result, message, process, process_start, start, heartbeat, "
    "progress_done, progress_total FROM jobs ";

std::string boot_id()
{
    std::string id;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
    return id;
}

/// "boot id/start tick" of a process; "" when there is none. Process ids are used again: the start tick is not.
std::string process_start(std::int64_t process)
{
    std::string stat;
    std::getline(std::ifstream("/proc/" + std::to_string(process) + "/stat"), stat);
    const auto end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos) return "";
    std::istringstream fields(stat.substr(end_of_name + 1));
    std::string field;
    for (int i = 3; i <= 22; ++i) {
        fields >> field;
        if (i == 3 && (field == "Z" || field == "X")) return "";  // killed, not yet waited for
    }
    return boot_id() + "/" + field;
}

bool alive(std::int64_t process, const std::string& start, const std::string& heartbeat)
{
    const auto boot = start.substr(0, start.find('/'));
    if (boot == boot_id()) return process_start(process) == start;
    return heartbeat > timestamp(std::chrono::system_clock::now() - std::chrono::minutes(1));  // another computer, or before a restart of this one
}

JobRow row_of(SQLite::Statement& query)
{
    JobRow row;
    row.id = query.getColumn(0).getInt64();
    row.kind = query.getColumn(1).getString();
    row.key = query.getColumn(2).getString();
    row.args = query.getColumn(3).getString();
    const auto state = query.getColumn(4).getString();
    for (int i = 0; i < 6; ++i)
        if (state == state_names[i]) row.state = static_cast<JobState>(i);
    int i = 5;
    for (auto* text : {&row.checkpoint, &row.finish, &row.stage, &row.result, &row.message}) *text = optional_string(query.getColumn(i++));
    row.process = query.getColumn(10).getInt64();
    row.start = query.getColumn(12).getString();
    row.heartbeat = query.getColumn(13).getString();
    row.progress_done = optional_int(query.getColumn(14));
    row.progress_total = optional_int(query.getColumn(15));
    if (row.state == JobState::running && !alive(row.process, query.getColumn(11).getString(), row.heartbeat)) row.state = JobState::interrupted;
    return row;
}

void take_over(SQLite::Database& db, std::int64_t id)
{
    SQLite::Statement row(db, "UPDATE jobs SET state = 'running', process = ?, process_start = ?, heartbeat = ? WHERE id = ?");
    row.bind(1, static_cast<std::int64_t>(::getpid()));
    row.bind(2, process_start(::getpid()));
    row.bind(3, timestamp());
    row.bind(4, id);
    row.exec();
}

}  // namespace

const char* name_of(JobState state) noexcept { return state_names[static_cast<int>(state)]; }

JobRow begin_job(Workspace& workspace, const std::string& kind, const std::string& key, const std::string& args, bool fresh, bool& resumed)
{
    std::optional<std::int64_t> dropped;
    auto job = workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_job) + "WHERE key = ? AND finish IS NULL ORDER BY id DESC LIMIT 1");
        query.bind(1, key);
        resumed = false;
        if (query.executeStep()) {
            const auto found = row_of(query);
            if (found.state == JobState::running && found.process != ::getpid())
                throw failure(workspace.path().string() + ": job:" + std::to_string(found.id) + " does this already in process " +
                              std::to_string(found.process) + "; wait for it or stop it with jobs cancel");
            if (!fresh) {
                resumed = true;
                take_over(db, found.id);
                return get_job(workspace, found.id);
            }
            dropped = found.id;
        }
        SQLite::Statement row(db,
                              "INSERT INTO jobs (kind, key, args, state, process, process_start, start, heartbeat) VALUES (?, ?, ?, 'running', ?, ?, ?, ?)");
        row.bind(1, kind);
        row.bind(2, key);
        row.bind(3, args);
        row.bind(4, static_cast<std::int64_t>(::getpid()));
        row.bind(5, process_start(::getpid()));
        row.bind(6, timestamp());
        row.bind(7, timestamp());
        row.exec();
        return get_job(workspace, db.getLastInsertRowid());
    });
    if (dropped) end_job(workspace, *dropped, JobState::cancelled, {}, "started again from the beginning");
    return job;
}

fs::path checkpoint_path(Workspace& workspace, const JobRow& job)
{
    const auto name = "job-" + std::to_string(job.id) + ".safetensors";
    std::error_code error;
    fs::create_directories(workspace.data_folder(), error);
    if (error) throw failure(workspace.data_folder().string() + ": cannot be made (" + error.message() + ")");
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "UPDATE jobs SET checkpoint = ? WHERE id = ?");
        row.bind(1, name);
        row.bind(2, job.id);
        row.exec();
    });
    return workspace.data_folder() / name;
}

void beat(Workspace& workspace, std::int64_t job, const std::string& stage, std::int64_t done, std::int64_t total)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "UPDATE jobs SET heartbeat = ?, stage = ?, progress_done = ?, progress_total = ? WHERE id = ?");
        row.bind(1, timestamp());
        row.bind(2, stage);
        row.bind(3, done);
        bind_optional(row, 4, total > 0 ? std::optional(total) : std::nullopt);
        row.bind(5, job);
        row.exec();
    });
}

void end_job(Workspace& workspace, std::int64_t job, JobState state, const std::optional<std::string>& result, const std::optional<std::string>& message)
{
    const bool over = state != JobState::paused;
    workspace.database().write([&](SQLite::Database& db) {
        const auto before = get_job(workspace, job).checkpoint;
        SQLite::Statement row(db, "UPDATE jobs SET state = ?, finish = ?, heartbeat = ?, result = ?, message = ?, checkpoint = ? WHERE id = ?");
        row.bind(1, name_of(state));
        bind_optional(row, 2, over ? std::optional(timestamp()) : std::nullopt);
        row.bind(3, timestamp());
        bind_optional(row, 4, result);
        bind_optional(row, 5, message);
        bind_optional(row, 6, over ? std::nullopt : before);
        row.bind(7, job);
        row.exec();
        if (!over) return;
        SQLite::Statement progress(db, "DELETE FROM evaluation_progress WHERE job = ?");
        progress.bind(1, job);
        progress.exec();
        workspace.database().after_commit([folder = workspace.data_folder(), before] {
            std::error_code ignored;
            if (before) fs::remove(folder / *before, ignored);
            fs::remove(folder, ignored);  // only when nothing else lies in it
        });
    });
}

JobRow get_job(const Workspace& workspace, std::int64_t id)
{
    return workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, std::string(select_job) + "WHERE id = ?");
        query.bind(1, id);
        if (!query.executeStep()) throw bad_input(workspace.path().string(), "job:" + std::to_string(id), "is not in the workspace; jobs list shows them");
        return row_of(query);
    });
}

std::vector<JobRow> list_jobs(const Workspace& workspace)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<JobRow> rows;
        SQLite::Statement query(db, std::string(select_job) + "ORDER BY id DESC");
        while (query.executeStep()) rows.push_back(row_of(query));
        return rows;
    });
}

std::optional<JobRow> find_done_job(const Workspace& workspace, const std::string& key)
{
    return workspace.database().read([&](SQLite::Database& db) -> std::optional<JobRow> {
        SQLite::Statement query(db, std::string(select_job) + "WHERE key = ? AND state = 'done' ORDER BY id DESC LIMIT 1");
        query.bind(1, key);
        return query.executeStep() ? std::optional(row_of(query)) : std::nullopt;
    });
}

void cancel_job(Workspace& workspace, std::int64_t id)
{
    const auto job = get_job(workspace, id);
    switch (job.state) {
        case JobState::running:
            if (::kill(static_cast<pid_t>(job.process), SIGINT) != 0)
                throw failure("job:" + std::to_string(id) + " runs in process " + std::to_string(job.process) +
                              ", which cannot be signalled from here; stop it there");
            return;
        case JobState::paused:
        case JobState::interrupted:
            return end_job(workspace, id, JobState::cancelled, {});
        case JobState::done:
        case JobState::failed:
        case JobState::cancelled:
            throw bad_input(workspace.path().string(), "job:" + std::to_string(id), std::string("is over already (") + name_of(job.state) + ")");
    }
}

void put_scored_windows(Workspace& workspace, std::int64_t job, std::int64_t first, std::span<const ScoredWindow> scores)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT OR REPLACE INTO evaluation_progress (job, window, nll, tokens, kl, same_top, divergence) VALUES (?, ?, ?, ?, ?, ?, ?)");
        for (const auto& score : scores) {
            row.bind(1, job);
            row.bind(2, first++);
            row.bind(3, score.nll);
            row.bind(4, score.tokens);
            const auto& agreement = score.agreement;
            bind_optional(row, 5, agreement ? std::optional(agreement->kl_sum) : std::nullopt);
            bind_optional(row, 6, agreement ? std::optional(agreement->same_top) : std::nullopt);
            bind_optional(row, 7, agreement ? std::optional(agreement->first_divergence) : std::nullopt);
            row.exec();
            row.reset();
        }
    });
}

std::vector<ScoredWindow> scored_windows(const Workspace& workspace, std::int64_t job)
{
    return workspace.database().read([&](SQLite::Database& db) {
        std::vector<ScoredWindow> scores;
        SQLite::Statement query(db, "SELECT window, nll, tokens, kl, same_top, divergence FROM evaluation_progress WHERE job = ? ORDER BY window");
        query.bind(1, job);
        while (query.executeStep() && query.getColumn(0).getInt64() == static_cast<std::int64_t>(scores.size()))
            scores.push_back({query.getColumn(1).getDouble(), query.getColumn(2).getInt64(),
                              query.getColumn(3).isNull() ? std::nullopt : std::optional(Agreement{query.getColumn(3).getDouble(), query.getColumn(4).getInt64(), query.getColumn(5).getInt64()})});
        return scores;
    });
}

}  // namespace bitwright
