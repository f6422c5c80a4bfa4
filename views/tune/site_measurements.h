// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the table's figures: saturation and SQNR of every activation under the recipe from the calibration's statistics, then of every weight from all its values,
// in short batches so that previews of other views come between them. A billion weights take seconds in the background.
// Invariant: figures always belong to the recipe and statistics the table shows; those of unchanged sites are kept.
// Threading: UI thread; computes on the interactive lane.
#pragma once

#include "views/desk/desk.h"
#include "views/tune/site_table_model.h"

#include <QObject>

namespace bitwright::views {

class SiteMeasurements : public QObject {
    Q_OBJECT
public:
    SiteMeasurements(Desk& desk, SiteTableModel& table, QObject* parent = nullptr);
    /// The recipe or the statistics changed: what is missing is computed.
    void restart();
    ~SiteMeasurements() override;

Q_SIGNALS:
    void progressed();  ///< some rows got figures

private:
    struct Source;
    struct Weight;
    void post(Lane::Work work);
    void next();
    void measure(std::vector<SiteId> activations);
    void read(SiteId id, const SiteDecision& decision);

    Desk& desk_;
    SiteTableModel& table_;
    std::shared_ptr<const Statistics> statistics_;
    std::shared_ptr<Source> source_;
    std::shared_ptr<const SiteCatalogue> sites_;
    std::shared_ptr<Weight> weight_;                ///< being read
    std::vector<std::shared_ptr<Weight>> weights_;  ///< read
};

}  // namespace bitwright::views
