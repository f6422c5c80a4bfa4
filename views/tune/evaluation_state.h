// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of the open recipe's quality: its evaluations, or those of the nearest revision before it together with what was changed since; and the
// command that evaluates it again, as it was last run for this model.
// Threading: read() on any thread; the rest are plain values.
#pragma once

#include "core/workspace/results.h"
#include "views/desk/desk.h"
#include "views/tune/site_table_model.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <vector>

namespace bitwright::views {

/// The head and the revisions it came from, newest first.
struct Lineage {
    struct Step {
        std::int64_t id = 0;  ///< 0: not stored yet
        std::string hash;
        QString words;
    };
    std::vector<Step> steps;
    [[nodiscard]] static Lineage of(const Revisions& revisions);
    /// "stale since: …" for results of steps[index]; "" for 0 or an equal hash.
    [[nodiscard]] QString changed_since(std::size_t index) const;
};

struct KnownPerplexity {
    double value = 0;
    QString level, text, definition;
    QString stale;  ///< what made it stale; "": it is the head's
};

struct EvaluationState {
    std::vector<KnownPerplexity> perplexities;  ///< newest of each level
    std::optional<double> float_perplexity;     ///< of the model itself on the same windows
    std::vector<std::pair<QString, QString>> float_on;  ///< text and definition of what the model itself was evaluated on
    KnownLayerErrors errors;
    KnownSensitivities sensitivities;           ///< by site
    QStringList last_command;                   ///< "evaluate", …, with "recipe:…" of then; empty: never evaluated
    QStringList calibrated_on;                  ///< texts of calibrations, newest first
    [[nodiscard]] static EvaluationState read(const Workspace& workspace, std::int64_t model, const Lineage& lineage);
    /// Texts to offer where nothing was evaluated yet: those beside the model, then those calibrated on; only what exists.
    [[nodiscard]] QStringList texts(const QString& model_folder) const;
    /// The model itself on what last_command evaluates; empty where that is known already.
    [[nodiscard]] QStringList float_command(const QString& model_folder, const QString& workspace) const;
    /// last_command for another recipe at the simulated level, in the open workspace and model folder.
    [[nodiscard]] QStringList command_for(std::int64_t recipe, const QString& model_folder, const QString& workspace) const;
};

}  // namespace bitwright::views
