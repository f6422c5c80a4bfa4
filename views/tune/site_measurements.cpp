// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/site_measurements.h"

#include "core/recipe/preview.h"
#include "core/recipe/statistics_under.h"
#include "core/recipe/transforms.h"
#include "core/recipe/weight_tally.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace bitwright::views {
namespace {

constexpr std::chrono::milliseconds batch(25);

QString words(Provenance provenance) { return QString::fromUtf8(in_words(provenance).data(), static_cast<qsizetype>(in_words(provenance).size())); }

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
        if (preview.sqnr_db) out.provenance = words(preview.sqnr_db->from);
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

    /// @return whether anything is different from before.
    bool renew(const Model& model, const Recipe& recipe, const std::shared_ptr<const Statistics>& statistics)
    {
        const auto hash = transforms_hash(recipe.transforms);
        if (made && transforms == hash && semantics == recipe.semantics) return false;
        fault.clear();
        seen = {};
        try {
            seen = StatisticsUnder(model, recipe, statistics);
        } catch (const Error& error) {
            fault = QString::fromUtf8(error.what());
        }
        transforms = hash;
        semantics = recipe.semantics;
        made = true;
        return true;
    }
};

/// A weight that is being read. Its figures hold for every recipe that decides it alike under the same transforms.
struct SiteMeasurements::Weight {
    SiteId site = no_site;
    SiteDecision decision;
    std::string transforms;
    Semantics semantics{};
    MeasuredSite figures;
    std::optional<WeightTally> tally;

    [[nodiscard]] bool is_of(SiteId id, const SiteDecision& wanted, const Source& source) const
    {
        return site == id && transforms == source.transforms && semantics == source.semantics && same_grids(decision, wanted);
    }
};

SiteMeasurements::SiteMeasurements(Desk& desk, SiteTableModel& table, QObject* parent) : QObject(parent), desk_(desk), table_(table) {}
SiteMeasurements::~SiteMeasurements() = default;

void SiteMeasurements::restart()
{
    if (desk_.statistics() != statistics_ || !source_ || (table_.model() && table_.model()->sites != sites_)) {
        statistics_ = desk_.statistics();
        source_ = std::make_shared<Source>();
        sites_ = table_.model() ? table_.model()->sites : nullptr;
        weight_.reset();
        weights_.clear();
        table_.forget_measured();
    }
    if (!table_.model() || !table_.recipe()) return;
    post([this, model = *table_.model(), recipe = table_.recipe(), statistics = statistics_, source = source_](const Control&) -> std::function<void()> {
        const bool renewed = source->renew(model, *recipe, statistics);
        return [this, recipe, source, renewed] {
            if (source != source_ || recipe != table_.recipe()) return;  // restart() came in between
            if (renewed) table_.forget_measured();
            next();
        };
    });
}

/// One batch at a time; a newer one supersedes what waits or runs.
void SiteMeasurements::post(Lane::Work work) { desk_.lanes().interactive.post(this, QStringLiteral("tune.measure"), std::move(work), [this](const QString& sentence) { desk_.fail(sentence); }); }

void SiteMeasurements::next()
{
    std::vector<SiteId> activations, weights;
    for (const SiteId id : table_.unmeasured()) {
        if ((*table_.model()->sites)[id].kind == SiteKind::weight) {
            weights.push_back(id);
        } else if (statistics_) {
            activations.push_back(id);
        } else {
            MeasuredSite none;
            none.known = true;
            none.reason = tr("Nothing calibrated yet");
            table_.set_measured(id, none);
        }
    }
    if (!activations.empty()) return measure(std::move(activations));
    for (const SiteId id : weights) {
        const auto& decision = table_.recipe()->sites.at((*table_.model()->sites)[id].name);
        const auto known = std::ranges::find_if(weights_, [&](const auto& weight) { return weight->is_of(id, decision, *source_); });
        if (known == weights_.end()) return read(id, decision);
        table_.set_measured(id, (*known)->figures);
        Q_EMIT progressed();
    }
}

void SiteMeasurements::measure(std::vector<SiteId> activations)
{
    post([this, model = *table_.model(), recipe = table_.recipe(), source = source_, sites = std::move(activations)](const Control& control) -> Lane::Continuation {
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
        return [this, recipe, source, done = std::move(done)] {
            if (source != source_ || recipe != table_.recipe()) return;
            for (const auto& [id, figures] : done) table_.set_measured(id, figures);
            Q_EMIT progressed();
            next();
        };
    });
}

void SiteMeasurements::read(SiteId id, const SiteDecision& decision)
{
    if (!weight_ || !weight_->is_of(id, decision, *source_)) {
        weight_ = std::make_shared<Weight>();
        weight_->site = id;
        weight_->decision = decision;
        weight_->transforms = source_->transforms;
        weight_->semantics = source_->semantics;
        weight_->figures.known = true;
    }
    post([this, model = *table_.model(), recipe = table_.recipe(), source = source_, weight = weight_](const Control& control) -> Lane::Continuation {
        bool more = true;
        const bool fixed = fixes_codes(*recipe, (*model.sites)[weight->site].name);
        if (fixed) {
            weight->figures.reason = tr("The recipe fixes its codes; what they do is in the error of the layer");
            more = false;
        }
        try {
            if (more && !weight->tally) weight->tally.emplace(model, recipe, weight->site);
            const auto until = std::chrono::steady_clock::now() + batch;
            while (more && std::chrono::steady_clock::now() < until) more = weight->tally->step(control);
            if (!more && !fixed) {
                const auto preview = weight->tally->result();
                const auto value = [](const std::optional<SiteFigure>& figure) { return figure ? std::optional(figure->value) : std::nullopt; };
                weight->figures.saturation = value(preview.saturation());
                weight->figures.zeros = value(preview.zeros);
                weight->figures.sqnr_db = value(preview.sqnr_db);
                weight->figures.cosine = value(preview.cosine);
                weight->figures.provenance = words(Provenance::values);
                if (!preview.sqnr_db) weight->figures.reason = tr("All its values are 0");
            }
        } catch (const Error& error) {
            weight->figures.reason = QString::fromUtf8(error.what());
            more = false;
        }
        return [this, source, weight, more] {
            if (source != source_ || weight != weight_) return;
            if (!more) {
                weight->tally.reset();
                weights_.push_back(std::exchange(weight_, nullptr));
                const std::size_t most = 4 * table_.model()->sites->sites().size();  // some recipes back and forth
                if (weights_.size() > most) weights_.erase(weights_.begin(), weights_.begin() + static_cast<std::ptrdiff_t>(most / 4));
            }
            next();
        };
    });
}

}  // namespace bitwright::views
