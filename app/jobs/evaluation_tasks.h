// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks with a right answer: multiple choice ({id, question, choices[], label}) and minimal pairs ({sentence_good, sentence_bad}), one JSON object a line, as
// token sequences to be scored. The definition in words goes with every score: an accuracy without it means nothing.
// Threading: pure functions.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/workspace/task_scores.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct TaskRow {
    std::size_t first = 0, choices = 0;  ///< its sequences: first … first + choices − 1
    std::int32_t label = 0;
    std::vector<std::int64_t> bytes;     ///< UTF-8 bytes of each choice
};

struct EvaluationTask {
    std::string name;  ///< of the file: "ARC-Easy"
    std::string kind;  ///< "choice", "pair"
    std::string definition;
    std::vector<TaskRow> rows;
    std::vector<TokenSequence> sequences;
    /// SHA-256 over ids, what is scored, labels and lengths: equal for the same rows read by the same tokenizer.
    [[nodiscard]] std::string row_hash() const;
};

struct TaskReading {
    const Tokenizer& tokenizer;
    std::int32_t bos = -1;           ///< pairs begin with it; −1: the model has none
    std::int64_t context = 0;        ///< positions the model reads; a longer row loses its left end, as lm-eval's do
    std::optional<std::int64_t> limit;  ///< only the first rows
};
/// Multiple choice: context "Question: " + question + "\nAnswer:", each choice behind a space, no BOS; ids = encode(context) + encode(context + choice) from
/// the length of the first on, which are scored (lm-eval's pair encoding). Pairs: BOS + encode(sentence), all ids after BOS scored; good is choice 0.
/// Throws Error (bad_input) naming file and line.
[[nodiscard]] EvaluationTask read_task(const std::filesystem::path& file, const TaskReading& reading);

/// The outcome of a row from the sums of ln p of its sequences: the largest wins, the first of equals.
[[nodiscard]] TaskOutcome outcome_of(const TaskRow& row, std::vector<double> log_probabilities);

/// The files meant: a file as it is; a folder's *.jsonl, sorted. Throws Error (bad_input) where there are none.
[[nodiscard]] std::vector<std::filesystem::path> task_files(const std::vector<std::string>& given);

}  // namespace bitwright
