// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/map_loader.h"

#include "core/recipe/transforms.h"
#include "core/recipe/weight_statistics.h"

#include <algorithm>

namespace bitwright::views {

MapLoader::MapLoader(Desk& desk, QObject* parent) : QObject(parent), desk_(desk)
{
    connect(&desk, &Desk::model_changed, this, [this] {
        reading_ = false;
        rows_.clear();
        weights_.clear();
        weights_after_.clear();
        observed_ = {};
    });
    connect(&desk, &Desk::recipe_changed, this, [this] { weights_after_.clear(); });
}

void MapLoader::load(const MapRequest& request, std::vector<SiteId> rows)
{
    if (!desk_.model()) return;
    request_ = request;
    rows_ = std::move(rows);
    build();
    if (!reading_) read_next();
}

void MapLoader::cancel()
{
    if (!reading_) return;
    reading_ = false;
    desk_.lanes().interactive.post(this, QStringLiteral("explore.weight"), [](const Control&) -> Lane::Continuation { return {}; });  // the newest wins
    Q_EMIT progressed(1, 1);
    build();
}

std::optional<CalibrationRow> MapLoader::calibrated_after() const
{
    const auto& shown = desk_.calibration();
    if (!shown || !shown->transforms.empty() || !desk_.recipe() || desk_.recipe()->transforms.empty()) return std::nullopt;
    const auto hash = transforms_hash(desk_.recipe()->transforms);
    const auto found = std::ranges::find_if(desk_.calibrations(), [&](const CalibrationRow& row) { return row.transforms == hash && row.token_hash == shown->token_hash; });
    return found == desk_.calibrations().end() ? std::nullopt : std::optional(*found);
}

void MapLoader::build()
{
    since_build_.start();
    MapSources sources{*desk_.model(), desk_.statistics(), desk_.recipe(), {}, weights_, weights_after_};
    const auto row = request_.transforms == MapTransforms::before ? std::nullopt : calibrated_after();
    if (row && row->id == observed_.first) sources.observed_after = observed_.second;
    desk_.lanes().interactive.post(this, QStringLiteral("explore.map"), [this, sources, row, workspace = desk_.workspace(), request = request_, rows = rows_](const Control& control) mutable -> Lane::Continuation {
        if (row && !sources.observed_after) sources.observed_after = std::make_shared<const Statistics>(load_calibration_statistics(*workspace, *row));
        auto map = std::make_shared<const SiteMap>(make_site_map(sources, request, rows, control));
        return [this, row, workspace, observed = sources.observed_after, map = std::move(map)] {
            if (row && workspace == desk_.workspace()) observed_ = {row->id, observed};
            Q_EMIT ready(map);
        };
    }, [this](const QString& sentence) { Q_EMIT failed(sentence); });
}

void MapLoader::read_next()
{
    const auto& model = *desk_.model();
    std::vector<std::pair<SiteId, bool>> missing;  // site, after transforms
    int wanted = 0;
    for (const SiteId id : rows_) {
        if (model.sites->sites().size() <= static_cast<std::size_t>(id) || (*model.sites)[id].kind != SiteKind::weight) continue;
        for (const bool after : {false, true}) {
            if (after ? request_.transforms == MapTransforms::before || !desk_.recipe() : request_.transforms == MapTransforms::after) continue;
            ++wanted;
            if (!(after ? weights_after_ : weights_).contains(id)) missing.emplace_back(id, after);
        }
    }
    const int total = std::max(wanted, 1);
    const bool was_reading = reading_;
    reading_ = !missing.empty();
    if (!reading_) {
        if (was_reading) {
            Q_EMIT progressed(total, total);
            build();
        }
        return;
    }
    Q_EMIT progressed(total - static_cast<int>(missing.size()), total);
    if (was_reading && since_build_.elapsed() > 200) build();
    const auto [id, after] = missing.front();
    desk_.lanes().interactive.post(
        this, QStringLiteral("explore.weight"),
        [this, model, recipe = after ? desk_.recipe() : nullptr, id, after](const Control& control) -> Lane::Continuation {
            auto statistics = std::make_shared<const SiteStatistics>(weight_statistics(model, recipe.get(), id, {}, control));
            return [this, sites = model.sites, recipe, id, after, statistics = std::move(statistics)] {
                if (!reading_ || !desk_.model() || desk_.model()->sites != sites) return;
                if (!after)
                    weights_[id] = statistics;
                else if (recipe == desk_.recipe())
                    weights_after_[id] = statistics;
                read_next();
            };
        },
        [this](const QString& sentence) {
            reading_ = false;
            Q_EMIT progressed(1, 1);
            Q_EMIT failed(sentence);
        });
}

}  // namespace bitwright::views
