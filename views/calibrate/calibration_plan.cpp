// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/calibrate/calibration_plan.h"

#include "core/checkpoint/tokenizer.h"
#include "core/statistics/calibration.h"
#include "core/workspace/jobs.h"
#include "core/workspace/models.h"
#include "core/workspace/results.h"
#include "views/desk/formats.h"

#include <QCoreApplication>
#include <QDateTime>

#include <algorithm>
#include <map>

namespace bitwright::views {
namespace {

QString text(const char* words) { return QCoreApplication::translate("Calibrate", words); }

/// Warnings about what these windows and this text have in common with what was evaluated.
void warn_of_overlap(const CalibrationRequest& request, const TokenWindows& windows, const Workspace& workspace, QStringList& warnings)
{
    const auto hash = windows.hash();
    const auto own_text = request.from_ids ? std::nullopt : find_text(workspace, request.text.toStdString());
    for (const auto& row : list_evaluations(workspace)) {
        if (row.token_hash == hash) {
            warnings << text("evaluation:%1 scored exactly these windows: a perplexity on them would flatter every recipe. Choose another text or seed.").arg(row.id);
            return;
        }
        if (own_text && row.text == own_text) {
            warnings << text("evaluation:%1 scored this very text: calibrate on another one, or its perplexity flatters the recipe.").arg(row.id);
            return;
        }
    }
}

}  // namespace

QStringList CalibrationRequest::arguments(const QString& model, const QString& workspace) const
{
    QStringList list{QStringLiteral("calibrate"), model};
    if (from_ids) {
        list << QStringLiteral("--ids") << ids;
    } else {
        list << QStringLiteral("--text") << this->text << QStringLiteral("--samples") << QString::number(samples) << QStringLiteral("--length") << QString::number(length)
             << QStringLiteral("--special") << special;
    }
    list << QStringLiteral("--seed") << QString::number(seed);
    if (held_out_percent > 0) list << QStringLiteral("--holdout-share") << QString::number(held_out_percent);
    if (recipe) list << QStringLiteral("--recipe") << QStringLiteral("recipe:%1").arg(*recipe);
    return list << QStringLiteral("-w") << workspace;
}

CalibrationPlan plan_calibration(const CalibrationRequest& request, const Model& model, std::optional<std::int64_t> model_row, const Recipe* recipe, const Workspace& workspace,
                                 const Control& control)
{
    CalibrationPlan plan;
    WindowSplit split;
    const double share = request.held_out_percent / 100.0;
    if (request.from_ids) {
        split = hold_out_last(load_windows(request.ids.toStdString(), model.architecture().vocab), share);
    } else {
        const auto& checkpoint = *model.checkpoint;
        if (!checkpoint.has_tokenizer()) throw bad_input(checkpoint.folder().string(), "tokenizer.json", "is not there; give token ids instead of text");
        const auto tokenizer = Tokenizer::open(checkpoint.tokenizer_path());
        const auto whole = stream_windows(*tokenizer, request.text.toStdString(), 1);
        plan.text_tokens = whole.count;
        control.check();
        split = sample_apart(*tokenizer, request.text.toStdString(), request.samples, request.length, request.seed, request.special.toStdString(), share);
    }
    control.check();
    const TokenWindows& windows = split.observed;
    if (split.held_out) plan.held_out = split.held_out->count;
    plan.windows = windows.count;
    plan.length = windows.length;
    const auto context = model.architecture().max_positions;
    if (context > 0 && windows.length > context)
        plan.warnings << text("Windows of %1 tokens exceed the model's context of %2: positions it was never trained on would set the ranges.").arg(count(windows.length), count(context));
    if (plan.text_tokens && plan.tokens() > *plan.text_tokens)
        plan.warnings << text("The text has %1 tokens: windows will overlap one another.").arg(count(*plan.text_tokens));
    warn_of_overlap(request, windows, workspace, plan.warnings);
    CalibrateOptions options;
    if (recipe) options.semantics = recipe->semantics;
    if (split.held_out) options.held_out = split.held_out->hash();
    if (const auto same = find_calibration(workspace, calibration_header(model, recipe, windows, options).key())) plan.done = same->id;
    if (model_row && !plan.done)
        if (const auto speed = calibration_seconds_per_token(workspace, *model_row)) plan.seconds = *speed * static_cast<double>(plan.tokens());
    return plan;
}

std::optional<double> calibration_seconds_per_token(const Workspace& workspace, std::int64_t model)
{
    std::map<std::string, std::int64_t> tokens;
    for (const auto& row : list_calibrations(workspace))
        if (row.model == model) tokens[to_string(Reference{"calibration", row.id})] = row.windows * row.length;
    std::vector<double> speeds;
    for (const auto& job : list_jobs(workspace)) {
        if (job.kind != "calibrate" || job.state != JobState::done || !job.result || !job.finish) continue;
        const auto found = tokens.find(*job.result);
        if (found == tokens.end() || found->second == 0) continue;
        const auto start = QDateTime::fromString(QString::fromStdString(job.start), Qt::ISODateWithMs), finish = QDateTime::fromString(QString::fromStdString(*job.finish), Qt::ISODateWithMs);
        if (!start.isValid() || !finish.isValid()) continue;
        speeds.push_back(static_cast<double>(start.msecsTo(finish)) / 1000 / static_cast<double>(found->second));
        if (speeds.size() == 5) break;
    }
    if (speeds.empty()) return std::nullopt;
    std::ranges::sort(speeds);
    return speeds[speeds.size() / 2];
}

}  // namespace bitwright::views
