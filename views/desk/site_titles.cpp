// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/site_titles.h"

#include "core/runtime/error.h"

#include <QCoreApplication>
#include <QRegularExpression>

#include <algorithm>
#include <array>

namespace bitwright::views {
namespace {

QString text(const char* name) { return QCoreApplication::translate("Site", name); }

const char* name_of(SiteRole role)
{
    using enum SiteRole;
    switch (role) {
        case embedding_weight: return QT_TRANSLATE_NOOP("Site", "embedding weight");
        case position_weight: return QT_TRANSLATE_NOOP("Site", "position weight");
        case embedding_norm_input: return QT_TRANSLATE_NOOP("Site", "embedding norm input");
        case embedding_norm_weight: return QT_TRANSLATE_NOOP("Site", "embedding norm weight");
        case embedding_norm_output: return QT_TRANSLATE_NOOP("Site", "embedding norm output");
        case project_in_weight: return QT_TRANSLATE_NOOP("Site", "project_in weight");
        case project_in_output: return QT_TRANSLATE_NOOP("Site", "project_in output");
        case residual_embedding: return QT_TRANSLATE_NOOP("Site", "residual after embedding");
        case attention_norm_input: return QT_TRANSLATE_NOOP("Site", "attention norm input");
        case attention_norm_weight: return QT_TRANSLATE_NOOP("Site", "attention norm weight");
        case attention_norm_output: return QT_TRANSLATE_NOOP("Site", "qkv input");
        case q_weight: return QT_TRANSLATE_NOOP("Site", "q_proj weight");
        case q_output: return QT_TRANSLATE_NOOP("Site", "q_proj output");
        case k_weight: return QT_TRANSLATE_NOOP("Site", "k_proj weight");
        case k_output: return QT_TRANSLATE_NOOP("Site", "k_proj output");
        case v_weight: return QT_TRANSLATE_NOOP("Site", "v_proj weight");
        case v_output: return QT_TRANSLATE_NOOP("Site", "v_proj output");
        case q_norm_input: return QT_TRANSLATE_NOOP("Site", "q norm input");
        case q_norm_weight: return QT_TRANSLATE_NOOP("Site", "q norm weight");
        case q_norm_output: return QT_TRANSLATE_NOOP("Site", "q norm output");
        case k_norm_input: return QT_TRANSLATE_NOOP("Site", "k norm input");
        case k_norm_weight: return QT_TRANSLATE_NOOP("Site", "k norm weight");
        case k_norm_output: return QT_TRANSLATE_NOOP("Site", "k norm output");
        case qk_input: return QT_TRANSLATE_NOOP("Site", "q after RoPE");
        case qk_input2: return QT_TRANSLATE_NOOP("Site", "k after RoPE");
        case qk_output: return QT_TRANSLATE_NOOP("Site", "q·k scores");
        case pv_input: return QT_TRANSLATE_NOOP("Site", "attention probabilities");
        case pv_input2: return QT_TRANSLATE_NOOP("Site", "v, repeated");
        case pv_output: return QT_TRANSLATE_NOOP("Site", "o_proj input");
        case o_weight: return QT_TRANSLATE_NOOP("Site", "o_proj weight");
        case o_output: return QT_TRANSLATE_NOOP("Site", "o_proj output");
        case attention_branch_norm_input: return QT_TRANSLATE_NOOP("Site", "attention branch norm input");
        case attention_branch_norm_weight: return QT_TRANSLATE_NOOP("Site", "attention branch norm weight");
        case attention_branch_norm_output: return QT_TRANSLATE_NOOP("Site", "attention branch norm output");
        case residual_attention: return QT_TRANSLATE_NOOP("Site", "residual after attention");
        case mlp_norm_input: return QT_TRANSLATE_NOOP("Site", "MLP norm input");
        case mlp_norm_weight: return QT_TRANSLATE_NOOP("Site", "MLP norm weight");
        case mlp_norm_output: return QT_TRANSLATE_NOOP("Site", "MLP input");
        case gate_weight: return QT_TRANSLATE_NOOP("Site", "gate_proj weight");
        case gate_output: return QT_TRANSLATE_NOOP("Site", "gate_proj output");
        case up_weight: return QT_TRANSLATE_NOOP("Site", "up_proj weight");
        case up_output: return QT_TRANSLATE_NOOP("Site", "up_proj output");
        case activation_sigmoid: return QT_TRANSLATE_NOOP("Site", "sigmoid of SiLU");
        case activation_output: return QT_TRANSLATE_NOOP("Site", "activation output");
        case down_input: return QT_TRANSLATE_NOOP("Site", "down_proj input");
        case down_weight: return QT_TRANSLATE_NOOP("Site", "down_proj weight");
        case down_output: return QT_TRANSLATE_NOOP("Site", "down_proj output");
        case mlp_branch_norm_input: return QT_TRANSLATE_NOOP("Site", "MLP branch norm input");
        case mlp_branch_norm_weight: return QT_TRANSLATE_NOOP("Site", "MLP branch norm weight");
        case mlp_branch_norm_output: return QT_TRANSLATE_NOOP("Site", "MLP branch norm output");
        case residual_mlp: return QT_TRANSLATE_NOOP("Site", "residual after MLP");
        case final_norm_input: return QT_TRANSLATE_NOOP("Site", "final norm input");
        case final_norm_weight: return QT_TRANSLATE_NOOP("Site", "final norm weight");
        case final_norm_output: return QT_TRANSLATE_NOOP("Site", "lm_head input");
        case project_out_weight: return QT_TRANSLATE_NOOP("Site", "project_out weight");
        case project_out_output: return QT_TRANSLATE_NOOP("Site", "project_out output");
        case lm_head_weight: return QT_TRANSLATE_NOOP("Site", "lm_head weight");
        case lm_head_output: return QT_TRANSLATE_NOOP("Site", "logits");
    }
    return "";
}

/// Lower is earlier in site_groups().
int rank_of(const SiteGroup& group)
{
    using enum SiteRole;
    static constexpr std::array first{down_input, attention_norm_output, mlp_norm_output, pv_output};
    const auto found = std::ranges::find(first, group.role);
    if (found != first.end()) return static_cast<int>(found - first.begin());
    return (group.kind == SiteKind::weight ? 1000 : 100) + static_cast<int>(group.role);
}

}  // namespace

QString role_title(SiteRole role) { return text(name_of(role)); }

QString site_title(const Site& site)
{
    return site.layer < 0 ? role_title(site.role) : QCoreApplication::translate("Site", "Layer %1 · %2").arg(site.layer).arg(role_title(site.role));
}

QString layer_title(const Site& site) { return site.layer < 0 ? QCoreApplication::translate("Site", "model") : QCoreApplication::translate("Site", "layer %1").arg(site.layer); }

std::vector<SiteGroup> site_groups(const SiteCatalogue& catalogue)
{
    std::vector<SiteGroup> groups;
    for (const Site& site : catalogue.sites()) {
        auto group = std::ranges::find(groups, site.role, &SiteGroup::role);
        if (group == groups.end()) group = groups.insert(groups.end(), {site.role, site.kind, {}});
        group->sites.push_back(site.id);
    }
    for (auto& group : groups) std::ranges::sort(group.sites, {}, [&](SiteId id) { return catalogue[id].layer; });
    std::ranges::stable_sort(groups, {}, rank_of);
    return groups;
}

QString group_pattern(const SiteCatalogue& catalogue, const SiteGroup& group)
{
    const QString first = QString::fromStdString(catalogue[group.sites.front()].name);
    if (group.sites.size() == 1) return first;
    static const QRegularExpression layer(QStringLiteral("^layers\\.\\d+\\."));
    QString pattern = first;
    pattern.replace(layer, QStringLiteral("layers.*."));
    auto matched = catalogue.match(pattern.toStdString());
    auto wanted = group.sites;
    std::ranges::sort(matched);
    std::ranges::sort(wanted);
    if (matched == wanted) return pattern;
    QStringList names;
    for (const SiteId id : group.sites) names.append(QString::fromStdString(catalogue[id].name));
    return QLatin1Char('{') + names.join(QLatin1Char(',')) + QLatin1Char('}');
}

}  // namespace bitwright::views
