// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/explore_page.h"

#include "core/recipe/site_filter.h"
#include "plots/heatmap.h"
#include "views/desk/empty_state.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/desk/site_titles.h"
#include "views/desk/theme.h"
#include "views/explore/explore_bar.h"
#include "views/explore/map_loader.h"
#include "views/explore/offenders_model.h"
#include "views/explore/offending_tokens.h"

#include <QCheckBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QJsonArray>
#include <QLabel>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitwright::views {

ExplorePage::ExplorePage(Desk& desk, QWidget* parent) : Page(parent), desk_(desk), loader_(new MapLoader(desk, this))
{
    build();
    add_actions();
    connect(&desk, &Desk::model_changed, this, [this] {
        weights_wanted_ = false;
        map_.reset();
        mark_dirty();
    });
    connect(&desk, &Desk::calibrations_changed, this, &ExplorePage::mark_dirty);
    connect(&desk, &Desk::statistics_changed, this, &ExplorePage::mark_dirty);
    connect(&desk, &Desk::recipe_changed, this, [this] {
        if (!map_ || map_->request.transforms != MapTransforms::before || !desk_.selection().filter().isEmpty()) return mark_dirty();
        bar_->set_after_possible(after_possible());
    });
    connect(&desk.selection(), &SelectionModel::filter_changed, this, &ExplorePage::mark_dirty);
    connect(&desk.selection(), &SelectionModel::changed, this, [this] {
        if (isVisible() && !taking_) follow_selection();
    });
    connect(&desk.jobs(), &JobQueue::changed, this, [this](std::int64_t number) {
        const auto job = desk_.jobs().job(number);
        if (!job || job->arguments.isEmpty() || job->arguments.front() != QLatin1String("calibrate")) return;
        if (std::exchange(calibrating_, !is_over(job->phase) && job->phase != JobPhase::paused) != calibrating_ && stack_->currentIndex() == 1) show_empty();
    });
    connect(loader_, &MapLoader::ready, this, &ExplorePage::take);
    connect(loader_, &MapLoader::progressed, bar_, &ExploreBar::set_progress);
    connect(loader_, &MapLoader::failed, this, [this](const QString& sentence) { message_->show_error(sentence); });
}

bool ExplorePage::after_possible() const
{
    return desk_.statistics() && (loader_->after_observed() || has_after(*desk_.statistics(), desk_.recipe().get()));
}

void ExplorePage::activated()
{
    if (dirty_) update_state();
    follow_selection();
}

void ExplorePage::mark_dirty()
{
    dirty_ = true;
    if (isVisible()) update_state();
}

void ExplorePage::update_state()
{
    dirty_ = false;
    const bool calibrated = desk_.statistics() != nullptr;
    const bool empty = !desk_.model() || (desk_.calibrations().empty() && !weights_wanted_);
    if (empty) return show_empty();
    stack_->setCurrentIndex(0);
    bar_->set_model(desk_.model(), calibrated);
    if (!calibrated && !weights_wanted_) return;  // it is being read
    bar_->set_after_possible(after_possible());
    request();
}

void ExplorePage::show_empty()
{
    EmptyState* state = nullptr;
    if (!desk_.model())
        state = new EmptyState(tr("No model is open. Explore shows where the large values of a model are, layer by layer."), {}, {});
    else if (calibrating_)
        state = new EmptyState(tr("The calibration is running.\nWhere the large values are shows here when it is done."), {}, {});
    else
        state = new EmptyState(tr("Nothing calibrated yet.\nA calibration runs the model over some text and shows where the large values are."), tr("Calibrate…"),
                               [this] { Q_EMIT desk_.calibration_wanted(); }, tr("Look at the weights"),
                               [this] {
                                   weights_wanted_ = true;
                                   update_state();
                               });
    if (auto* before = stack_->widget(1)) {
        stack_->removeWidget(before);
        before->setParent(nullptr);
        before->deleteLater();
    }
    stack_->addWidget(state);
    stack_->setCurrentIndex(1);
}

std::vector<SiteId> ExplorePage::rows_of_kind()
{
    std::vector<SiteId> rows;
    const auto* group = bar_->group();
    if (!group) return rows;
    try {
        const auto filter = SiteFilter::parse(desk_.selection().filter().toStdString());
        const auto recipe = desk_.recipe();
        for (const SiteId id : group->sites) {
            const Site& site = (*desk_.model()->sites)[id];
            const auto decision = recipe ? recipe->sites.find(site.name) : decltype(recipe->sites.find("")){};
            if (filter(site, recipe && decision != recipe->sites.end() ? &decision->second : nullptr)) rows.push_back(id);
        }
    } catch (const Error& error) {
        message_->show_error(QString::fromUtf8(error.what()));
        return group->sites;
    }
    if (rows.empty()) {
        message_->show_note(tr("No %1 passes the filter “%2”, so all are shown.").arg(role_title(group->role), desk_.selection().filter()), tr("Clear the filter"),
                            [this] { desk_.selection().set_filter({}); });
        return group->sites;
    }
    return rows;
}

