// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/evaluation_state.h"

#include "core/workspace/jobs.h"
#include "core/workspace/models.h"
#include "core/workspace/probes.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace bitwright::views {
namespace {

QString words(const char* text) { return QCoreApplication::translate("EvaluationState", text); }

/// The arguments of a job with the paths it read made absolute; empty when it is no such job.
QStringList arguments_of(const JobRow& job)
{
    const auto args = nlohmann::json::parse(job.args, nullptr, false);
    if (!args.is_object() || !args.value("argv", nlohmann::json()).is_array()) return {};
    const QDir folder(QString::fromStdString(args.value("folder", std::string("/"))));
    QStringList arguments;
    for (const auto& argument : args["argv"]) {
        if (!argument.is_string()) return {};
        const auto text = QString::fromStdString(argument.get<std::string>());
        const bool path = !arguments.isEmpty() && (arguments.back() == QLatin1String("--text") || arguments.back() == QLatin1String("--ids") || arguments.back() == QLatin1String("--eval"));
        arguments << (path ? QDir::cleanPath(folder.absoluteFilePath(text)) : text);
    }
    return arguments;
}

QString value_after(const QStringList& arguments, const char* option)
{
    const auto at = arguments.indexOf(QLatin1String(option));
    return at >= 0 && at + 1 < arguments.size() ? arguments[at + 1] : QString();
}

/// The evaluation a job ran of a recipe, as a command of its own.
QStringList evaluation_in(const JobRow& job)
{
    auto arguments = arguments_of(job);
    if (arguments.size() < 2) return {};
    arguments.removeAll(QStringLiteral("--json"));
    arguments.removeAll(QStringLiteral("--fresh"));
    if (arguments.front() == QLatin1String("evaluate")) return value_after(arguments, "--recipe").isEmpty() ? QStringList() : arguments;
    if (arguments.front() != QLatin1String("loop") || value_after(arguments, "--eval").isEmpty()) return {};
    return {QStringLiteral("evaluate"), arguments[1], QStringLiteral("--recipe"), QStringLiteral("recipe:0"), QStringLiteral("--level"), QStringLiteral("simulated"),
            QStringLiteral("--text"), value_after(arguments, "--eval"), QStringLiteral("--length"), value_after(arguments, "--length")};
}

}  // namespace

Lineage Lineage::of(const Revisions& revisions)
{
    Lineage lineage;
    for (std::shared_ptr<const Revision> at = revisions.head(); at && lineage.steps.size() < 4000; at = at->parent) lineage.steps.push_back({at->row.id, at->row.hash, at->words});
    return lineage;
}

QString Lineage::changed_since(std::size_t index) const
{
    if (index == 0 || steps[index].hash == steps.front().hash) return {};
    QString text = words("Stale: of recipe:%1; since then").arg(steps[index].id);
    const std::size_t shown = std::min<std::size_t>(index, 5);
    for (std::size_t i = 0; i < shown; ++i) text += QStringLiteral("\n· ") + steps[i].words;
    if (index > shown) text += QLatin1Char('\n') + QCoreApplication::translate("EvaluationState", "and %n edit(s) before", nullptr, static_cast<int>(index - shown));
    return text;
}

