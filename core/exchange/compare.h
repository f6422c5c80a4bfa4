// SPDX-License-Identifier: GPL-3.0-or-later
// One line of a comparison, and which of two lines' figures may honestly be set against each other.
// A float row may be the baseline of any level: the difference is then what quantization costs. Otherwise levels must be equal.
// Threading: plain values, pure functions.
#pragma once

#include "core/exchange/bootstrap.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitwright {

/// A measured number, or why there is none. Never 0 for "not measured".
struct Figure {
    std::optional<double> value;
    std::string reason;            ///< shown where value is absent: "the integer level was not run"
    std::vector<double> samples;   ///< what `value` is the median of; empty: it is no measurement of time

    /// Smallest and largest sample, where there are two or more.
    [[nodiscard]] std::optional<std::pair<double, double>> spread() const;
};
/// Whether the samples of both lie apart: otherwise the difference of their medians may be noise. True where one of them has no spread.
[[nodiscard]] bool apart(const Figure& a, const Figure& b);

/// What a row scored on a task.
struct TaskFigure {
    std::string task, definition, row_hash;
    std::int64_t rows = 0, score = 0;               ///< score: row of the workspace, 0: none
    Figure accuracy, accuracy_norm;                 ///< shares of the rows; the second by log-probability per byte, without value for pairs
    std::optional<Interval> interval, interval_norm;  ///< 95 %
    std::optional<PairedDifference> difference, difference_norm;  ///< to the reference row, where it answered the same rows
};

/// Everything a comparison shows and needs to know about one recipe (or the float model) at one level.
struct ComparisonRow {
    std::string name;       ///< what the user called it, or "recipe:14"
    std::string method;     ///< "float", "rtn", "smoothquant-edge", "mobilequant-paper" …
    std::string bits;       ///< "W4A8"; "" for float
    std::string semantics;  ///< "authors", "bitwright"; "" where none; the integer level computes both alike
    std::string level;      ///< "float", "simulated", "integer"
    std::string placement;  ///< "paper", "full"; "" where none
    Figure perplexity_token, perplexity_word;
    Figure kl_token, top1_agreement;  ///< to the float model: mean KL(float‖row), natural logarithm; share of positions with the same most likely token
    Figure bytes;           ///< of the weights as this row stores them: checkpoint or package
    Figure prefill_tokens_per_s, decode_tokens_per_s;
    Figure peak_rss_bytes;
    std::string model_hash;       ///< content hash of the checkpoint
    std::string evaluation_hash;  ///< token hash of what was scored
    std::string definition;       ///< of the perplexity, in words: "stream, no BOS, windows of 512, all but the first token"
    std::string recipe_hash;      ///< "" for float
    std::string package_hash;     ///< "" where none was made
    std::string conditions;       ///< name of one of the report's Conditions, under which speed was measured; "" if it was not
    std::string device;           ///< where speed was measured: "this computer"
    std::string device_kind = "local";  ///< "local", "phone", "simulated"
    std::string device_identity;  ///< which phone, where two have one name; "" for this computer
    std::string offload;          ///< of other runtimes: "CPU", "unverified accelerator", "verified accelerator"; "" for our runner
    std::int64_t threads = 0, prompt_tokens = 0, generated_tokens = 0;  ///< of the speed measurement; 0: none
    std::optional<PairedDifference> perplexity_difference;  ///< per token, to the report's baseline; absent where not comparable or too few windows
    std::optional<PairedDifference> kl_difference;           ///< likewise
    std::vector<TaskFigure> tasks;
    std::int64_t recipe = 0, evaluation = 0, run = 0;       ///< rows of the workspace it was gathered from; 0: none
};

/// Why the two perplexities may not be compared, one sentence each; empty: they may.
[[nodiscard]] std::vector<std::string> perplexity_obstacles(const ComparisonRow& row, const ComparisonRow& baseline);
/// Likewise prefill and decode speed: device (what was emulated never stands beside hardware), accelerators without proof, threads, lengths. Empty also where one of them has no speed at all.
[[nodiscard]] std::vector<std::string> speed_obstacles(const ComparisonRow& row, const ComparisonRow& baseline);

}  // namespace bitwright