void ExplorePage::request()
{
    if (!desk_.model() || !bar_->group()) return;
    MapRequest request = bar_->request();
    request.all_kinds = all_kinds_->isChecked();
    loader_->load(request, rows_of_kind());
}

void ExplorePage::take(const std::shared_ptr<const SiteMap>& map)
{
    taking_ = true;
    map_ = map;
    const auto& request = map->request;
    before_->setVisible(request.transforms != MapTransforms::after);
    after_->setVisible(request.transforms != MapTransforms::before);
    if (before_->isVisibleTo(this)) show_side(*before_, map->before, false);
    if (after_->isVisibleTo(this)) show_side(*after_, map->after, true);
    std::optional<std::pair<double, double>> range;
    if (request.transforms == MapTransforms::both) range = std::pair(std::min(map->before.low, map->after.low), std::max(map->before.high, map->after.high));
    if (range && !(range->first <= range->second)) range.reset();
    before_->setColourRange(range);
    after_->setColourRange(range);
    apply_look();
    if (!wanted_view_.isNull()) {
        (request.transforms == MapTransforms::after ? after_ : before_)->setVisibleRange(wanted_view_);
        wanted_view_ = {};
    }
    const bool weights = bar_->group() && bar_->group()->kind == SiteKind::weight;
    offenders_->set(*desk_.model(), map->offenders, request.axis, weights);
    const auto many = count(static_cast<std::int64_t>(map->offender_count));
    const QString what = request.axis == MapAxis::token ? (weights ? tr("output rows") : tr("positions")) : tr("channels");
    heading_->setText(map->offender_count == 0 ? tr("No offenders over the threshold") : tr("Offending %2: <b>%1</b>").arg(many, what));
    heading_->setToolTip(map->offender_count > map->offenders.size() ? tr("The list holds the first %1").arg(count(std::ssize(map->offenders))) : QString());
    tokens_button_->setVisible(request.axis == MapAxis::channel && !weights);
    QStringList caption;
    const auto& shown = request.transforms == MapTransforms::after ? map->after : map->before;
    caption.append(tr("%1 × %2").arg(count(std::ssize(map->rows)), count(shown.columns)));
    const auto recipe = desk_.revisions().head();
    observe_button_->setVisible(request.transforms != MapTransforms::before && !weights && !loader_->after_observed() && recipe && desk_.calibration());
    if (map->sampled > 0)
        caption.append(tr("%1 sampled rows").arg(count(map->sampled)));
    else if (desk_.statistics() && !weights)
        caption.append(tr("%1 tokens").arg(count(desk_.statistics()->windows * desk_.statistics()->length)));
    bar_->set_caption(caption.join(QStringLiteral(" · ")));
    taking_ = false;
    if (desk_.selection().current().site.isEmpty()) select_worst();
    follow_selection();
}

/// So that the inspector has something to show from the first moment: the offender that stands out most.
void ExplorePage::select_worst()
{
    const FoundOffender* worst = nullptr;
    for (const auto& offender : map_->offenders)
        if (!worst || offender.ratio > worst->ratio) worst = &offender;
    if (!worst || !isVisible()) return;
    const auto row = std::ranges::find(map_->rows, worst->site);
    if (row != map_->rows.end()) select_cell(static_cast<int>(row - map_->rows.begin()), worst->column);
}

