// SPDX-License-Identifier: GPL-3.0-or-later
// runs list, tag, note, archive; jobs list, resume, cancel.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/cli/device_json.h"

#include "core/workspace/device_runs.h"
#include "core/workspace/marks.h"
#include "core/workspace/runs.h"
#include "core/workspace/task_scores.h"
#include "core/workspace/stored_json.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string reference, workspace, note;
    std::vector<std::string> tags, references;
    bool all = false, undo = false, evaluations = false;
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
                {"archived", row.archived},
                {"runtime", row.runtime},
                {"offload", or_null(row.offload)},
                {"evidence", or_null(row.evidence)},
                {"output_sha256", or_null(row.output_hash)}};
    for (const auto& measurement : row.measurements) object[measurement.quantity] = measurement.value;
    return object;
}

/// With where it ran, and whether a phone's answer was right.
Json placed_run_of(const Workspace& workspace, const RunRow& row)
{
    auto object = run_of(row);
    object["device"] = device_json(get_conditions(workspace, row.conditions));
    const auto device = get_device_run(workspace, row.id);
    object["answer"] = device ? Json(name_of(device->answer)) : Json();
    return object;
}

Json evaluation_of(const EvaluationRow& row)
{
    const auto reference = [](const char* kind, const std::optional<std::int64_t>& id) { return id ? Json(to_string(Reference{kind, *id})) : Json(); };
    return {{"evaluation", to_string(Reference{"evaluation", row.id})},
            {"level", row.level},
            {"placement", or_null(row.placement)},
            {"recipe", reference("recipe", row.recipe)},
            {"package", reference("package", row.package)},
            {"windows", row.windows},
            {"tokens", row.tokens},
            {"perplexity_token", perplexity_token(row)},
            {"kl_token", or_null(kl_per_token(row))},
            {"top1_agreement", or_null(top1_agreement(row))},
            {"definition", row.definition},
            {"created", row.created},
            {"tags", row.tags},
            {"note", or_null(row.note)},
            {"archived", row.archived}};
}

Json task_of(const TaskScoreRow& row)
{
    const auto reference = [](const char* kind, const std::optional<std::int64_t>& id) { return id ? Json(to_string(Reference{kind, *id})) : Json(); };
    const auto share = [&](std::int64_t correct) { return static_cast<double>(correct) / static_cast<double>(row.rows); };
    return {{"score", to_string(Reference{"task", row.id})},
            {"task", row.task},
            {"level", row.level},
            {"placement", or_null(row.placement)},
            {"recipe", reference("recipe", row.recipe)},
            {"package", reference("package", row.package)},
            {"rows", row.rows},
            {"acc", share(row.correct)},
            {"acc_norm", row.correct_norm ? Json(share(*row.correct_norm)) : Json()},
            {"definition", row.definition},
            {"created", row.created},
            {"tags", row.tags},
            {"note", or_null(row.note)},
            {"archived", row.archived}};
}

Json result_of(const Workspace& workspace, const Reference& result)
{
    if (result.kind == "evaluation") return evaluation_of(get_evaluation(workspace, result.id));
    if (result.kind == "task") return task_of(get_task_score(workspace, result.id));
    return placed_run_of(workspace, get_run(workspace, result.id));
}

void list_all_runs(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    Json runs = Json::array();
    for (const auto& row : list_runs(*workspace, arguments.all)) runs.push_back(placed_run_of(*workspace, row));
    Json object{{"runs", runs}};
    if (arguments.evaluations) {
        object["evaluations"] = Json::array();
        for (const auto& row : list_evaluations(*workspace, arguments.all)) object["evaluations"].push_back(evaluation_of(row));
        object["tasks"] = Json::array();
        for (const auto& row : list_task_scores(*workspace, arguments.all)) object["tasks"].push_back(task_of(row));
    }
    line.print(object);
}

/// run:N, evaluation:N, task:N, or job:N for what it made.
Reference find_result(const Workspace& workspace, const std::string& text)
{
    Reference reference;
    if (parse_reference(text, reference) && reference.kind == "job") {
        const auto job = get_job(workspace, reference.id);
        if (job.result) (void)parse_reference(*job.result, reference);
    }
    if (reference.kind == "evaluation") return {"evaluation", get_evaluation(workspace, reference.id).id};
    if (reference.kind == "task") return {"task", get_task_score(workspace, reference.id).id};
    return {"run", find_id(workspace, text, "run")};
}

/// Changes one result and prints it.
void change_result(const CommandLine& line, const Arguments& arguments, const std::function<void(Workspace&, const Reference&)>& change)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto result = find_result(*workspace, arguments.reference);
    change(*workspace, result);
    line.print(result_of(*workspace, result));
}

void archive(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    std::vector<Reference> results;
    for (const auto& text : arguments.references) results.push_back(find_result(*workspace, text));
    archive_results(*workspace, results, !arguments.undo);
    Json list = Json::array();
    for (const auto& result : results) list.push_back(to_string(result));
    line.print({{"archived", !arguments.undo}, {"results", list}});
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
    const std::string run_keys = "run, package, state, prompt_tokens, generated, repeats, start, tags, note, archived, runtime, offload (CPU, unverified accelerator, verified accelerator; null for bitwright), evidence, output_sha256, each quantity measured, device{kind (local, phone, simulated), name, identity}, answer (same, wrong, unchecked; null on this computer)";

    const std::string evaluation_keys = "evaluation, level, placement, recipe, package, windows, tokens, perplexity_token, kl_token, top1_agreement, definition, created, tags, note, archived";
    const std::string task_keys = "score, task, level, placement, recipe, package, rows, acc, acc_norm, definition, created, tags, note, archived";

    auto* runs = add_command(app, "runs", "measurements on devices, and evaluations", "");
    runs->require_subcommand(1);
    auto* listing = add_command(*runs, "list", "all runs, newest first", "runs[{" + run_keys + "}], with --evaluations also evaluations[{" + evaluation_keys + "}] and tasks[{" + task_keys + "}]");
    listing->add_flag("--all", arguments->all, "archived ones too");
    listing->add_flag("--evaluations", arguments->evaluations, "evaluations and tasks, too");
    action(listing, list_all_runs);
    const std::string either = "those of runs list for a run, an evaluation or a task";
    auto* tagging = add_command(*runs, "tag", "set the tags of a run or an evaluation; star is the one the desk shows as a star", either);
    tagging->add_option("reference", arguments->reference, "run:N, evaluation:N or task:N")->required();
    tagging->add_option("tags", arguments->tags, "tags; none removes them");
    action(tagging, [](CommandLine& l, const Arguments& a) { change_result(l, a, [&](Workspace& w, const Reference& r) { tag_result(w, r, a.tags); }); });
    auto* noting = add_command(*runs, "note", "set the note of a run or an evaluation", either);
    noting->add_option("reference", arguments->reference, "run:N, evaluation:N or task:N")->required();
    noting->add_option("text", arguments->note, "note; none removes it");
    action(noting, [](CommandLine& l, const Arguments& a) {
        change_result(l, a, [&](Workspace& w, const Reference& r) { note_result(w, r, a.note.empty() ? std::nullopt : std::optional(a.note)); });
    });
    auto* archiving = add_command(*runs, "archive", "leave runs and evaluations out of lists and comparisons", "archived, results[run:N, evaluation:N or task:N]");
    archiving->add_option("references", arguments->references, "run:N, evaluation:N, task:N …")->required();
    archiving->add_flag("--undo", arguments->undo, "take them back in");
    action(archiving, archive);

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
