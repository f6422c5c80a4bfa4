// SPDX-License-Identifier: GPL-3.0-or-later
// One line of Results: an evaluation, a task's score or a run, with the names of what it was measured on. And everything its details pane shows, read when it is selected.
// Threading: read_* on the interactive lane; values.
#pragma once

#include "core/workspace/workspace.h"

#include <QString>
#include <QStringList>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace bitwright::views {

struct ResultRow {
    Reference reference;              ///< run, evaluation or task
    QString name, method;             ///< of the recipe; "float" for the model itself
    QString level;                    ///< float, simulated, integer
    std::optional<double> perplexity;  ///< per token
    std::optional<double> kl;          ///< to the float model, per token
    std::optional<double> accuracy;    ///< of a task: share of right answers
    std::optional<double> prefill, decode, memory;  ///< tokens/s, tokens/s, bytes
    std::optional<std::pair<double, double>> prefill_spread, decode_spread;
    QString measured_on;              ///< "evaluation.txt, 16 windows", "64 + 16 tokens × 3, 2 threads"
    QString device, device_identity;  ///< identity: of a phone; "": this computer
    bool simulated = false;           ///< measured on a phone that is not there: its figures say nothing about hardware
    std::int64_t windows = 0;         ///< 0: a run or a task
    QStringList tags;                 ///< "star" shows as a star
    QString note, created;            ///< created: ISO, UTC
    bool archived = false, aborted = false;
    [[nodiscard]] bool is_run() const noexcept { return reference.kind == "run"; }
    [[nodiscard]] bool starred() const { return tags.contains(QLatin1String("star")); }
    [[nodiscard]] QString id() const { return QString::fromStdString(to_string(reference)); }
};

/// All of them, archived ones too, newest first.
[[nodiscard]] std::vector<ResultRow> read_results(const Workspace& workspace);

/// One value of each repeat, or of each window.
struct ResultSamples {
    QString name, unit;
    std::vector<double> values;
};
struct ResultDetails {
    Reference reference;
    std::vector<std::pair<QString, QString>> conditions, hashes;
    std::vector<ResultSamples> samples;
    QString output;  ///< the runner's JSON lines; "" for evaluations
};
/// Throws Error (bad_input) when it is not there any more.
[[nodiscard]] ResultDetails read_details(const Workspace& workspace, const Reference& reference);

}  // namespace bitwright::views
