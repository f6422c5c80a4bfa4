// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluations and layer errors, and the conditions every result references.
// Threading: as Workspace.
#pragma once

#include "core/runtime/agreement.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// Under which circumstances something was run. What nobody measured is absent.
struct Conditions {
    std::string device_kind = "local";  ///< "local", "phone", "simulated": an emulated phone, whose times say nothing
    std::string device_identity;        ///< of a phone (device_runs.h); "" for this computer
    std::string device_name, device_facts = "{}";  ///< facts: JSON (CPU name, cores, memory …)
    std::string program, backend;
    std::optional<std::int64_t> threads, seed;
    std::optional<double> load_average, temperature_c;
    std::optional<std::string> governor, power_source;
};
std::int64_t put_conditions(Workspace& workspace, const Conditions& conditions);
[[nodiscard]] Conditions get_conditions(const Workspace& workspace, std::int64_t id);

/// How far an evaluation's distributions are from the float model's, over all scored positions.
struct AgreementRow {
    double kl_sum = 0;                ///< Σ KL(float‖this), natural logarithm
    std::int64_t same_top = 0;        ///< positions with the same most likely token
    std::vector<Agreement> windows;  ///< read back by get_evaluation only
};

struct EvaluationRow {
    std::int64_t id = 0;
    std::string level;                     ///< "float", "simulated", "integer"
    std::optional<std::string> placement;  ///< "paper", "full"; simulated only
    std::optional<std::int64_t> model, recipe, package, text;
    std::int64_t conditions = 0;
    std::string definition, token_hash, created;
    std::int64_t windows = 0, tokens = 0;
    double nll_sum = 0;
    std::optional<std::int64_t> words;  ///< of the text; absent: ids were given
    bool whole_text = false;            ///< every id of the text was scored
    std::vector<std::string> tags;      ///< these three: marks.h changes them
    std::optional<std::string> note;
    bool archived = false;
    std::vector<double> window_nll;  ///< read back by get_evaluation only
    std::optional<AgreementRow> agreement;  ///< absent: not computed
};
/// Stores the evaluation with its window NLL, and ends `job` as done with it, in one transaction. @return id
std::int64_t put_evaluation(Workspace& workspace, const EvaluationRow& row, std::optional<std::int64_t> job);
[[nodiscard]] EvaluationRow get_evaluation(const Workspace& workspace, std::int64_t id);
/// Newest first, without window NLL; archived ones only when asked.
[[nodiscard]] std::vector<EvaluationRow> list_evaluations(const Workspace& workspace, bool archived = false);
/// The newest evaluation of the same thing on the same ids under the same definition that is not archived.
[[nodiscard]] std::optional<EvaluationRow> find_evaluation(const Workspace& workspace, const EvaluationRow& like);

/// exp(nll_sum / tokens).
[[nodiscard]] double perplexity_token(const EvaluationRow& row);
/// exp(nll_sum / words), where the whole text was scored.
[[nodiscard]] std::optional<double> perplexity_word(const EvaluationRow& row);

/// Mean KL(float‖this) per scored token, and the share of them with the same most likely token.
[[nodiscard]] std::optional<double> kl_per_token(const EvaluationRow& row);
[[nodiscard]] std::optional<double> top1_agreement(const EvaluationRow& row);

struct LayerErrorRow {
    std::int64_t layer = 0;
    std::optional<double> sqnr_db, cosine, introduced_sqnr_db;  ///< absent: no error at all
};
void put_layer_errors(Workspace& workspace, std::int64_t recipe, std::int64_t model, const std::string& placement, const std::string& token_hash,
                      std::int64_t conditions, const std::vector<LayerErrorRow>& layers);
/// By layer; empty when never computed. `token_hash` "": of the newest computation.
[[nodiscard]] std::vector<LayerErrorRow> get_layer_errors(const Workspace& workspace, std::int64_t recipe, const std::string& placement,
                                                          const std::string& token_hash);

}  // namespace bitwright
