// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/evaluation_tasks.h"

#include "core/checkpoint/parse_json.h"
#include "core/runtime/error.h"
#include "core/runtime/hash.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

/// One line of a task's file, whose fields are checked as they are read.
class Line {
public:
    Line(const fs::path& file, std::size_t number, std::string_view text) : where_(file.string() + ", line " + std::to_string(number)), object_(parse_json(text, where_))
    {
        if (!object_.is_object()) throw bad_input(where_, "", "is no JSON object; a task holds one object a line");
    }
    [[nodiscard]] bool has(const char* field) const { return object_.contains(field); }
    [[nodiscard]] std::string text(const char* field) const
    {
        const auto found = object_.find(field);
        if (found == object_.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) fault(field, "is no text; write a sentence in quotes");
        return found->get<std::string>();
    }
    [[nodiscard]] std::vector<std::string> choices() const
    {
        const auto found = object_.find("choices");
        if (found == object_.end() || !found->is_array() || found->size() < 2) fault("choices", "is no list of at least two texts");
        std::vector<std::string> texts;
        for (const auto& choice : *found) {
            if (!choice.is_string() || choice.get_ref<const std::string&>().empty()) fault("choices", "holds something that is no text; every choice is a text in quotes");
            texts.push_back(choice.get<std::string>());
        }
        return texts;
    }
    [[nodiscard]] std::int32_t label(std::size_t choices) const
    {
        const auto found = object_.find("label");
        if (found == object_.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0 || found->get<std::int64_t>() >= static_cast<std::int64_t>(choices))
            fault("label", "is no number of a choice; write 0 to " + std::to_string(choices - 1));
        return found->get<std::int32_t>();
    }
    [[noreturn]] void fault(const char* field, const std::string& what) const { throw bad_input(where_, field, what); }

private:
    std::string where_;
    nlohmann::json object_;
};

/// Adds sequence `ids`, of which the last `scored` count, shortened on the left to what the model reads.
void add_sequence(EvaluationTask& task, std::vector<std::int32_t> ids, std::size_t scored, std::int64_t context)
{
    const auto longest = static_cast<std::size_t>(context) + 1;  // the last id is scored, never read
    if (ids.size() > longest) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(longest));
    const auto first = ids.size() > scored ? ids.size() - scored : 1;
    task.sequences.push_back({std::move(ids), static_cast<std::int64_t>(first)});
}

void add_choice_row(EvaluationTask& task, const Line& line, const TaskReading& reading)
{
    const auto context = "Question: " + line.text("question") + "\nAnswer:";
    const auto prefix = reading.tokenizer.encode(context, false);
    if (prefix.size() < 1) line.fault("question", "has no tokens; ask something");
    const auto choices = line.choices();
    TaskRow row{task.sequences.size(), choices.size(), line.label(choices.size()), {}};
    for (const auto& choice : choices) {
        const auto whole = reading.tokenizer.encode(context + " " + choice, false);
        auto ids = prefix;
        const auto scored = whole.size() - std::min(whole.size(), prefix.size());
        ids.insert(ids.end(), whole.end() - static_cast<std::ptrdiff_t>(scored), whole.end());
        if (ids.size() < 2) line.fault("choices", "has nothing to score; write longer choices");
        add_sequence(task, std::move(ids), scored, reading.context);
        row.bytes.push_back(static_cast<std::int64_t>(choice.size()));
    }
    task.rows.push_back(std::move(row));
}

void add_pair_row(EvaluationTask& task, const Line& line, const TaskReading& reading)
{
    TaskRow row{task.sequences.size(), 2, 0, {}};
    for (const char* field : {"sentence_good", "sentence_bad"}) {
        const auto sentence = line.text(field);
        auto ids = reading.tokenizer.encode(sentence, false);
        if (reading.bos >= 0) ids.insert(ids.begin(), reading.bos);
        if (ids.size() < 2) line.fault(field, "has nothing to score; write a longer sentence");
        const auto scored = ids.size() - 1;
        add_sequence(task, std::move(ids), scored, reading.context);
        row.bytes.push_back(static_cast<std::int64_t>(sentence.size()));
    }
    task.rows.push_back(std::move(row));
}

std::int32_t largest(const std::vector<double>& values) { return static_cast<std::int32_t>(std::max_element(values.begin(), values.end()) - values.begin()); }

}  // namespace

std::string EvaluationTask::row_hash() const
{
    Sha256 hash;
    const auto add = [&](const auto& value) { hash.update(std::as_bytes(std::span(&value, 1))); };
    for (const auto& row : rows) {
        add(static_cast<std::int64_t>(row.choices));
        add(static_cast<std::int64_t>(row.label));
        hash.update(std::as_bytes(std::span(row.bytes)));
    }
    for (const auto& sequence : sequences) {
        add(static_cast<std::int64_t>(sequence.ids.size()));
        add(sequence.first_scored);
        hash.update(std::as_bytes(std::span(sequence.ids)));
    }
    return hash.hex();
}

EvaluationTask read_task(const fs::path& file, const TaskReading& reading)
{
    if (reading.limit && *reading.limit < 1) throw usage_error("--rows " + std::to_string(*reading.limit) + ": at least 1 row is needed");
    const auto text = read_utf8(file);
    EvaluationTask task;
    task.name = file.stem().string();
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        const auto content = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        if (reading.limit && static_cast<std::int64_t>(task.rows.size()) >= *reading.limit) break;
        const Line line(file, number, content);
        const std::string kind = line.has("sentence_good") ? "pair" : "choice";
        if (task.kind.empty()) task.kind = kind;
        if (kind != task.kind) line.fault("", "is a " + kind + " in a file of " + task.kind + "s; give each kind a file of its own");
        if (kind == "choice") add_choice_row(task, line, reading);
        else add_pair_row(task, line, reading);
    }
    if (task.rows.empty()) throw bad_input(file.string(), "", "holds no rows; a task has one JSON object a line, {\"question\", \"choices\", \"label\"} or {\"sentence_good\", \"sentence_bad\"}");
    task.definition = task.kind == "choice" ? "zero-shot, \"Question: …\\nAnswer:\" and the choice behind a space, no BOS; per byte: ln p / UTF-8 bytes of the choice"
                      : reading.bos >= 0    ? "both sentences whole, BOS before each; right where the good one is more likely"
                                            : "both sentences whole, no BOS, the first token not scored; right where the good one is more likely";
    return task;
}

TaskOutcome outcome_of(const TaskRow& row, std::vector<double> log_probabilities)
{
    TaskOutcome outcome;
    outcome.label = row.label;
    outcome.predicted = largest(log_probabilities);
    std::vector<double> per_byte;
    for (std::size_t i = 0; i < log_probabilities.size(); ++i) per_byte.push_back(log_probabilities[i] / static_cast<double>(row.bytes[i]));
    outcome.predicted_norm = largest(per_byte);
    outcome.log_probabilities = std::move(log_probabilities);
    return outcome;
}

std::vector<fs::path> task_files(const std::vector<std::string>& given)
{
    std::vector<fs::path> files;
    for (const auto& name : given) {
        if (!fs::is_directory(name)) {
            files.emplace_back(name);
            continue;
        }
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(name))
            if (entry.path().extension() == ".jsonl") found.push_back(entry.path());
        if (found.empty()) throw bad_input(name, "", "holds no task; tasks are files that end in .jsonl");
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

}  // namespace bitwright
