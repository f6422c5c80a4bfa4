// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/same_windows.h"

#include "core/workspace/models.h"
#include "core/workspace/recipes.h"

#include <QRegularExpression>

namespace bitwright::views {

std::optional<QStringList> same_windows(const Workspace& workspace, const EvaluationRow& evaluation)
{
    if (!evaluation.text) return std::nullopt;
    static const QRegularExpression length(QStringLiteral("(?:windows of|length) (\\d+)"));
    const auto definition = QString::fromStdString(evaluation.definition);
    const auto match = length.match(definition);
    if (!match.hasMatch()) return std::nullopt;
    QStringList options{QStringLiteral("--text"), QString::fromStdString(get_text(workspace, *evaluation.text).path), QStringLiteral("--length"), match.captured(1)};
    if (definition.startsWith(QLatin1String("rolling"))) options << QStringLiteral("--rolling");
    if (definition.contains(QLatin1String("one BOS before"))) options << QStringLiteral("--bos") << QStringLiteral("stream");
    if (!evaluation.whole_text) options << QStringLiteral("--windows") << QString::number(evaluation.windows);
    return options;
}

std::optional<QStringList> usual_windows(const Workspace& workspace, std::int64_t model)
{
    std::optional<QStringList> other;
    for (const auto& evaluation : list_evaluations(workspace)) {
        if (evaluation.model != model || (other && evaluation.level != "float")) continue;
        auto options = same_windows(workspace, evaluation);
        if (!options) continue;
        if (evaluation.level == "float") return options;
        other = std::move(options);
    }
    return other;
}

QStringList evaluate_command(const Workspace& workspace, const QString& folder, std::int64_t recipe, const QString& level, std::optional<QStringList> windows)
{
    const auto reference = to_string(Reference{"recipe", recipe});
    if (!windows) {
        const auto row = get_recipe_row(workspace, recipe);
        if (row.model) windows = usual_windows(workspace, *row.model);
    }
    if (!windows) throw bad_input(reference, "", "nothing says on which text to evaluate; evaluate the float model on a text once, then its windows are used");
    return QStringList{QStringLiteral("evaluate"), folder, QStringLiteral("--recipe"), QString::fromStdString(reference), QStringLiteral("--level"), level} + *windows +
           QStringList{QStringLiteral("-w"), QString::fromStdString(workspace.path().string())};
}

}  // namespace bitwright::views