void ExplorePage::show_side(plots::HeatmapView& view, const SiteMatrix& matrix, bool after)
{
    const auto& request = map_->request;
    const bool weights = bar_->group() && bar_->group()->kind == SiteKind::weight;
    plots::Heatmap heatmap;
    heatmap.title = role_title(request.role) + (request.transforms == MapTransforms::before ? QString() : after ? tr(", after transforms") : tr(", before transforms"));
    heatmap.row_axis = tr("layer");
    heatmap.column_axis = request.axis == MapAxis::token ? (weights ? tr("output row") : tr("position")) : weights ? tr("input channel") : tr("channel");
    heatmap.unit = request.statistic == MapStatistic::absolute_maximum ? tr("max")
                   : request.statistic == MapStatistic::ratio          ? tr("× median")
                   : request.statistic == MapStatistic::sigma          ? tr("σ")
                   : request.statistic == MapStatistic::tail           ? tr("× 99.9 %")
                                                                       : tr("kurtosis");
    heatmap.row_names = map_->row_names;
    heatmap.rows = static_cast<int>(map_->rows.size());
    heatmap.columns = matrix.columns;
    heatmap.values = matrix.values;
    heatmap.valid_columns = matrix.valid_columns;
    view.setDescriber([this, &view](int row, int column) { return map_ ? sentence_of(&view == after_ ? map_->after : map_->before, row, column) : QString(); });
    view.setData(std::move(heatmap));
    const auto& t = request.threshold;
    const bool same = (request.statistic == MapStatistic::absolute_maximum && t.kind == ThresholdKind::value) || (request.statistic == MapStatistic::ratio && t.kind == ThresholdKind::ratio);
    view.setThreshold(same ? std::optional(t.value) : std::nullopt);
    std::vector<plots::Cell> marks;
    if (after == (request.transforms == MapTransforms::after))
        for (const auto& offender : map_->offenders) {
            const auto row = std::ranges::find(map_->rows, offender.site);
            if (row != map_->rows.end() && marks.size() < 1000) marks.push_back({static_cast<int>(row - map_->rows.begin()), offender.column});
        }
    view.setMarks(std::move(marks));
}

QString ExplorePage::sentence_of(const SiteMatrix& matrix, int row, int column) const
{
    const auto r = static_cast<std::size_t>(row), c = static_cast<std::size_t>(column);
    if (!map_ || r >= map_->rows.size() || !matrix.values || column >= matrix.columns || !desk_.model()) return {};
    const Site& site = (*desk_.model()->sites)[map_->rows[r]];
    const QString place = map_->request.axis == MapAxis::token ? tr("%1, position %2").arg(layer_title(site)).arg(column) : tr("%1, channel %2").arg(layer_title(site)).arg(column);
    const float value = (*matrix.values)[r * static_cast<std::size_t>(matrix.columns) + c];
    if (std::isnan(value)) {
        const bool left_out = map_->request.without_first_token && column == 0 && map_->request.axis == MapAxis::token;
        return tr("%1: not known%2").arg(place, left_out ? tr("; the first token is left out") : matrix.gaps[r].isEmpty() ? QString() : tr("; %1").arg(matrix.gaps[r]));
    }
    const QString rank = c < matrix.ranks[r].size() ? tr(", rank %1 of %2").arg(count(matrix.ranks[r][c]), count(std::ssize(matrix.ranks[r]))) : QString();
    const double median = matrix.medians[r];
    const QString ratio = median > 0 && map_->request.statistic != MapStatistic::ratio ? tr(", %1 × the median").arg(number(value / median)) : QString();
    return tr("%1: %2%3%4").arg(place, number(static_cast<double>(value)), rank, ratio);
}

void ExplorePage::apply_look()
{
    if (!map_) return;
    taking_ = true;
    const auto& matrix = map_->request.transforms == MapTransforms::after ? map_->after : map_->before;
    const auto order = bar_->by_magnitude() ? order_by_magnitude(matrix) : std::vector<int>();
    for (auto* view : {before_, after_}) {
        if (view->data().columns == matrix.columns) view->setColumnOrder(order);
        view->setLogarithmic(bar_->logarithmic());
    }
    taking_ = false;
}

void ExplorePage::follow_selection()
{
    const auto& selection = desk_.selection().current();
    if (selection.site.isEmpty() || !desk_.model() || stack_->currentIndex() != 0) return;
    const SiteId id = desk_.model()->sites->find(selection.site.toStdString());
    if (id == no_site || !map_) return;
    const Site& site = (*desk_.model()->sites)[id];
    if (bar_->group() && bar_->group()->role != site.role) {
        const bool news = selection.site != followed_;  // once: who then chooses another kind keeps it
        followed_ = selection.site;
        if (news && bar_->set_role(site.role)) request();
        return;
    }
    followed_ = selection.site;
    const auto row = std::ranges::find(map_->rows, id);
    if (row == map_->rows.end()) return;
    taking_ = true;
    const int column = map_->request.axis == MapAxis::token ? selection.token : selection.channel;
    for (auto* view : {before_, after_}) {
        if (!view->isVisibleTo(this) || view->isEmpty()) continue;
        const int known = column >= 0 && column < view->data().columns ? column : std::max(view->currentCell().column, 0);
        view->setCurrentCell({static_cast<int>(row - map_->rows.begin()), known});
    }
    taking_ = false;
    if (below_->currentIndex() == 1 && selection.channel >= 0 && map_->request.axis == MapAxis::channel && tokens_of_ != std::pair(id, selection.channel)) show_tokens();  // of what is selected
}

