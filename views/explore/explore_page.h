// SPDX-License-Identifier: GPL-3.0-or-later
// Explore: where the large values are. A heatmap of one kind of site over layers, the offenders over a threshold, and the tokens that cause them; its cursor
// is the desk's selection, in both directions.
// Threading: UI thread; matrices are made on the interactive lane.
#pragma once

#include "views/desk/desk.h"
#include "views/desk/page.h"
#include "views/explore/site_map.h"

#include <QRectF>

class QLabel;
class QSortFilterProxyModel;
class QSplitter;
class QStackedWidget;
class QTableView;
class QCheckBox;
class QPushButton;

namespace bitwright::plots {
class HeatmapView;
}

namespace bitwright::views {

class ExploreBar;
class MapLoader;
class MessageLine;
class OffendersModel;
class OffendingTokens;

class ExplorePage : public Page {
    Q_OBJECT
public:
    explicit ExplorePage(Desk& desk, QWidget* parent = nullptr);

    [[nodiscard]] QString id() const override { return QStringLiteral("explore"); }
    [[nodiscard]] QString title() const override { return tr("Explore"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;
    [[nodiscard]] QImage thumbnail() override;

protected:
    void changeEvent(QEvent* event) override;

private:
    void build();
    QWidget* build_maps();
    QWidget* build_offenders();
    void add_actions();
    void connect_map(plots::HeatmapView& view, plots::HeatmapView& other);
    void mark_dirty();
    void update_state();   ///< empty, waiting or content
    void show_empty();
    void request();
    void take(const std::shared_ptr<const SiteMap>& map);
    void show_side(plots::HeatmapView& view, const SiteMatrix& matrix, bool after);
    void apply_look();
    void follow_selection();
    void select_worst();
    QString followed_;  ///< the selected site whose kind is or was shown
    void select_cell(int row, int column);
    void select_offender(const QModelIndex& index);
    void open_offender(const QModelIndex& index);
    void show_tokens();
    void observe_after();
    [[nodiscard]] bool after_possible() const;
    void restyle();
    [[nodiscard]] std::vector<SiteId> rows_of_kind();
    [[nodiscard]] QString sentence_of(const SiteMatrix& matrix, int row, int column) const;

    Desk& desk_;
    MapLoader* loader_;
    ExploreBar* bar_ = nullptr;
    MessageLine* message_ = nullptr;
    QStackedWidget* stack_ = nullptr;  ///< empty state, content
    QSplitter* splitter_ = nullptr;
    plots::HeatmapView* before_ = nullptr;
    plots::HeatmapView* after_ = nullptr;
    QStackedWidget* below_ = nullptr;  ///< offenders, tokens
    OffendersModel* offenders_ = nullptr;
    QSortFilterProxyModel* sorted_ = nullptr;
    QTableView* table_ = nullptr;
    QLabel* heading_ = nullptr;
    QCheckBox* all_kinds_ = nullptr;
    QPushButton *tokens_button_ = nullptr, *observe_button_ = nullptr;
    std::pair<SiteId, int> tokens_of_{no_site, -1};  ///< site and channel that tokens_ shows
    OffendingTokens* tokens_ = nullptr;
    std::shared_ptr<const SiteMap> map_;
    QRectF wanted_view_;  ///< of restore(), until the map is there
    bool dirty_ = true, taking_ = false, weights_wanted_ = false, calibrating_ = false;
};

}  // namespace bitwright::views
