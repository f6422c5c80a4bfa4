// SPDX-License-Identifier: GPL-3.0-or-later
// What the page of Tune knows beyond single decisions: the NPU that limits them, and the window on sensitivity, bits and convergence.
#include "views/tune/insight_window.h"
#include "views/tune/lint_panel.h"
#include "views/tune/site_table_view.h"
#include "views/tune/tune_page.h"

#include <QComboBox>

#include <algorithm>

namespace bitwright::views {

void TunePage::add_insight()
{
    npu_->addItem(tr("any NPU"), QString());
    for (const auto& profile : npu_profiles()) npu_->addItem(QString::fromStdString(profile.title), QString::fromStdString(profile.name));
    npu_->setAccessibleName(tr("NPU that limits what can be chosen"));
    npu_->setToolTip(tr("Only what this NPU takes is offered; what the recipe has beside it is listed below the table"));
    connect(npu_, &QComboBox::currentIndexChanged, this, [this] {
        const auto name = npu_->currentData().toString();
        const auto npu = name.isEmpty() ? nullptr : std::make_shared<const NpuProfile>(find_npu_profile(name.toStdString()));
        sites_->set_npu(npu);
        lints_->set_npu(npu);
    });
    auto& actions = desk_.actions();
    const QString group = tr("Tune");
    actions.add(QStringLiteral("tune.insight"), group, tr("Insight: sensitivity, bits under a budget, range convergence"), QKeySequence(QStringLiteral("Ctrl+I")), [this] {
        insight().refresh();
        insight().show();
        insight().raise();
    }, this);
    actions.add(QStringLiteral("tune.sensitivity"), group, tr("Measure sensitivity of every site"), {}, [this] { insight().measure_sensitivity(QStringLiteral("site")); }, this);
}

InsightWindow& TunePage::insight()
{
    if (insight_) return *insight_;
    insight_ = new InsightWindow(desk_, [this]() -> QStringList {
        auto texts = evaluations_.calibrated_on + evaluations_.texts(desk_.model_folder());
        if (texts.isEmpty() || !desk_.model()) return {};
        const auto longest = desk_.model()->architecture().max_positions;
        return {QStringLiteral("--text"), texts.front(), QStringLiteral("--samples"), QStringLiteral("8"), QStringLiteral("--length"), QString::number(longest > 0 ? std::min<std::int64_t>(longest, 128) : 128),
                QStringLiteral("--seed"), QStringLiteral("0")};
    }, this);
    return *insight_;
}

}  // namespace bitwright::views
