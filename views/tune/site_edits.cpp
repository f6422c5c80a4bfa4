// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_edits.h"

#include "core/recipe/statistics_under.h"

#include <algorithm>

namespace bitwright::views {

void SiteEdits::apply(std::vector<SiteId> sites, Assignments assignments)
{
    if (!desk_.model() || !desk_.recipe() || sites.empty()) return;
    waiting_.push_back({std::move(sites), std::move(assignments)});
    if (waiting_.size() == 1) start();
}

void SiteEdits::apply_pattern(const std::string& pattern, Assignments assignments)
{
    if (!desk_.model()) return;
    try {
        apply(desk_.model()->sites->match(pattern), std::move(assignments));
    } catch (const Error& error) {
        Q_EMIT refused(QString::fromUtf8(error.what()));
    }
}

bool SiteEdits::is_quick(const Edit& edit) const
{
    const auto slow = [](const std::string& key) { return key == "range" || key == "granularity" || key == "dynamic"; };
    if (std::ranges::any_of(edit.assignments, [&](const auto& assignment) { return slow(assignment.first) || assignment.second == "uniform"; })) return false;
    const auto recipe = desk_.recipe();
    return std::ranges::all_of(edit.sites, [&](SiteId id) {
        const auto found = recipe->sites.find((*desk_.model()->sites)[id].name);
        return found == recipe->sites.end() || found->second.range.min || found->second.range.scale || found->second.scheme.kind == SchemeKind::floating;
    });
}

void SiteEdits::start()
{
    const auto recipe = desk_.recipe();
    const auto model = desk_.model();
    if (!recipe || !model) return waiting_.clear();
    const auto edit = waiting_.front();
    const auto refuse = [this](const QString& sentence) {
        Q_EMIT refused(sentence);
        if (!waiting_.empty()) waiting_.pop_front();
        if (!waiting_.empty()) start();
    };
    if (is_quick(edit)) {
        try {
            finish(edit, edit_sites(*recipe, *model, edit.sites, edit.assignments));
        } catch (const Error& error) {
            refuse(QString::fromUtf8(error.what()));
        }
        return;
    }
    desk_.lanes().interactive.post(this, {}, [this, recipe, model = *model, statistics = desk_.statistics(), edit](const Control&) -> Lane::Continuation {
        std::optional<StatisticsUnder> seen;  // made when the first activation asks: it may scale reservoirs
        const Observed observed = [&](const Site& site) {
            if (!seen) seen = StatisticsUnder(model, *recipe, statistics);
            return seen->find(site.name);
        };
        auto next = std::make_shared<Recipe>(edit_sites(*recipe, model, edit.sites, edit.assignments, observed));
        return [this, recipe, edit, next] {
            if (desk_.recipe() != recipe) return start();  // the head moved meanwhile: once more, on what it is now
            finish(edit, std::move(*next));
        };
    }, refuse);
}

void SiteEdits::finish(const Edit& edit, Recipe next)
{
    const auto before = desk_.revisions().head();
    desk_.revisions().edit(std::move(next));
    QStringList arguments{QStringLiteral("recipe"), QStringLiteral("set"), QStringLiteral("recipe:%1").arg(before->stored.load()), QStringLiteral("--site"),
                          QString::fromStdString(site_pattern(*desk_.model()->sites, edit.sites))};
    for (const auto& [key, value] : edit.assignments) arguments << QString::fromStdString(key + "=" + value);
    desk_.actions().set_command_line(arguments << QStringLiteral("-w") << desk_.workspace_path());
    Q_EMIT applied();
    waiting_.pop_front();
    if (!waiting_.empty()) start();
}

}  // namespace bitwright::views