EvaluationState EvaluationState::read(const Workspace& workspace, std::int64_t model, const Lineage& lineage)
{
    EvaluationState state;
    const auto place_of = [&](std::int64_t recipe) {  // equal recipes are equal: an undo makes nothing stale
        const auto step = std::ranges::find(lineage.steps, recipe, &Lineage::Step::id);
        auto place = static_cast<std::size_t>(step - lineage.steps.begin());
        if (step == lineage.steps.end()) {
            const auto row = get_recipe_row(workspace, recipe);
            place = !lineage.steps.empty() && row.hash == lineage.steps.front().hash ? 0 : lineage.steps.size();
        }
        return place;
    };
    std::map<std::string, std::size_t> nearest;  // level → how far before the head
    std::map<std::string, KnownPerplexity> found;
    std::map<std::string, std::string> scored;  // level → token hash
    const auto evaluations = list_evaluations(workspace);
    for (const auto& row : evaluations) {
        if (!row.recipe || row.model != model || row.tokens == 0) continue;
        const auto place = place_of(*row.recipe);
        if (place >= lineage.steps.size()) continue;
        const auto known = nearest.find(row.level);
        if (known != nearest.end() && known->second <= place) continue;
        nearest[row.level] = place;
        scored[row.level] = row.token_hash;
        found[row.level] = {std::exp(row.nll_sum / static_cast<double>(row.tokens)), QString::fromStdString(row.level),
                            row.text ? QFileInfo(QString::fromStdString(text_path(workspace, *row.text))).fileName() : words("given ids"),
                            QString::fromStdString(row.definition), lineage.changed_since(place)};
    }
    for (const auto& row : evaluations) {
        if (row.recipe || row.level != "float" || row.model != model || row.tokens == 0) continue;
        if (row.text) state.float_on.emplace_back(QString::fromStdString(text_path(workspace, *row.text)), QString::fromStdString(row.definition));
        const bool same = std::ranges::any_of(scored, [&](const auto& one) { return one.second == row.token_hash; });
        if (same && !state.float_perplexity) state.float_perplexity = perplexity_token(row);
    }
    for (auto& [level, perplexity] : found) state.perplexities.push_back(std::move(perplexity));
    for (std::size_t i = 0; i < lineage.steps.size() && state.errors.layers.empty(); ++i) {
        if (lineage.steps[i].id == 0) continue;
        for (const char* placement : {"paper", "full"}) {
            state.errors.layers = get_layer_errors(workspace, lineage.steps[i].id, placement, "");
            if (!state.errors.layers.empty()) break;
        }
        if (!state.errors.layers.empty()) state.errors.stale = lineage.changed_since(i);
    }
    for (std::size_t i = 0; i < lineage.steps.size() && state.sensitivities.alone.empty(); ++i) {
        const auto known = lineage.steps[i].id == 0 ? std::nullopt : get_sensitivity(workspace, lineage.steps[i].id, "site");
        if (!known) continue;
        state.sensitivities.whole = known->whole;
        state.sensitivities.stale = lineage.changed_since(i);
        for (const auto& row : known->rows)
            if (row.alone) state.sensitivities.alone.emplace(row.group, *row.alone);
    }
    for (const auto& job : list_jobs(workspace)) {
        if (state.last_command.isEmpty() && (job.kind == "evaluate" || job.kind == "loop")) state.last_command = evaluation_in(job);
        if (job.kind == "calibrate")  // one that observes after transforms names no text
            if (const auto text = value_after(arguments_of(job), "--text"); !text.isEmpty()) state.calibrated_on << text;
    }
    return state;
}

QStringList EvaluationState::texts(const QString& model_folder) const
{
    QStringList all;
    for (const auto& file : QDir(model_folder + QStringLiteral("/texts")).entryInfoList({QStringLiteral("*.txt")}, QDir::Files, QDir::Name)) all << file.absoluteFilePath();
    for (const auto& file : calibrated_on)  // a copy of a model has left its texts behind, what it was calibrated on has neighbours
        for (const auto& beside : QFileInfo(file).dir().entryInfoList({QStringLiteral("*eval*.txt")}, QDir::Files, QDir::Name)) all << beside.absoluteFilePath();
    std::ranges::stable_sort(all, {}, [](const QString& file) { return !QFileInfo(file).fileName().contains(QLatin1String("eval")); });
    all << calibrated_on;
    all.removeDuplicates();
    all.removeIf([](const QString& file) { return file.isEmpty() || !QFileInfo::exists(file); });
    return all;
}

QStringList EvaluationState::command_for(std::int64_t recipe, const QString& model_folder, const QString& workspace) const
{
    auto arguments = last_command;
    if (arguments.size() < 2) return {};
    arguments[1] = model_folder;
    const auto set = [&](const QString& option, const QString& value) {
        const auto at = arguments.indexOf(option);
        if (at >= 0 && at + 1 < arguments.size())
            arguments[at + 1] = value;
        else
            arguments << option << value;
    };
    set(QStringLiteral("--recipe"), QStringLiteral("recipe:%1").arg(recipe));
    set(QStringLiteral("--level"), QStringLiteral("simulated"));
    set(arguments.contains(QStringLiteral("--workspace")) ? QStringLiteral("--workspace") : QStringLiteral("-w"), workspace);
    return arguments;
}

QStringList EvaluationState::float_command(const QString& model_folder, const QString& workspace) const
{
    const auto text = value_after(last_command, "--text"), length = value_after(last_command, "--length");
    if (text.isEmpty() || length.isEmpty()) return {};
    const auto windows = QStringLiteral("windows of %1").arg(length);
    if (std::ranges::any_of(float_on, [&](const auto& known) { return known.first == text && known.second.contains(windows); })) return {};
    QStringList command{QStringLiteral("evaluate"), model_folder, QStringLiteral("--level"), QStringLiteral("float"), QStringLiteral("--text"), text, QStringLiteral("--length"), length};
    for (const char* option : {"--windows", "--bos"})
        if (const auto value = value_after(last_command, option); !value.isEmpty()) command << QLatin1String(option) << value;
    if (last_command.contains(QStringLiteral("--rolling"))) command << QStringLiteral("--rolling");
    return command << QStringLiteral("-w") << workspace;
}

}  // namespace bitwright::views
