// SPDX-License-Identifier: GPL-3.0-or-later
// ExplorePage: its widgets, actions and colours.
#include "views/explore/explore_page.h"

#include "plots/heatmap.h"
#include "views/desk/dense_table.h"
#include "views/desk/message_line.h"
#include "views/desk/theme.h"
#include "views/explore/explore_bar.h"
#include "views/explore/map_loader.h"
#include "views/explore/offenders_model.h"
#include "views/explore/offending_tokens.h"

#include <QCheckBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace bitwright::views {

void ExplorePage::build()
{
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    stack_ = new QStackedWidget(this);
    outer->addWidget(stack_);
    auto* content = new QWidget(stack_);
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);
    bar_ = new ExploreBar(content);
    message_ = new MessageLine(content);
    splitter_ = new QSplitter(Qt::Vertical, content);
    splitter_->setChildrenCollapsible(false);
    splitter_->addWidget(build_maps());
    below_ = new QStackedWidget(splitter_);
    below_->addWidget(build_offenders());
    tokens_ = new OffendingTokens(desk_, below_);
    below_->addWidget(tokens_);
    splitter_->addWidget(below_);
    splitter_->setStretchFactor(0, 3);
    splitter_->setStretchFactor(1, 2);
    column->addWidget(bar_);
    message_->float_over(*content);
    column->addWidget(splitter_, 1);
    stack_->addWidget(content);
    connect(bar_, &ExploreBar::request_changed, this, [this] {
        message_->dismiss();
        loader_->cancel();
        request();
    });
    connect(bar_, &ExploreBar::look_changed, this, &ExplorePage::apply_look);
    connect(bar_, &ExploreBar::cancel_wanted, this, [this] { loader_->cancel(); });
    connect(tokens_, &OffendingTokens::back_wanted, this, [this] {
        below_->setCurrentIndex(0);
        table_->setFocus();
    });
    restyle();
}

QWidget* ExplorePage::build_maps()
{
    auto* maps = new QWidget(splitter_);
    auto* column = new QVBoxLayout(maps);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    before_ = new plots::HeatmapView(maps);
    after_ = new plots::HeatmapView(maps);
    before_->setTitle(tr("Heatmap"));
    after_->setTitle(tr("Heatmap after transforms"));
    column->addWidget(before_, 1);
    column->addWidget(after_, 1);
    after_->hide();
    for (auto* view : {before_, after_}) view->setEmptyText(tr("Reading…"));
    connect_map(*before_, *after_);
    connect_map(*after_, *before_);
    return maps;
}

void ExplorePage::connect_map(plots::HeatmapView& view, plots::HeatmapView& other)
{
    using plots::HeatmapView;
    connect(&view, &HeatmapView::currentCellChanged, this, &ExplorePage::select_cell);
    connect(&view, &HeatmapView::cellActivated, this, [this](int row, int column) {
        select_cell(row, column);
        Q_EMIT desk_.page_wanted(QStringLiteral("inspector"));
    });
    connect(&view, &HeatmapView::viewChanged, this, [this, &other](const QRectF& range) {
        if (map_ && map_->request.transforms == MapTransforms::both && other.visibleRange() != range) other.setVisibleRange(range);
    });
    connect(&view, &plots::Plot::exported, this, [this](const QString& path) { desk_.say(tr("Saved %1").arg(path)); });
    connect(&view, &plots::Plot::exportFailed, &desk_, &Desk::fail);
}

QWidget* ExplorePage::build_offenders()
{
    auto* box = new QWidget(splitter_);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    auto* row = new QHBoxLayout;
    heading_ = new QLabel(box);
    all_kinds_ = new QCheckBox(tr("All &kinds"), box);
    all_kinds_->setToolTip(tr("Offenders of every activation, not only of the kind shown"));
    tokens_button_ = new QPushButton(tr("&Tokens"), box);
    tokens_button_->setToolTip(tr("The tokens that cause the selected cell or offender, in their text (T)"));
    tokens_button_->setVisible(false);
    observe_button_ = new QPushButton(tr("Observe after transforms"), box);
    observe_button_->setToolTip(tr("Calibrates on the same windows after the recipe's transforms, so that everything shown after them is of all tokens"));
    observe_button_->hide();
    connect(observe_button_, &QPushButton::clicked, this, &ExplorePage::observe_after);
    row->addWidget(heading_);
    row->addStretch();
    row->addWidget(observe_button_);
    row->addWidget(all_kinds_);
    row->addWidget(tokens_button_);
    column->addLayout(row);
    offenders_ = new OffendersModel(this);
    sorted_ = new QSortFilterProxyModel(this);
    sorted_->setSourceModel(offenders_);
    sorted_->setSortRole(OffendersModel::sort_role);
    table_ = new QTableView(box);
    table_->setModel(sorted_);
    table_->setAccessibleName(tr("Offenders"));
    table_->setSortingEnabled(true);
    table_->sortByColumn(OffendersModel::ratio, Qt::DescendingOrder);
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setAlternatingRowColors(true);
    table_->horizontalHeader()->setSectionResizeMode(OffendersModel::site, QHeaderView::Stretch);
    for (int i = OffendersModel::column; i < OffendersModel::columns; ++i) table_->setColumnWidth(i, i == OffendersModel::tokens ? 116 : 104);
    column->addWidget(table_, 1);
    connect(all_kinds_, &QCheckBox::clicked, this, &ExplorePage::request);
    connect(tokens_button_, &QPushButton::clicked, this, &ExplorePage::show_tokens);
    connect(table_, &QTableView::activated, this, &ExplorePage::open_offender);
    connect(table_, &QTableView::clicked, this, &ExplorePage::select_offender);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this](const QModelIndex& index) {
        if (table_->hasFocus()) select_offender(index);  // by arrow keys
    });
    return box;
}

void ExplorePage::add_actions()
{
    auto& actions = desk_.actions();
    const QString group = tr("Explore");
    actions.add(QStringLiteral("explore.next_kind"), group, tr("Next kind of site"), QKeySequence(QStringLiteral("Alt+Down")), [this] { bar_->step_kind(1); }, this);
    actions.add(QStringLiteral("explore.previous_kind"), group, tr("Previous kind of site"), QKeySequence(QStringLiteral("Alt+Up")), [this] { bar_->step_kind(-1); }, this);
    actions.add(QStringLiteral("explore.tokens"), group, tr("Tokens that cause the selected cell"), QKeySequence(QStringLiteral("T")), [this] { show_tokens(); }, this);
    actions.add(QStringLiteral("explore.offenders"), group, tr("Back to the offenders"), QKeySequence(QStringLiteral("Backspace")), [this] { below_->setCurrentIndex(0); }, this);
    actions.add(QStringLiteral("explore.reset_zoom"), group, tr("Show the whole map"), QKeySequence(), [this] {
        before_->resetView();
        after_->resetView();
    }, this);
    actions.add(QStringLiteral("explore.stop"), group, tr("Stop reading weights"), QKeySequence(), [this] { loader_->cancel(); }, this);
}

void ExplorePage::changeEvent(QEvent* event)
{
    Page::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::ApplicationPaletteChange) restyle();
}

void ExplorePage::restyle()
{
    if (!before_) return;
    const auto style = plot_style(desk_.settings().sequence);
    before_->setStyle(style);
    after_->setStyle(style);
}

}  // namespace bitwright::views
