// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_measurements.h"

#include "core/recipe/preview.h"
#include "core/recipe/statistics_under.h"
#include "core/recipe/transforms.h"

#include <chrono>

namespace bitwright::views {
namespace {

constexpr std::chrono::milliseconds batch(25);

MeasuredSite measured(const SiteStatistics* seen, const Site& site, const SiteDecision& decision, Semantics semantics, const std::string& caveat)
{
    MeasuredSite out;
    out.known = true;
    if (!seen) {
        out.reason = caveat.empty() ? SiteMeasurements::tr("This site was not observed by the calibration")
                                    : SiteMeasurements::tr("Not known: %1, and this site counts other entries there").arg(QString::fromStdString(caveat));
        return out;
    }
    try {
        const auto preview = preview_activation(*seen, site, decision.scheme, decision.range, semantics);
        const auto value = [](const std::optional<SiteFigure>& figure) { return figure ? std::optional(figure->value) : std::nullopt; };
        out.saturation = value(preview.saturation());
        out.zeros = value(preview.zeros);
        out.codes_used = value(preview.codes_used);
        out.sqnr_db = value(preview.sqnr_db);
        out.cosine = value(preview.cosine);
        if (preview.sqnr_db) out.provenance = QString::fromUtf8(in_words(preview.sqnr_db->from).data(), static_cast<qsizetype>(in_words(preview.sqnr_db->from).size()));
        if (!caveat.empty()) out.provenance += QStringLiteral("; ") + QString::fromStdString(caveat);
        if (!preview.sqnr_db) out.reason = SiteMeasurements::tr("Known at run time only");
    } catch (const Error& error) {
        out.reason = QString::fromUtf8(error.what());
    }
    return out;
}

}  // namespace

/// The statistics under the recipe's transforms, made on the lane when the transforms change.
struct SiteMeasurements::Source {
    std::string transforms;
    Semantics semantics{};
    bool made = false;
    StatisticsUnder seen;
    QString fault;
};

SiteMeasurements::SiteMeasurements(Desk& desk, SiteTableModel& table, QObject* parent) : QObject(parent), desk_(desk), table_(table) {}

void SiteMeasurements::restart()
{
    if (desk_.statistics() != statistics_ || !source_) {
        statistics_ = desk_.statistics();
        source_ = std::make_shared<Source>();
        table_.forget_measured();
    }
    next();
}

void SiteMeasurements::next()
{
    if (!table_.model() || !table_.recipe()) return;
    std::vector<SiteId> activations;
    for (const SiteId id : table_.unmeasured()) {
        if ((*table_.model()->sites)[id].kind == SiteKind::activation && statistics_) {
            activations.push_back(id);
            continue;
        }
        MeasuredSite none;
        none.known = true;
        none.reason = statistics_ ? tr("Shown for activations; the inspector measures a weight") : tr("Nothing calibrated yet");
        table_.set_measured(id, none);
    }
    if (activations.empty()) return;
    desk_.lanes().interactive.post(this, QStringLiteral("tune.measure"),
                                   [this, model = *table_.model(), recipe = table_.recipe(), statistics = statistics_, source = source_,
                                    sites = std::move(activations)](const Control& control) -> Lane::Continuation {
        const auto hash = transforms_hash(recipe->transforms);
        const bool renewed = !source->made || source->transforms != hash || source->semantics != recipe->semantics;
        if (renewed) {
            source->fault.clear();
            source->seen = {};
            try {
                source->seen = StatisticsUnder(model, *recipe, statistics);
            } catch (const Error& error) {
                source->fault = QString::fromUtf8(error.what());
            }
            source->transforms = hash;
            source->semantics = recipe->semantics;
            source->made = true;
        }
        std::vector<std::pair<SiteId, MeasuredSite>> done;
        const auto until = std::chrono::steady_clock::now() + batch;
        for (const SiteId id : sites) {
            control.check();
            const Site& site = (*model.sites)[id];
            MeasuredSite one;
            one.known = true;
            one.reason = source->fault;
            done.emplace_back(id, source->fault.isEmpty() ? measured(source->seen.find(site.name), site, recipe->sites.at(site.name), recipe->semantics, source->seen.caveat()) : std::move(one));
            if (std::chrono::steady_clock::now() > until) break;
        }
        return [this, recipe, source, renewed, done = std::move(done)] {
            if (source != source_ || recipe != table_.recipe()) return;  // restart() came in between
            if (renewed) table_.forget_measured();
            for (const auto& [id, figures] : done) table_.set_measured(id, figures);
            Q_EMIT progressed();
            next();
        };
    });
}

}  // namespace bitwright::views
