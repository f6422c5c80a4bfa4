// SPDX-License-Identifier: GPL-3.0-or-later
// The whole loop: calibrate → recipes → simulated level → package → integer level → measurement. Every stage is a job of its own whose result is found again,
// so a killed loop goes on with the stage it was in, and inside it from its checkpoint. Threading: one job at a time.
#pragma once

#include "app/jobs/evaluate_job.h"
#include "app/jobs/job.h"
#include "app/jobs/opened_model.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct BitWidths {
    int weights = 8, activations = 8;
};
/// "W4A8". Throws Error (usage).
[[nodiscard]] BitWidths parse_bits(const std::string& text);
[[nodiscard]] std::string to_string(const BitWidths& bits);

/// The methods that are compared by default.
[[nodiscard]] const std::vector<std::string>& usual_methods();

/// One method with its options, under the name its recipes get (with the bits behind it).
struct LoopArm {
    std::string name, method;
    std::map<std::string, std::string> options;
};
/// The methods as they are.
[[nodiscard]] std::vector<LoopArm> arms_of(const std::vector<std::string>& methods);
/// What MobileQuant's paper takes apart (Tables 1 to 3): each of its three ingredients alone and together, end to end and block by block, with and without the
/// scales from up to down, from one start.
[[nodiscard]] std::vector<LoopArm> ablation_arms();

struct LoopRequest {
    TokenWindows windows;
    std::optional<std::filesystem::path> text;
    ScoringWindows scoring;
    std::vector<LoopArm> arms;
    std::vector<BitWidths> bits;
    std::int64_t steps = 0;  ///< of methods that optimize
    std::uint64_t seed = 0;
    bool integer = true;     ///< also export, evaluate as integers and measure
    int threads = 1;                                              ///< of the integer engine
    std::int64_t error_windows = 2;                               ///< windows for error per layer
    std::int64_t prompt_tokens = 128, generate = 64, repeats = 5;  ///< of the measurement
};
struct LoopOutcome {
    std::vector<std::int64_t> recipes;
    std::vector<std::string> notes;  ///< what could not be done, and why
};
[[nodiscard]] LoopOutcome run_loop(JobEnvironment& environment, OpenedModel& model, const LoopRequest& request);

}  // namespace bitwright
