// SPDX-License-Identifier: GPL-3.0-or-later
// runs list, tag, note, archive; jobs list, resume, cancel.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"

#include "core/workspace/runs.h"
#include "core/workspace/stored_json.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string reference, workspace, note;
    std::vector<std::string> tags;
    bool all = false, undo = false;
};

Json run_of(const RunRow& row)
{
    Json object{{"run", to_string(Reference{"run", row.id})},
                {"package", to_string(Reference{"package", row.package})},
                {"state", row.aborted ? "aborted" : "done"},
                {"prompt_tokens", row.prompt_tokens},
                {"generated", row.generated},
                {"repeats", row.repeats},
                {"start", row.start},
                {"tags", row.tags},
                {"note", or_null(row.note)},
                {"archived", row.archived}};
    for (const auto& measurement : row.measurements) object[measurement.quantity] = measurement.value;
    return object;
}

void list_all_runs(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    Json runs = Json::array();
    for (const auto& row : list_runs(*workspace, arguments.all)) runs.push_back(run_of(row));
    line.print({{"runs", runs}});
}

/// Changes one run and prints it.
void change_run(const CommandLine& line, const Arguments& arguments, const std::function<void(Workspace&, std::int64_t)>& change)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto id = find_id(*workspace, arguments.reference, "run");
    change(*workspace, id);
    line.print(run_of(get_run(*workspace, id)));
}

Json job_of(const JobRow& row)
{
    return {{"job", to_string(Reference{"job", row.id})},
            {"kind", row.kind},
            {"state", name_of(row.state)},
            {"stage", or_null(row.stage)},
            {"done", or_null(row.progress_done)},
            {"total", or_null(row.progress_total)},
            {"result", or_null(row.result)},
            {"message", or_null(row.message)},
            {"process", row.process},
            {"start", row.start},
            {"heartbeat", row.heartbeat},
            {"finish", or_null(row.finish)}};
}

void list_all_jobs(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    Json jobs = Json::array();
    for (const auto& row : list_jobs(*workspace)) jobs.push_back(job_of(row));
    line.print({{"jobs", jobs}});
}

/// The newest unfinished job when none is named.
std::int64_t unfinished_job(const Workspace& workspace, const std::string& reference)
{
    if (!reference.empty()) {
        Reference job;
        if (!parse_reference(reference, job) || job.kind != "job") throw bad_input(workspace.path().string(), reference, "is no job; jobs list shows them");
        return job.id;
    }
    for (const auto& job : list_jobs(workspace))
        if (!job.finish) return job.id;
    throw bad_input(workspace.path().string(), "", "has no unfinished job");
}

/// Repeats the job's command in its folder: it finds its checkpoint by itself.
void resume(CommandLine& line, const Arguments& arguments)
{
    std::string folder;
    std::vector<std::string> argv;
    {
        const auto workspace = line.open_workspace(arguments.workspace);
        const auto job = get_job(*workspace, unfinished_job(*workspace, arguments.reference));
        if (job.state != JobState::interrupted && job.state != JobState::paused)
            throw bad_input(arguments.workspace, "job:" + std::to_string(job.id),
                            std::string("is ") + name_of(job.state) + ", only interrupted and paused jobs are resumed");
        const auto command = stored_json<std::map<std::string, nlohmann::json>>(*workspace, "job:" + std::to_string(job.id) + ", args", job.args);
        const auto part = [&](const char* key) { return command.contains(key) ? command.at(key).dump() : std::string(); };
        folder = stored_json<std::string>(*workspace, "job:" + std::to_string(job.id) + ", args, folder", part("folder"));
        argv = stored_json<std::vector<std::string>>(*workspace, "job:" + std::to_string(job.id) + ", args, argv", part("argv"));
    }
    std::error_code error;
    std::filesystem::current_path(folder, error);
    if (error) throw bad_input(folder, "", "is not there any more; the job was started in this folder");
    std::erase(argv, "--fresh");
    if (line.json && std::find(argv.begin(), argv.end(), "--json") == argv.end()) argv.push_back("--json");
    line.resumed_code = run_command_line(argv, line.host);
}

void cancel(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto id = unfinished_job(*workspace, arguments.reference);
    cancel_job(*workspace, id);
    line.print(job_of(get_job(*workspace, id)));
}

}  // namespace

void add_runs(CLI::App& app, CommandLine& line)
{
    auto arguments = std::make_shared<Arguments>();
    const auto action = [&line, arguments](CLI::App* command, auto work) {
        add_workspace(*command, arguments->workspace);
        command->callback([&line, arguments, work] { line.action = [&line, arguments, work] { work(line, *arguments); }; });
    };
    const std::string run_keys = "run, package, state, prompt_tokens, generated, repeats, start, tags, note, archived, and each quantity measured";

    auto* runs = add_command(app, "runs", "measurements on devices", "");
    runs->require_subcommand(1);
    auto* listing = add_command(*runs, "list", "all runs, newest first", "runs[{" + run_keys + "}]");
    listing->add_flag("--all", arguments->all, "archived ones too");
    action(listing, list_all_runs);
    auto* tagging = add_command(*runs, "tag", "set the tags of a run", run_keys);
    tagging->add_option("reference", arguments->reference, "run:N")->required();
    tagging->add_option("tags", arguments->tags, "tags; none removes them");
    action(tagging, [](CommandLine& l, const Arguments& a) { change_run(l, a, [&](Workspace& w, std::int64_t id) { tag_run(w, id, a.tags); }); });
    auto* noting = add_command(*runs, "note", "set the note of a run", run_keys);
    noting->add_option("reference", arguments->reference, "run:N")->required();
    noting->add_option("text", arguments->note, "note; none removes it");
    action(noting, [](CommandLine& l, const Arguments& a) {
        change_run(l, a, [&](Workspace& w, std::int64_t id) { note_run(w, id, a.note.empty() ? std::nullopt : std::optional(a.note)); });
    });
    auto* archiving = add_command(*runs, "archive", "leave a run out of lists and comparisons", run_keys);
    archiving->add_option("reference", arguments->reference, "run:N")->required();
    archiving->add_flag("--undo", arguments->undo, "take it back in");
    action(archiving, [](CommandLine& l, const Arguments& a) { change_run(l, a, [&](Workspace& w, std::int64_t id) { archive_run(w, id, !a.undo); }); });

    const std::string job_keys =
        "job, kind, state (running, paused, interrupted, done, failed, cancelled), stage, done, total, result, message, process, start, heartbeat, finish";
    auto* jobs = add_command(app, "jobs", "work under way, interrupted or done", "");
    jobs->require_subcommand(1);
    action(add_command(*jobs, "list", "all jobs, newest first", "jobs[{" + job_keys + "}]"), list_all_jobs);
    auto* resuming = add_command(*jobs, "resume", "continue an interrupted job by repeating its command", "those of the command");
    resuming->add_option("reference", arguments->reference, "job:N; default: the newest unfinished one");
    action(resuming, resume);
    auto* cancelling = add_command(*jobs, "cancel", "stop a running job, or give up an interrupted one", job_keys);
    cancelling->add_option("reference", arguments->reference, "job:N; default: the newest unfinished one");
    action(cancelling, cancel);
}

}  // namespace bitwright::cli