void ExplorePage::select_cell(int row, int column)
{
    if (taking_ || !map_ || row < 0 || column < 0 || static_cast<std::size_t>(row) >= map_->rows.size() || !desk_.model()) return;
    const Site& site = (*desk_.model()->sites)[map_->rows[static_cast<std::size_t>(row)]];
    Selection selection;
    selection.site = QString::fromStdString(site.name);
    selection.layer = static_cast<int>(site.layer);
    (map_->request.axis == MapAxis::token ? selection.token : selection.channel) = column;
    desk_.selection().set(selection);
}

void ExplorePage::select_offender(const QModelIndex& index)
{
    if (!index.isValid() || !desk_.model()) return;
    const auto& offender = offenders_->at(sorted_->mapToSource(index).row());
    const Site& site = (*desk_.model()->sites)[offender.site];
    Selection selection;
    selection.site = QString::fromStdString(site.name);
    selection.layer = static_cast<int>(site.layer);
    (map_->request.axis == MapAxis::token ? selection.token : selection.channel) = offender.column;
    desk_.selection().set(selection);
}

void ExplorePage::open_offender(const QModelIndex& index)
{
    if (!index.isValid()) return;
    select_offender(index);
    Q_EMIT desk_.page_wanted(QStringLiteral("inspector"));
    show_tokens();  // its cause, beside it
}

void ExplorePage::show_tokens()
{
    if (!map_ || map_->request.axis != MapAxis::channel || !desk_.model()) return;
    const auto& selection = desk_.selection().current();  // a cell of the map or an offender, whichever was chosen last
    SiteId site = desk_.model()->sites->find(selection.site.toStdString());
    int channel = selection.channel;
    if (site == no_site || channel < 0) {
        if (sorted_->rowCount() == 0) return;
        const auto& worst = offenders_->at(sorted_->mapToSource(sorted_->index(0, 0)).row());
        site = worst.site;
        channel = worst.column;
    }
    if ((*desk_.model()->sites)[site].kind != SiteKind::activation) return;
    tokens_of_ = {site, channel};
    tokens_->ask(site, channel, map_->request.transforms == MapTransforms::after);
    below_->setCurrentIndex(1);
}

/// The same windows again after the recipe's transforms: a job like any calibration, kept with the workspace.
void ExplorePage::observe_after()
{
    const auto head = desk_.revisions().head();
    if (!head || !desk_.calibration() || !desk_.model()) return;
    const auto stored = head->stored.load();
    const QStringList arguments{QStringLiteral("calibrate"), desk_.model_folder(), QStringLiteral("--like"), QStringLiteral("calibration:%1").arg(desk_.calibration()->id),
                                QStringLiteral("--recipe"), QStringLiteral("recipe:%1").arg(stored ? stored : head->row.id), QStringLiteral("-w"), desk_.workspace_path()};
    desk_.actions().set_command_line(arguments);
    desk_.jobs().submit(tr("Observe after transforms"), arguments);
}

QJsonObject ExplorePage::state() const
{
    QJsonObject state = bar_->state();
    state["all_kinds"] = all_kinds_->isChecked();
    state["followed"] = followed_;
    const auto* view = after_->isVisibleTo(this) && !before_->isVisibleTo(this) ? after_ : before_;
    if (view->zoomed()) state["view"] = QJsonArray{view->visibleRange().x(), view->visibleRange().y(), view->visibleRange().width(), view->visibleRange().height()};
    QJsonArray sizes;
    for (const int size : splitter_->sizes()) sizes.append(size);
    state["splitter"] = sizes;
    return state;
}

void ExplorePage::restore(const QJsonObject& state)
{
    bar_->restore(state);
    followed_ = state["followed"].toString();
    all_kinds_->setChecked(state["all_kinds"].toBool());
    if (const auto view = state["view"].toArray(); view.size() == 4) wanted_view_ = {view[0].toDouble(), view[1].toDouble(), view[2].toDouble(), view[3].toDouble()};
    QList<int> sizes;
    for (const auto& size : state["splitter"].toArray()) sizes.append(size.toInt());
    if (sizes.size() == splitter_->count()) splitter_->setSizes(sizes);
    mark_dirty();
}

QImage ExplorePage::thumbnail()
{
    auto* view = after_->isVisibleTo(this) && !before_->isVisibleTo(this) ? after_ : before_;
    if (!map_ || view->isEmpty()) return {};
    return view->grab(view->mapRect()).toImage().scaled(192, 96, Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
}

}  // namespace bitwright::views
