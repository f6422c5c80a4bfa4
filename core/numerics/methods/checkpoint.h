// SPDX-License-Identifier: GPL-3.0-or-later
// A method's checkpoint: the recipe at step k plus parameters, moments and log, in one safetensors file, written atomically. The file is also a recipe file
// (load_recipe reads the recipe at step k), so it can be inspected, evaluated and forked.
// Internal to bitwright_numerics, without LibTorch.
// Threading: plain values.
#pragma once

#include "core/numerics/methods/optimizer.h"
#include "core/numerics/numerics.h"

#include <string>
#include <vector>

namespace bitwright {

struct MethodCheckpoint {
    struct Parameter {
        std::string name;
        std::vector<float> value;
        Moments moments;
    };
    std::string request;  ///< what the run was asked for (request_key); a checkpoint continues nothing else
    std::int64_t step = 0;
    Recipe start, current;
    std::vector<Parameter> parameters;
    std::vector<StepRecord> log;
    double cpu_seconds = 0;   ///< of the whole run so far
    double step_seconds = 0;  ///< of its steps alone
    std::optional<double> holdout_loss_before;
    std::optional<double> best_loss;       ///< lowest held-out loss of the stage, where the best step is kept
    std::int64_t checks_without_better = 0;
};

/// Model, tokens, bits, options, start and seed as canonical JSON. `options`: with defaults.
[[nodiscard]] std::string request_key(const MethodRequest& request, const std::string& options);

/// Throws Error (failed) when the file cannot be written; the file before stays.
void save_checkpoint(const MethodCheckpoint& checkpoint, const std::filesystem::path& path);
/// Throws Error (bad_input) naming the file when it is damaged or no method checkpoint, or when it belongs to another request.
[[nodiscard]] MethodCheckpoint load_checkpoint(const std::filesystem::path& path, const std::string& request);

}  // namespace bitwright
