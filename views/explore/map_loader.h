// SPDX-License-Identifier: GPL-3.0-or-later
// Gets the map that the bar asks for: statistics are there, weights are read one after the other on the interactive lane, so that previews pass between them.
// Where the same windows were also calibrated after the recipe's transforms, what is shown after them comes from there.
// Invariants: the newest request wins; weights once read are kept until model or transforms change; cancelled weights stay "not read yet".
// Threading: UI thread; work on the interactive lane.
#pragma once

#include "views/desk/desk.h"
#include "views/explore/site_map.h"

#include <QElapsedTimer>
#include <QObject>

namespace bitwright::views {

class MapLoader : public QObject {
    Q_OBJECT
public:
    explicit MapLoader(Desk& desk, QObject* parent = nullptr);

    void load(const MapRequest& request, std::vector<SiteId> rows);
    void cancel();  ///< stops reading weights; what was read stays
    [[nodiscard]] bool reading() const noexcept { return reading_; }
    /// Whether what activations are after the recipe's transforms was observed, not only derived.
    [[nodiscard]] bool after_observed() const { return calibrated_after().has_value(); }

Q_SIGNALS:
    void ready(std::shared_ptr<const bitwright::views::SiteMap> map);
    void progressed(int done, int total);  ///< weights; done = total: finished or cancelled
    void failed(const QString& sentence);

private:
    using Kept = std::map<SiteId, std::shared_ptr<const SiteStatistics>>;
    void build();
    void read_next();
    [[nodiscard]] std::optional<CalibrationRow> calibrated_after() const;  ///< the same windows after the recipe's transforms

    Desk& desk_;
    MapRequest request_;
    std::vector<SiteId> rows_;
    Kept weights_, weights_after_;
    std::pair<std::int64_t, std::shared_ptr<const Statistics>> observed_{};  ///< a calibration after transforms that was read: its row
    QElapsedTimer since_build_;
    bool reading_ = false;
};

}  // namespace bitwright::views
